//! What the model hears of a turn, and how much of it has to be computed.
//!
//! The model was trained on sounds that are followed by zeros up to 16 s, and the reference computes all of that. Only three
//! things of the zeros reach the result: the first convolution's norm counts them, one frame of them may be pooled, and
//! the positions of the last frames see them. So the sound itself and a few zeros are computed, and the rest is counted.

use candle_core::Tensor;

use crate::Error;
use crate::config::Config;

/// Samples per second.
pub const SAMPLE_RATE: u32 = 16_000;
/// The most samples that are heard: the last 8 s.
pub const MOST: usize = 8 * SAMPLE_RATE as usize;
/// The samples that the reference pads to.
pub(crate) const WINDOW: usize = 16 * SAMPLE_RATE as usize;
/// Added to the variance of the sound.
const EPSILON: f64 = 1e-7;

/// A turn, ready for the model.
#[derive(Clone)]
pub(crate) struct Clip {
    /// With mean 0 and variance 1, and then zeros.
    pub samples: Vec<f32>,
    /// Frames that can be seen by others.
    pub visible: usize,
    /// Frames that are pooled: more than are visible by one or none.
    pub pooled: usize,
    /// Frames that have to be computed.
    pub rows: usize,
}

impl Clip {
    /// Of samples at 16 kHz.
    pub(crate) fn new(audio: &[f32], config: &Config) -> Result<Self, Error> {
        let audio = &audio[audio.len().saturating_sub(MOST)..];
        if audio.is_empty() {
            return Err(Error::Empty);
        }
        if audio.iter().any(|sample| !sample.is_finite()) {
            return Err(Error::NotFinite);
        }
        let (frames, all) = (config.frames(audio.len()), config.frames(WINDOW));
        let mut samples = normalised(audio);
        // Where there is no whole frame of sound, the reference marks the last visible one from the end: it sees (nearly)
        // all of the zeros, and so all have to be computed.
        let visible = if frames < 1 { (all + frames).max(1) } else { frames } as usize;
        let heard = if frames < 1 { WINDOW } else { audio.len() + config.conv_kernel[0] };
        samples.resize(heard, 0.0);
        let pooled = pooled(audio.len(), all as usize);
        Ok(Self { samples, visible, pooled, rows: visible.max(pooled) })
    }

    /// Everything that the reference computes.
    #[cfg(any(test, feature = "seeded"))]
    pub(crate) fn padded(audio: &[f32], config: &Config) -> Result<Self, Error> {
        let mut clip = Self::new(audio, config)?;
        clip.samples.resize(WINDOW, 0.0);
        clip.rows = config.frames(WINDOW) as usize;
        Ok(clip)
    }
}

/// The sound with mean 0 and variance 1. Silence stays silence.
fn normalised(audio: &[f32]) -> Vec<f32> {
    let count = audio.len() as f64;
    let mean = audio.iter().map(|sample| f64::from(*sample)).sum::<f64>() / count;
    let squares = audio.iter().map(|sample| (f64::from(*sample) - mean).powi(2));
    let scale = (squares.sum::<f64>() / count + EPSILON).sqrt().recip();
    audio.iter().map(|sample| ((f64::from(*sample) - mean) * scale) as f32).collect()
}

/// How many of `all` frames the reference pools. It looks up for each where it begins, in f32, as if frames were spread
/// evenly, and asks whether there is sound at that sample.
fn pooled(samples: usize, all: usize) -> usize {
    let step = (WINDOW as f64 / all as f64) as f32;
    (0..all).take_while(|frame| ((*frame as f32 * step) as usize) < samples).count()
}

/// Zero behind the end of each turn, and one before: for a tensor like this. [turns, rows, 1]
pub(crate) fn ends(visible: &[usize], rows: usize, like: &Tensor) -> candle_core::Result<Tensor> {
    let of = |visible: &usize| {
        let visible = *visible;
        (0..rows).map(move |row| if row < visible { 1.0_f32 } else { 0.0 })
    };
    let values: Vec<f32> = visible.iter().flat_map(of).collect();
    Tensor::from_vec(values, (visible.len(), rows, 1), like.device())?.to_dtype(like.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(audio: &[f32]) -> Result<Clip, Error> {
        Clip::new(audio, &Config::default())
    }

    #[test]
    fn a_frame_more_may_be_pooled_than_is_visible() {
        for (samples, visible, pooled, heard) in [
            (720, 2, 3, 730),
            (16_000, 49, 50, 16_010),
            (48_000, 149, 150, 48_010),
            (127_760, 399, 399, 127_770),
            (128_000, 399, 400, 128_010),
            (320_000, 399, 400, 128_010),
        ] {
            let clip = clip(&vec![0.5; samples]).unwrap();
            assert_eq!((clip.visible, clip.pooled, clip.rows), (visible, pooled, pooled));
            assert_eq!(clip.samples.len(), heard);
        }
    }

    #[test]
    fn where_there_is_no_frame_everything_is_seen() {
        for (samples, visible, pooled) in [(1, 798, 1), (320, 799, 1), (399, 799, 2)] {
            let clip = clip(&vec![0.5; samples]).unwrap();
            assert_eq!((clip.visible, clip.pooled), (visible, pooled), "{samples}");
            assert_eq!((clip.rows, clip.samples.len()), (visible, WINDOW));
        }
    }

    #[test]
    fn sound_is_normalised_and_silence_stays() {
        let audio: Vec<f32> = (0..8_000).map(|i| 3.0 + ((i * i) % 101) as f32).collect();
        let clip_of = clip(&audio).unwrap();
        let (sound, zeros) = clip_of.samples.split_at(8_000);
        let mean = sound.iter().sum::<f32>() / 8_000.0;
        let square = sound.iter().map(|x| x * x).sum::<f32>() / 8_000.0;
        assert!(mean.abs() < 1e-4 && (square - 1.0).abs() < 1e-3);
        assert!(zeros.iter().all(|x| *x == 0.0));
        for silence in [0.0, -0.25, 1e30] {
            let clip = clip(&vec![silence; 8_000]).unwrap();
            assert!(clip.samples.iter().all(|x| x.abs() < 1e-3), "{silence}");
        }
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        assert!(matches!(clip(&[]), Err(Error::Empty)));
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(matches!(clip(&[0.0, value, 0.0]), Err(Error::NotFinite)));
        }
        // What is not heard is not looked at.
        let mut long = vec![0.1; MOST + 1];
        long[0] = f32::NAN;
        assert!(clip(&long).is_ok());
        assert!(clip(&[f32::MAX, f32::MIN]).unwrap().samples.iter().all(|x| x.is_finite()));
    }
}
