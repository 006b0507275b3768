//! Logs: what happened, never what was said.

pub mod panics;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{LogFormat, Telemetry};

/// Libraries that are loud, or that would log the sound of a call when they are in trouble.
const QUIET: &str = "webrtc=warn,webrtc::peer_connection::driver=off,rtc=error,rtc_dtls=error,\
rtc_ice=error,rtc_sctp=off,rtc_srtp=error,rtc_mdns=off,ort=warn,hyper=warn,reqwest=warn,\
rustls=warn,tokenizers=error";

/// Starts logging to stderr. Fails if the filter cannot be understood.
pub fn start(config: &Telemetry) -> Result<(), String> {
    let wrong = |error| format!("telemetry.log: `{}`: {error}", config.log);
    // Later directives win over earlier ones for the same target.
    let filter = EnvFilter::try_new(format!("{},{QUIET}", config.log)).map_err(wrong)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_span_events(FmtSpan::NONE);
    let started = match config.log_format {
        LogFormat::Plain => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // A second server in the same process, as in tests, logs where the first one does.
    drop(started);
    Ok(())
}
