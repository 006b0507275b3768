//! Logs, metrics and traces.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, Secret, require, require_url};

/// The shortest token that opens the metrics.
const SHORTEST_TOKEN: usize = 16;

/// Logs, metrics and traces. They never hold what was said.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// How log lines look.
    pub log_format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or per module: `info,sotto::call=debug`.
    pub log: String,
    /// What is counted, for Prometheus.
    pub metrics: Metrics,
    /// How each turn went, for OpenTelemetry.
    pub traces: Traces,
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

/// Where `/metrics` is. Without a port of its own and without a token it is nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Address and port of its own, plain HTTP.
    pub bind: Option<SocketAddr>,
    /// What a scraper shows as bearer token. Without `bind`, it opens `/metrics` on the server's own port.
    pub token: Secret,
}

impl Metrics {
    /// Whether `/metrics` is on the server's own port.
    pub fn on_main_port(&self) -> bool {
        self.bind.is_none() && self.token.reveal().is_some()
    }
}

/// Where traces go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// Where a collector takes OTLP over HTTP, with its path; empty: traces are off.
    pub endpoint: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            log_format: LogFormat::Plain,
            log: "info".to_owned(),
            metrics: Metrics::default(),
            traces: Traces::default(),
        }
    }
}

impl Telemetry {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let fits = |token: &str| {
            token.len() >= SHORTEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        require(
            self.metrics.token.reveal().is_none_or(fits),
            "telemetry.metrics.token",
            "needs at least 16 letters, digits or signs without a space; openssl rand -hex 32 makes one",
        )?;
        if self.traces.endpoint.is_empty() {
            return Ok(());
        }
        require_url("telemetry.traces.endpoint", &self.traces.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    #[test]
    fn short_tokens_and_endpoints_that_are_none_are_refused() {
        for (text, key) in [
            ("telemetry:\n  metrics: {token: secret}\n", "telemetry.metrics.token"),
            (
                "telemetry:\n  metrics: {token: 'more words than a token'}\n",
                "telemetry.metrics.token",
            ),
            ("telemetry:\n  traces: {endpoint: 'localhost:4318'}\n", "telemetry.traces.endpoint"),
        ] {
            let message = parse(text, "config.yml", []).unwrap_err().to_string();
            assert!(message.starts_with(key), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn metrics_are_on_the_main_port_only_with_a_token_and_no_port_of_their_own() {
        let metrics = |text: &str| {
            let text = format!("telemetry:\n  metrics: {text}\n");
            parse(&text, "config.yml", []).unwrap().telemetry.metrics
        };
        assert!(metrics("{token: 0123456789abcdef}").on_main_port());
        assert!(!metrics("{bind: 127.0.0.1:9464}").on_main_port());
        assert!(!metrics("{bind: 127.0.0.1:9464, token: 0123456789abcdef}").on_main_port());
        assert!(!metrics("{bind: null}").on_main_port());
    }
}
