//! Traces of turns for an OpenTelemetry collector (OTLP over HTTP, protobuf).
//!
//! Calls hand over how a turn went and do not wait; a task makes spans of it and sends them. When the collector is slow
//! or away turns are thrown away and counted: a call never waits for whoever watches it.

mod spans;

use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::spans::Turn;
use super::metrics::{Metrics, TraceCounts};
use crate::config;
use crate::engine::http::client;
use crate::pipeline::conversation::TurnReport;

/// Turns that wait to be sent: what a hundred calls say in a minute. Full: the turn is thrown away and counted.
const WAITING: usize = 512;
/// Turns that are sent together, at most.
const TOGETHER: usize = 64;
/// How long is waited for others to send together.
const GATHER: Duration = Duration::from_secs(1);
/// The collector has this long to take them, attempts included.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// The last ones, when the server stops, have less.
const LAST_WITHIN: Duration = Duration::from_secs(2);

/// Traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// No HTTP client.
    #[error("telemetry.traces: {0}")]
    Client(#[from] reqwest::Error),
    /// The exporter does not take the endpoint, or what the environment says (`OTEL_EXPORTER_OTLP_…`).
    #[error("telemetry.traces: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// The way to the collector. Cheap to clone.
#[derive(Clone)]
pub struct Traces {
    queue: mpsc::Sender<Turn>,
    counts: TraceCounts,
}

impl Traces {
    /// Sends what is handed over, in a task that ends soon after `stopping`. Nothing if no endpoint is set.
    pub fn start(
        config: &config::Traces,
        metrics: &Metrics,
        tracker: &TaskTracker,
        stopping: CancellationToken,
    ) -> Result<Option<Self>, TracesError> {
        if config.endpoint.is_empty() {
            return Ok(None);
        }
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client(&config.endpoint, Some(TAKEN_WITHIN))?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&config.endpoint)
            .with_timeout(TAKEN_WITHIN)
            .build()?;
        exporter.set_resource(&resource());
        let (queue, turns) = mpsc::channel(WAITING);
        let counts = metrics.traces.clone();
        let sending = Sending { exporter, counts: counts.clone(), stopping, away: false };
        tracker.spawn(sending.run(turns));
        Ok(Some(Self { queue, counts }))
    }

    /// A turn is over; the person had stopped speaking at `speech_ended`, and `failure` is the code of what failed, if
    /// anything did. Does not wait.
    pub(super) fn turn(
        &self,
        report: &TurnReport,
        speech_ended: SystemTime,
        failure: Option<&'static str>,
    ) {
        let turn = Turn { report: report.clone(), speech_ended, failure };
        if self.queue.try_send(turn).is_err() {
            self.counts.queue_full();
        }
    }
}

/// Who the spans come from, as the collector sees it. The environment may say more (`OTEL_RESOURCE_ATTRIBUTES`).
fn resource() -> Resource {
    let name = std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "sotto".to_owned());
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    Resource::builder().with_service_name(name).with_attribute(version).build()
}

struct Sending {
    exporter: SpanExporter,
    counts: TraceCounts,
    stopping: CancellationToken,
    /// Whether the collector took nothing the last time.
    away: bool,
}

impl Sending {
    async fn run(mut self, mut turns: mpsc::Receiver<Turn>) {
        let mut batch = Vec::with_capacity(TOGETHER);
        loop {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => break,
                count = turns.recv_many(&mut batch, TOGETHER) => {
                    if count == 0 {
                        return;
                    }
                }
            }
            // Others follow soon, where many talk.
            let room = TOGETHER - batch.len();
            if room > 0 {
                self.stopping.run_until_cancelled(sleep(GATHER)).await;
                while batch.len() < TOGETHER
                    && let Ok(turn) = turns.try_recv()
                {
                    batch.push(turn);
                }
            }
            self.send(&mut batch).await;
        }
        turns.close();
        while let Ok(turn) = turns.try_recv() {
            batch.push(turn);
        }
        if !batch.is_empty() {
            self.send(&mut batch).await;
        }
    }

    /// Sends turns, or throws them away.
    async fn send(&mut self, batch: &mut Vec<Turn>) {
        let turns = batch.len();
        let spans = batch.drain(..).flat_map(|turn| spans::of(&turn)).collect();
        let last = async {
            self.stopping.cancelled().await;
            sleep(LAST_WITHIN).await;
        };
        let taken = tokio::select! {
            taken = timeout(TAKEN_WITHIN, self.exporter.export(spans)) => {
                matches!(taken, Ok(Ok(())))
            }
            () = last => false,
        };
        if taken {
            self.counts.sent.inc_by(turns as u64);
        } else {
            self.counts.not_taken(turns);
        }
        // Said once, and without the address, which may hold a key.
        if taken == self.away {
            self.away = !taken;
            if taken {
                tracing::info!("the collector takes traces again");
            } else {
                tracing::warn!("the collector does not take traces; they are thrown away");
            }
        }
    }
}
