//! The caller's ear: everything that was heard, and when something was.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use crate::pipeline::codec::jitter::{JitterBuffer, Packet};
use crate::pipeline::codec::opus::{Decoder, packet_ticks};
use crate::pipeline::codec::wav;
use crate::pipeline::frame::MIC_RATE_HZ;

/// Samples of a 20 ms window.
const WINDOW: usize = MIC_RATE_HZ as usize / 50;
/// A window with a sample louder than this part of full scale was heard.
const AUDIBLE: f32 = 0.01;
/// Pages report playout about this often.
const REPORT_EVERY: Duration = Duration::from_millis(200);
/// Chunks that may wait to be played.
const CHUNKS: usize = 64;

/// What was heard in a call.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// All of it, 16 kHz. Empty where it is not kept.
    pub samples: Vec<f32>,
    /// When windows of 20 ms were audible, in milliseconds after the call connected.
    pub audible_ms: Vec<u64>,
}

/// What was heard so far.
#[derive(Clone)]
pub(super) struct Listener {
    heard: Arc<Mutex<Heard>>,
    connected: Instant,
    keeps: bool,
}

impl Listener {
    /// A listener that keeps what it hears, or only when something was audible.
    pub(super) fn new(connected: Instant, keeps: bool) -> Self {
        Self { heard: Arc::default(), connected, keeps }
    }

    /// A copy of what was heard.
    pub(super) fn heard(&self) -> Heard {
        self.lock().clone()
    }

    /// When something was first heard between two times.
    pub(super) fn first_audible(&self, from_ms: u64, to_ms: u64) -> Option<u64> {
        let heard = self.lock();
        let first = heard.audible_ms.partition_point(|at| *at < from_ms);
        heard.audible_ms.get(first).copied().filter(|at| *at < to_ms)
    }

    /// Listens to a track until it ends.
    pub(super) async fn track(self, track: Arc<dyn TrackRemote>) {
        let Ok(mut decoder) = Decoder::new() else { return };
        let mut jitter = JitterBuffer::default();
        loop {
            let deadline = jitter.deadline().map(|at| self.connected + at);
            let event = tokio::select! {
                event = track.poll() => event,
                () = until(deadline) => Some(TrackRemoteEvent::OnMute),
            };
            let now = self.connected.elapsed();
            match event {
                Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                    let Some(ticks) = packet_ticks(&packet.payload) else { continue };
                    let packet = Packet {
                        sequence: packet.header.sequence_number,
                        timestamp: packet.header.timestamp,
                        ticks,
                        payload: packet.payload,
                    };
                    jitter.push(packet, now);
                }
                None | Some(TrackRemoteEvent::OnEnded) => return,
                Some(_) => {}
            }
            while let Some(unit) = jitter.pop(now) {
                self.hear(decoder.decode(&unit), now);
            }
        }
    }

    /// Plays chunks one after the other and reports as a page does.
    pub(super) async fn play_chunks(
        self,
        mut chunks: mpsc::Receiver<Chunk>,
        events: Arc<dyn DataChannel>,
        mut clears: mpsc::Receiver<()>,
    ) {
        let mut free_at = Instant::now();
        while let Some(chunk) = chunks.recv().await {
            let begin = free_at.max(Instant::now());
            sleep_until(begin).await;
            let mut cut = false;
            let mut played = Duration::ZERO;
            report(&*events, &chunk.id, played).await;
            for part in chunk.samples.chunks(WINDOW) {
                self.hear(part, self.connected.elapsed());
                played += Duration::from_millis(20);
                tokio::select! {
                    () = sleep_until(begin + played) => {}
                    _ = clears.recv() => { cut = true; break; }
                }
                if played.as_millis().is_multiple_of(REPORT_EVERY.as_millis()) {
                    report(&*events, &chunk.id, played).await;
                }
            }
            if cut {
                // What has arrived of the cut reply is thrown away.
                while chunks.try_recv().is_ok() {}
                free_at = Instant::now();
                continue;
            }
            report(&*events, &chunk.id, chunk.duration).await;
            free_at = begin + chunk.duration;
        }
    }

    fn hear(&self, samples: &[f32], now: Duration) {
        let mut heard = self.lock();
        if samples.iter().any(|sample| sample.abs() > AUDIBLE) {
            heard.audible_ms.push(now.as_millis() as u64);
        }
        if self.keeps {
            heard.samples.extend_from_slice(samples);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chunk of speech that has arrived whole.
pub(super) struct Chunk {
    id: String,
    samples: Vec<f32>,
    duration: Duration,
}

/// Puts the parts of chunks together as they arrive on their channel.
pub(super) fn receive_chunks(
    channel: Arc<dyn DataChannel>,
    cancel: CancellationToken,
) -> (mpsc::Receiver<Chunk>, impl Future<Output = ()> + Send + 'static) {
    let (sender, chunks) = mpsc::channel(CHUNKS);
    let task = async move {
        let mut header = Value::Null;
        let mut bytes = Vec::new();
        loop {
            let event = tokio::select! {
                event = channel.poll() => event,
                () = cancel.cancelled() => return,
            };
            match event {
                Some(DataChannelEvent::OnMessage(message)) if message.is_string => {
                    header = serde_json::from_slice(&message.data).unwrap_or_default();
                    bytes.clear();
                }
                Some(DataChannelEvent::OnMessage(message)) => {
                    bytes.extend_from_slice(&message.data);
                }
                None | Some(DataChannelEvent::OnClose) => return,
                Some(_) => continue,
            }
            if header["bytes"].as_u64() != Some(bytes.len() as u64) {
                continue;
            }
            let chunk = Chunk {
                id: header["chunk_id"].as_str().unwrap_or_default().to_owned(),
                samples: wav::decode(&bytes, MIC_RATE_HZ).unwrap_or_default(),
                duration: Duration::from_millis(header["duration_ms"].as_u64().unwrap_or(0)),
            };
            if sender.send(chunk).await.is_err() {
                return;
            }
        }
    };
    (chunks, task)
}

async fn report(events: &dyn DataChannel, chunk: &str, played: Duration) {
    let played_ms = played.as_millis() as u64;
    let event = json!({ "type": "sotto.playout", "chunk_id": chunk, "played_ms": played_ms });
    // A call that has ended needs no report.
    let _ = events.send_text(&event.to_string()).await;
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
