//! How much one machine takes on.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, require};

/// How much one machine takes on. Beyond it a caller is refused at once, not served badly.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls at once.
    pub calls: usize,
    /// Calls that one address may open in a minute.
    pub offers_per_minute: u32,
    /// Jobs that may wait for one engine; one more is refused.
    pub queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 100, offers_per_minute: 300, queue: 32 }
    }
}

impl Limits {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(self.calls > 0, "limits.calls", "must be at least 1")?;
        require(self.queue > 0, "limits.queue", "must be at least 1")?;
        require(self.offers_per_minute > 0, "limits.offers_per_minute", "must be at least 1")
    }
}
