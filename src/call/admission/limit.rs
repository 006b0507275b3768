//! How many calls are taken at once: as many as whoever runs the server says, or as many as the machine was measured to
//! carry, corrected by what is seen. Pure: time is an argument.

use std::time::Duration;

use super::estimate::Estimate;
use crate::config::CallLimit;

/// It grows no more often than this.
const GROWS_EVERY: Duration = Duration::from_secs(10);
/// A step is this part of what was measured.
const STEP: usize = 20;
/// It grows beyond what was measured as long as nobody is behind, but never to more than so many times of it: people who
/// are silent now may all speak at once.
const BEYOND: usize = 2;

/// See the module.
#[derive(Debug)]
pub enum Limit {
    /// As configured.
    Fixed(usize),
    /// As measured and seen.
    Auto(Auto),
}

/// A limit that is found out.
#[derive(Debug)]
pub struct Auto {
    estimate: Estimate,
    calls: usize,
    /// How many went on when that was last found to be too many.
    went_on: usize,
    /// When it changed.
    changed: Duration,
}

impl Limit {
    /// As configured, on a machine that was measured to carry so many.
    pub fn new(configured: CallLimit, estimate: Estimate) -> Self {
        match configured {
            CallLimit::Fixed(calls) => Self::Fixed(calls),
            CallLimit::Auto => {
                let calls = estimate.calls;
                Self::Auto(Auto { estimate, calls, went_on: 0, changed: Duration::ZERO })
            }
        }
    }

    /// Calls at once, now.
    pub fn calls(&self) -> usize {
        match self {
            Self::Fixed(calls) => *calls,
            Self::Auto(auto) => auto.calls,
        }
    }

    /// Calls at once with those who come back to a call that was lost: it was there when the limit was lowered.
    pub fn calls_with_those_who_return(&self) -> usize {
        match self {
            Self::Fixed(calls) => *calls,
            Self::Auto(auto) => auto.calls.max(auto.went_on),
        }
    }

    /// What was measured, if that counts.
    pub fn estimate(&self) -> Option<Estimate> {
        match self {
            Self::Fixed(_) => None,
            Self::Auto(auto) => Some(auto.estimate),
        }
    }

    /// The machine was measured with other engines.
    pub fn measured(&mut self, estimate: Estimate) {
        if let Self::Auto(auto) = self
            && auto.estimate != estimate
        {
            (auto.estimate, auto.calls, auto.went_on) = (estimate, estimate.calls, 0);
        }
    }

    /// As many as go on are too many.
    pub fn too_many(&mut self, active: usize, now: Duration) {
        if let Self::Auto(auto) = self {
            auto.calls = auto.calls.min((active * 9 / 10).max(1));
            (auto.went_on, auto.changed) = (active, now);
        }
    }

    /// Nobody is behind while so many go on; whether more are taken from now on.
    pub fn at_ease(&mut self, active: usize, now: Duration) -> bool {
        let Self::Auto(auto) = self else { return false };
        let (measured, before) = (auto.estimate.calls, auto.calls);
        let most = if before < measured {
            measured
        } else if active >= before {
            measured * BEYOND
        } else {
            // Whether it carries more can be seen only when all of it is used.
            return false;
        };
        if now.saturating_sub(auto.changed) < GROWS_EVERY {
            return false;
        }
        auto.calls = (before + measured.div_ceil(STEP)).min(most).max(before);
        auto.changed = now;
        auto.calls > before
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::admission::estimate::Bound;

    fn auto(calls: usize) -> Limit {
        Limit::new(CallLimit::Auto, Estimate { calls, bound: Bound::Untried })
    }

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn what_is_configured_holds_whatever_is_seen() {
        let estimate = Estimate { calls: 40, bound: Bound::Untried };
        let mut limit = Limit::new(CallLimit::Fixed(7), estimate);
        limit.too_many(7, s(1));
        assert!(!limit.at_ease(7, s(100)));
        limit.measured(Estimate { calls: 3, bound: Bound::Untried });
        assert_eq!((limit.calls(), limit.estimate()), (7, None));
    }

    #[test]
    fn too_many_is_a_tenth_more_than_it_carries_and_that_comes_back() {
        let mut limit = auto(40);
        assert_eq!(limit.calls(), 40);
        limit.too_many(30, s(100));
        assert_eq!((limit.calls(), limit.calls_with_those_who_return()), (27, 30));
        assert!(!limit.at_ease(5, s(109)));
        let mut now = 100;
        while limit.calls() < 40 {
            now += 10;
            assert!(limit.at_ease(5, s(now)));
        }
        assert_eq!(now, 170, "two in ten seconds");
        assert!(!limit.at_ease(5, s(1_000)), "nobody needs more");
    }

    #[test]
    fn it_grows_beyond_what_was_measured_when_all_of_it_is_used_and_only_so_far() {
        let mut limit = auto(10);
        for now in (10..2_000).step_by(10) {
            limit.at_ease(limit.calls(), s(now));
        }
        assert_eq!(limit.calls(), 20);
    }

    #[test]
    fn other_engines_are_another_machine() {
        let mut limit = auto(40);
        limit.too_many(40, s(1));
        limit.measured(Estimate { calls: 12, bound: Bound::Untried });
        assert_eq!(limit.calls(), 12);
    }

    proptest! {
        /// There is always room for one, and never for more than twice what was measured.
        #[test]
        fn it_stays_within_its_bounds(
            measured in 1_usize..500,
            seen in prop::collection::vec((prop::bool::ANY, 0_usize..1_200, 0_u64..30), 0..200),
        ) {
            let (mut limit, mut now) = (auto(measured), 0);
            for (behind, active, passes) in seen {
                now += passes;
                let before = limit.calls();
                if behind {
                    limit.too_many(active, s(now));
                    prop_assert!(limit.calls() <= before);
                } else {
                    let grown = limit.at_ease(active, s(now));
                    prop_assert_eq!(grown, limit.calls() > before);
                }
                prop_assert!((1..=measured * BEYOND).contains(&limit.calls()));
            }
        }
    }
}
