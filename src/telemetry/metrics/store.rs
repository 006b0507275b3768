//! What is kept: how long storing takes, what waits for it, and what was given up.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::family::{Family, plain, waits};
use crate::pipeline::transport::NotStored;
use crate::store::db::Pool;

const CHANGES: [Change; 3] = [Change::Item, Change::Shorten, Change::Turn];
const GIVEN_UP: [NotStored; 4] =
    [NotStored::TooMany, NotStored::Unavailable, NotStored::Gone, NotStored::Refused];

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// An item is added.
    Item,
    /// An item is cut to what was heard of it.
    Shorten,
    /// How a turn went.
    Turn,
}

impl Change {
    fn code(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Shorten => "shorten",
            Self::Turn => "turn",
        }
    }
}

/// See the module.
pub struct Store {
    stored: Family<Histogram, 1>,
    failures: Family<Counter, 1>,
    not_stored: Family<Counter, 1>,
    waiting: Gauge,
    connections: Family<Gauge, 2>,
}

impl Store {
    pub(super) fn new(r: &mut Registry) -> Self {
        let changes = CHANGES.map(|change| [change.code()]);
        let waiting = ("store_queue", "Changes in calls that wait to be stored");
        Self {
            stored: Family::new(
                r,
                ("store_seconds", "How long the database took to store something"),
                ["what"],
                waits,
                changes,
            ),
            failures: Family::new(
                r,
                ("store_failures", "Attempts to store something that failed"),
                ["what"],
                Counter::default,
                changes,
            ),
            not_stored: Family::new(
                r,
                ("items_not_stored", "Items of calls that were given up, by why"),
                ["reason"],
                Counter::default,
                GIVEN_UP.map(|why| [why.code()]),
            ),
            waiting: plain(r, waiting, Gauge::default()),
            connections: Family::new(
                r,
                ("database_connections", "Connections to the database, by pool"),
                ["pool", "state"],
                Gauge::default,
                [],
            ),
        }
    }

    /// Something was stored, or not.
    pub fn tried(&self, change: Change, took: Duration, done: bool) {
        if done {
            self.stored.of([change.code()]).observe(took.as_secs_f64());
        } else {
            self.failures.of([change.code()]).inc();
        }
    }

    /// An item of a call was given up.
    pub fn gave_up(&self, why: NotStored) {
        self.not_stored.of([why.code()]).inc();
    }

    /// A change of a call waits to be stored.
    pub fn waits(&self) {
        self.waiting.inc();
    }

    /// It no longer waits.
    pub fn is_served(&self) {
        self.waiting.dec();
    }

    /// The connections at this moment.
    pub(super) fn set(&self, pools: &[Pool]) {
        for Pool { name, open, idle } in pools {
            self.connections.of([name, "idle"]).set(*idle as i64);
            self.connections.of([name, "busy"]).set(open.saturating_sub(*idle) as i64);
        }
    }
}
