//! What a call tells its client, seen by whoever counts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Metrics, Telemetry};
use crate::pipeline::conversation::{Notice, Outcome, ReplyId, TurnReport};
use crate::pipeline::history::ItemId;

/// Turns that are over and not reported yet: one, or two when the person goes on at once.
const OPEN: usize = 4;

/// One call's side of it.
pub struct Told {
    telemetry: Telemetry,
    /// When turns ended, until they are reported.
    committed: VecDeque<(ItemId, SystemTime)>,
    /// The code of what failed last, until its turn is reported.
    failed: Option<(Failed, &'static str)>,
}

/// What could not be had of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    Words(ItemId),
    Answer(ReplyId),
}

impl Failed {
    fn is_of(self, report: &TurnReport) -> bool {
        match self {
            Self::Words(item) => item == report.item,
            Self::Answer(reply) => Some(reply) == report.reply,
        }
    }
}

impl Told {
    /// A call in which nothing has been told.
    pub fn new(telemetry: Telemetry) -> Self {
        Self { telemetry, committed: VecDeque::with_capacity(OPEN), failed: None }
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.telemetry.metrics
    }

    /// The conversation tells its client this, now.
    pub fn notice(&mut self, notice: &Notice) {
        self.telemetry.metrics.turns.told(notice);
        if self.telemetry.traces.is_some() {
            self.trace(notice, SystemTime::now());
        }
    }

    fn trace(&mut self, notice: &Notice, now: SystemTime) {
        match notice {
            Notice::Committed { item, .. } => {
                if self.committed.len() == OPEN {
                    self.committed.pop_front();
                }
                self.committed.push_back((*item, now));
            }
            Notice::TranscriptionFailed { item, failure } => {
                self.failed = Some((Failed::Words(*item), failure.code));
            }
            Notice::ReplyDone { reply, outcome: Outcome::Failed(failure), .. } => {
                self.failed = Some((Failed::Answer(*reply), failure.code));
            }
            Notice::Turn(report) => {
                let (ended, failure) = (self.speech_ended(report, now), self.failure(report));
                if let Some(traces) = &self.telemetry.traces {
                    traces.turn(report, ended, failure);
                }
            }
            _ => {}
        }
    }

    /// When the person had stopped speaking: so long before the turn was found to be over.
    fn speech_ended(&mut self, report: &TurnReport, now: SystemTime) -> SystemTime {
        let place = self.committed.iter().position(|(item, _)| *item == report.item);
        let committed = place.and_then(|place| self.committed.remove(place));
        let over = committed.map_or(now, |(_, at)| at);
        over - Duration::from_millis(report.timings.endpoint_ms.unwrap_or_default())
    }

    /// The code of what failed of this turn. An answer that fails while it is heard does so after its turn was reported.
    fn failure(&mut self, report: &TurnReport) -> Option<&'static str> {
        self.failed.take_if(|(failed, _)| failed.is_of(report)).map(|(_, code)| code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::conversation::{Decision, EagerReplies, Failure, Timings, TurnId};
    use crate::pipeline::text::Text;
    use crate::pipeline::turn::endpointing::Reason;
    use crate::pipeline::turn::patience::Patience;

    fn report(item: u32, endpoint_ms: u64) -> TurnReport {
        TurnReport {
            turn: TurnId(0),
            item: ItemId(item),
            reply: None,
            decision: Decision {
                reason: Reason::Silence,
                silence_ms: endpoint_ms,
                checks: Vec::new(),
                patience: Patience::Usual,
            },
            rejected: None,
            eager: EagerReplies::default(),
            timings: Timings { endpoint_ms: Some(endpoint_ms), ..Timings::default() },
            work: Vec::new(),
            network: None,
        }
    }

    #[test]
    fn what_failed_is_of_its_turn() {
        let mut told = Told::new(Telemetry::default());
        let failure = |code| Failure { code, message: String::new() };
        let mut answered = report(1, 220);
        answered.reply = Some(ReplyId(7));
        let failed = Outcome::Failed(failure("llm_unreachable"));
        let done = |outcome| Notice::ReplyDone {
            reply: ReplyId(7),
            outcome,
            text: Text::default(),
            usage: None,
        };
        let now = SystemTime::UNIX_EPOCH;
        told.trace(&done(Outcome::Completed), now);
        assert_eq!(told.failure(&answered), None);
        told.trace(&done(failed), now);
        assert_eq!(told.failure(&report(2, 220)), None, "another turn");
        assert_eq!(told.failure(&answered), Some("llm_unreachable"));
        assert_eq!(told.failure(&answered), None, "it is told once");
        let item = ItemId(3);
        told.trace(&Notice::TranscriptionFailed { item, failure: failure("stt_failed") }, now);
        assert_eq!(told.failure(&report(3, 220)), Some("stt_failed"));
    }

    #[test]
    fn speech_ended_so_long_before_its_turn_was_over() {
        let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(10_000 + ms);
        let mut told = Told::new(Telemetry::default());
        let committed = |item| Notice::Committed { item: ItemId(item), previous: None };
        told.trace(&committed(1), at(220));
        // The person went on at once: the second turn is over before the first is reported.
        told.trace(&committed(2), at(3_300));
        assert_eq!(told.speech_ended(&report(1, 220), at(3_301)), at(0));
        assert_eq!(told.speech_ended(&report(2, 300), at(4_100)), at(3_000));
        assert!(told.committed.is_empty());
        // Turns that are never reported do not pile up.
        for item in 3..20 {
            told.trace(&committed(item), at(5_000));
        }
        assert_eq!(told.committed.len(), OPEN);
    }
}
