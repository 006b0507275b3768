//! What a job took.

use std::time::{Duration, Instant};

/// How long a job waited for its engine, and how long that worked on it. Where jobs are worked on side by side, each
/// counts all the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Took {
    /// From being asked for until the engine took it.
    pub waited: Duration,
    /// From there to the result; of speech, to its first sound.
    pub worked: Duration,
}

impl Took {
    /// Of a job that was asked for at `asked`, was begun at `began`, and is done now.
    pub fn until_now(asked: Instant, began: Instant) -> Self {
        Self { waited: began.saturating_duration_since(asked), worked: began.elapsed() }
    }
}
