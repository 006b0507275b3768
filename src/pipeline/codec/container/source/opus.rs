//! Opus in a container ([RFC 7845]): the decoder of calls, and a header that says where the sound begins.
//!
//! [RFC 7845]: https://www.rfc-editor.org/rfc/rfc7845

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::packet::Packet;

use super::{ContainerError, End, Mono};
use crate::pipeline::codec::jitter::Unit;
use crate::pipeline::codec::opus::Decoder;
use crate::pipeline::frame::MIC_RATE_HZ;

/// What containers count in, for one sample at [`MIC_RATE_HZ`].
const TICKS_PER_SAMPLE: u64 = 48_000 / MIC_RATE_HZ as u64;

/// One stream.
pub(super) struct Opus {
    decoder: Decoder,
    /// Samples before the sound begins: the encoder's delay.
    skip: usize,
    gain: f32,
    /// One piece; kept for its memory.
    samples: Vec<f32>,
}

/// What the identification header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    channels: u8,
    /// In ticks of 48 kHz.
    pre_skip: u16,
    /// In steps of 1/256 dB.
    gain: i16,
    /// Family 0 is one stream of one or two channels; all others may hold several streams.
    family: u8,
}

impl Opus {
    pub(super) fn new(parameters: &AudioCodecParameters) -> Result<Self, ContainerError> {
        // Without a header it is what everybody writes: one stream.
        let plain = Head { channels: 1, pre_skip: 0, gain: 0, family: 0 };
        let head = match parameters.extra_data.as_deref() {
            Some(bytes) => Head::read(bytes).ok_or(ContainerError::Damaged)?,
            None => plain,
        };
        if head.family != 0 || !(1..=2).contains(&head.channels) {
            return Err(ContainerError::Unsupported("it is Opus of more than two channels".into()));
        }
        let decoder =
            Decoder::new().map_err(|error| ContainerError::Unsupported(error.to_string()))?;
        Ok(Self {
            decoder,
            skip: (u64::from(head.pre_skip) / TICKS_PER_SAMPLE) as usize,
            gain: 10_f32.powf(f32::from(head.gain) / (20.0 * 256.0)),
            samples: Vec::new(),
        })
    }

    /// Decodes one packet; a broken one is concealed, so that what follows keeps its place.
    pub(super) fn decode(
        &mut self,
        packet: Packet,
        mono: &mut Mono,
    ) -> Result<End, ContainerError> {
        if packet.data.is_empty() {
            return Ok(End::Whole);
        }
        let broken = self.decoder.broken();
        let cut = (packet.trim_end.get() / TICKS_PER_SAMPLE) as usize;
        let samples = self.decoder.decode(&Unit::Packet(packet.data.into()));
        let skipped = self.skip.min(samples.len());
        self.skip -= skipped;
        self.samples.clear();
        let kept = skipped..samples.len().saturating_sub(cut).max(skipped);
        self.samples.extend(samples[kept].iter().map(|sample| sample * self.gain));
        let damaged = self.decoder.broken() > broken;
        // Concealment before anything was heard is not sound.
        if damaged && mono.is_empty() {
            return Ok(End::Damaged);
        }
        match mono.push(&self.samples, 1, MIC_RATE_HZ) {
            Err(ContainerError::NotNumbers) => Ok(End::Damaged),
            pushed => pushed.map(|()| if damaged { End::Damaged } else { End::Whole }),
        }
    }
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let fields = bytes.strip_prefix(b"OpusHead")?.first_chunk::<11>()?;
        let [_version, channels, skip_low, skip_high, _, _, _, _, gain_low, gain_high, family] =
            *fields;
        Some(Self {
            channels,
            pre_skip: u16::from_le_bytes([skip_low, skip_high]),
            gain: i16::from_le_bytes([gain_low, gain_high]),
            family,
        })
    }
}
