//! Recognition: what was said?
//!
//! A [`SpeechToText`] takes one utterance after the other. An engine that is quicker with several side by side
//! (a GPU) implements [`SpeechToText::serve`] itself and takes new jobs between its steps.

mod agreement;
mod command;
mod guards;
mod remote;
mod whisper;

use std::sync::Arc;
use std::time::Duration;

use sotto_llm::Reach;

use super::cancel::Cancel;
use super::failure::EngineError;
use super::text::Text;
use super::took::Took;

pub use agreement::Agreement;
pub use command::Command;
pub use guards::Rejection;
pub use remote::Remote;
pub use whisper::{GPU_WIDTH, Graphs, LoadError, Precision, Whisper, WhisperSettings};

/// Longest stretch of sound that is recognised at once. Whisper's window is 30 s; a margin is left for the
/// silence it needs at the end.
pub const MAX_UTTERANCE_MS: u64 = 28_000;

/// Sound with less speech than this is not recognised at all: Whisper invents words for it.
pub const MIN_SPEECH_MS: u64 = 250;

/// Speech to recognise.
#[derive(Debug, Clone, Default)]
pub struct Utterance<'a> {
    /// 16 kHz mono, at most [`MAX_UTTERANCE_MS`].
    pub audio: &'a [f32],
    /// How.
    pub options: Options,
}

/// How an utterance is to be recognised. Engines leave out what they cannot do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// The language spoken, if it is known.
    pub language: Option<String>,
    /// The languages that may be found, where it is not; empty: all.
    pub languages: Vec<String>,
    /// Words that are likely: names, terms, or what was said before.
    pub prompt: Text,
    /// How much is wanted beside the words.
    pub detail: Detail,
    /// Fixed sampling temperature; `None`: the most probable words, and others only where those look wrong.
    pub temperature: Option<f32>,
    /// Tokens of an earlier result for the beginning of the same sound. They make it quicker and never change
    /// what comes out.
    pub draft: Vec<u32>,
    /// How much speech there is in the sound, if voice activity detection has looked.
    pub speech: Option<Duration>,
    /// Who waits for it.
    pub urgency: Urgency,
    /// How far it may go.
    pub reach: Reach,
}

/// What is wanted beside the words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing.
    #[default]
    Text,
    /// Segments with times.
    Segments,
    /// Segments, and words with times.
    Words,
}

/// Who waits for a result. What is more urgent goes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Captions of somebody who is still speaking. Given up for anything else.
    Interim,
    /// A recording.
    Recording,
    /// Somebody in a call who has finished speaking.
    #[default]
    Final,
}

/// What was said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transcript {
    /// The words; empty when nothing was said.
    pub text: Text,
    /// The engine's tokens, if it has any.
    pub tokens: Vec<u32>,
    /// The language, if the engine knows it.
    pub language: Option<Spoken>,
    /// Stretches with times, where they were asked for and the engine knows them.
    pub segments: Vec<Segment>,
    /// Words with times, likewise.
    pub words: Vec<Word>,
    /// How sure the engine is, if it says.
    pub confidence: Option<Confidence>,
    /// Why there are no words although the engine heard some.
    pub rejection: Option<Rejection>,
    /// What it took, if the engine says.
    pub effort: Option<Effort>,
    /// How long it waited for the engine, and how long that worked on it, where there is a queue.
    pub took: Took,
}

/// What it took to recognise an utterance. Where utterances are worked on side by side, each counts all the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Attempts at the text: more than one where it looked wrong.
    pub attempts: u32,
    /// Tokens written in all attempts.
    pub tokens: u32,
    /// From samples to what the decoder listens to.
    pub encoding: Duration,
    /// From there to the text.
    pub writing: Duration,
}

impl Transcript {
    /// The same, of a piece of a recording that begins there: all times are later by `offset`.
    #[must_use]
    pub fn shifted(mut self, offset: Duration) -> Self {
        for Segment { start, end, .. } in &mut self.segments {
            (*start, *end) = (*start + offset, *end + offset);
        }
        for Word { start, end, .. } in &mut self.words {
            (*start, *end) = (*start + offset, *end + offset);
        }
        self
    }

    /// Goes on with what was said next. The language is that of the beginning; doubts are each piece's own.
    pub fn append(&mut self, next: Self) {
        self.text.push_phrase(next.text.as_str());
        self.tokens.extend(next.tokens);
        self.segments.extend(next.segments);
        self.words.extend(next.words);
        self.language = self.language.take().or(next.language);
    }
}

/// A language, and how it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// Its code, such as `en`.
    pub code: String,
    /// How probable it is; `None` if it was asked for, or the engine does not say.
    pub probability: Option<f32>,
}

/// How sure an engine is of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Confidence {
    /// Mean natural log-probability of the tokens.
    pub mean_log_probability: f32,
    /// Probability that there is no speech at all.
    pub no_speech_probability: f32,
    /// How well the text can be compressed; more than 2.4 is repetition.
    pub compression_ratio: f32,
    /// The temperature that the text was found with.
    pub temperature: f32,
}

/// A stretch of a transcript.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Segment {
    /// After the beginning of the sound.
    pub start: Duration,
    /// After the beginning of the sound.
    pub end: Duration,
    /// Its words.
    pub text: Text,
    /// Its tokens.
    pub tokens: Vec<u32>,
}

/// A word of a transcript.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Word {
    /// After the beginning of the sound.
    pub start: Duration,
    /// After the beginning of the sound.
    pub end: Duration,
    /// The word, with its punctuation and without space.
    pub text: Text,
    /// How probable the engine thinks it, 0 to 1.
    pub probability: f32,
}

/// An utterance that waits for an engine, and for whom.
pub struct Job {
    /// 16 kHz mono, at most [`MAX_UTTERANCE_MS`].
    pub audio: Arc<Vec<f32>>,
    /// How.
    pub options: Options,
    /// Whether it is still wanted.
    pub cancel: Cancel,
    /// Takes the result.
    pub reply: Box<dyn FnOnce(Result<Transcript, EngineError>) + Send>,
}

/// Where an engine gets its jobs from.
pub trait Queue {
    /// Waits for the most urgent job; `None` when there will be no more.
    fn next(&mut self) -> Option<Job>;
    /// The most urgent job that waits now, if there is one.
    fn poll(&mut self) -> Option<Job>;
}

/// A recognition engine. Owned by the thread that runs it.
pub trait SpeechToText: Send {
    /// Recognises one utterance. Looks at `cancel` between steps.
    fn transcribe(
        &mut self,
        utterance: Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError>;

    /// Works until `queue` ends. A panic ends it early: it is called again, and the jobs it held have failed.
    fn serve(&mut self, queue: &mut dyn Queue) {
        while let Some(Job { audio, options, cancel, reply }) = queue.next() {
            reply(self.transcribe(Utterance { audio: &audio, options }, &cancel));
        }
    }

    /// How many utterances it works on side by side.
    fn width(&self) -> usize {
        1
    }
}
