//! What counting costs on one core: `cargo bench --bench telemetry`.
//!
//! A hundred calls with sound pay `a frame of sound` 3,125 times a second and `a second of sound` a hundred times. A turn of
//! four jobs, which is told and of which two items are kept, is paid 30 times a second if a hundred people talk without
//! a pause. One hundredth of a core is 10 ms a second. Traces, which are off by default, are not
//! in it: they are made in a task of their own.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use sotto::pipeline::conversation::{Decision, EagerReplies, Notice, Timings, TurnId, TurnReport};
use sotto::pipeline::history::ItemId;
use sotto::pipeline::meter::{Heard, Metered, Work};
use sotto::pipeline::turn::endpointing::Reason;
use sotto::pipeline::turn::patience::Patience;
use sotto::telemetry::histogram::Histogram;
use sotto::telemetry::metrics::{Answered, Change, Now};
use sotto::telemetry::{Metrics, Telemetry, Told};

const MS: Duration = Duration::from_millis(1);

fn calls(c: &mut Criterion) {
    let metered = Metered::by(Arc::new(Metrics::default()));
    let heard = Heard { received: 50, lost: 1, jitter: 7 * MS, ..Heard::default() };
    let mut group = c.benchmark_group("telemetry");
    // For the metrics, and for the status.
    let handling = Histogram::default();
    group.bench_function("a frame of sound", |b| {
        b.iter(|| {
            let watch = Instant::now();
            let took = black_box(watch).elapsed();
            handling.observe(took);
            metered.tell(|meter| meter.handled(took));
        });
    });
    group.bench_function("a frame of sound, not counted", |b| {
        let nobody = Metered::default();
        b.iter(|| {
            let watch = Instant::now();
            nobody.tell(|meter| meter.handled(black_box(watch).elapsed()));
        });
    });
    group.bench_function("a second of sound", |b| {
        b.iter(|| metered.tell(|meter| meter.heard(black_box(&heard))));
    });
    group.bench_function("a job of an engine", |b| {
        b.iter(|| {
            let job = metered.job(Work::Final);
            metered.tell(|meter| meter.waited(Work::Final, black_box(MS)));
            metered.tell(|meter| meter.worked(Work::Final, black_box(MS), Some(MS)));
            job.ended(&Ok(()));
        });
    });
    group.finish();
}

/// Of a turn without words, which are in no record.
fn turn() -> TurnReport {
    TurnReport {
        turn: TurnId(1),
        item: ItemId(1),
        reply: None,
        decision: Decision {
            reason: Reason::Model,
            silence_ms: 320,
            checks: Vec::new(),
            patience: Patience::Usual,
        },
        rejected: None,
        eager: EagerReplies::default(),
        timings: Timings {
            endpoint_ms: Some(320),
            transcript_ms: Some(330),
            first_token_ms: Some(340),
            first_clause_ms: Some(350),
            first_speech_ms: Some(420),
            first_audio_ms: Some(430),
        },
        work: Vec::new(),
        network: None,
    }
}

fn others(c: &mut Criterion) {
    let metrics = Metrics::default();
    let mut told = Told::new(Telemetry::default());
    let turn = Notice::Turn(turn());
    let (method, route, status) = ("GET", "/api/v1/me", "2xx");
    let mut group = c.benchmark_group("telemetry");
    group.bench_function("a turn", |b| b.iter(|| told.notice(black_box(&turn))));
    group.bench_function("a stored item", |b| {
        b.iter(|| metrics.store.tried(Change::Item, black_box(MS), true));
    });
    group.bench_function("a request", |b| {
        b.iter(|| {
            let answered = Answered { method, route, status, code: None, took: black_box(MS) };
            metrics.http.answered(answered);
        });
    });
    group.bench_function("a scrape", |b| b.iter(|| metrics.text(&Now::default()).len()));
    group.finish();
}

criterion_group!(benches, calls, others);
criterion_main!(benches);
