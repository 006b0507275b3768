//! How far behind the machine is, and what has to be left out for it. Pure: time is an argument.
//!
//! What was seen at one look is smoothed over a second, so that one late timer means nothing. More is left out when the
//! machine has been behind for two seconds, one step at a time; less when it has been at ease for ten. Whoever is behind
//! again within a minute after that is given twice as long the next time, up to 80 seconds: nothing flickers.

use std::time::Duration;

use crate::pipeline::load::Shedding;

/// A timer of the runtime that is so late means that frames are late, too: they come every 20 ms.
const LATE: Duration = Duration::from_millis(20);
/// Whoever waits so long for an engine to begin notices.
const WAITS: Duration = Duration::from_millis(500);
/// Smoothed over this.
const SMOOTHED: Duration = Duration::from_secs(1);
/// A look counts at most for so long. After a pause of the whole machine the next ones decide.
const LOOK: Duration = Duration::from_millis(200);
/// Nothing counts for more than this: one look alone is soon forgotten.
const WORST: f64 = 4.0;
/// From here on the machine is behind …
const BEHIND: f64 = 1.0;
/// … and below this at ease.
const AT_EASE: f64 = 0.5;
/// So long it has to have been behind, since the last change too, before more is left out.
pub(super) const RISE: Duration = Duration::from_secs(2);
/// So long at ease, likewise, before less is; and the longest that becomes.
pub(super) const FALL: Duration = Duration::from_secs(10);
const LONGEST_FALL: Duration = Duration::from_secs(80);
/// Behind again within this after something came back: that was too soon.
const RELAPSE: Duration = Duration::from_mins(1);

/// What was seen at one look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    /// How late a timer of the runtime was.
    pub late: Duration,
    /// How long somebody has been waiting for an engine to begin.
    pub waits: Duration,
    /// Pieces of people's sound that were dropped since the last look.
    pub dropped: u64,
}

