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
    /// Requests to the API in a minute.
    pub requests_per_minute: Requests,
    /// How often one address may sign in, sign up or come as a guest in a minute.
    pub sign_ins_per_minute: u32,
    /// The largest recording that is transcribed, with the form that it comes in, in bytes.
    pub recording_bytes: usize,
    /// The longest, in minutes.
    pub recording_minutes: u32,
}

/// Requests to the API in a minute.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Requests {
    /// Of one person, from wherever.
    pub person: u32,
    /// Of one address, whoever is there. An IPv6 address stands for its network (/64).
    pub address: u32,
    /// Of everybody together.
    pub global: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 100,
            offers_per_minute: 300,
            queue: 32,
            requests_per_minute: Requests::default(),
            sign_ins_per_minute: 20,
            recording_bytes: 25 * 1_024 * 1_024,
            recording_minutes: 120,
        }
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self { person: 600, address: 1_200, global: 60_000 }
    }
}

impl Limits {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(self.calls > 0, "limits.calls", "must be at least 1")?;
        require(self.queue > 0, "limits.queue", "must be at least 1")?;
        require(self.offers_per_minute > 0, "limits.offers_per_minute", "must be at least 1")?;
        require(self.sign_ins_per_minute > 0, "limits.sign_ins_per_minute", "must be at least 1")?;
        require(self.recording_bytes > 0, "limits.recording_bytes", "must be at least 1")?;
        require(self.recording_minutes > 0, "limits.recording_minutes", "must be at least 1")?;
        let Requests { person, address, global } = self.requests_per_minute;
        require(
            person > 0 && address > 0 && global > 0,
            "limits.requests_per_minute",
            "person, address and global must be at least 1",
        )
    }
}
