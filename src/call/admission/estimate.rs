//! How many calls a machine carries, worked out from what its stages were measured to need. Pure.
//!
//! The model: somebody in a call speaks a fifth of the time, three turns of four seconds a minute, and is answered with
//! eight seconds of speech each time. An engine may be so busy that one in twenty waits for the others as long as it is
//! noticed: a quick one 60 % of the time, one whose jobs are long much less. A quarter of the processor stays free for
//! what comes at once. Captions and early replies are not counted: they are left out first (`pipeline/load`). Neither is
//! the language model, which has a queue of its own.

use crate::engine::Choice;
use crate::engine::cost::{Cost, UTTERANCE};

/// Turns of one person in a second.
const TURNS: f64 = 3.0 / 60.0;
/// Pauses in a turn at which the end-of-turn model is asked.
const QUESTIONS: f64 = 2.0;
/// Recognitions of a turn: one is made again where speech goes on after a pause.
const RECOGNITIONS: f64 = 1.5;
/// Seconds of speech with which a turn is answered.
const REPLY_S: f64 = 8.0;
/// Frames of voice activity in a second.
const FRAMES: f64 = 1_000.0 / 32.0;
/// What a call costs beside voice activity, in cores: the network, encryption, jitter buffer, Opus. What
/// docs/benchmarks.md has for a silent call, less its voice activity.
const REST: f64 = 0.005;
/// Speech is made by the clause, of about so many seconds.
const CLAUSE_S: f64 = 2.5;
/// One in twenty may wait so long for an engine.
const WAIT_S: f64 = 0.4;
const ONE_IN: f64 = 20.0;
/// However short its jobs are, an engine is not to be busier than this, in hundredths of the time.
const BUSY: u8 = 60;
/// Nor the processor.
const PROCESSOR: f64 = 0.75;
/// Nobody has tried more calls in one process.
const MOST: usize = 1_000;

/// How many calls a machine carries, and why not more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Calls at once; at least one.
    pub calls: usize,
    /// What would be too busy first.
    pub bound: Bound,
}

/// What would be too busy first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// All cores together.
    Processor {
        /// How many there are.
        cores: usize,
        /// How much of one a call takes.
        of_a_core: f64,
    },
    /// The engine of a stage.
    Engine {
        /// Which.
        stage: &'static str,
        /// What it takes.
        cost: Cost,
    },
    /// Nothing that was measured.
    Untried,
}

impl Bound {
    /// For programs: `processor`, a stage, or `untried`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Processor { .. } => "processor",
            Self::Engine { stage, .. } => stage,
            Self::Untried => "untried",
        }
    }
}

impl Estimate {
    /// Why so many, in words.
    pub fn why(&self) -> String {
        match self.bound {
            Bound::Processor { cores, of_a_core } => format!(
                "measured: the processor would be too busy first ({cores} cores, {:.1} % of one a call)",
                of_a_core * 100.0
            ),
            Bound::Engine { stage, cost } => {
                let piece = match stage {
                    "tts" => "a second of speech".to_owned(),
                    _ => format!("{} s of speech", UTTERANCE.as_secs()),
                };
                let ms = cost.took.as_millis();
                format!("measured: {stage} would be too busy first ({ms} ms for {piece})")
            }
            Bound::Untried => "measured: nobody has tried more in one process".to_owned(),
        }
    }
}

/// How many calls `cores` carry with these engines. What was not measured, because it is elsewhere, limits nothing.
pub fn estimate(cores: usize, choices: &[Choice]) -> Estimate {
    let measured = || choices.iter().filter_map(|choice| Some((choice.stage, choice.cost?)));
    let of_a_core =
        REST + measured().map(|(stage, cost)| share(stage, cost) * cost.cores as f64).sum::<f64>();
    let processor = (cores as f64 * PROCESSOR / of_a_core, Bound::Processor { cores, of_a_core });
    let engines = measured().filter(|(stage, _)| *stage != "vad").map(|(stage, cost)| {
        let engines = engines(cost);
        (engines * busy(stage, cost) / share(stage, cost), Bound::Engine { stage, cost })
    });
    let untried = (MOST as f64, Bound::Untried);
    let (calls, bound) = engines
        .chain([processor])
        .fold(untried, |least, other| if other.0 < least.0 { other } else { least });
    Estimate { calls: (calls as usize).max(1), bound }
}

/// How many calls this machine carries with these engines. Counts the cores that this process may use, in a container too.
pub fn estimate_here(choices: &[Choice]) -> Estimate {
    estimate(std::thread::available_parallelism().map_or(1, usize::from), choices)
}

/// Side by side is not as quick as alone: half of them are counted.
fn engines(cost: Cost) -> f64 {
    cost.side_by_side.div_ceil(2) as f64
}

