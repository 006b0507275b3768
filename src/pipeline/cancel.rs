//! The wish that a job end, seen from the thread that works on it.

use tokio_util::sync::CancellationToken;

/// Tells an engine that nobody waits for its result any more. Engines look at it between steps.
#[derive(Debug, Clone, Default)]
pub struct Cancel(CancellationToken);

impl Cancel {
    /// A job that is cancelled with `token`.
    pub fn new(token: CancellationToken) -> Self {
        Self(token)
    }

    /// Whether to stop now.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// A token that is cancelled with this job, and can be cancelled without it.
    pub fn child_token(&self) -> CancellationToken {
        self.0.child_token()
    }

    /// Waits until the job is cancelled. For engines that wait for a network or a process.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }
}
