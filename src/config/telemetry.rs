//! Logs.

use schemars::JsonSchema;
use serde::Deserialize;

/// Logs. They never hold what was said.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// How log lines look.
    pub log_format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or per module: `info,sotto::call=debug`.
    pub log: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Plain,
    /// For machines: one JSON object a line.
    Json,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { log_format: LogFormat::Plain, log: "info".to_owned() }
    }
}
