//! Engines: how long their work waits and takes, and what is left undone.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::family::{Family, factors, waits};
use crate::engine::Waiting;
use crate::pipeline::meter::{Shed, Work};
use crate::telemetry::codes;

/// See the module.
pub struct Engines {
    jobs: Family<Counter, 2>,
    waits: Family<Histogram, 1>,
    works: Family<Histogram, 1>,
    audio: Family<Counter<f64, AtomicU64>, 1>,
    factors: Family<Histogram, 1>,
    queue: Family<Gauge, 1>,
    queue_limit: Family<Gauge, 1>,
    sheds: Family<Counter, 1>,
}

impl Engines {
    pub(super) fn new(r: &mut Registry) -> Self {
        let works = codes::WORKS.map(|work| [codes::work(work)]);
        let outcomes = ["ok", "cancelled", "engine_overloaded", "engine_timeout", "engine_failed"];
        let jobs =
            codes::WORKS.into_iter().flat_map(|work| outcomes.map(|o| [codes::work(work), o]));
        Self {
            jobs: Family::new(
                r,
                ("engine_jobs", "Jobs of engines, by what they were for and how they ended"),
                ["work", "outcome"],
                Counter::default,
                jobs,
            ),
            waits: Family::new(
                r,
                ("engine_wait_seconds", "How long jobs waited before an engine began with them"),
                ["work"],
                waits,
                works,
            ),
            works: Family::new(
                r,
                ("engine_work_seconds", "How long engines worked on a job"),
                ["work"],
                waits,
                works,
            ),
            audio: Family::new(
                r,
                ("engine_audio_seconds", "Sound that engines listened to, or made"),
                ["work"],
                Counter::default,
                works,
            ),
            factors: Family::new(
                r,
                (
                    "engine_real_time_factor",
                    "Work on a job, as a share of how long its sound lasts",
                ),
                ["work"],
                factors,
                works,
            ),
            queue: Family::new(
                r,
                ("engine_queue", "Jobs that wait for an engine"),
                ["work"],
                Gauge::default,
                works,
            ),
            queue_limit: Family::new(
                r,
                ("engine_queue_limit", "Jobs that may wait for an engine; one more is refused"),
                ["work"],
                Gauge::default,
                works,
            ),
            sheds: Family::new(
                r,
                ("sheds", "What was left undone so that calls stay good"),
                ["what"],
                Counter::default,
                codes::SHEDS.map(|what| [codes::shed(what)]),
            ),
        }
    }

    /// What waits at this moment.
    pub(super) fn set(&self, waiting: &[Waiting]) {
        for Waiting { work, jobs, limit } in waiting {
            self.queue.of([codes::work(*work)]).set(*jobs as i64);
            self.queue_limit.of([codes::work(*work)]).set(*limit as i64);
        }
    }

    pub(super) fn waited(&self, work: Work, waited: Duration) {
        self.waits.of([codes::work(work)]).observe(waited.as_secs_f64());
    }

    pub(super) fn worked(&self, work: Work, took: Duration, audio: Option<Duration>) {
        let (work, took) = ([codes::work(work)], took.as_secs_f64());
        self.works.of(work).observe(took);
        if let Some(audio) = audio.map(|audio| audio.as_secs_f64()).filter(|audio| *audio > 0.0) {
            self.audio.of(work).inc_by(audio);
            self.factors.of(work).observe(took / audio);
        }
    }

    pub(super) fn ended(&self, work: Work, outcome: &'static str) {
        self.jobs.of([codes::work(work), outcome]).inc();
    }

    pub(super) fn shed(&self, what: Shed) {
        self.sheds.of([codes::shed(what)]).inc();
    }
}
