//! The caller's microphone: recordings, and silence between them, as a continuous Opus track.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ClientError;
use crate::pipeline::codec::opus::{Encoder, OpusError};
use crate::pipeline::codec::wav;
use crate::pipeline::frame::MIC_RATE_HZ;
use crate::pipeline::playout::track::PacketSink;

/// Samples of a 20 ms frame.
const FRAME: usize = MIC_RATE_HZ as usize / 50;
const FRAME_TIME: Duration = Duration::from_millis(20);
/// Louder than this part of the loudest window is speech.
const ENERGETIC: f32 = 0.01;

/// Something to say: 16 kHz mono. Cheap to clone.
#[derive(Clone, PartialEq)]
pub struct Recording {
    samples: Arc<[f32]>,
    /// The same as Opus packets of 20 ms, if it was encoded beforehand.
    packets: Option<Arc<[Vec<u8>]>>,
    /// Where its speech ends.
    speech_end: Duration,
}

/// When a recording was said, in milliseconds after the call connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoken {
    /// Its first sample was sent.
    pub begin_ms: u64,
    /// Its last energetic sample was sent.
    pub speech_end_ms: u64,
    /// Its last sample was sent.
    pub end_ms: u64,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recording({} ms)", self.duration().as_millis())
    }
}

impl Recording {
    /// From samples at 16 kHz.
    pub fn new(samples: Vec<f32>) -> Self {
        let speech_end = speech_end(&samples);
        Self { samples: samples.into(), packets: None, speech_end }
    }

    /// From a WAV of any rate.
    pub fn read(path: &Path) -> Result<Self, ClientError> {
        let wrong = |problem: String| ClientError::Recording { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let samples = wav::decode(&bytes, MIC_RATE_HZ).map_err(|error| wrong(error.to_string()))?;
        Ok(Self::new(samples))
    }

    /// The same, encoded now instead of while it is said, for many calls that say it.
    pub fn encoded(self) -> Result<Self, ClientError> {
        Ok(Self { packets: Some(encode(&self.samples)?), ..self })
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        FRAME_TIME * self.frames() as u32
    }

    /// Frames of 20 ms; the last one may be short of samples.
    fn frames(&self) -> usize {
        self.samples.len().div_ceil(FRAME)
    }
}

/// After the last window of 20 ms that is louder than 1 % of the loudest.
fn speech_end(samples: &[f32]) -> Duration {
    let rms = |window: &[f32]| {
        (window.iter().map(|s| s * s).sum::<f32>() / window.len().max(1) as f32).sqrt()
    };
    let levels: Vec<f32> = samples.chunks(FRAME).map(rms).collect();
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    let last = levels.iter().rposition(|level| *level > loudest * ENERGETIC);
    FRAME_TIME * last.map_or(0, |last| last as u32 + 1)
}

/// A frame of samples, filled up with silence.
fn frame(samples: &[f32], number: usize) -> [f32; FRAME] {
    let mut frame = [0.0; FRAME];
    let rest = samples.get(number * FRAME..).unwrap_or_default();
    let length = rest.len().min(FRAME);
    frame[..length].copy_from_slice(&rest[..length]);
    frame
}

fn encode(samples: &[f32]) -> Result<Arc<[Vec<u8>]>, ClientError> {
    let mut encoder = Encoder::with_rate(MIC_RATE_HZ)?;
    let frames = 0..samples.len().div_ceil(FRAME);
    let packets = frames.map(|number| encoder.encode(&frame(samples, number)));
    Ok(packets.collect::<Result<_, _>>()?)
}

/// Sound that is encoded once and sent again and again: for many calls at the same time.
#[derive(Clone)]
pub struct Background(Arc<[Vec<u8>]>);

impl Background {
    /// From samples at 16 kHz.
    pub fn new(samples: &[f32]) -> Result<Self, ClientError> {
        Ok(Self(encode(samples)?))
    }

    /// From a WAV of any rate.
    pub fn read(path: &Path) -> Result<Self, ClientError> {
        Self::new(&Recording::read(path)?.samples)
    }

    /// Nothing at all.
    pub fn silence() -> Result<Self, ClientError> {
        Self::new(&[0.0; FRAME])
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
    let mut current: Option<Speaking> = None;
    for slot in 0.. {
        sleep_until(connected + FRAME_TIME * slot).await;
        if current.is_none()
            && let Ok((recording, done)) = queue.try_recv()
        {
            let begin_ms = connected.elapsed().as_millis() as u64;
            current = Some(Speaking { recording, done, frame: 0, begin_ms });
        }
        let encoded = match &mut current {
            Some(speaking) => speaking.packet(&mut encoder),
            None => match background.as_ref().and_then(|background| background.packet(slot)) {
                Some(packet) => Ok(packet),
                None => encoder.encode(&[0.0; FRAME]),
            },
        };
        let Ok(packet) = encoded else { return };
        if !packets.send(u64::from(slot), slot == 0, packet).await {
            return;
        }
        if let Some(speaking) = current.take_if(|speaking| speaking.is_over()) {
            let Speaking { recording, done, begin_ms, .. } = speaking;
            let speech_end_ms = begin_ms + recording.speech_end.as_millis() as u64;
            // A frame leaves when it is complete.
            let end_ms = begin_ms + recording.duration().as_millis() as u64;
            let _ = done.send(Spoken { begin_ms, speech_end_ms, end_ms });
        }
    }
}

/// A recording that is being said.
struct Speaking {
    recording: Recording,
    done: oneshot::Sender<Spoken>,
    /// The frame that is next.
    frame: usize,
    begin_ms: u64,
}

impl Speaking {
    /// The next packet; silence where the recording is over.
    fn packet(&mut self, encoder: &mut Encoder) -> Result<Vec<u8>, OpusError> {
        let number = self.frame;
        self.frame += 1;
        match self.recording.packets.as_ref().and_then(|packets| packets.get(number)) {
            Some(packet) => Ok(packet.clone()),
            None => encoder.encode(&frame(&self.recording.samples, number)),
        }
    }

    fn is_over(&self) -> bool {
        self.frame >= self.recording.frames()
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
        assert_eq!(recording.speech_end, FRAME_TIME * 14);
        assert_eq!(recording.duration(), FRAME_TIME * 19);
    }

    #[test]
    fn what_is_encoded_beforehand_is_what_would_be_encoded() {
        let samples: Vec<f32> = (0..FRAME * 7 + 5).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
        let mut encoder = Encoder::with_rate(MIC_RATE_HZ).unwrap();
        let said = |recording: Recording, encoder: &mut Encoder| {
            let (done, _) = oneshot::channel();
            let mut speaking = Speaking { recording, done, frame: 0, begin_ms: 0 };
            let mut packets = Vec::new();
            while !speaking.is_over() {
                packets.push(speaking.packet(encoder).unwrap());
            }
            packets
        };
        let live = said(Recording::new(samples.clone()), &mut encoder);
        let mut unused = Encoder::with_rate(MIC_RATE_HZ).unwrap();
        let beforehand = said(Recording::new(samples).encoded().unwrap(), &mut unused);
        assert_eq!(live.len(), 8);
        assert_eq!(live, beforehand);
    }
}
