//! What counting costs on one core: `cargo bench --bench telemetry`.
//!
//! A call with sound is handled 50 times a second, so of a hundred calls `a piece of sound` is paid 5,000 times a second,
//! and `a second of sound` a hundred times. A turn of two jobs and its traces is paid once for each turn: 30 a second if a hundred people
//! talk without a pause. One hundredth of a core is 10 ms a second.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use sotto::pipeline::meter::{Heard, Metered, Work};
use sotto::telemetry::Metrics;
use sotto::telemetry::metrics::{Answered, Change, Now};

const MS: Duration = Duration::from_millis(1);

fn calls(c: &mut Criterion) {
    let metered = Metered::by(Arc::new(Metrics::default()));
    let heard = Heard { received: 50, lost: 1, jitter: 7 * MS, ..Heard::default() };
    let mut group = c.benchmark_group("telemetry");
    group.bench_function("a piece of sound", |b| {
        b.iter(|| {
            let watch = Instant::now();
            metered.tell(|meter| meter.handled(black_box(watch).elapsed()));
        });
    });
    group.bench_function("a piece of sound, not counted", |b| {
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

fn others(c: &mut Criterion) {
    let metrics = Metrics::default();
    let (method, route, status) = ("GET", "/api/v1/me", "2xx");
    let mut group = c.benchmark_group("telemetry");
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
