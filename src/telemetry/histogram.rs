//! How long something took, a million times over: a histogram that costs two additions, takes no lock and
//! allocates nothing.
//!
//! Its buckets are those of high dynamic range histograms: eight to each power of two, so that a value is known to an
//! eighth or better, from a microsecond to half a minute.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Buckets to a power of two, as a power of two.
const FINE: u32 = 3;
const PER_OCTAVE: usize = 1 << FINE;
/// The last bucket begins at 30 s, and takes all that took longer.
const BUCKETS: usize = 23 * PER_OCTAVE;

/// See the module. Made to be shared: every method takes `&self`.
#[derive(Debug)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

/// What a histogram has counted: how many values were less than so many microseconds, and not less than the bound
/// before. Buckets that are empty are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Counted(BTreeMap<u64, u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BUCKETS], sum_us: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Counts a value.
    pub fn observe(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket(us)].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// All values together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us.load(Ordering::Relaxed))
    }

    /// What has been counted so far.
    pub fn counted(&self) -> Counted {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).enumerate();
        Counted(counts.filter(|(_, n)| *n > 0).map(|(bucket, n)| (below(bucket), n)).collect())
    }
}

/// The bucket of a value in microseconds.
fn bucket(us: u64) -> usize {
    let octave = (us | 1).ilog2();
    if octave < FINE {
        return us as usize;
    }
    let fine = (us >> (octave - FINE)) as usize - PER_OCTAVE;
    ((octave - FINE + 1) as usize * PER_OCTAVE + fine).min(BUCKETS - 1)
}

/// The value that a bucket's are less than, in microseconds.
fn below(bucket: usize) -> u64 {
    let (octave, fine) = (bucket / PER_OCTAVE, bucket % PER_OCTAVE);
    match octave {
        0 => fine as u64 + 1,
        _ => ((PER_OCTAVE + fine + 1) as u64) << (octave - 1),
    }
}

impl Counted {
    /// How many values.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// What was counted since `earlier`, of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |below: &u64| earlier.0.get(below).copied().unwrap_or(0);
        let counts = self.0.iter().map(|(below, n)| (*below, n.saturating_sub(before(below))));
        Self(counts.filter(|(_, n)| *n > 0).collect())
    }

    /// The value that `part` (0 to 1) of all are less than, rounded up to the bound of its bucket; `None` if there are none.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let wanted = (self.count() as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.0.iter().find(|(_, n)| {
            seen += **n;
            seen >= wanted
        });
        found.map(|(below, _)| Duration::from_micros(*below))
    }

    /// The buckets that are not empty: less than so many microseconds, and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(below, n)| (*below, *n))
    }
}

impl From<Vec<(u64, u64)>> for Counted {
    fn from(buckets: Vec<(u64, u64)>) -> Self {
        Self(buckets.into_iter().collect())
    }
}

impl From<Counted> for Vec<(u64, u64)> {
    fn from(counted: Counted) -> Self {
        counted.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_a_hole_and_are_narrow() {
        let mut from = 0;
        for number in 0..BUCKETS - 1 {
            let to = below(number);
            assert_eq!((bucket(from), bucket(to - 1)), (number, number), "{from} to {to}");
            assert!(to - from <= 1 + from / 8, "{from} to {to}");
            from = to;
        }
        assert!((20_000_000..40_000_000).contains(&from), "{from}");
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_bounds_of_what_was_counted() {
        let histogram = Histogram::default();
        assert_eq!(histogram.counted().quantile(0.5), None);
        for us in 1..=1_000 {
            histogram.observe(Duration::from_micros(us));
        }
        let counted = histogram.counted();
        assert_eq!(counted.count(), 1_000);
        assert_eq!(histogram.sum(), Duration::from_micros(500_500));
        for (part, exact) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let us = counted.quantile(part).unwrap().as_micros() as f64;
            assert!((exact..=exact * 1.125 + 1.0).contains(&us), "{part}: {us}");
        }
    }

    #[test]
    fn an_interval_is_what_came_since() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_secs(9));
        let before = histogram.counted();
        histogram.observe(Duration::from_micros(3));
        let since = histogram.counted().since(&before);
        assert_eq!(since.buckets().collect::<Vec<_>>(), [(4, 1)]);
        let json = serde_json::to_string(&since).unwrap();
        assert_eq!(json, "[[4,1]]");
        assert_eq!(serde_json::from_str::<Counted>(&json).unwrap(), since);
    }
}
