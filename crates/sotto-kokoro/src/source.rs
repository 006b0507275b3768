//! What the vocal cords do: a tone with overtones where the voice sounds, noise where it does not. On the host.

use std::f64::consts::TAU;

use rayon::prelude::*;

use crate::LoadError;
use crate::checkpoint::Checkpoint;
use crate::config::{PER_PITCH, SAMPLE_RATE};

/// The tone and its overtones.
pub(crate) const HARMONICS: usize = 9;
/// Below this a pitch is none.
const VOICED_HZ: f32 = 10.0;
const AMPLITUDE: f32 = 0.1;
/// The deviation of the noise under a voice.
const BREATH: f32 = 0.003;
/// The deviation of the noise without one.
const WHISPER: f32 = AMPLITUDE / 3.0;

/// How the harmonics are put together.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) weights: [f32; HARMONICS],
    bias: f32,
}

impl Source {
    pub(crate) fn load(checkpoint: &mut Checkpoint) -> Result<Self, LoadError> {
        let name = "decoder.generator.m_source.l_linear";
        let weight = checkpoint.take(&format!("{name}.weight"), &[1, HARMONICS])?;
        let bias = checkpoint.take(&format!("{name}.bias"), &[1])?;
        let mut weights = [0.0; HARMONICS];
        weights.copy_from_slice(&weight);
        Ok(Self { weights, bias: bias[0] })
    }

    /// The deviation of the sum of every harmonic's own noise, each of deviation 1. The sum of normal noises is
    /// normal noise, so that one value a sample does for all.
    pub(crate) fn noise_deviation(&self) -> f32 {
        self.weights.iter().map(|weight| weight * weight).sum::<f32>().sqrt()
    }

    /// 300 samples for each value of the pitch (in Hz), with this noise: for each sample the weighted sum of every
    /// harmonic's.
    pub(crate) fn samples(&self, pitch: &[f32], noise: &[f32]) -> Vec<f32> {
        let turns = turns(pitch);
        let mut samples = vec![0.0; pitch.len() * PER_PITCH];
        let pieces = samples.par_chunks_mut(PER_PITCH).zip(noise.par_chunks(PER_PITCH)).enumerate();
        pieces.for_each(|(index, (samples, noise))| {
            let voiced = pitch[index] > VOICED_HZ;
            let deviation = if voiced { BREATH } else { WHISPER };
            for (sample, noise) in samples.iter_mut().zip(noise) {
                *sample = self.bias + deviation * noise;
            }
            if voiced {
                for (harmonic, weight) in self.weights.iter().enumerate() {
                    let of = |at: usize| turns[at.min(turns.len() - 1)][harmonic];
                    // Each value of the pitch is reached in its middle.
                    let half = PER_PITCH / 2;
                    let (first, second) = samples.split_at_mut(half);
                    let here = of(index);
                    let before = if index == 0 { here } else { of(index - 1) };
                    add(first, before, here, 0.5, weight * AMPLITUDE);
                    add(second, here, of(index + 1), 0.0, weight * AMPLITUDE);
                }
            }
            for sample in samples {
                *sample = sample.tanh();
            }
        });
        samples
    }
}

/// How often each harmonic has turned in the middle of each value of the pitch.
///
/// The reference counts in f32, whose last digits are radians after a few seconds; this counts in f64.
fn turns(pitch: &[f32]) -> Vec<[f64; HARMONICS]> {
    let mut sums = [0.0; HARMONICS];
    let step = |pitch: &f32| {
        for (harmonic, sum) in sums.iter_mut().enumerate() {
            let of_sample = f64::from(*pitch) * (harmonic + 1) as f64 / f64::from(SAMPLE_RATE);
            *sum += of_sample.rem_euclid(1.0) * PER_PITCH as f64;
        }
        sums
    };
    pitch.iter().map(step).collect()
}

/// Adds a sine that goes from `from` turns to `to` in 300 samples, seen from `start` of this way on.
fn add(samples: &mut [f32], from: f64, to: f64, start: f64, amplitude: f32) {
    let step = (to - from) / PER_PITCH as f64;
    let first = from + start * (to - from) + 0.5 * step;
    for (i, sample) in samples.iter_mut().enumerate() {
        let turns = first + i as f64 * step;
        *sample += amplitude * ((turns - turns.floor()) * TAU).sin() as f32;
    }
}
