//! Opus, in and out: 16 kHz mono for recognition, 24 kHz mono for speech. See [RFC 6716].
//!
//! [RFC 6716]: https://www.rfc-editor.org/rfc/rfc6716

use ::opus as libopus;

use super::jitter::Unit;
use crate::pipeline::frame::{MIC_RATE_HZ, SPEECH_RATE_HZ};

/// Longest Opus packet: 120 ms.
const MAX_FRAME: usize = MIC_RATE_HZ as usize * 120 / 1_000;
/// Ticks of the RTP clock for one sample at [`MIC_RATE_HZ`].
const TICKS_PER_SAMPLE: u32 = 48_000 / MIC_RATE_HZ;
/// Longest Opus packet allowed by [RFC 6716], section 3.4.
const MAX_PACKET_BYTES: usize = 1_275;
/// Samples of one 20 ms frame of speech.
pub const SPEECH_FRAME: usize = SPEECH_RATE_HZ as usize / 50;
/// Good speech at a rate that any network carries.
const BITRATE: i32 = 32_000;
/// In-band FEC is only written when loss is expected; this much costs about 10 % of the bits.
const EXPECTED_LOSS_PERCENT: i32 = 10;
/// Between the quick and the careful end of Opus (0 to 10): beyond it speech does not gain audibly.
const COMPLEXITY: i32 = 6;

/// libopus could not be set up. Nothing that a peer sends causes it.
#[derive(Debug, thiserror::Error)]
#[error("opus: {0}")]
pub struct OpusError(#[from] libopus::Error);

/// How much sound an Opus packet holds, in ticks of 48 kHz, or `None` for what is no Opus packet.
pub fn packet_ticks(payload: &[u8]) -> Option<u32> {
    libopus::packet::get_nb_samples(payload, 48_000).ok().map(|samples| samples as u32)
}

/// Opus packets to samples at [`MIC_RATE_HZ`].
pub struct Decoder {
    inner: libopus::Decoder,
    samples: Vec<f32>,
    /// Packets that were not Opus.
    broken: u64,
}

impl Decoder {
    /// A decoder for one stream. Stereo is mixed down.
    pub fn new() -> Result<Self, OpusError> {
        let inner = libopus::Decoder::new(MIC_RATE_HZ, libopus::Channels::Mono)?;
        Ok(Self { inner, samples: vec![0.0; MAX_FRAME], broken: 0 })
    }

    /// Decodes what the jitter buffer put out. Garbage is concealed, not refused: one bad packet must not
    /// end a call.
    pub fn decode(&mut self, unit: &Unit) -> &[f32] {
        match unit {
            Unit::Packet(payload) => self.packet(payload),
            Unit::Recover { next, ticks } => self.invent(next, *ticks, true),
            Unit::Conceal { ticks } => self.invent(&[], *ticks, false),
            Unit::Silence { ticks } => {
                let samples = (*ticks / TICKS_PER_SAMPLE) as usize;
                // A DTX gap may be longer than any packet.
                self.samples.resize(samples.max(MAX_FRAME), 0.0);
                self.samples[..samples].fill(0.0);
                &self.samples[..samples]
            }
        }
    }

    /// Packets so far that were not Opus.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    fn packet(&mut self, payload: &[u8]) -> &[f32] {
        self.samples.resize(MAX_FRAME, 0.0);
        if let Ok(samples) = self.inner.decode_float(payload, &mut self.samples, false) {
            return &self.samples[..samples];
        }
        self.broken += 1;
        self.invent(&[], 960, false)
    }

    /// Recovers (`fec`) or conceals `ticks`. The length asked for decides how much libopus makes up; it
    /// must be a multiple of 2.5 ms and fit the longest packet.
    fn invent(&mut self, next: &[u8], ticks: u32, fec: bool) -> &[f32] {
        self.samples.resize(MAX_FRAME, 0.0);
        let samples = ((ticks / TICKS_PER_SAMPLE) as usize / 40 * 40).clamp(40, MAX_FRAME);
        let target = &mut self.samples[..samples];
        if self.inner.decode_float(next, target, fec).is_err() {
            target.fill(0.0);
        }
        &self.samples[..samples]
    }
}

/// Samples at [`SPEECH_RATE_HZ`] to Opus packets of 20 ms.
pub struct Encoder {
    inner: libopus::Encoder,
}

impl Encoder {
    /// An encoder for one stream.
    pub fn new() -> Result<Self, OpusError> {
        Self::with_rate(SPEECH_RATE_HZ)
    }

