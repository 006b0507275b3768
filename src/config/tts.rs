//! Speech.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, Device, Program, Remote, require};

/// The answer as a voice.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tts {
    /// The engine.
    pub engine: TtsEngine,
    /// For Kokoro: `auto`, a name of `models/manifest.yml`, or a path to a folder with `config.json`, weights and `voices`.
    pub model: String,
    /// The voice, or for Kokoro a mix such as `af_heart:0.6,am_michael:0.4`; empty: the engine's default.
    pub voice: String,
    /// Speaking rate, 0.25 to 1.5.
    pub speed: f32,
    /// Where Kokoro runs.
    pub device: Device,
    /// A file with pronunciations of your own, a line for each word (`Sotto: sˈɑtO`); empty: none.
    pub lexicon: PathBuf,
    /// The program espeak-ng, which Kokoro's Spanish, French, Hindi, Italian and Portuguese voices need to read; empty: they
    /// are left out. English needs none.
    pub espeak: String,
    /// For `engine: remote`: any server with `/audio/speech`.
    pub remote: Remote,
    /// For `engine: command`: a program that reads text from stdin and writes a WAV to stdout.
    pub command: Program,
}

/// What turns text into speech.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TtsEngine {
    /// Kokoro, when its weights are here and it is quick enough, else `command` with a program found on this machine.
    #[default]
    Auto,
    /// Kokoro, in this process.
    Kokoro,
    /// A server that speaks `OpenAI`'s HTTP API.
    Remote,
    /// A program.
    Command,
}

impl Default for Tts {
    fn default() -> Self {
        Self {
            engine: TtsEngine::Auto,
            model: "auto".to_owned(),
            voice: String::new(),
            speed: 1.0,
            device: Device::Auto,
            lexicon: PathBuf::new(),
            espeak: String::new(),
            remote: Remote::default(),
            command: Program::default(),
        }
    }
}

impl Tts {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require((0.25..=1.5).contains(&self.speed), "tts.speed", "must be between 0.25 and 1.5")?;
        require(!self.model.is_empty(), "tts.model", "must not be empty; `auto` chooses")?;
        if self.engine == TtsEngine::Remote {
            self.remote.validate("tts")?;
        }
        Ok(())
    }
}
