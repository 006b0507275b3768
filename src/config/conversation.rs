//! How the assistant behaves in a conversation.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, require};

/// How the assistant behaves in a conversation.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Conversation {
    /// What happens to a reply when the person speaks over it.
    pub interruption: Interruption,
    /// So many words stop a reply with `interruption: after_words`.
    pub min_words: u32,
    /// Said when a call begins; empty: the person speaks first.
    pub greeting: String,
    /// Whether the model begins to answer at a pause that may be the end of what the person says.
    pub eager: Eager,
    /// So many answers that were begun early may be thrown away in a minute.
    pub eager_per_minute: u32,
    /// After so long without a word the model is asked to say something; 0: never.
    pub idle_timeout_ms: u32,
    /// Said when an answer takes long; empty: nothing.
    pub filler: String,
    /// How long that is.
    pub filler_after_ms: u32,
}

/// What happens to a reply when the person speaks over it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// It becomes quiet at once, and stops if they want to say something.
    #[default]
    Always,
    /// It becomes quiet at once, and stops when they have said `min_words` words.
    AfterWords,
    /// It goes on; what the person said is answered afterwards.
    Never,
}

/// Whether the model begins to answer early.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Eager {
    /// If it is on the premises, where nobody pays for what is thrown away.
    #[default]
    Auto,
    /// Wherever it is.
    Always,
    /// Never.
    Never,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            interruption: Interruption::Always,
            min_words: 2,
            greeting: String::new(),
            eager: Eager::Auto,
            eager_per_minute: 6,
            idle_timeout_ms: 0,
            filler: String::new(),
            filler_after_ms: 2_500,
        }
    }
}

impl Conversation {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(
            (1..=20).contains(&self.min_words),
            "conversation.min_words",
            "must be between 1 and 20",
        )?;
        require(
            self.eager_per_minute <= 60,
            "conversation.eager_per_minute",
            "must be at most 60",
        )?;
        require(
            self.idle_timeout_ms == 0 || (3_000..=600_000).contains(&self.idle_timeout_ms),
            "conversation.idle_timeout_ms",
            "must be 0, or between 3000 and 600000",
        )?;
        require(self.filler.len() <= 200, "conversation.filler", "must be at most 200 bytes")?;
        require(
            (500..=20_000).contains(&self.filler_after_ms),
            "conversation.filler_after_ms",
            "must be between 500 and 20000",
        )
    }
}
