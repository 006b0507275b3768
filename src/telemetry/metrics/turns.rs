//! Turns and replies, as conversations tell of them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::family::{Family, phases};
use crate::pipeline::conversation::{Notice, Outcome, Overlap, Timings, TurnReport, Usage};
use crate::pipeline::stt::Rejection;
use crate::telemetry::codes;

/// What fails, with codes of the protocol: of replies all that a model or a voice may have any day, because alerts look at
/// each. Others appear when they happen.
const FAILURES: [[&str; 2]; 9] = [
    ["transcript", "engine_failed"],
    ["reply", "llm_unreachable"],
    ["reply", "llm_timeout"],
    ["reply", "llm_refused"],
    ["reply", "llm_interrupted"],
    ["reply", "llm_failed"],
    ["reply", "engine_overloaded"],
    ["reply", "engine_timeout"],
    ["reply", "engine_failed"],
];

/// See the module.
pub struct Turns {
    over: Family<Counter, 1>,
    phases: Family<Histogram, 1>,
    rejected: Family<Counter, 1>,
    eager: Family<Counter, 1>,
    replies: Family<Counter, 1>,
    failures: Family<Counter, 2>,
    overlaps: Family<Counter, 2>,
    tokens: Family<Counter, 1>,
}

/// The phases of a turn in their order, with when each ended.
pub(in crate::telemetry) fn each_phase(timings: &Timings) -> [(&'static str, Option<u64>); 6] {
    let Timings {
        endpoint_ms,
        transcript_ms,
        first_token_ms,
        first_clause_ms,
        first_speech_ms,
        first_audio_ms,
    } = *timings;
    [
        ("endpoint", endpoint_ms),
        ("transcript", transcript_ms),
        ("first_token", first_token_ms),
        ("first_clause", first_clause_ms),
        ("first_speech", first_speech_ms),
        ("first_audio", first_audio_ms),
    ]
}

impl Turns {
    pub(super) fn new(r: &mut Registry) -> Self {
        let outcomes = ["completed", "incomplete", "failed", "interrupted", "cancelled"];
        Self {
            over: Family::new(
                r,
                ("turns", "Turns of callers that are over, by what ended them"),
                ["reason"],
                Counter::default,
                codes::REASONS.map(|reason| [codes::reason(reason)]),
            ),
            phases: Family::new(
                r,
                (
                    "turn_phase_seconds",
                    "From the end of a caller's speech to the end of each phase of the answer",
                ),
                ["phase"],
                phases,
                each_phase(&Timings::default()).map(|(phase, _)| [phase]),
            ),
            rejected: Family::new(
                r,
                ("turns_rejected", "Turns without words because these were doubtful, by why"),
                ["reason"],
                Counter::default,
                Rejection::ALL.map(|reason| [codes::rejection(reason)]),
            ),
            eager: Family::new(
                r,
                (
                    "eager_replies",
                    "Replies that were begun before a turn was over, by whether they became the answer",
                ),
                ["outcome"],
                Counter::default,
                [["used"], ["discarded"]],
            ),
            replies: Family::new(
                r,
                ("replies", "Replies in calls, by how their making ended"),
                ["outcome"],
                Counter::default,
                outcomes.map(|outcome| [outcome]),
            ),
            failures: Family::new(
                r,
                ("turn_failures", "Transcripts and replies that could not be made, by code"),
                ["what", "code"],
                Counter::default,
                FAILURES,
            ),
            overlaps: Family::new(
                r,
                ("overlaps", "Speech over a reply, by whether that stopped it and why"),
                ["stopped", "why"],
                Counter::default,
                [["true", "words"], ["false", "backchannel"]],
            ),
            tokens: Family::new(
                r,
                ("tokens", "Tokens of language models, as far as they say"),
                ["direction"],
                Counter::default,
                [["input"], ["output"]],
            ),
        }
    }

    /// A conversation told its client something.
    pub(in crate::telemetry) fn told(&self, notice: &Notice) {
        match notice {
            Notice::Turn(report) => self.turn(report),
            Notice::TranscriptionFailed { failure, .. } => {
                self.failures.of(["transcript", failure.code]).inc();
            }
            Notice::ReplyDone { outcome, usage, .. } => self.replied(outcome, *usage),
            Notice::Overlapped { overlap: Overlap { stopped, why, .. }, .. } => {
                let stopped = if *stopped { "true" } else { "false" };
                self.overlaps.of([stopped, codes::why(*why)]).inc();
            }
            _ => {}
        }
    }

    fn turn(&self, report: &TurnReport) {
        self.over.of([codes::reason(report.decision.reason)]).inc();
        for (phase, ended_ms) in each_phase(&report.timings) {
            if let Some(ended_ms) = ended_ms {
                self.phases.of([phase]).observe(ended_ms as f64 / 1_000.0);
            }
        }
        if let Some(reason) = report.rejected {
            self.rejected.of([codes::rejection(reason)]).inc();
        }
        let used = u64::from(report.eager.used);
        self.eager.of(["used"]).inc_by(used);
        self.eager.of(["discarded"]).inc_by(u64::from(report.eager.begun).saturating_sub(used));
    }

    fn replied(&self, outcome: &Outcome, usage: Option<Usage>) {
        self.replies.of([codes::outcome(outcome)]).inc();
        if let Outcome::Failed(failure) = outcome {
            self.failures.of(["reply", failure.code]).inc();
        }
        if let Some(Usage { input_tokens, output_tokens }) = usage {
            self.tokens.of(["input"]).inc_by(input_tokens.into());
            self.tokens.of(["output"]).inc_by(output_tokens.into());
        }
    }
}
