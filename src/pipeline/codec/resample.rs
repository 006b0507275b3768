//! Changing the sample rate, in one piece or as a stream.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _, WindowFunction};

/// Frames that the streaming resampler works on at once: 10 ms at 24 kHz, so the delay is not felt.
const STREAM_CHUNK: usize = 240;
/// For whole clips, where delay does not matter and larger transforms are quicker.
const CLIP_CHUNK: usize = 1_024;

/// A pair of rates that cannot be converted.
#[derive(Debug, thiserror::Error)]
#[error("cannot convert {from_hz} Hz to {to_hz} Hz")]
pub struct ResampleError {
    from_hz: u32,
    to_hz: u32,
}

/// Converts a whole clip, without delay or loss at either end.
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32) -> Result<Vec<f32>, ResampleError> {
    if from_hz == to_hz || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let fail = || ResampleError { from_hz, to_hz };
    let mut resampler =
        Fft::<f32>::new(from_hz as usize, to_hz as usize, CLIP_CHUNK, 1, FixedSync::Input)
            .map_err(|_| fail())?;
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|_| fail())?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|_| fail())?;
    Ok(output.take_data())
}

/// Converts a stream piece by piece. A few milliseconds stay inside until more arrives.
pub struct Resampler {
    inner: Option<Fft<f32>>,
    pending: Vec<f32>,
}

impl Resampler {
    /// A stream from one rate to another.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, ResampleError> {
        let inner = (from_hz != to_hz)
            .then(|| Fft::new(from_hz as usize, to_hz as usize, STREAM_CHUNK, 1, FixedSync::Input))
            .transpose()
            .map_err(|_| ResampleError { from_hz, to_hz })?;
        Ok(Self { inner, pending: Vec::new() })
    }

    /// For recordings that are too long to be converted in one piece: a sharper filter, and a longer delay.
    pub fn for_recordings(from_hz: u32, to_hz: u32) -> Result<Self, ResampleError> {
        let (from, to) = (from_hz as usize, to_hz as usize);
        // A tenth of a second in one transform: at all usual rates it is an even number of samples, so that the delay,
        // half of it, can be taken away exactly.
        let window = WindowFunction::BlackmanHarris2;
        let inner = (from != to)
            .then(|| Fft::new_custom(from, to, from / 10, 1, 1, window, FixedSync::Input))
            .transpose()
            .map_err(|_| ResampleError { from_hz, to_hz })?;
        Ok(Self { inner, pending: Vec::new() })
    }

    /// Takes samples and appends those that are ready to `output`.
    pub fn push(&mut self, samples: &[f32], output: &mut Vec<f32>) {
        let Some(inner) = &mut self.inner else {
            output.extend_from_slice(samples);
            return;
        };
        self.pending.extend_from_slice(samples);
        let mut used = 0;
        while self.pending.len() - used >= inner.input_frames_next() {
            let needed = inner.input_frames_next();
            let chunk = &self.pending[used..used + needed];
            let start = output.len();
            let room = inner.output_frames_next();
            output.resize(start + room, 0.0);
            let written = InterleavedSlice::new(chunk, 1, needed)
                .ok()
                .zip(InterleavedSlice::new_mut(&mut output[start..], 1, room).ok())
                .and_then(|(from, mut to)| {
                    inner.process_into_buffer(&from, &mut to, None::<&Indexing>).ok()
                })
                .map_or(0, |(_, written)| written);
            output.truncate(start + written);
            used += needed;
        }
        self.pending.drain(..used);
    }

    /// Ends the stream: appends what is still inside, and silence after it. Says how many samples of silence the
    /// output began with.
    pub fn finish(&mut self, output: &mut Vec<f32>) -> usize {
        let Some(inner) = &self.inner else { return 0 };
        let delay = inner.output_delay();
        // The delay is half of a transform. One transform may be half full, and one piece may be pending here.
        let transforms = 2.0 * (2 * delay + 1) as f64 / inner.resample_ratio();
        let silence = transforms.ceil() as usize + 2 * inner.input_frames_next();
        self.push(&vec![0.0; silence], output);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate_hz: u32, hz: f32, seconds: f32) -> Vec<f32> {
        (0..(rate_hz as f32 * seconds) as usize)
            .map(|i| (std::f32::consts::TAU * hz * i as f32 / rate_hz as f32).sin())
            .collect()
    }

    fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_clip_keeps_its_length_and_its_tone() {
        for (from, to) in [(24_000, 16_000), (22_050, 24_000), (48_000, 16_000), (44_100, 16_000)] {
            let out = resample(&tone(from, 440.0, 1.0), from, to).unwrap();
            assert!(out.len().abs_diff(to as usize) <= 1, "{from} to {to}: {}", out.len());
            let wanted = tone(to, 440.0, 1.0);
            let middle = 2_000..to as usize - 2_000;
            // Half a sample of delay, which some pairs of rates leave, is worth 0.09 at 440 Hz and 16 kHz.
            assert!(largest_difference(&out[middle.clone()], &wanted[middle]) < 0.1);
        }
    }

    #[test]
    fn a_stream_is_the_clip_with_a_short_delay() {
        let mut resampler = Resampler::new(24_000, 16_000).unwrap();
        let mut out = Vec::new();
        for piece in tone(24_000, 300.0, 1.0).chunks(317) {
            resampler.push(piece, &mut out);
        }
        let delay = resampler.inner.as_ref().unwrap().output_delay();
        assert!(delay <= 320, "at most 20 ms, not {delay} samples");
        assert!(out.len() > 15_500, "{}", out.len());
        let wanted = tone(16_000, 300.0, 1.0);
        assert!(largest_difference(&out[2_000..12_000], &wanted[2_000 - delay..]) < 0.01);
    }

    #[test]
    fn a_finished_stream_without_its_delay_is_the_clip() {
        for from_hz in [8_000, 11_025, 12_347, 22_050, 44_100, 44_101, 48_000, 96_000] {
            let mut resampler = Resampler::for_recordings(from_hz, 16_000).unwrap();
            let mut out = Vec::new();
            for piece in tone(from_hz, 300.0, 1.0).chunks(1_152) {
                resampler.push(piece, &mut out);
            }
            let delay = resampler.finish(&mut out);
            assert!(out.len() >= delay + 16_000, "{from_hz}: {} and {delay}", out.len());
            let wanted = tone(16_000, 300.0, 1.0);
            assert!(largest_difference(&out[delay + 2_000..][..12_000], &wanted[2_000..]) < 0.1);
        }
    }

    #[test]
    fn equal_rates_pass_through() {
        let mut resampler = Resampler::new(16_000, 16_000).unwrap();
        let mut out = Vec::new();
        resampler.push(&[0.1, 0.2], &mut out);
        assert_eq!(out, [0.1, 0.2]);
    }
}
