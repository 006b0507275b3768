//! When somebody who was refused should try again. Pure: time and chance are arguments.
//!
//! Places become free as calls end; how often that was in the last two minutes says how soon the next one will. Those who
//! were refused meanwhile are spread over as many of these intervals as they are, so that they do not come back together.

use std::collections::VecDeque;
use std::time::Duration;

/// What was longer ago says little about what comes.
const FREED_WITHIN: Duration = Duration::from_mins(2);
/// Who was refused longer ago has come back by now.
const REFUSED_WITHIN: Duration = Duration::from_mins(1);
/// More need not be remembered.
const REMEMBERED: usize = 256;
/// No sooner, and no later unless there is no relief before.
const SOONEST: Duration = Duration::from_secs(2);
const LATEST: Duration = Duration::from_mins(1);
/// How long until a place becomes free, where none has of late; and where they rarely do.
const UNKNOWN: Duration = Duration::from_secs(15);
const RAREST: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug, Default)]
pub struct Comeback {
    freed: VecDeque<Duration>,
    refused: VecDeque<Duration>,
}

impl Comeback {
    /// A call has ended.
    pub fn freed(&mut self, now: Duration) {
        remember(&mut self.freed, now);
    }

    /// Somebody is refused at `now`; when to try again, not sooner than `least`. `chance` is from 0 to 1.
    pub fn refused(&mut self, now: Duration, least: Duration, chance: f64) -> Duration {
        let wait = self.wait(now, least, chance);
        remember(&mut self.refused, now);
        wait
    }

    /// The same for somebody who only asks.
    pub fn wait(&mut self, now: Duration, least: Duration, chance: f64) -> Duration {
        forget(&mut self.freed, now, FREED_WITHIN);
        forget(&mut self.refused, now, REFUSED_WITHIN);
        let interval = match self.freed.len() as u32 {
            0 => UNKNOWN,
            freed => now.min(FREED_WITHIN) / freed,
        };
        let interval = interval.clamp(SOONEST, RAREST).max(least);
        // Even if nobody else waits, not always the same.
        let others = self.refused.len() as f64 + 0.5;
        interval.mul_f64(1.0 + chance.clamp(0.0, 1.0) * others).min(LATEST.max(least * 3 / 2))
    }
}

fn remember(times: &mut VecDeque<Duration>, now: Duration) {
    if times.len() == REMEMBERED {
        times.pop_front();
    }
    times.push_back(now);
}

fn forget(times: &mut VecDeque<Duration>, now: Duration, within: Duration) {
    while times.front().is_some_and(|at| now.saturating_sub(*at) > within) {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn it_is_as_soon_as_calls_end() {
        let mut comeback = Comeback::default();
        assert_eq!(comeback.wait(s(100), Duration::ZERO, 0.0), s(15), "nobody knows");
        for at in (600..720).step_by(12) {
            comeback.freed(s(at));
        }
        assert_eq!(comeback.wait(s(719), Duration::ZERO, 0.0), s(12));
        assert_eq!(comeback.wait(s(719), s(20), 0.0), s(20), "but not before there is relief");
        assert_eq!(comeback.wait(s(2_000), Duration::ZERO, 0.0), s(15), "that was long ago");
    }

    #[test]
    fn those_who_are_refused_together_do_not_come_back_together() {
        let mut comeback = Comeback::default();
        for at in 0..60 {
            comeback.freed(s(1_000 + 2 * at));
        }
        let now = s(1_119);
        let waits: Vec<u64> = (0_u32..20)
            .map(|who| comeback.refused(now, Duration::ZERO, f64::from(who) / 20.0).as_secs())
            .collect();
        assert_eq!(waits[0], 2);
        assert!(*waits.last().unwrap() > 30, "{waits:?}");
        let mut different = waits.clone();
        different.dedup();
        assert!(different.len() > 15, "{waits:?}");
    }

    proptest! {
        /// Nobody is sent away for longer than a minute, or called back at once, whatever has happened; and little is
        /// remembered of it.
        #[test]
        fn the_wait_has_bounds(
            happened in prop::collection::vec((prop::bool::ANY, 0_u64..20_000), 0..600), chance in 0.0_f64..=1.0,
        ) {
            let (mut comeback, mut now) = (Comeback::default(), Duration::ZERO);
            for (ends, passes) in happened {
                now += Duration::from_millis(passes);
                if ends {
                    comeback.freed(now);
                } else {
                    let wait = comeback.refused(now, Duration::ZERO, chance);
                    prop_assert!((SOONEST..=LATEST).contains(&wait), "{:?}", wait);
                }
                prop_assert!(comeback.freed.len() <= REMEMBERED && comeback.refused.len() <= REMEMBERED);
            }
        }
    }
}
