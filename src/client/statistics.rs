//! What many measurements say: percentiles, and whether two sets of them differ by more than chance.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// How often both sets are drawn anew to see how far chance goes.
const DRAWS: usize = 2_000;
/// The draws that are left out at either end: what is left is an interval of 95 %.
const TAIL: f64 = 0.025;

/// Values of one kind, in the order of their size.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Values(Vec<u64>);

/// What is usually told of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many.
    pub count: usize,
    /// Half of them are no larger.
    pub p50: u64,
    /// 95 % of them are no larger. Of fewer than twenty it is the largest.
    pub p95: u64,
    /// 99 % of them are no larger. Of fewer than a hundred it is the largest.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

/// How a percentile of one set compares with that of another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// New to old.
    pub ratio: f64,
    /// With 95 % confidence it is not less than this, …
    pub low: f64,
    /// … and not more than this.
    pub high: f64,
}

impl From<Vec<u64>> for Values {
    fn from(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        Self(values)
    }
}

impl From<Values> for Vec<u64> {
    fn from(values: Values) -> Self {
        values.0
    }
}

impl FromIterator<u64> for Values {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        values.into_iter().collect::<Vec<u64>>().into()
    }
}

impl Values {
    /// The smallest value that `part` (0 to 1) of all are no larger than; `None` if there are none.
    pub fn quantile(&self, part: f64) -> Option<u64> {
        self.0.get(rank(self.0.len(), part)).copied()
    }

    /// What is usually told; `None` if there are none.
    pub fn summary(&self) -> Option<Summary> {
        let at = |part| self.quantile(part);
        let (p50, p95, p99, max) = (at(0.5)?, at(0.95)?, at(0.99)?, at(1.0)?);
        Some(Summary { count: self.0.len(), p50, p95, p99, max })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How the percentile `part` compares with that of `old`, and how far chance alone may have moved it: both are drawn
    /// anew from themselves many times (the percentile bootstrap). `None` if there is nothing to compare.
    pub fn ratio_to(&self, old: &Self, part: f64) -> Option<Ratio> {
        let of = |new: u64, old: u64| new.max(1) as f64 / old.max(1) as f64;
        let ratio = of(self.quantile(part)?, old.quantile(part)?);
        // The same two sets are always judged alike.
        let mut chance = SmallRng::seed_from_u64(1);
        let mut drawn: Vec<f64> = (0..DRAWS)
            .map(|_| of(self.drawn(part, &mut chance), old.drawn(part, &mut chance)))
            .collect();
        drawn.sort_unstable_by(f64::total_cmp);
        Some(Ratio { ratio, low: drawn[rank(DRAWS, TAIL)], high: drawn[rank(DRAWS, 1.0 - TAIL)] })
    }

    /// The percentile of as many values, each drawn from all.
    fn drawn(&self, part: f64, chance: &mut SmallRng) -> u64 {
        let mut drawn: Vec<u64> =
            (0..self.0.len()).map(|_| self.0[chance.random_range(0..self.0.len())]).collect();
        let (_, value, _) = drawn.select_nth_unstable(rank(self.0.len(), part));
        *value
    }
}

/// The place of the percentile `part` among `count` sorted values: the nearest rank.
fn rank(count: usize, part: f64) -> usize {
    ((count as f64 * part - 1e-9).ceil() as usize).clamp(1, count.max(1)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert_eq!(Values::default().summary(), None);
        let one: Values = [7].into_iter().collect();
        let seven = Summary { count: 1, p50: 7, p95: 7, p99: 7, max: 7 };
        assert_eq!(one.summary(), Some(seven));
        let hundred: Values = (1..=100).rev().collect();
        let expected = Summary { count: 100, p50: 50, p95: 95, p99: 99, max: 100 };
        assert_eq!(hundred.summary(), Some(expected));
    }

    /// Values around `middle`, a tenth to either side, the same ones for a seed.
    fn around(middle: u64, count: usize, seed: u64) -> Values {
        let mut chance = SmallRng::seed_from_u64(seed);
        (0..count).map(|_| chance.random_range(middle * 9 / 10..=middle * 11 / 10)).collect()
    }

    #[test]
    fn two_measurements_of_the_same_do_not_differ() {
        let ratio = around(500, 40, 2).ratio_to(&around(500, 40, 3), 0.5).unwrap();
        assert!(ratio.low < 1.0 && ratio.high > 1.0, "{ratio:?}");
        assert_eq!(Values::default().ratio_to(&around(500, 3, 1), 0.5), None);
    }

    #[test]
    fn what_is_slower_by_a_fifth_is_slower_beyond_chance() {
        let ratio = around(600, 40, 2).ratio_to(&around(500, 40, 3), 0.5).unwrap();
        assert!(ratio.low > 1.05 && ratio.high < 1.4, "{ratio:?}");
        assert!((ratio.ratio - 1.2).abs() < 0.1, "{ratio:?}");
    }

    #[test]
    fn of_few_values_little_can_be_said() {
        let few = around(500, 4, 4).ratio_to(&around(500, 4, 5), 0.95).unwrap();
        let many = around(500, 400, 4).ratio_to(&around(500, 400, 5), 0.95).unwrap();
        assert!(few.high - few.low > many.high - many.low, "{few:?} {many:?}");
    }
}
