//! Recognition: what was said?

mod command;
mod remote;
mod whisper;

use sotto_llm::Reach;

use super::cancel::Cancel;
use super::failure::EngineError;
use super::text::Text;

pub use command::Command;
pub use remote::Remote;
pub use whisper::{LoadError, Whisper, WhisperSettings};

/// Longest stretch of sound that is recognised at once. Whisper's window is 30 s; a margin is left for the
/// silence it needs at the end.
pub const MAX_UTTERANCE_MS: u64 = 28_000;

/// Speech to recognise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Utterance<'a> {
    /// 16 kHz mono, at most [`MAX_UTTERANCE_MS`].
    pub audio: &'a [f32],
    /// The language spoken, if it is known.
    pub language: Option<&'a str>,
    /// How far it may go.
    pub reach: Reach,
}

/// What was said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transcript {
    /// The words; empty when nothing was said.
    pub text: Text,
    /// The engine's tokens, if it has any.
    pub tokens: Vec<u32>,
    /// The language, if the engine knows it.
    pub language: Option<String>,
}

/// A recognition engine. Owned by the thread that runs it.
pub trait SpeechToText: Send {
    /// Recognises one utterance. Looks at `cancel` between steps.
    fn transcribe(
        &mut self,
        utterance: Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError>;
}
