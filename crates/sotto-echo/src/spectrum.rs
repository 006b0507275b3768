//! Between samples and spectra, all of one size, and the bands that energies are compared in.
//!
//! A frame of the microphone stands in the second half of a window whose first half is silent; a window of the
//! reference is full. Their product is then a correlation, or a convolution, without wrapping around (overlap-save).

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::{FRAME, RATE_HZ};

/// Samples of a window.
pub(crate) const WINDOW: usize = 2 * FRAME;
/// Frequencies of a spectrum, from 0 to 8 kHz.
pub(crate) const BINS: usize = WINDOW / 2 + 1;
/// The frequencies that delays are looked for in: speech, and what a small loudspeaker can do. 125 Hz to 4 kHz.
pub(crate) const LOW: std::ops::Range<usize> = 8..WINDOW / 4;
/// Bands of a frame.
pub(crate) const BANDS: usize = 20;

/// Where bands begin and end, in Hz: about the critical bands of hearing (Zwicker 1961).
const EDGES_HZ: [usize; BANDS + 1] = [
    125, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700,
    4400, 5300, 6400, 7700,
];

/// A spectrum.
pub(crate) type Spectrum = [Complex32; BINS];
/// Energy in each band.
pub(crate) type Energies = [f32; BANDS];

/// A spectrum of silence.
pub(crate) fn silent() -> Box<Spectrum> {
    Box::new([Complex32::ZERO; BINS])
}

/// The transforms, with the memory that they work in.
pub(crate) struct Transform {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Back from the low half of the frequencies to every second sample.
    low_inverse: Arc<dyn ComplexToReal<f32>>,
    time: Vec<f32>,
    frequency: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Transform {
    pub(crate) fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(WINDOW);
        let inverse = planner.plan_fft_inverse(WINDOW);
        let low_inverse = planner.plan_fft_inverse(WINDOW / 2);
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        let scratch = scratch.max(low_inverse.get_scratch_len());
        Self {
            forward,
            inverse,
            low_inverse,
            time: vec![0.0; WINDOW],
            frequency: vec![Complex32::ZERO; BINS],
            scratch: vec![Complex32::ZERO; scratch],
        }
    }

    /// The spectrum of a whole window.
    pub(crate) fn window(&mut self, samples: &[f32; WINDOW], out: &mut Spectrum) {
        self.time.copy_from_slice(samples);
        self.transform(out);
    }

    /// The spectrum of a frame that silence goes before.
    pub(crate) fn frame(&mut self, samples: &[f32; FRAME], out: &mut Spectrum) {
        self.time[..FRAME].fill(0.0);
        self.time[FRAME..].copy_from_slice(samples);
        self.transform(out);
    }

    /// The window of a spectrum.
    pub(crate) fn back(&mut self, spectrum: &Spectrum) -> &[f32] {
        self.frequency.copy_from_slice(spectrum);
        // Of a real signal these two are real.
        self.frequency[0].im = 0.0;
        self.frequency[BINS - 1].im = 0.0;
        // The lengths are the plan's own, so it cannot fail.
        let _ = self.inverse.process_with_scratch(
            &mut self.frequency,
            &mut self.time,
            &mut self.scratch,
        );
        for sample in &mut self.time {
            *sample /= WINDOW as f32;
        }
        &self.time
    }

    /// The correlation, at every second lag, that a cross spectrum holds in [`LOW`]; `weights` are for its
    /// frequencies. Not scaled: at lag 0 it is twice the sum of the weighted real parts.
    pub(crate) fn correlation(&mut self, cross: &[Complex32], weights: &[f32]) -> &[f32] {
        let low = &mut self.frequency[..=WINDOW / 4];
        low.fill(Complex32::ZERO);
        for ((slot, value), weight) in low[LOW].iter_mut().zip(cross).zip(weights) {
            *slot = value * weight;
        }
        let time = &mut self.time[..WINDOW / 2];
        // The lengths are the plan's own, so it cannot fail.
        let _ = self.low_inverse.process_with_scratch(low, time, &mut self.scratch);
        time
    }

    /// What a filter is, of which only the taps of the first half are wanted (the gradient constraint).
    pub(crate) fn constrain(&mut self, filter: &mut Spectrum) {
        self.back(filter);
        self.time[FRAME..].fill(0.0);
        self.transform(filter);
    }

    fn transform(&mut self, out: &mut Spectrum) {
        // The lengths are the plan's own, so it cannot fail.
        let _ = self.forward.process_with_scratch(&mut self.time, out, &mut self.scratch);
    }
}

/// The energy of a frame's spectrum in each band, seen through a Hann window: over the half of the window in
/// which a frame stands, its three terms lie two frequencies apart.
pub(crate) fn frame_energies(spectrum: &Spectrum) -> Energies {
    energies(spectrum, 2, 1.0)
}

/// The same of a full window, as much as falls to the length of a frame.
pub(crate) fn window_energies(spectrum: &Spectrum) -> Energies {
    energies(spectrum, 1, 0.5)
}

/// Energies of a frame's frequencies, summed by band, in the unit of [`frame_energies`].
pub(crate) fn band_sums(energies: &[f32; BINS]) -> Energies {
    let scale = 2.0 / (WINDOW as f32 * FRAME as f32);
    std::array::from_fn(|band| {
        energies[bin(EDGES_HZ[band])..bin(EDGES_HZ[band + 1])].iter().sum::<f32>() * scale
    })
}

fn energies(spectrum: &Spectrum, apart: usize, scale: f32) -> Energies {
    // Mean of the squared Hann window, and from a transform's sum to the mean square of a frame (both sides of 0 Hz).
    let scale = scale * 2.0 / 0.375 / (WINDOW as f32 * FRAME as f32);
    std::array::from_fn(|band| {
        let bins = bin(EDGES_HZ[band])..bin(EDGES_HZ[band + 1]);
        let sum: f32 = bins
            .map(|k| {
                let sides = spectrum[k - apart] + spectrum[k + apart];
                (spectrum[k] * 0.5 - sides * 0.25).norm_sqr()
            })
            .sum();
        sum * scale
    })
}

fn bin(hz: usize) -> usize {
    hz * WINDOW / RATE_HZ
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32) -> [f32; WINDOW] {
        std::array::from_fn(|i| (std::f32::consts::TAU * hz * i as f32 / 16_000.0).sin())
    }

    #[test]
    fn the_energy_of_a_tone_is_its_mean_square_and_in_its_band() {
        let (mut transform, mut spectrum) = (Transform::new(), silent());
        let samples = tone(1375.0);
        transform.frame(samples[FRAME..].try_into().unwrap(), &mut spectrum);
        let frame = frame_energies(&spectrum);
        transform.window(&samples, &mut spectrum);
        let window = window_energies(&spectrum);
        for energies in [frame, window] {
            let all: f32 = energies.iter().sum();
            assert!((all - 0.5).abs() < 0.01, "{all}");
            assert!(energies[9] > 0.98 * all);
        }
    }

    #[test]
    fn a_window_comes_back() {
        let (mut transform, mut spectrum) = (Transform::new(), silent());
        let samples = tone(700.0);
        transform.window(&samples, &mut spectrum);
        for (a, b) in transform.back(&spectrum).iter().zip(&samples) {
            assert!((a - b).abs() < 1e-5);
        }
    }
}
