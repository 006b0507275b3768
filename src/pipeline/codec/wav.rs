//! WAV, for files, for engines that are programs, and for chunks of speech.

use std::io::Cursor;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use super::resample::{ResampleError, resample};

/// Something that was said to be a WAV and is not one we can read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WavError {
    /// Not a WAV, or a kind we cannot read.
    #[error("not a WAV file: {0}")]
    Format(#[source] hound::Error),
    /// A header, and no sound.
    #[error("the WAV file holds no sound")]
    Empty,
    /// A rate that cannot be converted.
    #[error(transparent)]
    Rate(#[from] ResampleError),
}

/// Reads a WAV of any rate and any number of channels and gives mono samples at `rate_hz`.
///
/// A program that writes a WAV to a pipe cannot know its length and announces a very long one
/// (espeak-ng does): sound then goes to the end of the data.
pub fn decode(bytes: &[u8], rate_hz: u32) -> Result<Vec<f32>, WavError> {
    let mut reader = WavReader::new(Cursor::new(bytes)).map_err(WavError::Format)?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels).max(1);
    // An error in the middle is the end of the data; what was read until then counts.
    let interleaved: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().map_while(Result::ok).collect(),
        SampleFormat::Int => {
            let full_scale = (1_i64 << spec.bits_per_sample.saturating_sub(1)) as f32;
            reader.samples::<i32>().map_while(Result::ok).map(|s| s as f32 / full_scale).collect()
        }
    };
    let mono: Vec<f32> = if channels == 1 {
        interleaved
    } else {
        interleaved
            .chunks_exact(channels)
            .map(|frame| frame.iter().sum::<f32>() / channels as f32)
            .collect()
    };
    if mono.is_empty() {
        return Err(WavError::Empty);
    }
    Ok(resample(&mono, spec.sample_rate, rate_hz)?)
}

/// A complete WAV: mono, 16 bit.
pub fn encode(samples: &[f32], rate_hz: u32) -> Vec<u8> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::with_capacity(44 + samples.len() * 2));
    let written = WavWriter::new(&mut bytes, spec).and_then(|mut writer| {
        for sample in samples {
            writer.write_sample(to_i16(*sample))?;
        }
        writer.finalize()
    });
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    bytes.into_inner()
}

/// The header of a WAV that goes on to the end of the data: mono, 16 bit. Its lengths say more than anybody sends.
pub fn endless_header(rate_hz: u32) -> Vec<u8> {
    let mut header = encode(&[], rate_hz);
    let sound = u32::MAX - 1 - 36;
    header[4..8].copy_from_slice(&(sound + 36).to_le_bytes());
    header[40..44].copy_from_slice(&sound.to_le_bytes());
    header
}

/// A sample as 16 bit, clipped.
pub fn to_i16(sample: f32) -> i16 {
    (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let samples: Vec<f32> = (0..1_000).map(|i| (i as f32 / 50.0).sin() * 0.8).collect();
        let back = decode(&encode(&samples, 16_000), 16_000).unwrap();
        assert_eq!(back.len(), samples.len());
        assert!(samples.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn a_length_beyond_the_data_means_to_its_end() {
        let mut bytes = encode(&[0.25; 800], 16_000);
        bytes[4..8].copy_from_slice(&0x7fff_f024_u32.to_le_bytes());
        bytes[40..44].copy_from_slice(&0x7fff_f000_u32.to_le_bytes());
        assert_eq!(decode(&bytes, 16_000).unwrap().len(), 800);
    }

    #[test]
    fn stereo_is_mixed_down() {
        let spec = WavSpec {
            channels: 2,
            sample_rate: 16_000,
            bits_per_sample: 32,
            sample_format: SampleFormat::Float,
        };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        for _ in 0..10 {
            writer.write_sample(1.0_f32).unwrap();
            writer.write_sample(0.0_f32).unwrap();
        }
        writer.finalize().unwrap();
        assert_eq!(decode(bytes.get_ref(), 16_000).unwrap(), [0.5; 10]);
    }

    #[test]
    fn what_is_no_wav_is_refused() {
        assert!(matches!(decode(b"ID3 this is an mp3", 16_000), Err(WavError::Format(_))));
        assert!(matches!(decode(&[], 16_000), Err(WavError::Format(_))));
        assert!(matches!(decode(&encode(&[], 16_000), 16_000), Err(WavError::Empty)));
    }
}
