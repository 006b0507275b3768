//! Logs: what happened, never what was said.

pub mod panics;

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, Telemetry};

/// Libraries that are loud, or that would log the sound of a call when they are in trouble.
const QUIET: &str = "webrtc::peer_connection::driver=off,rtc=error,rtc_dtls=error,rtc_ice=error,\
rtc_sctp=off,rtc_srtp=error,rtc_mdns=off,tokenizers=error";

/// Whether an event is this program's own. Libraries may log what passes through them, words included, when they
/// are asked for more than warnings: they are not, whatever `telemetry.log` says.
fn is_ours(event: &Metadata<'_>) -> bool {
    event.target().starts_with("sotto")
}

/// Starts logging to stderr. Fails if the filter cannot be understood.
pub fn start(config: &Telemetry) -> Result<(), String> {
    let wrong = |error| format!("telemetry.log: `{}`: {error}", config.log);
    // Later directives win over earlier ones for the same target.
    let filter = EnvFilter::try_new(format!("{},{QUIET}", config.log)).map_err(wrong)?;
    let filter = filter.and(filter_fn(|event| is_ours(event) || *event.level() <= Level::WARN));
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_span_events(FmtSpan::NONE);
    let registry = tracing_subscriber::registry();
    let started = match config.log_format {
        LogFormat::Plain => registry.with(layer.with_target(false).with_filter(filter)).try_init(),
        LogFormat::Json => {
            registry.with(layer.json().flatten_event(true).with_filter(filter)).try_init()
        }
    };
    // A second server in the same process, as in tests, logs where the first one does.
    drop(started);
    Ok(())
}
