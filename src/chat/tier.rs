//! Who can read a conversation once it has been said.

use serde::{Deserialize, Serialize};

/// Chosen when a conversation is begun; it never changes.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Kept, encrypted with keys that this server holds. It can be searched here, and recovered.
    #[default]
    Standard,
    /// Kept, sealed with keys that only the person's browser can open: zero-knowledge storage.
    Private,
    /// In memory only, and gone when it ends.
    Ephemeral,
}

impl Tier {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Private => "private",
            Self::Ephemeral => "ephemeral",
        }
    }

    /// From a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Standard, Self::Private, Self::Ephemeral]
            .into_iter()
            .find(|tier| tier.as_str() == word)
    }

    /// Whether nothing of it may be sent to a machine that is not the operator's.
    pub fn stays_on_premises(self) -> bool {
        self != Self::Standard
    }
}