    /// An encoder that is fed at `rate_hz` (8, 12, 16, 24 or 48 kHz).
    pub fn with_rate(rate_hz: u32) -> Result<Self, OpusError> {
        let mut inner =
            libopus::Encoder::new(rate_hz, libopus::Channels::Mono, libopus::Application::Voip)?;
        inner.set_bitrate(libopus::Bitrate::Bits(BITRATE))?;
        inner.set_signal(libopus::Signal::Voice)?;
        inner.set_inband_fec(true)?;
        inner.set_packet_loss_perc(EXPECTED_LOSS_PERCENT)?;
        inner.set_complexity(COMPLEXITY)?;
        Ok(Self { inner })
    }

    /// Samples by which what is decoded comes later than what was encoded.
    pub fn lookahead(&mut self) -> Result<u32, OpusError> {
        Ok(self.inner.get_lookahead()? as u32)
    }

    /// Encodes one 20 ms frame.
    pub fn encode(&mut self, frame: &[f32]) -> Result<Vec<u8>, OpusError> {
        Ok(self.inner.encode_vec_float(frame, MAX_PACKET_BYTES)?)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A voice-like tone: 50 frames of 20 ms at the speech rate.
    fn tone() -> Vec<f32> {
        (0..50 * SPEECH_FRAME)
            .map(|i| {
                let t = i as f32 / SPEECH_RATE_HZ as f32;
                let phase = std::f32::consts::TAU * 200.0 * t;
                0.3 * (0.5 + 0.5 * (t * 7.0).sin()) * (phase.sin() + 0.5 * (3.0 * phase).sin())
            })
            .collect()
    }

    fn packets() -> Vec<Bytes> {
        let mut encoder = Encoder::new().unwrap();
        tone().chunks(SPEECH_FRAME).map(|f| encoder.encode(f).unwrap().into()).collect()
    }

    fn energy(samples: &[f32]) -> f32 {
        samples.iter().map(|s| s * s).sum()
    }

    #[test]
    fn a_tone_survives_at_sixteen_kilohertz() {
        let mut decoder = Decoder::new().unwrap();
        let heard: Vec<f32> = packets()
            .into_iter()
            .flat_map(|packet| decoder.decode(&Unit::Packet(packet)).to_vec())
            .collect();
        assert_eq!(heard.len(), 16_000);
        let crossings = heard[8_000..].windows(2).filter(|w| (w[0] < 0.0) != (w[1] < 0.0)).count();
        assert!(crossings >= 200, "a 200 Hz voice, got {crossings} crossings in half a second");
    }

    #[test]
    fn fec_brings_a_lost_packet_back_better_than_concealment() {
        let packets = packets();
        let decode = |units: Vec<Unit>| {
            let mut decoder = Decoder::new().unwrap();
            units.iter().flat_map(|u| decoder.decode(u).to_vec()).collect::<Vec<f32>>()
        };
        let clean = decode(packets.iter().cloned().map(Unit::Packet).collect());
        let with_loss = |lost: fn(&[Bytes], usize) -> Unit| {
            decode(
                (0..packets.len())
                    .map(|i| match i {
                        20 => lost(&packets, i),
                        _ => Unit::Packet(packets[i].clone()),
                    })
                    .collect(),
            )
        };
        let recovered = with_loss(|p, i| Unit::Recover { next: p[i + 1].clone(), ticks: 960 });
        let concealed = with_loss(|_, _| Unit::Conceal { ticks: 960 });
        let place = 20 * 320..21 * 320;
        let error = |other: &[f32]| {
            let difference: Vec<f32> = clean[place.clone()]
                .iter()
                .zip(&other[place.clone()])
                .map(|(a, b)| a - b)
                .collect();
            energy(&difference) / energy(&clean[place.clone()])
        };
        assert_eq!(recovered.len(), clean.len());
        assert!(error(&recovered) < 0.5 * error(&concealed));
    }

    #[test]
    fn garbage_is_concealed_and_counted() {
        let mut decoder = Decoder::new().unwrap();
        // A code 3 packet that announces more frames than it has bytes.
        let broken = Bytes::from_static(&[0b0000_0011, 0b1011_1111, 0xff]);
        assert_eq!(packet_ticks(&[]), None);
        assert_eq!(decoder.decode(&Unit::Packet(broken)).len(), 320);
        assert_eq!(decoder.broken(), 1);
        assert_eq!(decoder.decode(&Unit::Packet(packets()[0].clone())).len(), 320);
    }

    #[test]
    fn silence_may_be_longer_than_any_packet() {
        let mut decoder = Decoder::new().unwrap();
        let heard = decoder.decode(&Unit::Silence { ticks: 48_000 * 3 });
        assert_eq!(heard.len(), 48_000);
        assert!(energy(heard) <= 0.0);
    }
}
