//! Who may call, who may sign in, and for how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Secret, require};

/// The weakest password hash that is taken: 19 MiB, two passes.
const FLOOR: Password = Password { memory_kib: 19 * 1_024, passes: 2 };
/// More memory for one hash is a mistake in the unit.
const MOST_MEMORY_KIB: u32 = 4 * 1_024 * 1_024;

/// Who may use the server.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Who may call without credentials.
    pub open_calls: OpenCalls,
    /// Whether people may use the page without an account.
    pub guests: bool,
    /// A guest who has not come for this long is forgotten, with everything that was kept.
    pub guest_days: u32,
    /// Who may make an account.
    pub sign_up: SignUp,
    /// How passwords are hashed.
    pub password: Password,
    /// How long people stay signed in.
    pub sessions: Sessions,
}

/// Who may call without credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenCalls {
    /// This machine: peer address, `Host` and `Origin` are all loopback and no proxy is in between.
    #[default]
    Loopback,
    /// Everybody who can reach the port. For a network you trust.
    Any,
    /// Nobody.
    Never,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignUp {
    /// Everybody who can reach the page.
    #[default]
    Open,
    /// Who has an invitation (`sotto user invite`).
    Invite,
    /// Nobody; the operator makes accounts (`sotto user add`).
    Closed,
}

/// How passwords are hashed: Argon2id with one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Password {
    /// Memory for one hash.
    pub memory_kib: u32,
    /// How often it is gone through.
    pub passes: u32,
}

/// How long people stay signed in, and where that is kept.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// A login that is not used for this long has ended.
    pub idle_minutes: u32,
    /// A login ends after this long, used or not.
    pub hours: u32,
    /// With "keep me signed in" it ends after this long instead, and may rest.
    pub remembered_days: u32,
    /// `redis://…`: keeps logins in Redis instead of the database. May hold a password.
    pub redis_url: Secret,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            open_calls: OpenCalls::default(),
            guests: true,
            guest_days: 30,
            sign_up: SignUp::default(),
            password: Password::default(),
            sessions: Sessions::default(),
        }
    }
}

impl Default for Password {
    fn default() -> Self {
        Self { memory_kib: 64 * 1_024, passes: 3 }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { idle_minutes: 60, hours: 24, remembered_days: 30, redis_url: Secret::default() }
    }
}

impl Auth {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(self.guest_days > 0, "auth.guest_days", "must be at least 1")?;
        self.password.validate()?;
        self.sessions.validate()
    }
}

impl Password {
    fn validate(self) -> Result<(), ConfigError> {
        require(
            (FLOOR.memory_kib..=MOST_MEMORY_KIB).contains(&self.memory_kib),
            "auth.password.memory_kib",
            "must be between 19456 (19 MiB) and 4194304 (4 GiB)",
        )?;
        require(
            (FLOOR.passes..=100).contains(&self.passes),
            "auth.password.passes",
            "must be between 2 and 100",
        )
    }
}

impl Sessions {
    fn validate(&self) -> Result<(), ConfigError> {
        require(self.idle_minutes > 1, "auth.sessions.idle_minutes", "must be at least 2")?;
        require(self.hours > 0, "auth.sessions.hours", "must be at least 1")?;
        require(self.remembered_days > 0, "auth.sessions.remembered_days", "must be at least 1")?;
        let redis = |url: &str| ["redis://", "redis+unix://"].iter().any(|s| url.starts_with(s));
        require(
            self.redis_url.reveal().is_none_or(redis),
            "auth.sessions.redis_url",
            "needs redis://HOST:PORT/NUMBER, or nothing for the database",
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    #[test]
    fn weak_hashes_and_endless_sessions_are_refused() {
        for (text, key) in [
            ("auth:\n  password: {memory_kib: 19455}\n", "auth.password.memory_kib"),
            ("auth:\n  password: {memory_kib: 67108864}\n", "auth.password.memory_kib"),
            ("auth:\n  password: {passes: 1}\n", "auth.password.passes"),
            ("auth:\n  sessions: {idle_minutes: 0}\n", "auth.sessions.idle_minutes"),
            ("auth:\n  sessions: {redis_url: 'http://x'}\n", "auth.sessions.redis_url"),
            ("auth:\n  guest_days: 0\n", "auth.guest_days"),
        ] {
            let message = parse(text, "config.yml", []).unwrap_err().to_string();
            assert!(message.starts_with(key), "{message}");
        }
        let least = "auth:\n  password: {memory_kib: 19456, passes: 2}\n";
        assert!(parse(least, "config.yml", []).is_ok());
    }
}
