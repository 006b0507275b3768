//! Voice activity detection.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, require};

/// Is somebody speaking?
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Vad {
    /// The engine.
    pub engine: VadEngine,
    /// The model: a name of `models/manifest.yml` or a path to an ONNX file.
    pub model: String,
    /// Speech begins at this probability.
    pub threshold: f32,
    /// Speech is over below this one. Lower than `threshold`, so that a soft syllable does not end it.
    pub exit_threshold: f32,
    /// Speech shorter than this does not begin a turn.
    pub start_ms: u32,
    /// Silence of this length is a pause: recognition and end-of-turn detection start.
    pub pause_ms: u32,
    /// Sound kept from before speech was noticed, so that no first consonant is lost.
    pub pre_roll_ms: u32,
    /// A turn with less speech than this was a click or a cough, and is forgotten.
    pub min_speech_ms: u32,
}

/// What decides whether a frame is speech.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VadEngine {
    /// Silero when its weights and onnxruntime are here, else energy.
    #[default]
    Auto,
    /// Silero v6.
    Silero,
    /// Loudness over the noise floor. Needs no weights; hears music and typing as speech.
    Energy,
}

impl Default for Vad {
    fn default() -> Self {
        Self {
            engine: VadEngine::Auto,
            model: "silero-vad".to_owned(),
            threshold: 0.5,
            exit_threshold: 0.35,
            start_ms: 64,
            pause_ms: 96,
            pre_roll_ms: 320,
            min_speech_ms: 160,
        }
    }
}

impl Vad {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(
            0.0 < self.exit_threshold
                && self.exit_threshold <= self.threshold
                && self.threshold < 1.0,
            "vad.threshold",
            "needs 0 < exit_threshold <= threshold < 1",
        )?;
        require(
            (32..=2_000).contains(&self.pause_ms),
            "vad.pause_ms",
            "must be between 32 and 2000",
        )?;
        require(self.start_ms <= 1_000, "vad.start_ms", "must be at most 1000")?;
        require(self.min_speech_ms <= 2_000, "vad.min_speech_ms", "must be at most 2000")?;
        require(self.pre_roll_ms <= 2_000, "vad.pre_roll_ms", "must be at most 2000")
    }
}
