//! How much one machine takes on.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use super::{ConfigError, require};

/// How much one machine takes on. Beyond it a caller is refused at once, not served badly.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls at once: `auto` (as many as the machine was measured to carry, corrected by what is seen), or a number, which
    /// always holds.
    pub calls: CallLimit,
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

/// Calls at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CallLimit {
    /// As many as the machine was measured to carry, corrected by what is seen.
    #[default]
    Auto,
    /// So many.
    Fixed(usize),
}

impl<'de> Deserialize<'de> for CallLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Word)
    }
}

/// Reads `auto` or a number.
struct Word;

impl de::Visitor<'_> for Word {
    type Value = CallLimit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("auto or a whole number, 1 or more")
    }

    fn visit_u64<E: de::Error>(self, calls: u64) -> Result<CallLimit, E> {
        Ok(CallLimit::Fixed(usize::try_from(calls).unwrap_or(usize::MAX)))
    }

    fn visit_i64<E: de::Error>(self, calls: i64) -> Result<CallLimit, E> {
        let calls = u64::try_from(calls).map_err(|_| wrong(&calls.to_string()))?;
        self.visit_u64(calls)
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<CallLimit, E> {
        match (word, word.parse()) {
            ("auto", _) => Ok(CallLimit::Auto),
            (_, Ok(calls)) => Ok(CallLimit::Fixed(calls)),
            (other, Err(_)) => Err(wrong(other)),
        }
    }
}

fn wrong<E: de::Error>(found: &str) -> E {
    E::custom(format!("`{found}` is neither `auto` nor a number of calls"))
}

impl JsonSchema for CallLimit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CallLimit".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "oneOf": [{ "const": "auto" }, { "type": "integer", "minimum": 1 }]
        })
    }
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
            calls: CallLimit::Auto,
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
        require(self.calls != CallLimit::Fixed(0), "limits.calls", "must be at least 1")?;
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
