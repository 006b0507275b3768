//! Smart Turn v2 by `sotto-turn` ([pipecat-ai/smart-turn], BSD-2): a wav2vec2 over the last 8 s. 360 MB where v3 has 9, and
//! for a GPU, which hears several turns at once.
//!
//! [pipecat-ai/smart-turn]: https://github.com/pipecat-ai/smart-turn

use std::path::Path;

use candle_core::Device;
use sotto_turn::{Error, LoadError, SmartTurn};

use super::TurnDetector;
use crate::pipeline::failure::EngineError;

/// Turns that a GPU is given at once. More would make the first of them wait.
const TOGETHER: usize = 16;

/// See the module.
pub struct SmartTurnV2 {
    model: SmartTurn,
    together: usize,
}

impl SmartTurnV2 {
    /// Loads the model from a folder with `model.safetensors` and `config.json`, or a `.safetensors` file beside that.
    pub fn load(folder_or_file: &Path, device: &Device) -> Result<Self, LoadError> {
        let model = SmartTurn::load(folder_or_file, device)?;
        // A processor has enough to do with one.
        Ok(Self { model, together: if device.is_cpu() { 1 } else { TOGETHER } })
    }
}

impl TurnDetector for SmartTurnV2 {
    fn predict(&mut self, audio: &[f32]) -> Result<f32, EngineError> {
        self.model.predict(audio).map_err(problem)
    }

    fn together(&self) -> usize {
        self.together
    }

    fn predict_batch(
        &mut self,
        turns: &[&[f32]],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>, EngineError> {
        self.model.predict_batch_unless(turns, stop).map_err(problem)
    }
}

fn problem(error: Error) -> EngineError {
    match error {
        Error::Empty | Error::NotFinite => EngineError::Input(error.to_string()),
        Error::Device(source) => EngineError::failed("end-of-turn detection")(source),
    }
}
