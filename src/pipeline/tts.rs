//! Speech: the answer as a voice.

pub mod cast;
pub mod clauses;
mod command;
pub mod heard;
mod kokoro;
mod quiet;
mod remote;
pub mod speakable;

use std::ops::ControlFlow;

use sotto_llm::Reach;

use super::cancel::Cancel;
use super::failure::EngineError;

pub use command::Command;
pub use kokoro::{Kokoro, KokoroError, KokoroSettings};
pub use remote::Remote;

/// What to say, and how.
#[derive(Debug, Clone, Copy)]
pub struct SpeechRequest<'a> {
    /// Plain words: see [`speakable`].
    pub text: &'a str,
    /// A voice that the engine knows; `None`: its default.
    pub voice: Option<&'a str>,
    /// Speaking rate; 1 is normal.
    pub speed: f32,
    /// How far it may go.
    pub reach: Reach,
}

/// A word and when it is spoken, in milliseconds after the beginning of its clause.
#[derive(Debug, Clone, PartialEq)]
pub struct WordTiming {
    /// Bytes of the clause's text from its beginning to the end of this word.
    pub text_end: usize,
    /// When the word begins.
    pub start_ms: u32,
    /// When it ends.
    pub end_ms: u32,
}

/// A piece of speech: some sound, and the words whose times are known by now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Speech {
    /// Mono at [`SPEECH_RATE_HZ`](super::frame::SPEECH_RATE_HZ).
    pub samples: Vec<f32>,
    /// Words of the clause, in order; empty if the engine does not know.
    pub words: Vec<WordTiming>,
}

/// A speech engine. Owned by the thread that runs it.
pub trait TextToSpeech: Send {
    /// Speaks. Hands over pieces as they are ready, in order; the sink answers `Break` when nobody listens
    /// any more. Looks at `cancel` between steps.
    fn synthesize(
        &mut self,
        request: SpeechRequest<'_>,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Speech) -> ControlFlow<()>,
    ) -> Result<(), EngineError>;
}
