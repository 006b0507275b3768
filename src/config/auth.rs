//! Who may call.

use schemars::JsonSchema;
use serde::Deserialize;

/// Who may use the server.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Who may call without credentials.
    pub open_calls: OpenCalls,
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
