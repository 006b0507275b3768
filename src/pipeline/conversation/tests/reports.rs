//! What is recorded of a turn: what each job took, on the clock of its phases.

use super::super::report::{Job, Stage};
use super::*;

fn job(report: &TurnReport, stage: Stage) -> Job {
    let found = report.work.iter().find(|job| job.stage == stage);
    *found.unwrap_or_else(|| panic!("no {stage:?} in {report:?}"))
}

fn done_ms(job: Job) -> i64 {
    job.asked_ms + (job.waited_ms + job.worked_ms) as i64
}

#[test]
fn each_job_of_a_turn_is_recorded_beside_its_phases() {
    let mut sim = Sim::new(Engines::default(), settings());
    sim.quiet(500).speak(1_000).quiet(6_000);
    let report = report(&sim);
    let stages: Vec<Stage> = report.work.iter().map(|job| job.stage).collect();
    assert_eq!(stages, [Stage::Stt, Stage::Turn, Stage::Llm, Stage::Tts]);
    let [stt, turn, llm, tts] = report.work[..] else { unreachable!() };
    // A quarter of the time was spent in a queue; a model's server says nothing of its own.
    assert_eq!((stt.waited_ms, stt.worked_ms), (37, 112));
    assert_eq!((turn.waited_ms, turn.worked_ms), (10, 30));
    assert_eq!((llm.waited_ms, llm.worked_ms), (0, 100));
    assert_eq!((tts.waited_ms, tts.worked_ms), (12, 37));
    // Asked at the pause, before the turn was over.
    let timings = report.timings;
    assert_eq!(stt.asked_ms, turn.asked_ms);
    assert!((64..=128).contains(&stt.asked_ms), "{stt:?}");
    assert!(done_ms(stt) <= timings.transcript_ms.unwrap() as i64, "{report:?}");
    assert!(done_ms(turn) <= timings.endpoint_ms.unwrap() as i64, "{report:?}");
    assert!(llm.asked_ms >= timings.transcript_ms.unwrap() as i64, "{report:?}");
    assert!(done_ms(llm).abs_diff(timings.first_token_ms.unwrap() as i64) <= 1, "{report:?}");
    assert!(tts.asked_ms >= timings.first_clause_ms.unwrap() as i64, "{report:?}");
    assert!(done_ms(tts) <= timings.first_speech_ms.unwrap() as i64, "{report:?}");
}

#[test]
fn a_reply_of_one_clause_has_a_first_one() {
    let mut sim = Sim::new(Engines::default().replies("Yes"), settings());
    sim.quiet(500).speak(1_000).quiet(6_000);
    let Timings { first_token_ms, first_clause_ms, first_speech_ms, .. } = report(&sim).timings;
    assert!(first_clause_ms.is_some(), "{:?}", report(&sim));
    assert!(first_token_ms <= first_clause_ms && first_clause_ms <= first_speech_ms);
}

#[test]
fn what_was_asked_for_in_vain_is_not_recorded() {
    let engines = Engines { complete: vec![0.1, 0.95], recognition: ms(600), ..Engines::default() };
    let mut sim = Sim::new(engines, settings());
    sim.quiet(500).speak(1_000).quiet(200).speak(1_000).quiet(6_000);
    let report = report(&sim);
    let questions: Vec<&Job> = report.work.iter().filter(|job| job.stage == Stage::Turn).collect();
    // Both pauses were judged; the first long before the last word.
    assert_eq!(questions.len(), 2, "{report:?}");
    assert!(questions[0].asked_ms < -700 && questions[1].asked_ms > 0, "{questions:?}");
    // The recognition of the first pause was taken back.
    assert_eq!(report.work.iter().filter(|job| job.stage == Stage::Stt).count(), 1);
    assert!(job(report, Stage::Stt).asked_ms > 0, "{report:?}");
}

#[test]
fn an_answer_that_was_begun_early_was_asked_for_before_the_end() {
    let engines = Engines { complete: vec![0.4, 0.95], ..Engines::default() };
    let mut sim = Sim::new(engines, Settings { eager_per_minute: 6, ..settings() });
    sim.quiet(500).speak(1_000).quiet(6_000);
    let report = report(&sim);
    assert!(report.eager.used, "{report:?}");
    let model = job(report, Stage::Llm);
    assert!(model.asked_ms < report.timings.endpoint_ms.unwrap() as i64, "{report:?}");
}

#[test]
fn the_report_of_a_long_turn_is_small() {
    let engines = Engines { complete: vec![0.01], ..Engines::default() };
    let mut sim = Sim::new(engines, settings());
    for _ in 0..60 {
        sim.speak(700).quiet(2_000);
    }
    sim.quiet(9_000);
    let report = report(&sim);
    assert!(report.decision.checks.len() >= 5, "{report:?}");
    assert!(serde_json::json!(report).to_string().len() < 1_800, "{report:?}");
}
