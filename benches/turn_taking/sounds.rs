//! Sounds that are no wish to speak: words of listeners in several synthetic voices, pieces of noise, coughs and
//! laughs made of shaped noise.

use std::process::Command;

use sotto::pipeline::codec::wav;

use super::stage::{Chance, RATE, Stage};

const VOICES: [&str; 8] = [
    "en-us",
    "en-gb",
    "en-us+f2",
    "en-us+f4",
    "en-gb+m3",
    "en-gb+f3",
    "en-gb-scotland",
    "en-us+m7",
];
const WORDS: [&str; 5] = ["mhm", "uh-huh", "right", "yeah", "okay"];

/// A sound, and what recognition makes of it.
pub struct Sound {
    pub name: String,
    pub samples: Vec<f32>,
    pub words: &'static str,
}

/// All of them, the words of listeners first.
pub fn sounds(stage: &Stage) -> Vec<Sound> {
    let mut sounds = Vec::new();
    for voice in VOICES {
        for word in WORDS {
            let spoken = Command::new("espeak-ng").args(["-v", voice, "--stdout", word]).output();
            let samples =
                spoken.ok().and_then(|spoken| wav::decode(&spoken.stdout, RATE as u32).ok());
            let Some(samples) = samples else { continue };
            sounds.push(Sound {
                name: format!("{word} ({voice})"),
                samples: levelled(trimmed(samples), 0.08),
                words: word,
            });
        }
    }
    let chance = &mut Chance::new(11);
    for (name, noise) in &stage.noises {
        for _ in 0..3 {
            let length = (chance.between(0.3, 0.9) * RATE as f64) as usize;
            let from = chance.below(noise.len().saturating_sub(length).max(1));
            let piece = noise[from..(from + length).min(noise.len())].to_vec();
            sounds.push(Sound { name: name.clone(), samples: levelled(piece, 0.06), words: "" });
        }
    }
    for _ in 0..8 {
        sounds.push(Sound {
            name: "cough".to_owned(),
            samples: bursts(1, 0.28, chance),
            words: "",
        });
        sounds.push(Sound {
            name: "laugh".to_owned(),
            samples: bursts(4, 0.09, chance),
            words: "",
        });
    }
    sounds
}

/// Bursts of noise with the formants of an open mouth: one long one is a cough, several short ones are a laugh.
fn bursts(count: usize, seconds: f64, chance: &mut Chance) -> Vec<f32> {
    let mut samples = Vec::new();
    let pitch = chance.between(140.0, 320.0);
    let formants = [chance.between(600.0, 900.0), chance.between(1_100.0, 1_700.0)];
    for _ in 0..count {
        let length = (seconds * chance.between(0.8, 1.2) * RATE as f64) as usize;
        let mut state = [[0.0_f64; 2]; 2];
        for i in 0..length {
            let time = i as f64 / RATE as f64;
            let voiced =
                if count > 1 { (std::f64::consts::TAU * pitch * time).sin().max(0.0) } else { 0.2 };
            let source = chance.normal() * (0.3 + voiced);
            let mut sum = 0.0;
            for (formant, state) in formants.iter().zip(&mut state) {
                let radius = 0.97_f64;
                let turn = std::f64::consts::TAU * formant / RATE as f64;
                let value =
                    source + 2.0 * radius * turn.cos() * state[0] - radius * radius * state[1];
                *state = [value, state[0]];
                sum += value;
            }
            let attack = (time / 0.01).min(1.0);
            let decay = (-(time / seconds) * 3.0).exp();
            samples.push((sum * attack * decay) as f32);
        }
        samples.resize(samples.len() + (0.09 * RATE as f64) as usize, 0.0);
    }
    levelled(samples, 0.08)
}

/// Without silence at its ends.
pub fn trimmed(samples: Vec<f32>) -> Vec<f32> {
    let loud = |sample: &f32| sample.abs() > 0.01;
    let from = samples.iter().position(loud).unwrap_or(0);
    let to = samples.iter().rposition(loud).map_or(0, |at| at + 1);
    samples[from.min(to)..to].to_vec()
}

/// As loud as this on average (root mean square), where it is not silent.
pub fn levelled(mut samples: Vec<f32>, level: f32) -> Vec<f32> {
    let loud = samples.iter().filter(|sample| sample.abs() > 1e-3);
    let (sum, count) = loud.fold((0.0, 0.0), |(sum, count), s| (sum + s * s, count + 1.0_f32));
    let factor = level / (sum / count.max(1.0)).sqrt().max(1e-6);
    for sample in &mut samples {
        *sample = (*sample * factor).clamp(-0.9, 0.9);
    }
    samples
}

/// Where the first 10 ms begin that are more than a tenth as loud as the loudest.
pub fn first_energetic(samples: &[f32]) -> usize {
    begins(samples, 1, 1)
}

/// The same, of a sound that goes on: of 100 ms more than half are as loud. A click long before the first word is none.
pub fn first_sustained(samples: &[f32]) -> usize {
    begins(samples, 10, 6)
}

/// Where the first 10 ms begin that are loud, as are so many `of` the pieces from there on.
fn begins(samples: &[f32], of: usize, loud: usize) -> usize {
    let size = RATE / 100;
    let energies: Vec<f32> =
        samples.chunks(size).map(|piece| piece.iter().map(|s| s * s).sum::<f32>()).collect();
    let most = energies.iter().copied().fold(0.0, f32::max);
    let is_loud: Vec<bool> = energies.iter().map(|energy| *energy > 0.01 * most).collect();
    let mut windows = is_loud.windows(of);
    let begins = |window: &[bool]| window[0] && window.iter().filter(|l| **l).count() >= loud;
    windows.position(begins).unwrap_or(0) * size
}
