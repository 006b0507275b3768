//! The words for what is counted and traced: those of the protocol and of records, as texts of the program.

use crate::pipeline::conversation::{Outcome, Why};
use crate::pipeline::meter::{Shed, Work};
use crate::pipeline::stt::Rejection;
use crate::pipeline::transport::HangUp;
use crate::pipeline::turn::endpointing::Reason;
use crate::pipeline::turn::patience::Patience;

pub(super) const REASONS: [Reason; 4] =
    [Reason::Model, Reason::Silence, Reason::Limit, Reason::Client];

pub(super) const WORKS: [Work; 5] =
    [Work::EndOfTurn, Work::Final, Work::Recording, Work::Interim, Work::Speech];

pub(super) const SHEDS: [Shed; 3] = [Shed::Interim, Shed::Eager, Shed::Call];

pub(super) const HANG_UPS: [HangUp; 8] = [
    HangUp::ChannelClosed,
    HangUp::Deleted,
    HangUp::ConnectionLost,
    HangUp::NeverConnected,
    HangUp::Resumed,
    HangUp::ServerStopping,
    HangUp::SlowClient,
    HangUp::EngineFailed,
];

pub(super) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Model => "model",
        Reason::Silence => "silence",
        Reason::Limit => "limit",
        Reason::Client => "client",
    }
}

pub(super) fn patience(patience: Patience) -> &'static str {
    match patience {
        Patience::Usual => "usual",
        Patience::Number => "number",
        Patience::Spelling => "spelling",
        Patience::Address => "address",
        Patience::Unfinished => "unfinished",
        Patience::Dangling => "dangling",
        Patience::Asked => "asked",
    }
}

pub(super) fn rejection(rejection: Rejection) -> &'static str {
    match rejection {
        Rejection::TooShort => "too_short",
        Rejection::NoSpeech => "no_speech",
        Rejection::Unsure => "unsure",
        Rejection::Repetition => "repetition",
        Rejection::TooManyWords => "too_many_words",
        Rejection::KnownPhrase => "known_phrase",
        Rejection::Prompt => "prompt",
    }
}

pub(super) fn why(why: Why) -> &'static str {
    match why {
        Why::Words => "words",
        Why::Long => "long",
        Why::Meant => "meant",
        Why::Short => "short",
        Why::NoWords => "no_words",
        Why::Backchannel => "backchannel",
        Why::Echo => "echo",
        Why::FewWords => "few_words",
    }
}

pub(super) fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Incomplete(_) => "incomplete",
        Outcome::Failed(_) => "failed",
        Outcome::Interrupted => "interrupted",
        Outcome::Cancelled => "cancelled",
    }
}

pub(super) fn hang_up(how: HangUp) -> &'static str {
    match how {
        HangUp::ChannelClosed => "channel_closed",
        HangUp::Deleted => "deleted",
        HangUp::ConnectionLost => "connection_lost",
        HangUp::NeverConnected => "never_connected",
        HangUp::Resumed => "resumed",
        HangUp::ServerStopping => "server_stopping",
        HangUp::SlowClient => "slow_client",
        HangUp::EngineFailed => "engine_failed",
    }
}

pub(super) fn work(work: Work) -> &'static str {
    match work {
        Work::EndOfTurn => "end_of_turn",
        Work::Final => "final",
        Work::Recording => "recording",
        Work::Interim => "interim",
        Work::Speech => "speech",
    }
}

pub(super) fn shed(shed: Shed) -> &'static str {
    match shed {
        Shed::Interim => "interim",
        Shed::Eager => "eager",
        Shed::Call => "call",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn they_are_the_words_of_the_records() {
        for code in REASONS {
            assert_eq!(json!(code), reason(code));
        }
        for code in Rejection::ALL {
            assert_eq!(json!(code), rejection(code));
        }
        let dictated = [Patience::Number, Patience::Spelling, Patience::Address];
        let others = [Patience::Usual, Patience::Unfinished, Patience::Dangling, Patience::Asked];
        for code in dictated.into_iter().chain(others) {
            assert_eq!(json!(code), patience(code));
        }
        for code in [Why::Words, Why::Long, Why::Meant, Why::Short, Why::NoWords, Why::FewWords] {
            assert_eq!(json!(code), why(code));
        }
    }
}
