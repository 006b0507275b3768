//! Requests at the door.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::family::{Family, waits};

/// See the module.
pub struct Http {
    requests: Family<Counter, 3>,
    times: Family<Histogram, 1>,
    rejections: Family<Counter, 1>,
}

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// Its method, or `other`.
    pub method: &'static str,
    /// Its route as it stands in the router, or `other`.
    pub route: &'static str,
    /// `2xx`, `4xx` and so on.
    pub status: &'static str,
    /// The code of the error that it was answered with.
    pub code: Option<&'static str>,
    /// Until its answer began.
    pub took: Duration,
}

impl Http {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            requests: Family::new(
                r,
                ("http_requests", "Requests, by method, route and class of the answer"),
                ["method", "route", "status"],
                Counter::default,
                [],
            ),
            times: Family::new(
                r,
                ("http_request_seconds", "From a request to the beginning of its answer"),
                ["route"],
                waits,
                [],
            ),
            rejections: Family::new(
                r,
                ("http_rejections", "Requests that were answered with an error, by its code"),
                ["code"],
                Counter::default,
                [["rate_limit_exceeded"], ["unavailable"], ["internal_error"]],
            ),
        }
    }

    /// A request was answered.
    pub fn answered(&self, answered: Answered) {
        let Answered { method, route, status, code, took } = answered;
        self.requests.of([method, route, status]).inc();
        self.times.of([route]).observe(took.as_secs_f64());
        if let Some(code) = code {
            self.rejections.of([code]).inc();
        }
    }
}
