//! From how a turn went to spans: one for the turn, one for each phase below it.
//!
//! A turn's span begins where the person stopped speaking and ends with the last phase, usually the first sound of the
//! answer. A phase's span begins where the one before it ended, so it shows what was waited for. How long engines were
//! waited for is on the turn's span. All they hold are numbers and codes.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::pipeline::conversation::{Job, Stage, TurnReport};
use crate::telemetry::codes;
use crate::telemetry::metrics::turns::each_phase;

const SCOPE: &str = "sotto";

/// A turn that is over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Turn {
    pub report: TurnReport,
    /// When the person stopped speaking.
    pub speech_ended: SystemTime,
    /// The code of what failed, where its words or its answer could not be had.
    pub failure: Option<&'static str>,
}

/// The spans of a turn.
pub(super) fn of(turn: &Turn) -> Vec<SpanData> {
    let Turn { report, speech_ended, failure } = turn;
    let trace = TraceId::from(rand::random::<u128>());
    let root = SpanId::from(rand::random::<u64>());
    let at = |ms| *speech_ended + Duration::from_millis(ms);
    let mut passed = 0;
    let mut spans = Vec::with_capacity(7);
    for (phase, ended_ms) in each_phase(&report.timings) {
        let Some(ended_ms) = ended_ms else { continue };
        let began = passed;
        passed = passed.max(ended_ms);
        let id = SpanId::from(rand::random::<u64>());
        spans.push(span(phase, (trace, id, root), (at(began), at(passed)), Vec::new()));
    }
    let times = (*speech_ended, at(passed));
    let mut whole = span("turn", (trace, root, SpanId::INVALID), times, attributes(report));
    if let Some(code) = failure {
        whole.status = Status::error(*code);
        whole.attributes.push(KeyValue::new("error.type", *code));
    }
    spans.insert(0, whole);
    spans
}

fn attributes(report: &TurnReport) -> Vec<KeyValue> {
    let TurnReport { turn, reply, decision, rejected, eager, work, .. } = report;
    let mut attributes = vec![
        KeyValue::new("sotto.turn", i64::from(turn.0)),
        KeyValue::new("sotto.answered", reply.is_some()),
        KeyValue::new("sotto.endpoint.reason", codes::reason(decision.reason)),
        KeyValue::new("sotto.endpoint.silence_ms", decision.silence_ms as i64),
        KeyValue::new("sotto.endpoint.checks", decision.checks.len() as i64),
        KeyValue::new("sotto.endpoint.patience", codes::patience(decision.patience)),
        KeyValue::new("sotto.eager.begun", i64::from(eager.begun)),
        KeyValue::new("sotto.eager.used", eager.used),
    ];
    if let Some(check) = decision.checks.last() {
        let probability = f64::from(check.probability);
        attributes.push(KeyValue::new("sotto.endpoint.probability", probability));
    }
    if let Some(rejected) = rejected {
        attributes.push(KeyValue::new("sotto.rejected", codes::rejection(*rejected)));
    }
    for stage in [Stage::Turn, Stage::Stt, Stage::Llm, Stage::Tts] {
        // Of several questions whether the turn is over, the last decided.
        if let Some(job) = work.iter().rev().find(|job| job.stage == stage) {
            attributes.extend(took(job));
        }
    }
    attributes
}

/// How long a job waited for its engine, and was worked on.
fn took(job: &Job) -> [KeyValue; 2] {
    let (waited, worked) = match job.stage {
        Stage::Turn => ("sotto.work.turn.waited_ms", "sotto.work.turn.worked_ms"),
        Stage::Stt => ("sotto.work.stt.waited_ms", "sotto.work.stt.worked_ms"),
        Stage::Llm => ("sotto.work.llm.waited_ms", "sotto.work.llm.worked_ms"),
        Stage::Tts => ("sotto.work.tts.waited_ms", "sotto.work.tts.worked_ms"),
    };
    [KeyValue::new(waited, job.waited_ms as i64), KeyValue::new(worked, job.worked_ms as i64)]
}

