//! How the last turns of a call went, for its owner, while it goes on and as long as it can be resumed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::turns::Row;

/// So many are remembered, at most 2 KiB each.
const MOST: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TurnLog(Mutex<VecDeque<Row>>);

impl TurnLog {
    /// Another turn. The oldest makes room.
    pub(super) fn add(&self, row: Row) {
        let mut log = self.log();
        if log.len() == MOST {
            log.pop_front();
        }
        log.push_back(row);
    }

    /// They went before those of this call.
    pub(super) fn begin_with(&self, earlier: &Self) {
        for row in earlier.rows() {
            self.add(row);
        }
    }

    /// All of them, the oldest first.
    pub(super) fn rows(&self) -> Vec<Row> {
        self.log().iter().cloned().collect()
    }

    fn log(&self) -> MutexGuard<'_, VecDeque<Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_turns_are_remembered_also_those_of_a_lost_call() {
        let row = |id: usize| Row {
            id: id.to_string(),
            item: String::new(),
            report: String::new(),
            created_ms: 0,
        };
        let (lost, log) = (TurnLog::default(), TurnLog::default());
        (0..40).for_each(|id| lost.add(row(id)));
        log.begin_with(&lost);
        (40..44).for_each(|id| log.add(row(id)));
        let ids: Vec<String> = log.rows().into_iter().map(|row| row.id).collect();
        assert_eq!(ids, (12..44).map(|id| id.to_string()).collect::<Vec<_>>());
    }
}
