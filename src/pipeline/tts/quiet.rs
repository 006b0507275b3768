//! The silence that engines leave around a clause: too much of it delays the first word and makes the pauses
//! between clauses too long.

use crate::pipeline::frame::SPEECH_RATE_HZ;

/// Quieter than this is silence: 54 dB below full scale.
const SILENCE: f32 = 0.002;
/// Silence that stays before the first sound and after the last.
const BEFORE: usize = SPEECH_RATE_HZ as usize * 15 / 1_000;
const AFTER: usize = SPEECH_RATE_HZ as usize * 160 / 1_000;

/// Shortens the silence around `samples` to what sounds natural between clauses.
pub fn trim(mut samples: Vec<f32>) -> Vec<f32> {
    let loud = |sample: &f32| sample.abs() > SILENCE;
    let Some(first) = samples.iter().position(loud) else { return samples };
    let last = samples.iter().rposition(loud).unwrap_or(first);
    samples.truncate((last + 1 + AFTER).min(samples.len()));
    samples.drain(..first.saturating_sub(BEFORE));
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_shortened_and_sound_is_kept() {
        let mut samples = vec![0.0; 24_000];
        samples.extend(vec![0.5; 100]);
        samples.extend(vec![0.0; 24_000]);
        let trimmed = trim(samples);
        assert_eq!(trimmed.len(), BEFORE + 100 + AFTER);
        assert!((trimmed[BEFORE] - 0.5).abs() < f32::EPSILON);
    }

    #[test]
    fn what_is_short_already_is_left_alone() {
        assert_eq!(trim(vec![0.1, 0.2]), [0.1, 0.2]);
        assert_eq!(trim(vec![0.0; 10]), [0.0; 10]);
        assert_eq!(trim(Vec::new()), [0.0; 0]);
    }
}
