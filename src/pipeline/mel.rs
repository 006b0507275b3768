//! Log-mel spectrograms as Whisper was trained on: 25 ms windows every 10 ms, 80 or 128 Slaney mel bands.
//!
//! Reference: `WhisperFeatureExtractor` of transformers (and `log_mel_spectrogram` of openai/whisper). Frames
//! are centred, the left edge is reflected, and sound is followed by silence up to the length asked for.
//! In f32 for Whisper; in f64 for Smart Turn, whose int8 graph flips on a difference of 1e-6.

use std::sync::Arc;

use num_traits::{Float, FromPrimitive};
use realfft::{FftNum, RealFftPlanner, RealToComplex};

use super::frame::MIC_RATE_HZ;

/// Samples of a window: 25 ms.
const WINDOW: usize = 400;
/// Samples from one frame to the next: 10 ms.
pub const HOP: usize = 160;
/// Bands of the spectrum of one window.
const SPECTRUM: usize = WINDOW / 2 + 1;

/// The precision of the computation.
pub trait Real: FftNum + Float {}
impl Real for f32 {}
impl Real for f64 {}

/// A prepared transform for one number of mel bands. Cheap to share, holds no state.
pub struct LogMel<T: Real> {
    transform: Arc<dyn RealToComplex<T>>,
    window: Vec<T>,
    bands: Vec<Band<T>>,
}

/// The part of a mel filter that is not zero.
struct Band<T> {
    first: usize,
    weights: Vec<T>,
}

impl<T: Real> LogMel<T> {
    /// Prepares a transform to `bands` mel bands (80, or 128 for large-v3).
    pub fn new(bands: usize) -> Self {
        // Hann, periodic.
        let window = (0..WINDOW)
            .map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / WINDOW as f64).cos())
            .map(real)
            .collect();
        Self {
            transform: RealFftPlanner::new().plan_fft_forward(WINDOW),
            window,
            bands: slaney_filters(bands).into_iter().map(sparse).collect(),
        }
    }

    /// The number of mel bands.
    pub fn bands(&self) -> usize {
        self.bands.len()
    }

    /// The features of `samples` (16 kHz, ±1), followed by silence up to `frames` frames of 10 ms and cut
    /// there: [bands, frames], row by row.
    pub fn compute(&self, samples: &[T], frames: usize) -> Vec<f32> {
        let padded = pad(samples, frames * HOP);
        let mut input = self.transform.make_input_vec();
        let mut spectrum = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let mut power = [T::zero(); SPECTRUM];
        let floor: T = real(1e-10);
        let mut logs = vec![floor.log10(); self.bands.len() * frames];
        let mut loudest = floor.log10();
        // After the last sample there is only silence, whose features are the floor.
        let sounding = frames.min((samples.len() + WINDOW / 2).div_ceil(HOP));
        for frame in 0..sounding {
            let window = &padded[frame * HOP..frame * HOP + WINDOW];
            for ((slot, sample), weight) in input.iter_mut().zip(window).zip(&self.window) {
                *slot = *sample * *weight;
            }
            // The lengths are the plan's own, so it cannot fail.
            if self.transform.process_with_scratch(&mut input, &mut spectrum, &mut scratch).is_err()
            {
                continue;
            }
            for (slot, value) in power.iter_mut().zip(&spectrum) {
                *slot = value.re * value.re + value.im * value.im;
            }
            for (row, band) in self.bands.iter().enumerate() {
                let energy = power[band.first..]
                    .iter()
                    .zip(&band.weights)
                    .fold(T::zero(), |sum, (power, weight)| sum + *power * *weight);
                let log = energy.max(floor).log10();
                loudest = loudest.max(log);
                logs[row * frames + frame] = log;
            }
        }
        let quietest = loudest - real(8.0);
        let four: T = real(4.0);
        logs.into_iter()
            .map(|log| ((log.max(quietest) + four) / four).to_f32().unwrap_or(0.0))
            .collect()
    }
}

