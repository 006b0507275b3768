//! What happens in a simulation, in order of time.

use std::cmp::Ordering;

/// What happens in a turn.
#[derive(Debug, Clone, Copy)]
pub enum Happening {
    Begin,
    Pause { length_s: f64 },
    Resume,
    Interim(usize),
    Stopped,
    Check(usize),
    Over,
    Written,
    Clause(usize),
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    Call {
        call: usize,
        turn: usize,
        happening: Happening,
    },
    /// A machine may have something finished, unless it has changed since.
    Machine {
        machine: usize,
        version: u64,
    },
    /// A request has arrived at its speech node.
    Arrive {
        id: u64,
    },
}

/// And when.
pub struct Timed {
    pub at_s: f64,
    /// Of those at the same time the one that was planned first comes first.
    pub number: u64,
    pub event: Event,
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timed {}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timed {
    /// The earliest is the greatest, as the heap has it.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at_s.total_cmp(&self.at_s).then(other.number.cmp(&self.number))
    }
}