impl Signs {
    /// 1 is too much.
    fn strain(self) -> f64 {
        let part = |seen: Duration, much: Duration| seen.as_secs_f64() / much.as_secs_f64();
        let dropped = if self.dropped > 0 { WORST } else { 0.0 };
        part(self.late, LATE).max(part(self.waits, WAITS)).max(dropped).min(WORST)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Pressure {
    shedding: Shedding,
    /// No more than this is left out.
    most: Shedding,
    /// Smoothed.
    strain: f64,
    looked: Duration,
    /// Since when it has been behind, or at ease, without a break and without a change.
    behind_since: Option<Duration>,
    at_ease_since: Option<Duration>,
    /// How long it has to be at ease.
    patience: Duration,
    /// When something came back.
    fell: Option<Duration>,
}

impl Pressure {
    /// At ease. At most this will be left out, and all before it.
    pub fn new(most: Shedding) -> Self {
        Self {
            shedding: Shedding::Nothing,
            most,
            strain: 0.0,
            looked: Duration::ZERO,
            behind_since: None,
            at_ease_since: None,
            patience: FALL,
            fell: None,
        }
    }

    /// What is left out.
    pub fn shedding(&self) -> Shedding {
        self.shedding
    }

    /// How far behind the machine is: at 1 and more it is.
    pub fn strain(&self) -> f64 {
        self.strain
    }

    /// Nothing is left out, and nothing will be soon.
    pub fn is_at_ease(&self) -> bool {
        self.shedding == Shedding::Nothing && self.strain < AT_EASE
    }

    /// How long it takes at least until one thing less is left out.
    pub fn relief(&self, now: Duration) -> Duration {
        let since = self.at_ease_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        self.patience.saturating_sub(since)
    }

    /// Takes what was seen at `now`; whether something else is left out from now on.
    pub fn look(&mut self, signs: Signs, now: Duration) -> bool {
        let passed = now.saturating_sub(self.looked).min(LOOK);
        self.looked = now;
        let kept = (-passed.as_secs_f64() / SMOOTHED.as_secs_f64()).exp();
        self.strain = self.strain * kept + signs.strain() * (1.0 - kept);
        hold(&mut self.behind_since, self.strain >= BEHIND, now);
        hold(&mut self.at_ease_since, self.strain < AT_EASE, now);
        let lasted = |since: Option<Duration>, time| {
            since.is_some_and(|since| now.saturating_sub(since) >= time)
        };
        if lasted(self.behind_since, RISE) && self.shedding < self.most {
            self.rise(now);
        } else if lasted(self.at_ease_since, self.patience) && self.shedding > Shedding::Nothing {
            self.shedding = self.shedding.less();
            self.fell = Some(now);
        } else {
            return false;
        }
        (self.behind_since, self.at_ease_since) = (None, None);
        true
    }

    fn rise(&mut self, now: Duration) {
        self.shedding = self.shedding.more();
        if let Some(fell) = self.fell.take() {
            let relapsed = now.saturating_sub(fell) < RELAPSE;
            self.patience = if relapsed { (self.patience * 2).min(LONGEST_FALL) } else { FALL };
        }
    }
}

/// Since when something has held.
fn hold(since: &mut Option<Duration>, holds: bool, now: Duration) {
    *since = since.or(Some(now)).filter(|_| holds);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Shedding::{Calls, Eager, Interims, Nothing};
    use super::*;

    const STEP: Duration = Duration::from_millis(100);
    const CALM: Signs = Signs { late: Duration::from_millis(1), waits: Duration::ZERO, dropped: 0 };
    const LAGGING: Signs =
        Signs { late: Duration::from_millis(40), waits: Duration::ZERO, dropped: 0 };

    /// What is left out, and when it changed: seconds.
    struct Watch {
        pressure: Pressure,
        now: Duration,
        changes: Vec<(f64, Shedding)>,
    }

    impl Watch {
        fn new() -> Self {
            Self { pressure: Pressure::new(Calls), now: Duration::ZERO, changes: Vec::new() }
        }

        fn see(&mut self, signs: Signs, ms: u64) -> &mut Self {
            for _ in 0..ms / 100 {
                self.now += STEP;
                if self.pressure.look(signs, self.now) {
                    self.changes.push((self.now.as_secs_f64(), self.pressure.shedding()));
                }
            }
            self
        }

        fn levels(&self) -> Vec<Shedding> {
            self.changes.iter().map(|(_, shedding)| *shedding).collect()
        }
    }

    #[test]
    fn what_lasts_is_answered_in_the_fixed_order_and_taken_back_in_reverse() {
        let mut watch = Watch::new();
        watch.see(CALM, 60_000).see(LAGGING, 10_000).see(CALM, 60_000);
        assert_eq!(watch.levels(), [Interims, Eager, Calls, Eager, Interims, Nothing]);
        let first = watch.changes[0].0 - 60.0;
        assert!((2.0..4.0).contains(&first), "noticed after {first} s");
        let gaps: Vec<f64> = watch.changes.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(gaps[..2].iter().all(|gap| (2.0..2.5).contains(gap)), "{gaps:?}");
        assert!(gaps[3..].iter().all(|gap| (10.0..10.5).contains(gap)), "{gaps:?}");
        assert!(watch.pressure.is_at_ease());
    }

    #[test]
    fn one_late_timer_means_nothing_however_late() {
        for late in [200, 5_000, 60_000] {
            let mut watch = Watch::new();
            let late = Signs { late: Duration::from_millis(late), ..CALM };
            watch.see(CALM, 5_000).see(late, 100).see(CALM, 20_000);
            assert_eq!(watch.levels(), []);
        }
    }

    #[test]
    fn every_sign_counts() {
        for signs in [
            Signs { waits: Duration::from_millis(700), ..CALM },
            Signs { dropped: 1, ..CALM },
            Signs { late: Duration::from_millis(25), ..CALM },
        ] {
            assert_eq!(Watch::new().see(signs, 20_000).levels().last(), Some(&Calls), "{signs:?}");
        }
        for signs in [
            Signs { waits: Duration::from_millis(400), ..CALM },
            Signs { late: Duration::from_millis(15), ..CALM },
        ] {
            assert_eq!(Watch::new().see(signs, 60_000).levels(), [], "{signs:?}");
        }
    }

    #[test]
    fn no_more_is_left_out_than_is_allowed() {
        let mut watch = Watch::new();
        watch.pressure.most = Eager;
        watch.see(LAGGING, 60_000);
        assert_eq!(watch.levels(), [Interims, Eager]);
    }

    #[test]
    fn what_came_back_too_soon_comes_back_later_and_later() {
        let mut watch = Watch::new();
        // Behind as soon as captions are made.
        for _ in 0..4_000 {
            let signs = if watch.pressure.shedding() == Nothing { LAGGING } else { CALM };
            watch.see(signs, 100);
        }
        let back: Vec<f64> =
            watch.changes.chunks_exact(2).map(|pair| pair[1].0 - pair[0].0).collect();
        let wanted = [10.0, 20.0, 40.0, 80.0, 80.0];
        assert!(back.len() >= 4, "{back:?}");
        for (time, wanted) in back.iter().zip(wanted) {
            assert!((wanted..wanted + 2.0).contains(time), "{back:?}");
        }
        // A minute without trouble, and it is trusted again.
        watch.see(CALM, 200_000);
        let quiet = watch.changes.len();
        watch.see(LAGGING, 3_500).see(CALM, 30_000);
        let again = watch.changes[quiet + 1].0 - watch.changes[quiet].0;
        assert!((10.0..14.0).contains(&again), "{again}");
    }

    #[test]
    fn relief_is_what_is_left_of_the_patience() {
        let mut watch = Watch::new();
        watch.see(LAGGING, 7_500);
        assert_eq!(watch.pressure.shedding(), Calls);
        assert_eq!(watch.pressure.relief(watch.now), FALL);
        watch.see(CALM, 8_000);
        assert!(watch.pressure.relief(watch.now) < Duration::from_secs(5));
    }

    proptest! {
        /// A machine that is never behind leaves nothing out.
        #[test]
        fn an_idle_machine_leaves_nothing_out(late in prop::collection::vec(0_u64..10, 1..2_000)) {
            let mut watch = Watch::new();
            for late in late {
                watch.see(Signs { late: Duration::from_millis(late), ..CALM }, 100);
            }
            prop_assert_eq!(watch.levels(), []);
        }

        /// Whatever is seen and whenever: one step at a time, never sooner after the last one than that takes, and back to
        /// nothing when the machine is at ease.
        #[test]
        fn nothing_flickers_and_everything_comes_back(
            seen in prop::collection::vec((0_u64..200, 0_u64..3_000, prop::bool::weighted(0.05), 1_u64..2_000), 1..400),
        ) {
            let mut watch = Watch::new();
            let mut last = (Duration::ZERO, Nothing);
            for (late, waits, dropped, passes) in seen {
                watch.now += Duration::from_millis(passes);
                let (late, waits) = (Duration::from_millis(late), Duration::from_millis(waits));
                let signs = Signs { late, waits, dropped: u64::from(dropped) };
                let changed = watch.pressure.look(signs, watch.now);
                let shedding = watch.pressure.shedding();
                prop_assert_eq!(changed, shedding != last.1);
                if changed {
                    let least = if shedding > last.1 { RISE } else { FALL };
                    prop_assert!(watch.now.saturating_sub(last.0) >= least);
                    prop_assert!(shedding == last.1.more() || shedding == last.1.less());
                    last = (watch.now, shedding);
                }
            }
            watch.see(CALM, 300_000);
            prop_assert_eq!(watch.pressure.shedding(), Nothing);
        }
    }
}
