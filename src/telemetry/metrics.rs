//! What a server counts. Each has its own; nothing is global, so two servers in one process do not mix.
//!
//! Names and labels are promises: docs/operations.md lists them, deploy/ uses them, and a test compares all three with
//! what is exported.

pub mod calls;
pub mod engines;
pub mod family;
pub mod http;
pub mod store;
pub mod turns;

use std::time::Duration;

use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use self::calls::{Calls, Transport};
pub use self::engines::Engines;
pub use self::http::{Answered, Http};
pub use self::store::{Change, Store};
pub use self::turns::Turns;

use self::family::{Family, plain};
use crate::engine::Waiting;
use crate::pipeline::load::Shedding;
use crate::pipeline::meter::{Heard, Meter, Shed, Work};
use crate::store::db::Pool;

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = CONTENT_TYPE;
const PREFIX: &str = "sotto";

/// See the module.
pub struct Metrics {
    registry: Registry,
    /// Calls and their sound.
    pub calls: Calls,
    /// Turns and replies.
    pub turns: Turns,
    /// Engines.
    pub engines: Engines,
    /// What is kept.
    pub store: Store,
    /// Requests.
    pub http: Http,
    pub(super) traces: TraceCounts,
}

/// What is read at the moment at which somebody asks.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// Calls that go on, and that may.
    pub calls: (usize, usize),
    /// How far behind the machine is, and what is left out for it.
    pub strain: f64,
    /// See [`Now::strain`].
    pub shedding: Shedding,
    /// Queues before engines.
    pub waiting: Vec<Waiting>,
    /// Connections to the database.
    pub pools: Vec<Pool>,
}

/// What became of traces.
#[derive(Clone)]
pub(super) struct TraceCounts {
    pub(super) sent: Counter,
    dropped: std::sync::Arc<Family<Counter, 1>>,
}

impl TraceCounts {
    fn new(r: &mut Registry) -> Self {
        let sent = ("traces_sent", "Turns of which the collector took the spans");
        let dropped = Family::new(
            r,
            ("traces_dropped", "Turns of which the spans were thrown away, by why"),
            ["reason"],
            Counter::default,
            [["queue_full"], ["not_taken"]],
        );
        Self { sent: plain(r, sent, Counter::default()), dropped: dropped.into() }
    }

    pub(super) fn queue_full(&self) {
        self.dropped.of(["queue_full"]).inc();
    }

    pub(super) fn not_taken(&self, turns: usize) {
        self.dropped.of(["not_taken"]).inc_by(turns as u64);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The version of the program", Info::new(version));
        let r = &mut registry;
        let (calls, turns, engines) = (Calls::new(r), Turns::new(r), Engines::new(r));
        let (store, http, traces) = (Store::new(r), Http::new(r), TraceCounts::new(r));
        Self { registry, calls, turns, engines, store, http, traces }
    }
}

impl Metrics {
    /// All of them, in Prometheus' text format.
    pub fn text(&self, now: &Now) -> String {
        self.calls.set(now);
        self.engines.set(&now.waiting);
        self.store.set(&now.pools);
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Meter for Metrics {
    fn heard(&self, heard: &Heard) {
        self.calls.heard(heard);
    }

    fn handled(&self, took: Duration) {
        self.calls.handled(took);
    }

    fn waited(&self, work: Work, waited: Duration) {
        self.engines.waited(work, waited);
    }

    fn worked(&self, work: Work, took: Duration, audio: Option<Duration>) {
        self.engines.worked(work, took, audio);
    }

    fn ended(&self, work: Work, outcome: &'static str) {
        self.engines.ended(work, outcome);
    }

    fn shed(&self, what: Shed) {
        self.engines.shed(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_counts_for_itself() {
        let (one, other) = (Metrics::default(), Metrics::default());
        one.calls.refused("at_capacity");
        let line = |count| format!("sotto_calls_refused_total{{reason=\"at_capacity\"}} {count}\n");
        assert!(one.text(&Now::default()).contains(&line(1)));
        assert!(other.text(&Now::default()).contains(&line(0)), "it is there before it happens");
    }

    #[test]
    fn what_is_asked_for_is_set_when_it_is_asked_for() {
        let metrics = Metrics::default();
        let waiting = vec![Waiting { work: Work::Final, jobs: 3, limit: 32 }];
        let pools = vec![Pool { name: "read", open: 8, idle: 5 }];
        let (calls, strain, shedding) = ((7, 100), 1.5, Shedding::Eager);
        let text = metrics.text(&Now { calls, strain, shedding, waiting, pools });
        for line in [
            "sotto_calls 7",
            "sotto_calls_limit 100",
            "sotto_strain 1.5",
            "sotto_shedding 2",
            "sotto_engine_queue{work=\"final\"} 3",
            "sotto_engine_queue_limit{work=\"final\"} 32",
            "sotto_database_connections{pool=\"read\",state=\"busy\"} 3",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}: {text}");
        }
    }

    #[test]
    fn an_engine_is_judged_by_what_its_sound_lasts() {
        let metrics = Metrics::default();
        let seconds = Duration::from_secs;
        metrics.worked(Work::Final, seconds(1), Some(seconds(4)));
        metrics.worked(Work::Final, seconds(9), None);
        let text = metrics.text(&Now::default());
        for line in [
            "sotto_engine_real_time_factor_bucket{le=\"0.2\",work=\"final\"} 0",
            "sotto_engine_real_time_factor_bucket{le=\"0.3\",work=\"final\"} 1",
            "sotto_engine_real_time_factor_count{work=\"final\"} 1",
            "sotto_engine_work_seconds_sum{work=\"final\"} 10.0",
            "sotto_engine_audio_seconds_total{work=\"final\"} 4.0",
        ] {
            assert!(has(&text, line), "{line}: {text}");
        }
    }

    /// Whether a line is there, whatever the order of its labels.
    fn has(text: &str, line: &str) -> bool {
        let parts = |line: &str| {
            let mut parts: Vec<_> = line.split(['{', '}', ',']).map(str::to_owned).collect();
            parts.sort();
            parts
        };
        text.lines().any(|other| parts(other) == parts(line))
    }
}
