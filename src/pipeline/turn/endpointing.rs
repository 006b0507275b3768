//! When is a pause the end of a turn?
//!
//! At the first pause the model is asked. A sure yes ends the turn after a short grace; otherwise it is
//! asked again as the silence grows, and needs to be less and less sure. A hard limit ends every turn.
//! Silence is measured on the microphone's clock, so the decision is the same however fast sound arrives.

use super::patience::Patience;
use crate::pipeline::frame::Samples;

/// Silences at which the model is asked, in ms; the first question comes with the pause itself.
const CHECKS_MS: [u64; 5] = [0, 350, 700, 1_200, 1_800];
/// So many answers are remembered for the record: all of the last pause, and some before it.
pub const MOST_CHECKS: usize = 10;
/// At the longest silence this part of the threshold is left.
const THRESHOLD_LEFT: f32 = 0.2;
/// From this probability on it is worth to begin with an answer.
const LIKELY: f32 = 0.3;
/// Silence that ends a turn when the model cannot be asked.
const WITHOUT_MODEL: Samples = Samples::from_ms(700);

/// How sure the model must be where the words are against it.
const DOUBTED_THRESHOLD: f32 = 0.9;
/// Somebody who dictates: silence before a turn ends that the model calls finished, and silence that ends every turn.
const DICTATION_GRACE: Samples = Samples::from_ms(1_200);
const DICTATION_MAX_SILENCE: Samples = Samples::from_ms(4_000);

/// How turns end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Policy {
    /// A model decides.
    Model {
        /// Probability from which a turn is complete, at first.
        threshold: f32,
        /// Silence before a complete turn ends.
        grace: Samples,
        /// Silence that ends every turn.
        max_silence: Samples,
    },
    /// A fixed silence.
    Silence {
        /// How long.
        silence: Samples,
    },
    /// Only the client ends a turn (push to talk).
    Manual,
}

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The model was sure enough.
    Model,
    /// The silence was long enough.
    Silence,
    /// The silence was as long as any may be.
    Limit,
    /// The client said so.
    Client,
}

/// What the model was asked and said, for the record.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Check {
    /// Silence when it answered.
    pub silence_ms: u64,
    /// Its answer.
    #[serde(serialize_with = "in_thousandths")]
    pub probability: f32,
    /// What it would have taken to end the turn then.
    #[serde(serialize_with = "in_thousandths")]
    pub threshold: f32,
}

/// Nobody reads more digits, and records have little room.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn in_thousandths<S: serde::Serializer>(part: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((f64::from(*part) * 1_000.0).round() / 1_000.0)
}

/// What to do at this length of silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Wait,
    /// Ask the model.
    Ask,
    /// The turn is over.
    End(Reason),
}

/// The decision about one turn.
#[derive(Debug)]
pub struct Endpointing {
    policy: Policy,
    patience: Patience,
    pause: Option<Pause>,
    checks: Vec<Check>,
}

#[derive(Debug, Default)]
struct Pause {
    /// Questions asked in this pause.
    asked: usize,
    /// Whether an answer is still to come.
    waiting: bool,
    answer: Answer,
}

#[derive(Debug, Default, Clone, Copy)]
enum Answer {
    #[default]
    None,
    Probability(f32),
    /// The model failed; silence decides.
    Unavailable,
}

impl Endpointing {
    /// For a new turn.
    pub fn new(policy: Policy) -> Self {
        Self { policy, patience: Patience::Usual, pause: None, checks: Vec::new() }
    }

