//! Voices: what a speaker sounds like, for each number of phonemes.

use std::fmt;
use std::path::Path;

use crate::LoadError;
use crate::checkpoint::pth;

/// Numbers of phonemes that a voice has a row for.
pub const ROWS: usize = 510;
/// Values of a row: the first half is for the sound, the second for the melody.
pub const WIDTH: usize = 256;

/// A voice. [510, 256]
#[derive(Clone, PartialEq)]
pub struct Voice {
    rows: Vec<f32>,
}

impl fmt::Debug for Voice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Voice").finish_non_exhaustive()
    }
}

impl Voice {
    /// Reads a voice from a `.bin` file (f32, little endian) or a `.pt` file (one tensor [510, 1, 256]).
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let problem = |problem| LoadError::Content { path: path.to_owned(), problem };
        let rows = if path.extension().is_some_and(|extension| extension == "pt") {
            let (shape, rows) = pth::read_one(path)?;
            if shape.iter().product::<usize>() != ROWS * WIDTH || shape.last() != Some(&WIDTH) {
                return Err(problem(format!(
                    "a voice has the shape [510, 1, 256] and not {shape:?}"
                )));
            }
            rows
        } else {
            let bytes = std::fs::read(path)
                .map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
            let expected = ROWS * WIDTH * size_of::<f32>();
            if bytes.len() != expected {
                return Err(problem(format!(
                    "a voice has {expected} bytes and not {}",
                    bytes.len()
                )));
            }
            bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        Self::new(rows).ok_or_else(|| problem("it holds values that are no numbers".to_owned()))
    }

    /// A voice of these rows, one after the other; `None` if there are more or less than 510 of 256 values, or values
    /// that are no numbers.
    pub fn new(rows: Vec<f32>) -> Option<Self> {
        let fits = rows.len() == ROWS * WIDTH && rows.iter().all(|value| value.is_finite());
        fits.then_some(Self { rows })
    }

    /// The mean of voices by their weights; `None` if the weights are not above zero together, or one is below zero
    /// or no number.
    pub fn mix(voices: &[(f32, &Self)]) -> Option<Self> {
        let sum: f32 = voices.iter().map(|(weight, _)| weight).sum();
        let usable =
            voices.iter().all(|(weight, _)| *weight >= 0.0) && sum > 0.0 && sum.is_finite();
        if !usable {
            return None;
        }
        let mut rows = vec![0.0; ROWS * WIDTH];
        for (weight, voice) in voices {
            for (row, value) in rows.iter_mut().zip(&voice.rows) {
                *row += weight / sum * value;
            }
        }
        Self::new(rows)
    }

    /// The row for so many phonemes, from 1 to 510.
    pub(crate) fn row(&self, phonemes: usize) -> &[f32] {
        let row = phonemes.clamp(1, ROWS) - 1;
        &self.rows[row * WIDTH..][..WIDTH]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_rows(value: impl Fn(usize) -> f32) -> Voice {
        Voice::new((0..ROWS * WIDTH).map(|i| value(i / WIDTH)).collect()).unwrap()
    }

    #[test]
    fn the_row_is_the_one_before_the_number_of_phonemes() {
        let voice = of_rows(|row| row as f32);
        assert_eq!(voice.row(1)[0].to_bits(), 0.0_f32.to_bits());
        assert_eq!(voice.row(510)[255].to_bits(), 509.0_f32.to_bits());
    }

    #[test]
    fn voices_are_mixed_by_their_weights() {
        let (one, other) = (of_rows(|_| 1.0), of_rows(|row| row as f32));
        let mixed = Voice::mix(&[(3.0, &one), (1.0, &other)]).unwrap();
        assert!((mixed.row(101)[7] - 25.75).abs() < 1e-4);
        assert_eq!(Voice::mix(&[(2.0, &one)]), Some(one.clone()));
        assert_eq!(Voice::mix(&[(0.0, &one)]), None);
        assert_eq!(Voice::mix(&[(2.0, &one), (-1.0, &other)]), None);
        assert_eq!(Voice::mix(&[(f32::NAN, &one)]), None);
    }

    #[test]
    fn other_sizes_and_values_are_refused() {
        assert!(Voice::new(vec![0.0; 5]).is_none());
        assert!(Voice::new(vec![f32::NAN; ROWS * WIDTH]).is_none());
    }
}
