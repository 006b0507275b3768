//! The person's sound, from packets to frames: jitter buffer, Opus or resampling, voice activity.

use std::sync::Arc;
use std::time::Duration;

use sotto_echo::EchoCanceller;

use super::Hush;
use super::codec::jitter::{JitterBuffer, Packet};
use super::codec::opus::{Decoder, OpusError};
use super::codec::resample::{ResampleError, Resampler};
use super::conversation::{Frame, ReplyId};
use super::echo::Reference;
use super::failure::EngineError;
use super::frame::{MIC_RATE_HZ, MicBuffer, SPEECH_RATE_HZ, Samples};
use super::network::Arrivals;
use super::playout::Progress;
use super::vad::{FRAME, GateSettings, SpeechGate, Vad, VadModel};

/// A client that sends bare samples and stops for this long is silent.
const STREAM_STALL: Duration = Duration::from_millis(300);
/// From then on silence comes in steps of this length.
const STREAM_STEP: Duration = Duration::from_millis(32);

/// A frame may be the beginning of speech if it is speech with so much of the probability that speech begins with.
const STIRS: f32 = 0.6;
/// A frame of which so much is explained by our own voice and the background is no speech.
const ECHO: f32 = 0.6;

/// Sound cannot be heard.
#[derive(Debug, thiserror::Error)]
pub enum EarError {
    /// libopus.
    #[error(transparent)]
    Opus(#[from] OpusError),
    /// The resampler.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// Voice activity detection.
    #[error(transparent)]
    Vad(#[from] EngineError),
}

/// See the module.
pub struct Ear {
    vad: Box<dyn Vad>,
    gate: SpeechGate,
    /// Speech begins at this probability.
    threshold: f32,
    buffer: MicBuffer,
    /// Takes our own voice out of what is heard.
    canceller: Box<EchoCanceller>,
    reference: Reference,
    /// Samples that do not make a frame yet.
    pending: Vec<f32>,
    source: Source,
}

/// Where sound comes from. A call has one source, known with its first sound.
enum Source {
    Unknown,
    Packets(Box<Packets>),
    Samples { resampler: Box<Resampler>, last: Duration },
}

struct Packets {
    jitter: JitterBuffer,
    decoder: Decoder,
}

impl Ear {
    /// An ear that has heard nothing.
    pub fn new(model: &Arc<dyn VadModel>, gate: GateSettings) -> Self {
        Self {
            vad: model.open(),
            gate: SpeechGate::new(gate),
            threshold: gate.threshold,
            buffer: MicBuffer::default(),
            canceller: Box::default(),
            reference: Reference::default(),
            pending: Vec::with_capacity(2 * FRAME),
            source: Source::Unknown,
        }
    }

    /// Changes the thresholds of voice activity.
    pub fn configure(&mut self, gate: GateSettings) {
        self.threshold = gate.threshold;
        self.gate.configure(gate);
    }

    /// More of a reply was made, and will be played.
    pub fn plays(&mut self, reply: ReplyId, clause: u32, samples: &[f32]) {
        self.reference.add(reply, clause, samples);
    }

    /// The reply has been played so far.
    pub fn played(&mut self, progress: &Progress) -> Result<(), EarError> {
        let position = self.gate.position();
        Ok(self.reference.progress(progress, position, &mut self.canceller)?)
    }

    /// The reply is played otherwise.
    pub fn hush(&mut self, hush: Hush) {
        self.reference.hush(hush, self.gate.position(), &mut self.canceller);
    }

    /// The reply is cut, or over.
    pub fn stops(&mut self) {
        self.reference.cancel(self.gate.position(), &mut self.canceller);
    }

    /// An Opus packet arrived.
    pub fn packet(&mut self, packet: Packet, now: Duration) -> Result<Vec<Frame>, EarError> {
        if !matches!(self.source, Source::Packets(_)) {
            let (jitter, decoder) = (JitterBuffer::default(), Decoder::new()?);
            self.source = Source::Packets(Box::new(Packets { jitter, decoder }));
        }
        if let Source::Packets(packets) = &mut self.source {
            packets.jitter.push(packet, now);
        }
        self.advance(now)
    }

    /// Samples arrived, at the rate of the protocol (24 kHz).
    pub fn samples(&mut self, samples: &[f32], now: Duration) -> Result<Vec<Frame>, EarError> {
        if !matches!(self.source, Source::Samples { .. }) {
            let resampler = Resampler::new(SPEECH_RATE_HZ, MIC_RATE_HZ)?;
            self.source = Source::Samples { resampler: Box::new(resampler), last: now };
        }
        if let Source::Samples { resampler, last } = &mut self.source {
            resampler.push(samples, &mut self.pending);
            *last = now;
        }
        self.frames()
    }

    /// Samples of a microphone, at its own rate.
    pub fn microphone(&mut self, samples: &[f32]) -> Result<Vec<Frame>, EarError> {
        self.pending.extend_from_slice(samples);
        self.frames()
    }

    /// Lets time pass: what is overdue is concealed, and a sender that stopped is silent.
    pub fn advance(&mut self, now: Duration) -> Result<Vec<Frame>, EarError> {
        match &mut self.source {
            Source::Unknown => {}
            Source::Packets(packets) => {
                while let Some(unit) = packets.jitter.pop(now) {
                    self.pending.extend_from_slice(packets.decoder.decode(&unit));
                }
            }
            Source::Samples { last, .. } => {
                while now >= *last + STREAM_STALL {
                    *last += STREAM_STEP;
                    self.pending.resize(self.pending.len() + FRAME, 0.0);
                }
            }
        }
        self.frames()
    }

    /// When [`Ear::advance`] has something to do even if nothing arrives.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.source {
            Source::Unknown => None,
            Source::Packets(packets) => packets.jitter.deadline(),
            Source::Samples { last, .. } => Some(*last + STREAM_STALL),
        }
    }