    /// What was said by this pause asks for more patience, or not.
    pub fn be_patient(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// How patient it is.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// Whether the turn may well be over, by what the model said in this pause. Where nobody can be asked it may.
    pub fn may_be_over(&self) -> bool {
        let Some(pause) = &self.pause else { return false };
        let is_likely = match pause.answer {
            Answer::None => !matches!(self.policy, Policy::Model { .. }),
            Answer::Probability(probability) => probability >= LIKELY,
            Answer::Unavailable => true,
        };
        is_likely && self.patience == Patience::Usual && self.policy != Policy::Manual
    }

    /// What was asked and answered so far, over all pauses of the turn: the last [`MOST_CHECKS`].
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// A pause begins. Answers to earlier questions no longer count.
    pub fn pause(&mut self) {
        self.pause = Some(Pause::default());
    }

    /// Speech goes on.
    pub fn resume(&mut self) {
        self.pause = None;
    }

    /// The model's answer, when `silence` has passed; `None` if it failed.
    pub fn answer(&mut self, probability: Option<f32>, silence: Samples) {
        let threshold = self.threshold(silence);
        let Some(pause) = &mut self.pause else { return };
        pause.waiting = false;
        pause.answer = match probability {
            Some(probability) => {
                let silence_ms = silence.as_ms();
                if self.checks.len() == MOST_CHECKS {
                    self.checks.remove(0);
                }
                self.checks.push(Check { silence_ms, probability, threshold });
                Answer::Probability(probability)
            }
            None => Answer::Unavailable,
        };
    }

    /// What to do when the pause has lasted for `silence`.
    pub fn at(&mut self, silence: Samples) -> Verdict {
        let threshold = self.threshold(silence);
        let limits = self.limits();
        let Some(pause) = &mut self.pause else { return Verdict::Wait };
        let (grace, max_silence) = match self.policy {
            Policy::Silence { silence: limit } if silence >= limit => {
                return Verdict::End(Reason::Silence);
            }
            Policy::Silence { .. } | Policy::Manual => return Verdict::Wait,
            Policy::Model { .. } => limits,
        };
        match pause.answer {
            Answer::Probability(p) if p >= threshold && silence >= grace => {
                return Verdict::End(Reason::Model);
            }
            Answer::Unavailable if silence >= WITHOUT_MODEL.min(max_silence) => {
                return Verdict::End(Reason::Silence);
            }
            _ if silence >= max_silence => return Verdict::End(Reason::Limit),
            _ => {}
        }
        let due = CHECKS_MS.get(pause.asked).is_some_and(|ms| silence >= Samples::from_ms(*ms));
        if due && !pause.waiting {
            // A late question stands for all that were due.
            pause.asked = CHECKS_MS.iter().filter(|ms| silence >= Samples::from_ms(**ms)).count();
            pause.waiting = true;
            return Verdict::Ask;
        }
        Verdict::Wait
    }

    /// The shortest and the longest silence that ends a turn where a model decides.
    fn limits(&self) -> (Samples, Samples) {
        match (self.policy, self.patience) {
            (Policy::Model { grace, max_silence, .. }, Patience::Usual | Patience::Dangling) => {
                (grace, max_silence)
            }
            (Policy::Model { grace, max_silence, .. }, _) => {
                (grace.max(DICTATION_GRACE), max_silence.max(DICTATION_MAX_SILENCE))
            }
            _ => (Samples(0), Samples(u64::MAX)),
        }
    }

    /// How sure the model must be: less and less after the grace.
    fn threshold(&self, silence: Samples) -> f32 {
        let Policy::Model { threshold, .. } = self.policy else { return 1.0 };
        let (grace, max_silence) = self.limits();
        let threshold = match self.patience {
            Patience::Usual => threshold,
            _ => threshold.max(DOUBTED_THRESHOLD),
        };
        let span = max_silence.saturating_sub(grace).0.max(1) as f32;
        let passed = (silence.saturating_sub(grace).0 as f32 / span).min(1.0);
        threshold * (1.0 - (1.0 - THRESHOLD_LEFT) * passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: Policy = Policy::Model {
        threshold: 0.5,
        grace: Samples::from_ms(220),
        max_silence: Samples::from_ms(2_500),
    };

    fn ms(ms: u64) -> Samples {
        Samples::from_ms(ms)
    }

    fn paused(policy: Policy) -> Endpointing {
        let mut endpointing = Endpointing::new(policy);
        endpointing.pause();
        endpointing
    }

    #[test]
    fn a_complete_turn_ends_after_the_grace() {
        let mut turn = paused(MODEL);
        assert_eq!(turn.at(ms(96)), Verdict::Ask);
        assert_eq!(turn.at(ms(128)), Verdict::Wait);
        turn.answer(Some(0.9), ms(160));
        assert_eq!(turn.at(ms(192)), Verdict::Wait);
        assert_eq!(turn.at(ms(224)), Verdict::End(Reason::Model));
        assert_eq!(turn.checks().len(), 1);
    }

    #[test]
    fn an_incomplete_turn_waits_and_asks_again() {
        let mut turn = paused(MODEL);
        assert_eq!(turn.at(ms(96)), Verdict::Ask);
        turn.answer(Some(0.05), ms(160));
        assert_eq!(turn.at(ms(224)), Verdict::Wait);
        assert_eq!(turn.at(ms(352)), Verdict::Ask);
        turn.answer(Some(0.7), ms(416));
        assert_eq!(turn.at(ms(448)), Verdict::End(Reason::Model));
    }

    #[test]
    fn an_undecided_turn_ends_when_the_threshold_has_fallen() {
        let mut turn = paused(MODEL);
        turn.at(ms(96));
        turn.answer(Some(0.3), ms(160));
        let ended = (7..80).map(|i| i * 32).find(|t| match turn.at(ms(*t)) {
            Verdict::Ask => {
                turn.answer(Some(0.3), ms(*t));
                false
            }
            verdict => verdict == Verdict::End(Reason::Model),
        });
        assert!(ended.is_some_and(|t| (1_200..1_800).contains(&t)), "{ended:?}");
    }

    #[test]
    fn every_turn_ends_at_the_limit() {
        let mut turn = paused(MODEL);
        turn.at(ms(96));
        turn.answer(Some(0.0), ms(160));
        assert_eq!(turn.at(ms(2_500)), Verdict::End(Reason::Limit));
        // Even when the model never answers.
        let mut turn = paused(MODEL);
        assert_eq!(turn.at(ms(96)), Verdict::Ask);
        assert_eq!(turn.at(ms(1_000)), Verdict::Wait);
        assert_eq!(turn.at(ms(2_500)), Verdict::End(Reason::Limit));
    }

    #[test]
    fn somebody_who_dictates_is_waited_for() {
        let mut turn = paused(MODEL);
        turn.at(ms(96));
        turn.answer(Some(0.8), ms(160));
        turn.be_patient(Patience::Number);
        let end = (7..200).map(|i| i * 32).find(|t| match turn.at(ms(*t)) {
            Verdict::Ask => {
                turn.answer(Some(0.8), ms(*t));
                false
            }
            verdict => matches!(verdict, Verdict::End(_)),
        });
        assert!(end.is_some_and(|t| (1_216..2_000).contains(&t)), "{end:?}");
        turn.resume();
        turn.pause();
        turn.be_patient(Patience::Usual);
        turn.at(ms(96));
        turn.answer(Some(0.8), ms(160));
        assert_eq!(turn.at(ms(224)), Verdict::End(Reason::Model));
    }

    #[test]
    fn after_a_word_that_seldom_ends_a_sentence_the_model_must_be_surer() {
        for (answer, ends) in [(0.95, Some(224)), (0.8, Some(544)), (0.1, Some(2_528))] {
            let mut turn = paused(MODEL);
            turn.at(ms(96));
            turn.answer(Some(answer), ms(160));
            turn.be_patient(Patience::Dangling);
            assert!(!turn.may_be_over());
            let end = (7..100).map(|i| i * 32).find(|t| match turn.at(ms(*t)) {
                Verdict::Ask => {
                    turn.answer(Some(answer), ms(*t));
                    false
                }
                verdict => matches!(verdict, Verdict::End(_)),
            });
            assert_eq!(end, ends, "{answer}");
        }
    }

    #[test]
    fn without_a_model_silence_decides() {
        let mut turn = paused(MODEL);
        turn.at(ms(96));
        turn.answer(None, ms(100));
        assert_eq!(turn.at(ms(400)), Verdict::Ask);
        turn.answer(None, ms(420));
        assert_eq!(turn.at(ms(704)), Verdict::End(Reason::Silence));
    }

    #[test]
    fn an_answer_to_an_earlier_pause_does_not_count() {
        let mut turn = paused(MODEL);
        turn.at(ms(96));
        turn.resume();
        turn.answer(Some(0.99), ms(0));
        turn.pause();
        assert_eq!(turn.at(ms(300)), Verdict::Ask, "the new pause asks for itself");
    }

    #[test]
    fn of_a_turn_with_many_pauses_the_last_answers_are_remembered() {
        let mut turn = Endpointing::new(MODEL);
        for pause in 0..50_u64 {
            turn.pause();
            turn.answer(Some(0.1), ms(pause));
            turn.resume();
        }
        let remembered: Vec<_> = turn.checks().iter().map(|check| check.silence_ms).collect();
        assert_eq!(remembered, (40..50).collect::<Vec<_>>());
        let check = Check { silence_ms: 96, probability: 0.123_456, threshold: 0.5 };
        let json = serde_json::json!(check).to_string();
        assert_eq!(json, r#"{"probability":0.123,"silence_ms":96,"threshold":0.5}"#);
    }

    #[test]
    fn a_fixed_silence_asks_nobody() {
        let mut turn = paused(Policy::Silence { silence: ms(500) });
        assert_eq!(turn.at(ms(480)), Verdict::Wait);
        assert_eq!(turn.at(ms(512)), Verdict::End(Reason::Silence));
        assert_eq!(paused(Policy::Manual).at(ms(60_000)), Verdict::Wait);
    }
}
