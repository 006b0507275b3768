//! Metrics with labels. A label's value is a text of the program, never one that came from outside: so no word that
//! somebody said can become one, and there are only so many.

use std::array;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// The same metric for each combination of values of its labels.
pub struct Family<M, const N: usize> {
    labels: [&'static str; N],
    metrics: family::Family<Labels<N>, M, fn() -> M>,
}

impl<M, const N: usize> Family<M, N>
where
    M: Clone + EncodeMetric + TypedMetric + std::fmt::Debug + Send + Sync + 'static,
{
    /// Its labels, and how one of its metrics is made. `known` are there from the beginning, so that the first event is a
    /// change from 0.
    pub(super) fn new(
        registry: &mut Registry,
        (name, help): (&str, &str),
        labels: [&'static str; N],
        make: fn() -> M,
        known: impl IntoIterator<Item = [&'static str; N]>,
    ) -> Self {
        let metrics = family::Family::new_with_constructor(make);
        registry.register(name, help, metrics.clone());
        let family = Self { labels, metrics };
        for values in known {
            drop(family.of(values));
        }
        family
    }

    /// The one with these values.
    pub fn of(&self, values: [&'static str; N]) -> M {
        let labels = array::from_fn(|index| (self.labels[index], values[index]));
        self.metrics.get_or_create_owned(&labels)
    }
}

/// Registers a metric that has no labels.
pub(super) fn plain<M: Metric + Clone>(
    registry: &mut Registry,
    (name, help): (&str, &str),
    metric: M,
) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// From the end of speech to a phase of the answer. Closest where an answer is good or not.
pub(super) fn phases() -> Histogram {
    Histogram::new([
        0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5,
        2.0, 3.0, 5.0, 10.0,
    ])
}

/// From a lookup in memory to what people no longer wait for.
pub(super) fn waits() -> Histogram {
    Histogram::new([
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0,
    ])
}

/// A frame of sound is complete every 32 ms, and should be dealt with in less than a third of that.
pub(super) fn steps() -> Histogram {
    Histogram::new([0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25])
}

/// How unevenly packets come.
pub(super) fn jitter() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.5])
}

/// Above 1 an engine is slower than people speak.
pub(super) fn factors() -> Histogram {
    Histogram::new([0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 5.0])
}

/// From a misdial to a long evening.
pub(super) fn lengths() -> Histogram {
    Histogram::new([5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 3_600.0, 7_200.0])
}