    /// A copy of what was heard in `range`.
    pub fn copy(&self, range: std::ops::Range<Samples>) -> Vec<f32> {
        self.buffer.copy(range)
    }

    /// Forgets what was heard before `position`.
    pub fn forget(&mut self, position: Samples) {
        self.buffer.forget(position);
    }

    /// What happened to the packets, if there are any, as far as it is known here.
    pub(super) fn arrivals(&self) -> Option<Arrivals> {
        let Source::Packets(packets) = &self.source else { return None };
        let Packets { jitter, decoder } = &**packets;
        let (stats, jitter, broken) = (jitter.stats(), jitter.jitter(), decoder.broken());
        Some(Arrivals { stats, jitter, broken, dropped: 0 })
    }

    /// Cuts what is pending into frames and judges them.
    fn frames(&mut self) -> Result<Vec<Frame>, EarError> {
        let (whole, _) = self.pending.as_chunks::<FRAME>();
        let mut frames = Vec::with_capacity(whole.len());
        for chunk in whole {
            let mut chunk = *chunk;
            let verdict = self.canceller.process(&mut chunk);
            let is_echo = verdict.playing && verdict.echo >= ECHO;
            // Voice activity keeps its state: it hears every frame.
            let probability = self.vad.probability(&chunk)?;
            let probability = if is_echo { 0.0 } else { probability };
            let change = self.gate.push(probability);
            self.buffer.push(&chunk);
            frames.push(Frame {
                position: self.gate.position(),
                voiced: self.gate.is_voiced(),
                stirs: probability >= STIRS * self.threshold,
                change,
            });
        }
        self.pending.drain(..frames.len() * FRAME);
        Ok(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::vad::{Change, Energy};

    fn ear() -> Ear {
        let model: Arc<dyn VadModel> = Arc::new(Energy);
        Ear::new(
            &model,
            GateSettings {
                threshold: 0.5,
                exit_threshold: 0.35,
                start: Samples::from_ms(64),
                pause: Samples::from_ms(96),
            },
        )
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn voice(seconds: f32) -> Vec<f32> {
        (0..(24_000.0 * seconds) as usize).map(|i| (i as f32 * 0.05).sin() * 0.3).collect()
    }

    #[test]
    fn samples_become_frames_at_the_microphone_rate() {
        let mut ear = ear();
        let frames = ear.samples(&voice(1.0), ms(0)).unwrap();
        assert!((30..=31).contains(&frames.len()), "{}", frames.len());
        assert!(frames.iter().any(|f| matches!(f.change, Some(Change::Started { .. }))));
        let end = frames.last().unwrap().position;
        assert_eq!(ear.copy(Samples(0)..end).len() as u64, end.0);
    }

    #[test]
    fn a_client_that_stops_sending_is_silent_and_the_turn_can_end() {
        let mut ear = ear();
        ear.samples(&voice(1.0), ms(0)).unwrap();
        assert_eq!(ear.advance(ms(250)).unwrap(), []);
        let mut changes = Vec::new();
        for now in (250..900).step_by(50) {
            changes.extend(ear.advance(ms(now)).unwrap().into_iter().filter_map(|f| f.change));
        }
        assert!(matches!(changes[..], [Change::Paused { .. }]), "{changes:?}");
        assert!(ear.deadline().unwrap() > ms(850));
    }
}