/// For how much of the time an engine may be busy. The queue before it is taken for one of jobs that all take the same and
/// come by chance (M/D/1), in which ρ·exp(−2(1−ρ)t/s) of them wait longer than t if one takes s: exact for t = 0, and near it
/// for a busy engine. Several are taken for one that is so many times as quick.
fn busy(stage: &str, cost: Cost) -> f64 {
    let pieces = if stage == "tts" { CLAUSE_S } else { 1.0 };
    let job_s = pieces * cost.took.as_secs_f64() / engines(cost);
    let wait = |busy: f64| busy * (-2.0 * (1.0 - busy) * WAIT_S / job_s).exp();
    let mut hundredths = (0..=BUSY).rev().map(|hundredths| f64::from(hundredths) / 100.0);
    // Who waits for nobody else waits for nothing.
    hundredths.find(|busy| wait(*busy) * ONE_IN <= 1.0).unwrap_or_default()
}

/// For how much of the time one call keeps the engine of a stage busy.
fn share(stage: &str, cost: Cost) -> f64 {
    let pieces = match stage {
        "vad" => FRAMES,
        "turn" => TURNS * QUESTIONS,
        "stt" => TURNS * RECOGNITIONS,
        "tts" => TURNS * REPLY_S,
        _ => 0.0,
    };
    pieces * cost.took.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn choice(stage: &'static str, took: Duration, cores: usize) -> Choice {
        let cost = Cost { took, side_by_side: 1, cores };
        Choice { cost: Some(cost), ..Choice::new(stage, stage, "a test") }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// What docs/benchmarks.md has for two cores: Silero, Smart Turn v3, Whisper tiny.en, a program that speaks.
    fn small() -> Vec<Choice> {
        let vad = choice("vad", Duration::from_micros(101), 1);
        vec![vad, choice("turn", ms(46), 1), choice("stt", ms(88), 2)]
    }

    #[test]
    fn a_small_machine_is_bound_by_its_processor() {
        let found = estimate(2, &small());
        assert!((50..70).contains(&found.calls), "{found:?}");
        assert_eq!(found.bound.code(), "processor");
        assert!(found.why().contains("2 cores, 2.6 % of one a call"), "{}", found.why());
    }

    #[test]
    fn a_hundred_calls_fit_two_cores_when_recognition_is_elsewhere() {
        let found = estimate(2, &small()[..2]);
        assert!(found.calls >= 100, "{found:?}");
    }

    #[test]
    fn a_slow_engine_is_named() {
        let mut choices = small();
        choices.push(choice("tts", ms(330), 2));
        let found = estimate(2, &choices);
        assert_eq!((found.calls, found.bound.code()), (1, "tts"));
        assert!(found.why().contains("330 ms for a second of speech"), "{}", found.why());
        // The same on a GPU that does 16 side by side.
        choices[3].cost = Some(Cost { took: ms(330), side_by_side: 16, cores: 0 });
        assert!(estimate(2, &choices).calls > 30);
    }

    #[test]
    fn it_is_near_what_the_simulation_finds() {
        // docs/scaling.md, one machine of two cores: 3 calls with captions, 5 with a speech node of the same kind.
        let mut choices = small();
        choices.push(choice("tts", ms(160), 2));
        assert!((3..=5).contains(&estimate(2, &choices).calls));
    }

    #[test]
    fn engines_whose_jobs_are_long_may_be_less_busy() {
        let cost = |ms| Cost { took: Duration::from_millis(ms), side_by_side: 1, cores: 1 };
        let busy =
            [0, 46, 400, 800, 60_000].map(|ms| (busy("stt", cost(ms)) * 100.0).round() as u8);
        assert_eq!(busy, [60, 60, 23, 12, 5]);
    }

    #[test]
    fn one_call_is_taken_however_slow_the_machine_is() {
        let found = estimate(1, &[choice("stt", Duration::from_mins(1), 1)]);
        assert_eq!((found.calls, found.bound.code()), (1, "stt"));
    }

    #[test]
    fn what_was_not_measured_limits_nothing() {
        let elsewhere = [Choice::new("stt", "remote", "configured")];
        assert_eq!(estimate(2, &elsewhere), estimate(2, &[]));
        assert_eq!(estimate(4_096, &elsewhere), Estimate { calls: MOST, bound: Bound::Untried });
    }

    proptest! {
        /// A better machine carries no fewer calls, a slower engine no more, and every machine at least one.
        #[test]
        fn more_is_never_less(
            cores in 1_usize..256, more in 0_usize..64, took in 0_u64..5_000, longer in 0_u64..5_000, beside in 1_usize..33,
        ) {
            let with = |cores, took, side_by_side| {
                let mut choices = small();
                choices[2].cost = Some(Cost { took: ms(took), side_by_side, cores: 0 });
                estimate(cores, &choices).calls
            };
            let calls = with(cores, took, beside);
            prop_assert!((1..=MOST).contains(&calls));
            prop_assert!(with(cores + more, took, beside) >= calls);
            prop_assert!(with(cores, took + longer, beside) <= calls);
            prop_assert!(with(cores, took, beside + 1) >= calls);
        }
    }
}
