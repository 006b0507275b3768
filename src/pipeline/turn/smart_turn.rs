//! Smart Turn v3 through onnxruntime ([pipecat-ai/smart-turn], BSD-2): a Whisper-tiny encoder over the last
//! 8 s with an attention pool and a classifier.
//!
//! Input `input_features` f32 [1, 80, 800]: the last 8 s, zeros padded on the left, zero mean and unit variance
//! over the padded whole, then Whisper's log-mel. Output: the probability that the turn is complete.
//!
//! [pipecat-ai/smart-turn]: https://github.com/pipecat-ai/smart-turn

use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;

use super::{TurnDetector, WINDOW};
use crate::engine::ort::{OnnxRuntime, OrtError};
use crate::pipeline::failure::EngineError;
use crate::pipeline::mel::{HOP, LogMel};

const BANDS: usize = 80;
const FRAMES: usize = WINDOW / HOP;
/// What the feature extractor adds to the variance.
const EPSILON: f32 = 1e-7;

/// See the module.
pub struct SmartTurn {
    session: Session,
    mel: LogMel<f64>,
}

impl SmartTurn {
    /// Loads the model. Prediction takes one thread.
    pub fn load(runtime: &OnnxRuntime, path: &Path) -> Result<Self, OrtError> {
        Ok(Self { session: runtime.session(path)?, mel: LogMel::new(BANDS) })
    }

    fn infer(&mut self, features: &[f32]) -> Result<f32, ort::Error> {
        let input = TensorRef::from_array_view(([1_usize, BANDS, FRAMES], features))?;
        let outputs = self.session.run(ort::inputs!["input_features" => input])?;
        let (_, probability) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(probability.first().copied().unwrap_or(0.0))
    }
}

impl TurnDetector for SmartTurn {
    fn predict(&mut self, audio: &[f32]) -> Result<f32, EngineError> {
        let features = self.mel.compute(&normalised(audio), FRAMES);
        self.infer(&features).map_err(EngineError::failed("end-of-turn detection"))
    }
}

/// The last 8 s, padded on the left, with zero mean and unit variance, rounded exactly as numpy rounds: the
/// model is quantised, and a difference in the seventh digit can move its answer by 0.3.
fn normalised(audio: &[f32]) -> Vec<f64> {
    let audio = &audio[audio.len().saturating_sub(WINDOW)..];
    let mut window = vec![0.0; WINDOW - audio.len()];
    window.extend_from_slice(audio);
    let mean = pairwise_sum(&window) / WINDOW as f32;
    let squares: Vec<f32> = window.iter().map(|s| (s - mean) * (s - mean)).collect();
    let variance = pairwise_sum(&squares) / WINDOW as f32;
    let deviation = (variance + EPSILON).sqrt();
    window.iter().map(|s| f64::from((s - mean) / deviation)).collect()
}

/// A sum in f32, in the order that numpy adds: the reference normalises with it, and its rounding shows.
fn pairwise_sum(values: &[f32]) -> f32 {
    const LANES: usize = 8;
    const BLOCK: usize = 128;
    if values.len() > BLOCK {
        let half = values.len() / 2 / LANES * LANES;
        return pairwise_sum(&values[..half]) + pairwise_sum(&values[half..]);
    }
    let mut lanes = [0.0; LANES];
    let blocks = values.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (lane, value) in lanes.iter_mut().zip(block) {
            *lane += value;
        }
    }
    let pairs = [0, 2, 4, 6].map(|i| lanes[i] + lanes[i + 1]);
    let sum = (pairs[0] + pairs[1]) + (pairs[2] + pairs[3]);
    rest.iter().fold(sum, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_the_end_of_the_turn() {
        let mut long = vec![0.9; WINDOW];
        long.extend(vec![0.1; WINDOW / 2]);
        long.extend(vec![-0.1; WINDOW / 2]);
        let window = normalised(&long);
        assert_eq!(window.len(), WINDOW);
        assert!(window[0] > 0.99 && window[WINDOW - 1] < -0.99, "the loud beginning is gone");
    }

    #[test]
    fn a_short_turn_is_padded_on_the_left() {
        let window = normalised(&[0.5; 100]);
        assert_eq!(window.len(), WINDOW);
        assert!(window[WINDOW - 1] > 10.0 && window[0] < 0.0);
    }
}
