//! How much the machine has left for what nobody waits for: a plain value that all calls of a server share. Who sets it,
//! and why, is decided elsewhere (`call/admission`).

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What is left out while the machine is behind: this, and all before it. The order is fixed: what is missed least goes
/// first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shedding {
    /// Nothing.
    #[default]
    Nothing,
    /// Captions of somebody who is still speaking: they wait for the final words.
    Interims,
    /// Replies that are begun before it is sure that the person has finished.
    Eager,
    /// New calls.
    Calls,
}

impl Shedding {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Interims, Self::Eager, Self::Calls];

    /// Whether captions are made while somebody speaks.
    pub fn interims_allowed(self) -> bool {
        self < Self::Interims
    }

    /// Whether replies are begun early.
    pub fn eager_allowed(self) -> bool {
        self < Self::Eager
    }

    /// Whether new calls are taken.
    pub fn calls_allowed(self) -> bool {
        self < Self::Calls
    }

    /// The next one in the order; the last one stays.
    #[must_use]
    pub fn more(self) -> Self {
        Self::ALL[(self as usize + 1).min(Self::ALL.len() - 1)]
    }

    /// The one before in the order; the first one stays.
    #[must_use]
    pub fn less(self) -> Self {
        Self::ALL[(self as usize).saturating_sub(1)]
    }
}

/// A piece of work that a call has left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// A caption that was due.
    Interim,
    /// A reply that would have been begun early.
    Eager,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Load {
    shedding: AtomicU8,
    interims: AtomicU64,
    eager: AtomicU64,
    dropped: AtomicU64,
}

impl Load {
    /// What is left out now.
    pub fn shedding(&self) -> Shedding {
        Shedding::ALL[usize::from(self.shedding.load(Ordering::Relaxed))]
    }

    /// From now on this is left out, and all before it.
    pub fn set(&self, shedding: Shedding) {
        self.shedding.store(shedding as u8, Ordering::Relaxed);
    }

    /// Whether captions are made while somebody speaks.
    pub fn interims_allowed(&self) -> bool {
        self.shedding().interims_allowed()
    }

    /// Whether replies are begun early.
    pub fn eager_allowed(&self) -> bool {
        self.shedding().eager_allowed()
    }

    /// Something was left out.
    pub fn count(&self, shed: Shed) {
        self.counter(shed).fetch_add(1, Ordering::Relaxed);
    }

    /// How often this was left out since the start.
    pub fn counted(&self, shed: Shed) -> u64 {
        self.counter(shed).load(Ordering::Relaxed)
    }

    /// So many pieces of the person's sound were dropped because their call was behind.
    pub fn count_dropped(&self, pieces: u64) {
        self.dropped.fetch_add(pieces, Ordering::Relaxed);
    }

    /// How many pieces of sound were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn counter(&self, shed: Shed) -> &AtomicU64 {
        match shed {
            Shed::Interim => &self.interims,
            Shed::Eager => &self.eager,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_interims_eager_calls() {
        let allowed = Shedding::ALL
            .map(|now| [now.interims_allowed(), now.eager_allowed(), now.calls_allowed()]);
        assert_eq!(
            allowed,
            [[true, true, true], [false, true, true], [false, false, true], [false, false, false]]
        );
        for pair in Shedding::ALL.windows(2) {
            assert_eq!((pair[0].more(), pair[1].less()), (pair[1], pair[0]));
        }
        assert_eq!(Shedding::Calls.more(), Shedding::Calls);
        assert_eq!(Shedding::Nothing.less(), Shedding::Nothing);
    }

    #[test]
    fn what_is_set_is_read_and_what_is_left_out_is_counted() {
        let load = Load::default();
        assert!(load.interims_allowed() && load.eager_allowed());
        load.set(Shedding::Interims);
        assert!(!load.interims_allowed() && load.eager_allowed());
        load.count(Shed::Interim);
        load.count(Shed::Interim);
        load.count_dropped(3);
        assert_eq!(
            (load.counted(Shed::Interim), load.counted(Shed::Eager), load.dropped()),
            (2, 0, 3)
        );
    }
}