/// The samples with the left edge reflected (half a window) and silence, or the reflection of the cut, on
/// the right.
fn pad<T: Real>(samples: &[T], length: usize) -> Vec<T> {
    const EDGE: usize = WINDOW / 2;
    let samples = &samples[..samples.len().min(length)];
    let at = |i: usize| samples.get(i).copied().unwrap_or_else(T::zero);
    let mut padded = Vec::with_capacity(length + WINDOW);
    padded.extend((1..=EDGE).rev().map(at));
    padded.extend_from_slice(samples);
    padded.resize(EDGE + length, T::zero());
    padded.extend((0..EDGE).map(|i| at(length.saturating_sub(2 + i))));
    padded
}

/// Triangular filters, evenly spaced on Slaney's mel scale and of equal area: [bands, SPECTRUM].
fn slaney_filters(bands: usize) -> Vec<Vec<f64>> {
    let nyquist = f64::from(MIC_RATE_HZ) / 2.0;
    let top = hz_to_mel(nyquist);
    let edges: Vec<f64> =
        (0..bands + 2).map(|i| mel_to_hz(top * i as f64 / (bands + 1) as f64)).collect();
    edges
        .windows(3)
        .map(|edge| {
            let area = 2.0 / (edge[2] - edge[0]);
            (0..SPECTRUM)
                .map(|i| {
                    let hz = nyquist * i as f64 / (SPECTRUM - 1) as f64;
                    let rising = (hz - edge[0]) / (edge[1] - edge[0]);
                    let falling = (edge[2] - hz) / (edge[2] - edge[1]);
                    rising.min(falling).max(0.0) * area
                })
                .collect()
        })
        .collect()
}

/// Linear below 1 kHz, logarithmic above.
fn hz_to_mel(hz: f64) -> f64 {
    if hz < 1_000.0 { hz * 3.0 / 200.0 } else { 15.0 + (hz / 1_000.0).ln() * 27.0 / 6.4_f64.ln() }
}

fn mel_to_hz(mel: f64) -> f64 {
    if mel < 15.0 {
        mel * 200.0 / 3.0
    } else {
        1_000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp()
    }
}

fn sparse<T: Real>(weights: Vec<f64>) -> Band<T> {
    let first = weights.iter().position(|w| *w > 0.0).unwrap_or(0);
    let weights = weights.into_iter().skip(first).take_while(|w| *w > 0.0).map(real).collect();
    Band { first, weights }
}

fn real<T: Real>(value: f64) -> T {
    // f32 and f64 can be made from any f64.
    <T as FromPrimitive>::from_f64(value).unwrap_or_else(T::zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_flat() {
        let features = LogMel::<f32>::new(80).compute(&vec![0.0; 16_000], 200);
        assert_eq!(features.len(), 80 * 200);
        assert!(features.iter().all(|value| (*value - features[0]).abs() < 1e-6));
    }

    #[test]
    fn a_tone_is_brightest_in_its_band() {
        let tone: Vec<f64> = (0..16_000)
            .map(|i| (std::f64::consts::TAU * 1_000.0 * f64::from(i) / 16_000.0).sin())
            .collect();
        let features = LogMel::<f64>::new(80).compute(&tone, 100);
        let column = |band: usize| features[band * 100 + 50];
        let brightest = (0..80).max_by(|a, b| column(*a).total_cmp(&column(*b)));
        // 1 kHz is mel 15 of 45.2, so band 15 / 45.2 * 81 - 1.
        assert_eq!(brightest, Some(26));
    }

    #[test]
    fn both_precisions_agree() {
        let noise: Vec<f64> =
            (0..32_000).map(|i| f64::from((i * 7_919) % 1_000) / 1_000.0 - 0.5).collect();
        let single: Vec<f32> = noise.iter().map(|s| *s as f32).collect();
        let a = LogMel::<f64>::new(128).compute(&noise, 300);
        let b = LogMel::<f32>::new(128).compute(&single, 300);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn sound_shorter_than_a_window_is_allowed() {
        assert_eq!(LogMel::<f32>::new(80).compute(&[0.1; 10], 10).len(), 800);
        assert_eq!(LogMel::<f32>::new(80).compute(&[], 10).len(), 800);
    }
}
