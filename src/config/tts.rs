//! Speech.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, Program, Remote, require};

/// The answer as a voice.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tts {
    /// The engine.
    pub engine: TtsEngine,
    /// The voice; empty: the engine's default.
    pub voice: String,
    /// Speaking rate, 0.25 to 1.5.
    pub speed: f32,
    /// For `engine: remote`: any server with `/audio/speech`.
    pub remote: Remote,
    /// For `engine: command`: a program that reads text from stdin and writes a WAV to stdout.
    pub command: Program,
}

/// What turns text into speech.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TtsEngine {
    /// `command` with a program found on this machine.
    #[default]
    Auto,
    /// A server that speaks `OpenAI`'s HTTP API.
    Remote,
    /// A program.
    Command,
}

impl Default for Tts {
    fn default() -> Self {
        Self {
            engine: TtsEngine::Auto,
            voice: String::new(),
            speed: 1.0,
            remote: Remote::default(),
            command: Program::default(),
        }
    }
}

impl Tts {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require((0.25..=1.5).contains(&self.speed), "tts.speed", "must be between 0.25 and 1.5")?;
        if self.engine == TtsEngine::Remote {
            self.remote.validate("tts")?;
        }
        Ok(())
    }
}
