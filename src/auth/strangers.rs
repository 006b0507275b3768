//! Attempts to sign in under names that nobody has. They lock as those of real accounts do, so that a lock does
//! not tell which names exist. In memory, and bounded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::lockout::{Locked, State};

/// Names that are remembered at once. When there are more, those that are not locked are forgotten, then all.
const MOST: usize = 10_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<HashMap<[u8; 32], State>>);

impl Strangers {
    /// Counts an attempt under a name that nobody has.
    pub(super) fn attempt(&self, name: &str, now_ms: i64) -> Result<(), Locked> {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let state = states.get(&key).copied().unwrap_or_default().attempt(now_ms)?;
        if states.len() >= MOST {
            states.retain(|_, state| state.locked_until_ms > now_ms);
        }
        if states.len() >= MOST {
            states.clear();
        }
        states.insert(key, state);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_has_locks_as_one_that_somebody_has() {
        let strangers = Strangers::default();
        for _ in 0..5 {
            assert!(strangers.attempt("nobody", 1_000).is_ok());
        }
        assert!(strangers.attempt("nobody", 1_000).is_err());
        assert!(strangers.attempt("somebody", 1_000).is_ok());
        assert!(strangers.attempt("nobody", 2_000).is_ok());
    }

    #[test]
    fn many_names_take_no_more_memory() {
        let strangers = Strangers::default();
        for number in 0..MOST + 50 {
            strangers.attempt(&number.to_string(), 1_000).unwrap();
        }
        assert!(strangers.0.lock().unwrap().len() <= MOST);
    }
}
