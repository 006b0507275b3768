//! From samples to what a client has asked for, piece by piece.

use axum::http::HeaderValue;

use crate::pipeline::codec::ogg::OggOpus;
use crate::pipeline::codec::wav;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::SPEECH_RATE_HZ;

/// The form of the sound: 24 kHz, mono.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// 16 bit, with a header that says that it goes on to the end.
    #[default]
    Wav,
    /// 16-bit little-endian samples and nothing else.
    Pcm,
    /// In Ogg.
    Opus,
}

impl Format {
    pub(super) fn mime(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Wav => "audio/wav",
            Self::Pcm => "audio/pcm;rate=24000",
            Self::Opus => "audio/ogg",
        })
    }
}

/// See the module.
pub(super) enum Encoder {
    Pcm {
        /// What comes before the first samples.
        header: Vec<u8>,
    },
    Opus(Box<OggOpus>),
}

impl Encoder {
    pub(super) fn new(format: Format) -> Result<Self, EngineError> {
        Ok(match format {
            Format::Wav => Self::Pcm { header: wav::endless_header(SPEECH_RATE_HZ) },
            Format::Pcm => Self::Pcm { header: Vec::new() },
            Format::Opus => {
                Self::Opus(Box::new(OggOpus::new().map_err(EngineError::failed("speech"))?))
            }
        })
    }

    /// Bytes that are complete with these samples; there may be none.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>, EngineError> {
        match self {
            Self::Pcm { header } => {
                let mut bytes = std::mem::take(header);
                bytes.extend(samples.iter().flat_map(|sample| wav::to_i16(*sample).to_le_bytes()));
                Ok(bytes)
            }
            Self::Opus(file) => {
                file.push(samples).map_err(EngineError::failed("speech"))?;
                Ok(file.take())
            }
        }
    }

    /// The last bytes.
    pub(super) fn finish(self) -> Result<Vec<u8>, EngineError> {
        match self {
            Self::Pcm { header } => Ok(header),
            Self::Opus(file) => file.finish().map_err(EngineError::failed("speech")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(format: Format, pieces: &[&[f32]]) -> Vec<u8> {
        let mut encoder = Encoder::new(format).unwrap();
        let mut bytes = Vec::new();
        for piece in pieces {
            bytes.extend(encoder.push(piece).unwrap());
        }
        bytes.extend(encoder.finish().unwrap());
        bytes
    }

    #[test]
    fn samples_are_sixteen_bits_and_never_wrap() {
        let bytes = encoded(Format::Pcm, &[&[0.0, 1.0], &[-1.0, 2.0, -0.5]]);
        let samples: Vec<i16> =
            bytes.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(samples, [0, 32_767, -32_767, 32_767, -16_384]);
    }

    #[test]
    fn a_wav_is_one_whatever_its_length() {
        let bytes = encoded(Format::Wav, &[&[0.5; 1_000], &[0.25; 1_000]]);
        assert_eq!(bytes.len(), 44 + 4_000);
        let samples = wav::decode(&bytes, SPEECH_RATE_HZ).unwrap();
        assert_eq!(samples.len(), 2_000);
        assert!((samples[0] - 0.5).abs() < 1e-3 && (samples[1_999] - 0.25).abs() < 1e-3);
    }
}
