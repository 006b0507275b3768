//! The caller's microphone: recordings, and silence between them, as a continuous Opus track.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ClientError;
use crate::pipeline::codec::opus::Encoder;
use crate::pipeline::codec::wav;
use crate::pipeline::frame::MIC_RATE_HZ;
use crate::pipeline::playout::track::PacketSink;

/// Samples of a 20 ms frame.
const FRAME: usize = MIC_RATE_HZ as usize / 50;
const FRAME_TIME: Duration = Duration::from_millis(20);
/// Louder than this part of the loudest window is speech.
const ENERGETIC: f32 = 0.01;

/// Something to say: 16 kHz mono.
#[derive(Clone, PartialEq)]
pub struct Recording {
    samples: Vec<f32>,
}

/// When a recording was said, in milliseconds after the call connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub struct Spoken {
    /// Its first sample was sent.
    pub begin_ms: u64,
    /// Its last energetic sample was sent.
    pub speech_end_ms: u64,
    /// Its last sample was sent.
    pub end_ms: u64,
}

impl Recording {
    /// From samples at 16 kHz.
    pub fn new(samples: Vec<f32>) -> Self {
        Self { samples }
    }

    /// From a WAV of any rate.
    pub fn read(path: &Path) -> Result<Self, ClientError> {
        let wrong = |problem: String| ClientError::Recording { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let samples = wav::decode(&bytes, MIC_RATE_HZ).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { samples })
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        FRAME_TIME * self.samples.len().div_ceil(FRAME) as u32
    }

    /// Where its speech ends: after the last window of 20 ms that is louder than 1 % of the loudest.
    fn speech_end(&self) -> Duration {
        let rms = |window: &[f32]| {
            (window.iter().map(|s| s * s).sum::<f32>() / window.len().max(1) as f32).sqrt()
        };
        let levels: Vec<f32> = self.samples.chunks(FRAME).map(rms).collect();
        let loudest = levels.iter().copied().fold(0.0, f32::max);
        let last = levels.iter().rposition(|level| *level > loudest * ENERGETIC);
        FRAME_TIME * last.map_or(0, |last| last as u32 + 1)
    }
}

/// Sound that is encoded once and sent again and again: for many calls at the same time.
#[derive(Clone)]
pub struct Background(Arc<[Vec<u8>]>);

impl Background {
    /// From samples at 16 kHz.
    pub fn new(samples: &[f32]) -> Result<Self, ClientError> {
        let mut encoder = Encoder::with_rate(MIC_RATE_HZ)?;
        let packets = samples.chunks_exact(FRAME).map(|frame| encoder.encode(frame));
        Ok(Self(packets.collect::<Result<_, _>>()?))
    }

    fn packet(&self, slot: u32) -> Option<Vec<u8>> {
        (!self.0.is_empty()).then(|| self.0[slot as usize % self.0.len()].clone())
    }
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Background({} packets)", self.0.len())
    }
}

/// Hands recordings to the task that sends them.
pub(super) struct Speaker {
    recordings: mpsc::Sender<(Recording, oneshot::Sender<Spoken>)>,
}

impl Speaker {
    /// A speaker and the task that it needs. Times count from `connected`.
    pub(super) fn new(
        packets: impl PacketSink,
        background: Option<Background>,
        connected: Instant,
        cancel: CancellationToken,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), ClientError> {
        let encoder = Encoder::with_rate(MIC_RATE_HZ)?;
        let (recordings, queue) = mpsc::channel(1);
        let task = async move {
            tokio::select! {
                () = send(packets, encoder, background, queue, connected) => {}
                () = cancel.cancelled() => {}
            }
        };
        Ok((Self { recordings }, task))
    }

    /// Says a recording, and says when it was said once its last sample has been sent.
    pub(super) async fn say(&self, recording: Recording) -> Option<Spoken> {
        let (done, spoken) = oneshot::channel();
        self.recordings.send((recording, done)).await.ok()?;
        spoken.await.ok()
    }
}

async fn send(
    mut packets: impl PacketSink,
    mut encoder: Encoder,
    background: Option<Background>,
    mut queue: mpsc::Receiver<(Recording, oneshot::Sender<Spoken>)>,
    connected: Instant,
) {
    let mut current: Option<(Recording, oneshot::Sender<Spoken>, usize, u64)> = None;
    for slot in 0.. {
        sleep_until(connected + FRAME_TIME * slot).await;
        let now_ms = connected.elapsed().as_millis() as u64;
        if current.is_none()
            && let Ok((recording, done)) = queue.try_recv()
        {
            current = Some((recording, done, 0, now_ms));
        }
        let quiet = current.is_none().then(|| background.as_ref()?.packet(slot)).flatten();
        let mut frame = [0.0; FRAME];
        if let Some((recording, _, position, _)) = &mut current {
            let rest = &recording.samples[*position..];
            let length = rest.len().min(FRAME);
            frame[..length].copy_from_slice(&rest[..length]);
            *position += length;
        }
        let encoded = quiet.map_or_else(|| encoder.encode(&frame), Ok);
        let Ok(packet) = encoded else { return };
        if !packets.send(u64::from(slot), slot == 0, packet).await {
            return;
        }
        if let Some((recording, done, _, begin_ms)) =
            current.take_if(|(recording, _, position, _)| *position >= recording.samples.len())
        {
            let speech_end_ms = begin_ms + recording.speech_end().as_millis() as u64;
            // A frame leaves when it is complete.
            let end_ms = begin_ms + recording.duration().as_millis() as u64;
            let _ = done.send(Spoken { begin_ms, speech_end_ms, end_ms });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_ends_with_its_last_energetic_window() {
        let mut samples = vec![0.5; FRAME * 10];
        samples.extend(vec![0.004; FRAME * 3]);
        samples.extend(vec![0.006; FRAME]);
        samples.extend(vec![0.001; FRAME * 5]);
        let recording = Recording::new(samples);
        assert_eq!(recording.speech_end(), FRAME_TIME * 14);
        assert_eq!(recording.duration(), FRAME_TIME * 19);
    }
}