fn span(
    name: &'static str,
    (trace, id, parent): (TraceId, SpanId, SpanId),
    (start_time, end_time): (SystemTime, SystemTime),
    attributes: Vec<KeyValue>,
) -> SpanData {
    let state = TraceState::NONE;
    let version = env!("CARGO_PKG_VERSION");
    SpanData {
        span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, state),
        parent_span_id: parent,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time,
        end_time,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder(SCOPE).with_version(version).build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::conversation::{Decision, EagerReplies, Timings, TurnId};
    use crate::pipeline::history::ItemId;
    use crate::pipeline::turn::endpointing::{Check, Reason};
    use crate::pipeline::turn::patience::Patience;

    fn turn(timings: Timings) -> Turn {
        let check = Check { silence_ms: 96, probability: 0.5, threshold: 0.5 };
        let report = TurnReport {
            turn: TurnId(3),
            item: ItemId(1),
            reply: None,
            decision: Decision {
                reason: Reason::Model,
                silence_ms: 220,
                checks: vec![check],
                patience: Patience::Usual,
            },
            rejected: None,
            eager: EagerReplies { begun: 1, used: true },
            timings,
            work: Vec::new(),
            network: None,
        };
        let speech_ended = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        Turn { report, speech_ended, failure: None }
    }

    fn ms(span: &SpanData, turn: &Turn) -> (u64, u64) {
        let since = |at: SystemTime| at.duration_since(turn.speech_ended).unwrap().as_millis();
        (since(span.start_time) as u64, since(span.end_time) as u64)
    }

    #[test]
    fn each_phase_begins_where_the_one_before_ended() {
        // The transcript was there before it was decided that the turn is over; there was no clause.
        let turn = turn(Timings {
            endpoint_ms: Some(220),
            transcript_ms: Some(180),
            first_token_ms: Some(300),
            first_audio_ms: Some(700),
            ..Timings::default()
        });
        let spans = of(&turn);
        let told: Vec<_> = spans.iter().map(|s| (&*s.name, ms(s, &turn))).collect();
        assert_eq!(
            told,
            [
                ("turn", (0, 700)),
                ("endpoint", (0, 220)),
                ("transcript", (220, 220)),
                ("first_token", (220, 300)),
                ("first_audio", (300, 700)),
            ]
        );
        let (root, phases) = spans.split_first().unwrap();
        assert_eq!(root.parent_span_id, SpanId::INVALID);
        for phase in phases {
            assert_eq!(phase.parent_span_id, root.span_context.span_id());
            assert_eq!(phase.span_context.trace_id(), root.span_context.trace_id());
            assert_ne!(phase.span_context.span_id(), root.span_context.span_id());
        }
        let of_root = |key: &str| root.attributes.iter().find(|a| a.key.as_str() == key).unwrap();
        assert_eq!(of_root("sotto.endpoint.reason").value.as_str(), "model");
        assert_eq!(of_root("sotto.endpoint.probability").value.as_str(), "0.5");
    }

    #[test]
    fn the_last_job_of_each_kind_is_on_the_turn() {
        let mut turn = turn(Timings::default());
        let job = |stage, waited_ms, worked_ms| Job { stage, asked_ms: 0, waited_ms, worked_ms };
        turn.report.work =
            vec![job(Stage::Turn, 1, 10), job(Stage::Stt, 20, 90), job(Stage::Turn, 2, 11)];
        let spans = of(&turn);
        let attributes = spans[0].attributes.iter();
        let took: Vec<_> = attributes
            .filter_map(|a| Some((a.key.as_str().strip_prefix("sotto.work.")?, a.value.as_str())))
            .collect();
        let told: Vec<_> = took.iter().map(|(key, ms)| (*key, &**ms)).collect();
        assert_eq!(
            told,
            [
                ("turn.waited_ms", "2"),
                ("turn.worked_ms", "11"),
                ("stt.waited_ms", "20"),
                ("stt.worked_ms", "90"),
            ]
        );
    }

    #[test]
    fn a_turn_whose_answer_failed_is_an_error() {
        let mut turn = turn(Timings { endpoint_ms: Some(220), ..Timings::default() });
        assert!(of(&turn).iter().all(|span| span.status == Status::Unset));
        turn.failure = Some("llm_unreachable");
        let spans = of(&turn);
        assert_eq!(spans[0].status, Status::error("llm_unreachable"));
        let code = spans[0].attributes.iter().find(|a| a.key.as_str() == "error.type").unwrap();
        assert_eq!(code.value.as_str(), "llm_unreachable");
        assert_eq!(spans[1].status, Status::Unset, "no phase that was over failed");
    }

    #[test]
    fn a_turn_without_phases_is_a_moment() {
        let turn = turn(Timings::default());
        let spans = of(&turn);
        assert_eq!(spans.len(), 1);
        assert_eq!(ms(&spans[0], &turn), (0, 0));
    }
}
