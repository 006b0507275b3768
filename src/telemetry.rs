//! Logs, metrics and traces: what happened, never what was said.

mod codes;
pub mod histogram;
pub mod metrics;
pub mod panics;
mod told;
pub mod traces;

use std::io::IsTerminal;
use std::sync::Arc;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{self, LogFormat};

pub use self::metrics::Metrics;
pub use self::told::Told;
pub use self::traces::{Traces, TracesError};

/// Who is told what a server does. Cheap to clone.
#[derive(Clone, Default)]
pub struct Telemetry {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where turns are told in detail, if anywhere.
    pub traces: Option<Traces>,
}

/// Libraries that are loud, or that would log the sound of a call when they are in trouble.
const QUIET: &str = "webrtc::peer_connection::driver=off,rtc=error,rtc_dtls=error,rtc_ice=error,\
rtc_sctp=off,rtc_srtp=error,rtc_mdns=off,tokenizers=error";

/// Whether an event is this program's own. Libraries may log what passes through them, words included, when they
/// are asked for more than warnings: they are not, whatever `telemetry.log` says.
fn is_ours(event: &Metadata<'_>) -> bool {
    event.target().starts_with("sotto")
}

/// Starts logging to stderr. Fails if the filter cannot be understood.
pub fn start(config: &config::Telemetry) -> Result<(), String> {
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
