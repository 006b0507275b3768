//! Looks how the machine copes, ten times in a second.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::call::Calls;

const EVERY: Duration = Duration::from_millis(100);

/// Looks for ever at how late the runtime is, how long engines are waited for, and what was dropped.
pub async fn watch(calls: &Calls) {
    loop {
        let due = Instant::now() + EVERY;
        sleep_until(due).await;
        let waits = calls.engines().longest_wait();
        let now = Instant::now();
        calls.admission().look(now.saturating_duration_since(due), waits, now);
    }
}
