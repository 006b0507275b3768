//! Somebody speaks over a reply: do they want it to stop?
//!
//! ```text
//! speech ──▶ ducked ──▶ held ──▶ stopped
//!              │          └────▶ resumed
//!              └───────────────▶ resumed
//! ```
//!
//! The reply is ducked at once, so that nobody has to shout, and after a little more speech it is held: it is silent,
//! and nothing of it is lost. What they want is told by how long they speak and by the words that are understood by
//! then. Somebody who wants the floor keeps it; after "mhm", a cough or the reply's own echo, the reply goes on from
//! the very word.

use crate::pipeline::frame::Samples;
use crate::pipeline::turn::backchannel::{self, Heard};

/// With so much speech the reply is held. Together with what it takes to notice speech and to fade, it is silent
/// within 450 ms.
const HELD: Samples = Samples::from_ms(160);
/// Nobody says "uh-huh" for so long.
const LONG: Samples = Samples::from_ms(700);
/// Nor laughs for so long, where nothing was understood.
const LONG_WITHOUT_WORDS: Samples = Samples::from_ms(1_600);
/// Words are asked for when there is so much speech, and then after so much more.
const FIRST_WORDS: Samples = Samples::from_ms(250);
const MORE_WORDS: Samples = Samples::from_ms(300);
/// After so much silence it is decided without words.
const PATIENCE: Samples = Samples::from_ms(900);
/// A click is followed by so much silence.
const ALONE: Samples = Samples::from_ms(250);
/// Where there are no words to go by, this much speech was meant.
const MEANT: Samples = Samples::from_ms(450);

/// Who may stop a reply by speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruptible {
    /// Nobody.
    Never,
    /// Whoever says something.
    Always,
    /// Whoever says so many words.
    AfterWords(u32),
}

/// Why a reply was stopped, or went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// They said words.
    Words,
    /// They spoke for long.
    Long,
    /// They spoke for a moment, and no words were had in time.
    Meant,
    /// It was too short to be speech.
    Short,
    /// There were no words in it: a cough, a laugh, a noise.
    NoWords,
    /// They said that they listen.
    Backchannel,
    /// They said what the reply was just saying: it heard itself.
    Echo,
    /// They said fewer words than it takes.
    FewWords,
}

/// How an overlap ended, for the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Overlap {
    /// Whether the reply was stopped.
    pub stopped: bool,
    /// Why.
    pub why: Why,
    /// How much speech it was.
    pub speech_ms: u64,
    /// From the beginning of speech to the decision.
    pub decided_ms: u64,
}

/// What is to be done with the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Make it quiet.
    Duck,
    /// Make it silent, and keep its place.
    Hold,
    /// Stop it.
    Stop(Overlap),
    /// Let it go on.
    Resume(Overlap),
}

/// What is known of the speech by now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    /// How much speech it is.
    pub speech: Samples,
    /// How long ago it began.
    pub passed: Samples,
    /// How long ago it ended; 0 while it goes on.
    pub silence: Samples,
    /// What has been understood of it, if it was asked.
    pub words: Option<&'a str>,
    /// Whether these are the words of all of it.
    pub complete: bool,
    /// What the reply said in the last seconds.
    pub saying: &'a str,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Overlapping {
    who: Interruptible,
    /// Less speech than this is a click.
    least: Samples,
    stage: Stage,
    /// With so much speech its words are asked for.
    listens_at: Samples,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Stage {
    Begun,
    Ducked,
    Held,
}

impl Overlapping {
    /// Of a reply that may be quiet by now.
    pub(super) fn new(who: Interruptible, least: Samples, ducked: bool) -> Self {
        let stage = if ducked { Stage::Ducked } else { Stage::Begun };
        Self { who, least, stage, listens_at: FIRST_WORDS }
    }

    /// Whether it is time to ask for the words again, of so much speech.
    pub(super) fn wants_words(&mut self, speech: Samples) -> bool {
        let due = speech >= self.listens_at;
        if due {
            self.listens_at = speech + MORE_WORDS;
        }
        due
    }

    fn is_enough(&self, words: usize) -> bool {
        match self.who {
            Interruptible::AfterWords(least) => words >= least as usize,
            Interruptible::Always | Interruptible::Never => true,
        }
    }

    /// What is to be done now.
    pub(super) fn weigh(&mut self, evidence: Evidence<'_>) -> Option<Step> {
        let Evidence { speech, passed, silence, .. } = evidence;
        let overlap = |stopped, why| {
            let (speech_ms, decided_ms) = (speech.as_ms(), passed.as_ms());
            let overlap = Overlap { stopped, why, speech_ms, decided_ms };
            Some(if stopped { Step::Stop(overlap) } else { Step::Resume(overlap) })
        };
        let over = silence > Samples(0);
        if over && speech < self.least {
            // The first sound of a sentence may stand alone for a moment.
            return if silence >= ALONE { overlap(false, Why::Short) } else { self.duck() };
        }
        let heard = evidence.words.map(backchannel::hear);
        let all_is_heard = over && evidence.complete;
        let said = evidence.words.unwrap_or_default();
        let is_said = matches!(heard, Some(Heard::Words(_)));
        let repeats = is_said && is_echo(said, evidence.saying);
        match heard {
            _ if repeats && all_is_heard => return overlap(false, Why::Echo),
            _ if repeats => {}
            Some(Heard::Words(count)) if self.is_enough(count) => return overlap(true, Why::Words),
            Some(Heard::Words(_)) if all_is_heard => return overlap(false, Why::FewWords),
            Some(Heard::Backchannel) if all_is_heard => return overlap(false, Why::Backchannel),
            Some(Heard::Nothing) if all_is_heard => return overlap(false, Why::NoWords),
            _ => {}
        }
        if over && silence >= PATIENCE {
            return match self.who {
                _ if speech < MEANT => overlap(false, Why::Short),
                Interruptible::Always => overlap(true, Why::Meant),
                _ => overlap(false, Why::FewWords),
            };
        }
        if self.who == Interruptible::Always {
            let unclear = matches!(heard, None | Some(Heard::Words(_)));
            if speech >= if unclear { LONG } else { LONG_WITHOUT_WORDS } {
                return overlap(true, Why::Long);
            }
            if !over && speech >= HELD && self.stage < Stage::Held {
                self.stage = Stage::Held;
                return Some(Step::Hold);
            }
        }
        self.duck()
    }

