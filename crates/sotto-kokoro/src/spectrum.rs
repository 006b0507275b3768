//! Between samples and short spectra: windows of 20 samples, one every 5, on the host in f32.

use std::f64::consts::TAU;

use rayon::prelude::*;

/// Samples of a window.
const WINDOW: usize = 20;
/// Samples from one window to the next.
pub(crate) const HOP: usize = 5;
/// Frequencies of a spectrum.
pub(crate) const BINS: usize = WINDOW / 2 + 1;
/// Magnitudes and phases of a spectrum, side by side.
pub(crate) const WIDTH: usize = 2 * BINS;
/// Spectra that one thread makes at a time.
const PIECE: usize = 512;
/// Windows that lie over one sample.
const OVERLAP: usize = WINDOW / HOP;

/// The transform: a raised cosine over each window, and the cosines and sines of each frequency under it.
pub(crate) struct Spectrum {
    window: [f32; WINDOW],
    cosines: [[f32; WINDOW]; BINS],
    sines: [[f32; WINDOW]; BINS],
}

impl Spectrum {
    pub(crate) fn new() -> Self {
        let turn = |part: usize| TAU * (part % WINDOW) as f64 / WINDOW as f64;
        let of = |value: fn(f64) -> f64| {
            std::array::from_fn(|bin| std::array::from_fn(|i| value(turn(bin * i)) as f32))
        };
        let mut sines: [[f32; WINDOW]; BINS] = of(f64::sin);
        // The sine of a whole number of half turns is nothing. The phase of these two is nothing or half a turn,
        // and a last digit here would decide about its sign.
        sines[0] = [0.0; WINDOW];
        sines[BINS - 1] = [0.0; WINDOW];
        let window = std::array::from_fn(|i| (0.5 - 0.5 * turn(i).cos()) as f32);
        Self { window, cosines: of(f64::cos), sines }
    }

    /// The spectra of `samples`, whose ends are mirrored: for each of `samples / 5 + 1` the magnitudes, then the
    /// phases in radians. [frames, 22]
    pub(crate) fn analyse(&self, samples: &[f32]) -> Vec<f32> {
        let frames = samples.len() / HOP + 1;
        let last = samples.len() as isize - 1;
        let sample = |at: isize| {
            let mirrored = if at < 0 { -at } else { last - (last - at).abs() };
            samples[mirrored.clamp(0, last) as usize]
        };
        let mut out = vec![0.0; frames * WIDTH];
        out.par_chunks_mut(PIECE * WIDTH).enumerate().for_each(|(piece, out)| {
            for (i, out) in out.chunks_exact_mut(WIDTH).enumerate() {
                let start = ((piece * PIECE + i) * HOP) as isize - (WINDOW / 2) as isize;
                let x: [f32; WINDOW] =
                    std::array::from_fn(|n| self.window[n] * sample(start + n as isize));
                let (magnitudes, phases) = out.split_at_mut(BINS);
                for (bin, (magnitude, phase)) in magnitudes.iter_mut().zip(phases).enumerate() {
                    let real = dot(&x, &self.cosines[bin]);
                    // Subtracted from nothing, so that nothing stays above zero.
                    let imaginary = 0.0 - dot(&x, &self.sines[bin]);
                    *magnitude = real.hypot(imaginary);
                    *phase = imaginary.atan2(real);
                }
            }
        });
        out
    }

    /// The samples of `spectra` (magnitudes and phases, [frames, 22]): each 5 between two of them.
    pub(crate) fn synthesise(&self, spectra: &[f32]) -> Vec<f32> {
        let frames = spectra.len() / WIDTH;
        let mut windows = vec![0.0; frames * WINDOW];
        let pieces = windows.par_chunks_mut(PIECE * WINDOW).zip(spectra.par_chunks(PIECE * WIDTH));
        pieces.for_each(|(windows, spectra)| {
            for (window, spectrum) in
                windows.chunks_exact_mut(WINDOW).zip(spectra.chunks_exact(WIDTH))
            {
                self.window_of(spectrum, window);
            }
        });
        // Where windows overlap, they and their squared weights are added up.
        let mut samples = vec![0.0; frames.saturating_sub(1) * HOP];
        samples.par_chunks_mut(HOP).enumerate().for_each(|(hop, samples)| {
            // The first sample kept is the middle of the first window.
            let at = (hop + OVERLAP / 2) * HOP;
            let first = (hop + OVERLAP / 2 + 1).saturating_sub(OVERLAP);
            let over = first..(hop + OVERLAP / 2 + 1).min(frames);
            for (i, sample) in samples.iter_mut().enumerate() {
                let (mut sum, mut weights) = (0.0, 0.0);
                for frame in over.clone() {
                    let n = at + i - frame * HOP;
                    sum += windows[frame * WINDOW + n];
                    weights += self.window[n] * self.window[n];
                }
                *sample = sum / weights;
            }
        });
        samples
    }

    fn window_of(&self, spectrum: &[f32], window: &mut [f32]) {
        let (magnitudes, phases) = spectrum.split_at(BINS);
        let parts: [(f32, f32); BINS] = std::array::from_fn(|bin| {
            // Every frequency but the first and the last stands for two.
            let times = if bin == 0 || bin == BINS - 1 { 1.0 } else { 2.0 };
            let magnitude = times * magnitudes[bin] / WINDOW as f32;
            let (sine, cosine) = phases[bin].sin_cos();
            (magnitude * cosine, magnitude * sine)
        });
        window.fill(0.0);
        for (bin, (real, imaginary)) in parts.into_iter().enumerate() {
            let waves = self.cosines[bin].iter().zip(&self.sines[bin]);
            for (sample, (cosine, sine)) in window.iter_mut().zip(waves) {
                *sample += real * cosine - imaginary * sine;
            }
        }
        for (sample, weight) in window.iter_mut().zip(&self.window) {
            *sample *= weight;
        }
    }
}

fn dot(a: &[f32; WINDOW], b: &[f32; WINDOW]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_where_it_was() {
        let spectrum = Spectrum::new();
        let samples: Vec<f32> = (0..6_000)
            .map(|i| (i as f32 * 0.37).sin() * 0.5 + (i as f32 * 2.1).cos() * 0.2)
            .collect();
        let back = spectrum.synthesise(&spectrum.analyse(&samples));
        assert_eq!(back.len(), samples.len());
        let worst = samples.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-6, "{worst}");
    }

    #[test]
    fn the_ends_of_the_spectrum_have_no_phase_but_half_a_turn() {
        let samples: Vec<f32> = (0..3_000).map(|i| (i as f32 * 1.7).sin()).collect();
        let half = std::f32::consts::PI.to_bits();
        for spectrum in Spectrum::new().analyse(&samples).chunks_exact(WIDTH) {
            for phase in [spectrum[BINS], spectrum[WIDTH - 1]] {
                assert!([0, half].contains(&phase.to_bits()), "{phase}");
            }
        }
    }
}
