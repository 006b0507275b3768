//! How the assistant behaves in a conversation.

use schemars::JsonSchema;
use serde::Deserialize;

/// How the assistant behaves in a conversation.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Conversation {
    /// What happens to a reply when the person speaks over it.
    pub interruption: Interruption,
    /// Said when a call begins; empty: the person speaks first.
    pub greeting: String,
}

/// What happens to a reply when the person speaks over it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// It stops at once.
    #[default]
    Always,
    /// It goes on; what the person said is answered afterwards.
    Never,
}