    fn duck(&mut self) -> Option<Step> {
        let first = self.stage < Stage::Ducked;
        if first {
            self.stage = Stage::Ducked;
        }
        first.then_some(Step::Duck)
    }
}

/// Whether most of these words, and at least two, were just said by the reply, in this order.
fn is_echo(words: &str, saying: &str) -> bool {
    /// Of ten words.
    const MOST: usize = 8;
    let split = |text: &str| -> Vec<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let (words, saying) = (split(words), split(saying));
    let mut rest = saying.iter();
    let found = words.iter().filter(|word| {
        let mut ahead = rest.clone();
        let found = ahead.any(|said| said == *word);
        if found {
            rest = ahead;
        }
        found
    });
    let found = found.count();
    found >= 2 && found * 10 >= words.len() * MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Samples {
        Samples::from_ms(ms)
    }

    /// Speech of so many ms, then silence, with words that are there so long after its end.
    fn run(who: Interruptible, speech: u64, words: Option<(&str, u64)>) -> Vec<(u64, Step)> {
        let mut overlapping = Overlapping::new(who, ms(160), false);
        let mut steps = Vec::new();
        for now in (64..6_000).step_by(32) {
            let silence = if now < speech + 96 { 0 } else { now - speech };
            let (words, complete) = match words {
                Some((words, after)) if now >= speech + after => (Some(words), true),
                _ => (None, false),
            };
            let evidence = Evidence {
                speech: ms(now.min(speech)),
                passed: ms(now),
                silence: ms(silence),
                words,
                complete,
                saying: "once upon a time there was a king",
            };
            let Some(step) = overlapping.weigh(evidence) else { continue };
            steps.push((now, step));
            if matches!(step, Step::Stop(_) | Step::Resume(_)) {
                break;
            }
        }
        steps
    }

    fn end(steps: &[(u64, Step)]) -> (u64, bool, Why) {
        match steps.last() {
            Some((at, Step::Stop(overlap) | Step::Resume(overlap))) => {
                (*at, overlap.stopped, overlap.why)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_is_ducked_at_once_and_held_soon() {
        let steps = run(Interruptible::Always, 2_000, None);
        assert_eq!(steps[0], (64, Step::Duck));
        assert!(matches!(steps[1], (160..=192, Step::Hold)), "{steps:?}");
        assert!(matches!(end(&steps), (700..=736, true, Why::Long)), "{steps:?}");
    }

    #[test]
    fn words_decide() {
        let always = |speech, words| end(&run(Interruptible::Always, speech, Some((words, 250))));
        assert!(matches!(always(350, "Stop!"), (600..=640, true, Why::Words)));
        assert!(matches!(always(350, "Mhm."), (600..=640, false, Why::Backchannel)));
        assert!(matches!(always(400, ""), (.., false, Why::NoWords)));
        assert!(matches!(always(600, "upon a time there"), (.., false, Why::Echo)));
        assert!(matches!(always(600, "what a time was that"), (.., true, Why::Words)));
        assert!(matches!(always(100, ""), (.., false, Why::Short)));
    }

    #[test]
    fn without_words_it_is_decided_by_the_length() {
        assert!(matches!(end(&run(Interruptible::Always, 300, None)), (.., false, Why::Short)));
        assert!(matches!(end(&run(Interruptible::Always, 500, None)), (.., true, Why::Meant)));
    }

    #[test]
    fn some_stop_only_for_several_words() {
        let three = |words| run(Interruptible::AfterWords(3), 1_500, Some((words, 250)));
        assert!(matches!(end(&three("no no")), (.., false, Why::FewWords)));
        assert!(matches!(end(&three("please stop talking")), (.., true, Why::Words)));
        let steps = three("yes");
        assert!(!steps.iter().any(|(_, step)| *step == Step::Hold), "{steps:?}");
    }

    #[test]
    fn a_long_laugh_is_a_laugh() {
        let mut laugh = Overlapping::new(Interruptible::Always, ms(160), false);
        for speech in (64..1_500).step_by(32) {
            let words = (speech > 500).then_some("");
            let evidence = Evidence {
                speech: ms(speech),
                passed: ms(speech),
                silence: ms(0),
                words,
                complete: false,
                saying: "",
            };
            let step = laugh.weigh(evidence);
            assert!(!matches!(step, Some(Step::Stop(_) | Step::Resume(_))), "{speech}: {step:?}");
        }
    }
}
