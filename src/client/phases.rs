//! Where the time of an answer goes: the phases between the last word and the first sound, on one stopwatch.
//!
//! The stopwatch is the caller's: it starts when the last energetic sample of the recording is sent. When the turn was
//! over, when its transcript came and when the first sound was heard is seen there. What happens only inside the server
//! (first token, first clause, first speech) is told by it, on a clock that starts with the last speech that it has
//! heard; the end of the turn, which both have seen, ties the two together.

use serde::{Deserialize, Serialize};

use super::Turn;

/// The phases, in their order: each begins when the one before is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It was decided that the turn is over.
    Endpoint,
    /// Its final transcript was there.
    Transcript,
    /// The model's first token was there.
    FirstToken,
    /// The first chunk of the answer that is spoken at once was complete.
    FirstChunk,
    /// Its first sound was made.
    FirstSpeech,
    /// The first sound was heard.
    FirstAudio,
}

/// When the phases of a turn were over, in milliseconds after the last energetic sample. One that was over before that
/// counts as over then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases([Option<u64>; Phase::ALL.len()]);

impl Phase {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Endpoint,
        Self::Transcript,
        Self::FirstToken,
        Self::FirstChunk,
        Self::FirstSpeech,
        Self::FirstAudio,
    ];

    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "turn over",
            Self::Transcript => "transcript",
            Self::FirstToken => "first token",
            Self::FirstChunk => "first chunk",
            Self::FirstSpeech => "first speech",
            Self::FirstAudio => "first sound",
        }
    }
}

impl Phases {
    /// The phases of a turn, as far as they are known; `None` where nothing can be counted: the turn was over before the
    /// recording was, or nobody knows when its speech ended.
    pub fn of(turn: &Turn) -> Option<Self> {
        let spoken = turn.speech_end_ms?;
        let endpoint = turn.endpoint_ms.filter(|at| *at >= spoken)?;
        let seen = |at: Option<u64>| at.map(|at| at.saturating_sub(spoken));
        let server = turn.server.as_ref().map(|record| record.timings).unwrap_or_default();
        let told = |at: Option<u64>| {
            // What began early may have been over before the turn was.
            let after_endpoint = i128::from(at?) - i128::from(server.endpoint_ms?);
            Some((i128::from(endpoint - spoken) + after_endpoint).max(0) as u64)
        };
        Some(Self([
            Some(endpoint - spoken),
            seen(turn.transcript_ms),
            told(server.first_token_ms),
            told(server.first_clause_ms),
            told(server.first_speech_ms),
            seen(turn.first_audio_ms),
        ]))
    }

    /// When a phase was over.
    pub fn at(&self, phase: Phase) -> Option<u64> {
        self.0[phase as usize]
    }

    /// How long a phase took by itself, after all that it waited for was over; 0 if it was over by then.
    pub fn took(&self, phase: Phase) -> Option<u64> {
        let before = self.0[..phase as usize].iter().flatten().max();
        Some(self.at(phase)?.saturating_sub(before.copied().unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ServerTimes, TurnRecord};

    fn turn() -> Turn {
        Turn {
            call: 0,
            turn: 0,
            user_text: String::new(),
            reply_text: String::new(),
            speech_end_ms: Some(5_000),
            endpoint_ms: Some(5_300),
            transcript_ms: Some(5_310),
            first_audio_ms: Some(5_600),
            interrupted: false,
            early: false,
            error: None,
            server: Some(record(ServerTimes {
                endpoint_ms: Some(220),
                transcript_ms: Some(230),
                first_token_ms: Some(270),
                first_clause_ms: Some(300),
                first_speech_ms: Some(420),
                first_audio_ms: Some(430),
            })),
        }
    }

    fn record(timings: ServerTimes) -> TurnRecord {
        TurnRecord { timings, ..TurnRecord::default() }
    }

    fn all(turn: &Turn, of: impl Fn(&Phases, Phase) -> Option<u64>) -> [Option<u64>; 6] {
        let phases = Phases::of(turn).unwrap();
        Phase::ALL.map(|phase| of(&phases, phase))
    }

    #[test]
    fn both_clocks_meet_at_the_end_of_the_turn() {
        let at = all(&turn(), Phases::at);
        assert_eq!(at, [300, 310, 350, 380, 500, 600].map(Some));
        let took = all(&turn(), Phases::took);
        assert_eq!(took, [300, 10, 40, 30, 120, 100].map(Some));
        assert_eq!(took.into_iter().flatten().sum::<u64>(), 600, "nothing is counted twice");
    }

    #[test]
    fn what_was_there_early_took_no_time() {
        let mut early = turn();
        if let Some(server) = &mut early.server {
            server.timings.first_token_ms = Some(0);
            server.timings.first_clause_ms = Some(190);
        }
        assert_eq!(all(&early, Phases::at)[2..4], [80, 270].map(Some));
        assert_eq!(all(&early, Phases::took), [300, 10, 0, 0, 190, 100].map(Some));
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let silent = Turn { server: None, first_audio_ms: None, ..turn() };
        let at = all(&silent, Phases::at);
        assert_eq!(at, [Some(300), Some(310), None, None, None, None]);
        assert_eq!(all(&silent, Phases::took)[1], Some(10));
        let before_the_end = Turn { endpoint_ms: Some(4_900), ..turn() };
        assert_eq!(Phases::of(&before_the_end), None);
    }
}
