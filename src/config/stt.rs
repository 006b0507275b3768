//! Recognition.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, Program, Remote, require};
use crate::pipeline::stt::{Graphs, Precision};

/// What was said?
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stt {
    /// The engine.
    pub engine: SttEngine,
    /// A Whisper checkpoint: `auto`, a name of `models/manifest.yml`, or a path to a folder in the
    /// Hugging Face layout. `auto` takes the best that is here and fast enough.
    pub model: String,
    /// The language spoken (`en`, `de`, …), or `auto`.
    pub language: String,
    /// The languages that may be found where `language` is `auto`; empty: all.
    pub languages: Vec<String>,
    /// Words that are likely to be said: names, terms. At most 200 words count.
    pub prompt: String,
    /// Captions of somebody who is still speaking are made anew after so much more sound; 0: there are none. Only
    /// for Whisper in this process.
    pub interim_ms: u32,
    /// Where Whisper runs.
    pub device: Device,
    /// How much of Whisper's 30 s window is computed.
    pub context: SttContext,
    /// How weights are kept.
    pub precision: Precision,
    /// Whether Whisper writes with CUDA graphs, on an NVIDIA GPU.
    pub graphs: Graphs,
    /// Processor threads for recognition; 0: one for each core.
    pub threads: usize,
    /// For `engine: remote`: any server with `/audio/transcriptions`.
    pub remote: Remote,
    /// For `engine: command`: a program that reads a WAV from stdin (or from the file named in place of
    /// `{file}`) and writes text to stdout.
    pub command: Program,
}

/// What turns speech into text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SttEngine {
    /// Whisper when weights are here, else `command`.
    #[default]
    Auto,
    /// Whisper, in this process.
    Whisper,
    /// A server that speaks `OpenAI`'s HTTP API.
    Remote,
    /// A program.
    Command,
}

/// Where a model runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// A GPU when this build and this machine have one, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU (build with `make cuda`).
    Cuda,
    /// An Apple GPU (build with `--features metal`).
    Metal,
}

/// How much of Whisper's 30 s window is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SttContext {
    /// `trimmed` on the processor, `full` on a GPU.
    #[default]
    Auto,
    /// All of it, as Whisper was trained. Slowest on a processor.
    Full,
    /// The speech and a margin; repeated in full when the result looks wrong.
    Trimmed,
}

impl Default for Stt {
    fn default() -> Self {
        Self {
            engine: SttEngine::Auto,
            model: "auto".to_owned(),
            language: "auto".to_owned(),
            languages: Vec::new(),
            prompt: String::new(),
            interim_ms: 400,
            device: Device::Auto,
            context: SttContext::Auto,
            precision: Precision::Auto,
            graphs: Graphs::Auto,
            threads: 0,
            remote: Remote::default(),
            command: Program::default(),
        }
    }
}

impl Stt {
    /// After how much more sound captions are made anew; 0: there are none. A server may want money for each
    /// request, and a program is started for each: neither is asked for captions.
    pub fn interims_after_ms(&self) -> u32 {
        match self.engine {
            SttEngine::Auto | SttEngine::Whisper => self.interim_ms,
            SttEngine::Remote | SttEngine::Command => 0,
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(!self.model.is_empty(), "stt.model", "must not be empty; `auto` chooses")?;
        require(
            self.language == "auto" || is_code(&self.language),
            "stt.language",
            "needs `auto` or a code such as `en` or `de`",
        )?;
        require(
            self.languages.iter().all(|code| is_code(code)),
            "stt.languages",
            "needs codes such as `en` or `de`",
        )?;
        require(
            self.interim_ms == 0 || (100..=10_000).contains(&self.interim_ms),
            "stt.interim_ms",
            "must be 0, or from 100 to 10000",
        )?;
        if self.engine == SttEngine::Remote {
            self.remote.validate("stt")?;
        }
        Ok(())
    }
}

/// Whether this looks like a code of ISO 639.
pub(crate) fn is_code(language: &str) -> bool {
    (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase())
}
