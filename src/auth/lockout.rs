//! How long an account rests after wrong passwords. Pure: it is told the time.
//!
//! The first five attempts are free; each further one makes the next wait twice as long, from one second to a
//! quarter of an hour. It never locks for good, so that nobody can shut out somebody else by guessing, and it
//! forgets after a day of quiet.

use std::time::Duration;

/// Attempts before there is any waiting.
const FREE: i64 = 5;
/// The first wait.
const FIRST_MS: i64 = 1_000;
/// The longest wait.
const LONGEST_MS: i64 = 15 * 60 * 1_000;
/// Failures are forgotten when nothing was tried for this long after the lock.
const FORGOTTEN_AFTER_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is remembered of an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Attempts since the last success.
    pub failures: i64,
    /// Nothing is tried before this time, in milliseconds since 1970.
    pub locked_until_ms: i64,
}

/// The account rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locked {
    /// For so much longer.
    pub wait: Duration,
}

impl State {
    /// Counts an attempt, before its password is looked at: attempts at the same moment cannot all be the last
    /// free one. A success afterwards makes it [`State::default`] again.
    pub fn attempt(self, now_ms: i64) -> Result<Self, Locked> {
        let left = self.locked_until_ms.saturating_sub(now_ms);
        // A clock that was set back must not lock for longer than the longest wait.
        if left > 0 {
            return Err(Locked { wait: Duration::from_millis(left.min(LONGEST_MS) as u64) });
        }
        let before = if -left > FORGOTTEN_AFTER_MS { 0 } else { self.failures.max(0) };
        let failures = before.saturating_add(1);
        let wait_ms = match failures - FREE {
            ..0 => 0,
            doubled => FIRST_MS.checked_shl(doubled.min(32) as u32).unwrap_or(LONGEST_MS),
        };
        Ok(Self { failures, locked_until_ms: now_ms.saturating_add(wait_ms.min(LONGEST_MS)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits that each of `attempts` wrong passwords leads to.
    fn waits(attempts: usize) -> Vec<i64> {
        let (mut state, mut now) = (State::default(), 1_000_000);
        let mut waits = Vec::new();
        for _ in 0..attempts {
            state = state.attempt(now).unwrap();
            waits.push(state.locked_until_ms - now);
            now = state.locked_until_ms;
        }
        waits
    }

    #[test]
    fn after_five_attempts_each_waits_twice_as_long() {
        assert_eq!(waits(9), [0, 0, 0, 0, 1_000, 2_000, 4_000, 8_000, 16_000]);
    }

    #[test]
    fn no_wait_is_longer_than_a_quarter_of_an_hour() {
        let waits = waits(200);
        assert_eq!(waits.iter().max(), Some(&LONGEST_MS));
        assert_eq!(waits.last(), Some(&LONGEST_MS));
    }

    #[test]
    fn a_locked_account_says_how_long_and_counts_nothing() {
        let state = State { failures: 7, locked_until_ms: 10_000 };
        assert_eq!(state.attempt(7_500), Err(Locked { wait: Duration::from_millis(2_500) }));
        assert!(state.attempt(10_000).is_ok());
    }

    #[test]
    fn a_day_of_quiet_is_a_new_beginning() {
        let state = State { failures: 30, locked_until_ms: 10_000 };
        let next_day = 10_001 + FORGOTTEN_AFTER_MS;
        assert_eq!(state.attempt(next_day).unwrap().failures, 1);
        assert_eq!(state.attempt(next_day - 2).unwrap().failures, 31);
    }

    #[test]
    fn a_clock_that_was_set_back_locks_no_longer_than_usual() {
        let state = State { failures: 9, locked_until_ms: i64::MAX };
        assert_eq!(state.attempt(0), Err(Locked { wait: Duration::from_mins(15) }));
    }
}
