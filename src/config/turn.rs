//! End of turn.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, Device, require};

/// What `turn.model` is for Smart Turn v3 where nothing is said.
const SMART_TURN_V3: &str = "smart-turn-v3";
/// The same for Smart Turn v2. Not in the manifest: people put it there themselves.
pub(crate) const SMART_TURN_V2: &str = "smart-turn-v2";

/// Has the person finished?
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// The engine.
    pub engine: TurnEngine,
    /// The model. For v3 a name of `models/manifest.yml` or a path to an ONNX file; for v2 the name of a folder beside the
    /// other models or a path to one, with `model.safetensors` and `config.json`. `smart-turn-v3` is `smart-turn-v2` where
    /// the engine is v2.
    pub model: String,
    /// Where Smart Turn v2 runs. v3 runs on the processor.
    pub device: Device,
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
    /// Smart Turn v2 where its weights are here and the device is a GPU; else v3 when its weights and onnxruntime are here;
    /// else silence.
    #[default]
    Auto,
    /// Smart Turn v2: hears from the voice whether the sentence was finished, with a model of 360 MB, for a GPU.
    SmartTurnV2,
    /// Smart Turn v3: the same with one of 9 MB, on the processor.
    SmartTurnV3,
    /// A fixed length of silence.
    Silence,
}

impl TurnEngine {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::SmartTurnV2, Self::SmartTurnV3, Self::Silence];

    /// As it is written in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::SmartTurnV2 => "smart_turn_v2",
            Self::SmartTurnV3 => "smart_turn_v3",
            Self::Silence => "silence",
        }
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            engine: TurnEngine::Auto,
            model: SMART_TURN_V3.to_owned(),
            device: Device::Auto,
            threshold: 0.5,
            thresholds: BTreeMap::new(),
            grace_ms: 220,
            max_silence_ms: 2_500,
            silence_ms: 700,
        }
    }
}

impl Turn {
    /// Whether `model` was left as it is.
    pub(crate) fn has_default_model(&self) -> bool {
        self.model == SMART_TURN_V3
    }

    /// The model of Smart Turn v2: as configured, or its usual folder.
    pub(crate) fn v2_model(&self) -> &str {
        if self.has_default_model() { SMART_TURN_V2 } else { &self.model }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(!self.model.is_empty(), "turn.model", "must not be empty")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_have_the_names_of_the_configuration() {
        for engine in TurnEngine::ALL {
            let written = format!("turn: {{engine: {}}}", engine.name());
            assert_eq!(crate::config::parse(&written, "test", []).unwrap().turn.engine, engine);
        }
    }

    #[test]
    fn v2_has_a_model_of_its_own() {
        let mut turn = Turn::default();
        assert_eq!(turn.v2_model(), "smart-turn-v2");
        "mine".clone_into(&mut turn.model);
        assert_eq!(turn.v2_model(), "mine");
    }
}
