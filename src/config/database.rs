//! Where people and conversations are kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, Secret, require};

/// Where people and conversations are kept.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `postgres://…`; empty: SQLite, in the file `sotto.db` of `server.data_dir`. May hold a password.
    pub url: Secret,
    /// Connections at once: to PostgreSQL, or of readers of SQLite.
    pub connections: u32,
    /// A request that waits longer for the database is answered with an error.
    pub timeout_ms: u64,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: Secret::default(), connections: 8, timeout_ms: 3_000 }
    }
}

impl Database {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let known = |url: &str| ["postgres://", "postgresql://"].iter().any(|s| url.starts_with(s));
        require(
            self.url.reveal().is_none_or(known),
            "database.url",
            "needs postgres://USER@HOST/NAME, or nothing for SQLite",
        )?;
        require(self.connections > 0, "database.connections", "must be at least 1")?;
        require(self.timeout_ms > 0, "database.timeout_ms", "must be at least 1")
    }
}
