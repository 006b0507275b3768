//! How a turn went: when each phase ended, what each job took, why the turn ended when it did, and how its sound
//! arrived. Numbers and codes, never words. One record is told to the client, stored, given by the API and counted.

use std::time::Duration;

use super::eager::EagerReplies;
use super::{ReplyId, TurnId};
use crate::pipeline::history::ItemId;
use crate::pipeline::network::Network;
use crate::pipeline::stt::Rejection;
use crate::pipeline::turn::endpointing::{Check, Reason};
use crate::pipeline::turn::patience::Patience;

/// How a turn went. As JSON, with the ids that go along with it, it has at most 2 KiB: all of its lists are bounded.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TurnReport {
    /// The turn.
    #[serde(skip)]
    pub turn: TurnId,
    /// Its item.
    #[serde(skip)]
    pub item: ItemId,
    /// The reply to it, if there was one.
    #[serde(skip)]
    pub reply: Option<ReplyId>,
    /// Why it ended when it did.
    pub decision: Decision,
    /// Why it has no words although something was heard.
    pub rejected: Option<Rejection>,
    /// Replies that were begun before it was over.
    pub eager: EagerReplies,
    /// The phases.
    pub timings: Timings,
    /// What the jobs took, in the order in which they were asked for.
    pub work: Vec<Job>,
    /// How the person's sound arrived since the turn before; `None` where it comes in no packets.
    pub network: Option<Network>,
}

/// Milliseconds after the last speech of a turn. What did not happen is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Timings {
    /// The turn was over.
    pub endpoint_ms: Option<u64>,
    /// Its words were there.
    pub transcript_ms: Option<u64>,
    /// The model's first word.
    pub first_token_ms: Option<u64>,
    /// The first clause was complete.
    pub first_clause_ms: Option<u64>,
    /// The first sound was made.
    pub first_speech_ms: Option<u64>,
    /// The first sound was played.
    pub first_audio_ms: Option<u64>,
}

/// Why a turn ended when it did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Decision {
    /// Why.
    pub reason: Reason,
    /// Silence between the last speech and the decision.
    pub silence_ms: u64,
    /// What the model was asked and said; of a turn with many pauses the last.
    pub checks: Vec<Check>,
    /// Why it was waited for longer than usual, if it was.
    pub patience: Patience,
}

/// What an engine did for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Job {
    /// Which.
    pub stage: Stage,
    /// When it was asked for: milliseconds after the last speech, or before it if negative.
    pub asked_ms: i64,
    /// How long it waited in a queue.
    pub waited_ms: u64,
    /// How long it was worked on: until its result, the first word or the first sound.
    pub worked_ms: u64,
}

/// Whose job it was, named as engines are in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A question to the end-of-turn model.
    Turn,
    /// The recognition that gave the last words.
    Stt,
    /// The reply, until its first word. What a model's server makes of it nobody here can see: all of it is work.
    Llm,
    /// The first clause of the reply, until its first sound.
    Tts,
}

/// Whole milliseconds from `zero` to `at`; negative if it was before.
pub(super) fn ms_after(zero: Duration, at: Duration) -> i64 {
    let apart = at.abs_diff(zero).as_millis() as i64;
    if at < zero { -apart } else { apart }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::conversation::work::MOST_QUESTIONS;
    use crate::pipeline::turn::endpointing::MOST_CHECKS;

    /// What goes along with a report: the id of the event, of the item and the response, the number of the turn, the type.
    const IDS: usize = 250;
    const MOST_BYTES: usize = 2_048;

    #[test]
    fn the_worst_report_is_small() {
        // Hours, and every list as long as it may be.
        const LONG: u64 = 99_999_999;
        let check = Check { silence_ms: LONG, probability: 1.0 / 3.0, threshold: 2.0 / 3.0 };
        let job = |stage| Job { stage, asked_ms: -(LONG as i64), waited_ms: LONG, worked_ms: LONG };
        let mut work = vec![job(Stage::Turn); MOST_QUESTIONS];
        work.extend([Stage::Stt, Stage::Llm, Stage::Tts].map(job));
        let report = TurnReport {
            turn: TurnId(u32::MAX),
            item: ItemId(u32::MAX),
            reply: Some(ReplyId(u32::MAX)),
            decision: Decision {
                reason: Reason::Silence,
                silence_ms: LONG,
                checks: vec![check; MOST_CHECKS],
                patience: Patience::Unfinished,
            },
            rejected: Some(Rejection::TooManyWords),
            eager: EagerReplies { begun: u32::MAX, used: false },
            timings: Timings {
                endpoint_ms: Some(LONG),
                transcript_ms: Some(LONG),
                first_token_ms: Some(LONG),
                first_clause_ms: Some(LONG),
                first_speech_ms: Some(LONG),
                first_audio_ms: Some(LONG),
            },
            work,
            network: Some(Network {
                packets: LONG,
                lost: LONG,
                late: LONG,
                dropped: LONG,
                concealed_ms: LONG,
                jitter_ms: LONG,
                rtt_ms: Some(LONG),
            }),
        };
        // As it is told and stored: by way of a value, which has its own idea of numbers.
        let json = serde_json::json!(report).to_string();
        assert!(json.len() + IDS <= MOST_BYTES, "{} bytes: {json}", json.len());
    }
}
