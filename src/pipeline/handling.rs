//! How quickly sound is handled, over all calls of a server: what says first that there are too many.
//!
//! The time of a frame goes from the moment at which the packet that completes it lies in the microphone's lane,
//! decrypted, to the moment at which the conversation has decided about it: waiting for a free processor, Opus, echo
//! cancellation and voice activity. Waiting on purpose, for a packet that is late, is not in it. Frames that were
//! completed at once share the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::telemetry::histogram::{Counted, Histogram};

/// See the module. Shared by all calls.
#[derive(Debug, Default)]
pub struct Handling {
    took: Histogram,
    dropped: AtomicU64,
    lost: AtomicU64,
}

/// What has been handled so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handled {
    /// How long frames took.
    pub took_us: Counted,
    /// Packets that were thrown away because the call's task was behind.
    pub dropped: u64,
    /// Packets that never came, as gaps in their numbers show.
    pub lost: u64,
}

impl Handling {
    /// What has been handled so far.
    pub fn handled(&self) -> Handled {
        Handled {
            took_us: self.took.counted(),
            dropped: self.dropped.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }
}

impl Handled {
    /// What was handled since `earlier`, on the same server.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            took_us: self.took_us.since(&earlier.took_us),
            dropped: self.dropped.saturating_sub(earlier.dropped),
            lost: self.lost.saturating_sub(earlier.lost),
        }
    }
}

/// One call's part in it.
pub(super) struct Part {
    all: Arc<Handling>,
    dropped: u64,
    lost: u64,
}

impl Part {
    /// Of a call that has heard nothing yet.
    pub(super) fn new(all: Arc<Handling>) -> Self {
        Self { all, dropped: 0, lost: 0 }
    }

    /// So many frames took so long; the call has dropped and lost so many packets since it began. How many of the
    /// dropped are new.
    pub(super) fn note(&mut self, frames: usize, took: Duration, dropped: u64, lost: u64) -> u64 {
        for _ in 0..frames {
            self.all.took.observe(took);
        }
        let new = dropped.saturating_sub(self.dropped);
        // Most of the time there is nothing to add.
        if (dropped, lost) != (self.dropped, self.lost) {
            self.all.dropped.fetch_add(new, Ordering::Relaxed);
            self.all.lost.fetch_add(lost.saturating_sub(self.lost), Ordering::Relaxed);
            (self.dropped, self.lost) = (dropped, lost);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_add_up_and_each_says_its_own_totals() {
        let all = Arc::new(Handling::default());
        let (mut one, mut two) = (Part::new(Arc::clone(&all)), Part::new(Arc::clone(&all)));
        one.note(1, Duration::from_micros(100), 0, 2);
        let before = all.handled();
        two.note(2, Duration::from_micros(300), 5, 1);
        one.note(0, Duration::from_micros(900), 0, 3);
        let handled = all.handled();
        assert_eq!((handled.took_us.count(), handled.dropped, handled.lost), (3, 5, 4));
        let since = handled.since(&before);
        assert_eq!((since.took_us.count(), since.dropped, since.lost), (2, 5, 2));
        assert!(since.took_us.quantile(0.5).unwrap() > Duration::from_micros(300));
    }
}
