//! End of turn.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, require};

/// Has the person finished?
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// The engine.
    pub engine: TurnEngine,
    /// The model: a name of `models/manifest.yml` or a path to an ONNX file.
    pub model: String,
    /// From this probability on the person has finished. It falls as the silence grows.
    pub threshold: f32,
    /// The same for languages of their own, by code, such as `de: 0.4`; they hold once the language was heard.
    pub thresholds: BTreeMap<String, f32>,
    /// Silence before a turn ends that the model calls finished.
    pub grace_ms: u32,
    /// Silence that ends every turn, whatever the model says.
    pub max_silence_ms: u32,
    /// Silence that ends a turn with `engine: silence`.
    pub silence_ms: u32,
}

/// What decides whether the person has finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnEngine {
    /// Smart Turn when its weights and onnxruntime are here, else silence.
    #[default]
    Auto,
    /// Smart Turn v3: hears from the voice whether the sentence was finished.
    SmartTurnV3,
    /// A fixed length of silence.
    Silence,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            engine: TurnEngine::Auto,
            model: "smart-turn-v3".to_owned(),
            threshold: 0.5,
            thresholds: BTreeMap::new(),
            grace_ms: 220,
            max_silence_ms: 2_500,
            silence_ms: 700,
        }
    }
}

impl Turn {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(
            self.threshold > 0.0 && self.threshold < 1.0,
            "turn.threshold",
            "must be between 0 and 1",
        )?;
        require(
            self.thresholds
                .iter()
                .all(|(code, p)| super::is_language(code) && *p > 0.0 && *p < 1.0),
            "turn.thresholds",
            "needs codes of languages such as de, and values between 0 and 1",
        )?;
        require(
            self.grace_ms <= self.max_silence_ms,
            "turn.grace_ms",
            "must not be longer than turn.max_silence_ms",
        )?;
        require(
            (100..=20_000).contains(&self.max_silence_ms),
            "turn.max_silence_ms",
            "must be between 100 and 20000",
        )?;
        require(
            (100..=20_000).contains(&self.silence_ms),
            "turn.silence_ms",
            "must be between 100 and 20000",
        )
    }
}
