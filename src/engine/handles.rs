//! Engines as calls see them: cheap to clone, asynchronous, cancelled with the call.

use std::ops::ControlFlow;
use std::sync::Arc;

use sotto_llm::Reach;
use tokio::sync::mpsc;

use super::desk::{Counts, Desk};
use super::worker::Worker;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;
use crate::pipeline::stt::{Options, Transcript};
use crate::pipeline::text::Text;
use crate::pipeline::tts::cast::Cast;
use crate::pipeline::tts::{Speech, SpeechRequest, TextToSpeech};
use crate::pipeline::turn::TurnDetector;

/// Pieces of speech that may wait for the call: the engine then waits for the listener.
const PIECES_AHEAD: usize = 4;

/// Recognition.
#[derive(Clone)]
pub struct Recogniser {
    name: String,
    defaults: Defaults,
    desk: Desk,
}

/// What holds where a request says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defaults {
    /// The language, if it is fixed.
    pub language: Option<String>,
    /// The languages that may be found; empty: all.
    pub languages: Vec<String>,
    /// Likely words.
    pub prompt: Text,
}

impl Recogniser {
    /// Recognition by the engines behind `desk`.
    pub fn new(name: impl Into<String>, defaults: Defaults, desk: Desk) -> Self {
        Self { name: name.into(), defaults, desk }
    }

    /// What people see of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What happened to utterances since the start.
    pub fn counts(&self) -> Counts {
        self.desk.counts()
    }

    /// How many utterances it works on side by side.
    pub fn width(&self) -> usize {
        self.desk.width()
    }

    /// Recognises one utterance: 16 kHz, at most 28 s.
    ///
    /// Refused at once when too much waits already; an interim also when anything more urgent comes. Dropping
    /// the future gives the result up.
    pub async fn transcribe(
        &self,
        audio: Vec<f32>,
        mut options: Options,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError> {
        let Defaults { language, languages, prompt } = &self.defaults;
        options.language = options.language.or_else(|| language.clone());
        if options.languages.is_empty() {
            options.languages.clone_from(languages);
        }
        if options.prompt.is_empty() {
            options.prompt = prompt.clone();
        }
        self.desk.recognise(audio, options, cancel).await
    }
}

/// What somebody is expected to say, as the client of a call has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expected {
    /// The language; `None`: what the server is configured with, or what is heard.
    pub language: Option<String>,
    /// Likely words; empty: those that the server is configured with.
    pub prompt: Text,
}

/// End-of-turn detection, or none.
#[derive(Clone)]
pub enum EndOfTurn {
    /// A model is asked.
    Model {
        /// What people see of it.
        name: String,
        /// Where it runs.
        worker: Worker<Box<dyn TurnDetector>>,
    },
    /// Silence decides.
    Silence,
}

impl EndOfTurn {
    /// What people see of it.
    pub fn name(&self) -> &str {
        match self {
            Self::Model { name, .. } => name,
            Self::Silence => "silence",
        }
    }

    /// The probability that the turn that ends with `audio` is complete.
    pub async fn predict(&self, audio: Vec<f32>, cancel: &Cancel) -> Result<f32, EngineError> {
        match self {
            Self::Model { worker, .. } => {
                worker.run(cancel, move |engine| engine.predict(&audio)).await
            }
            Self::Silence => Err(EngineError::Input("there is no end-of-turn model".to_owned())),
        }
    }
}

/// Speech.
#[derive(Clone)]
pub struct Voice {
    name: String,
    cast: Arc<Cast>,
    worker: Worker<Box<dyn TextToSpeech>>,
}

/// How something is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Manner {
    /// A voice of the engine's cast, or a mix of them; `None`: its default.
    pub voice: Option<String>,
    /// Speaking rate; 1 is normal.
    pub speed: f32,
}

impl Voice {
    /// Speech by `worker`, whose engines have the voices of `cast`.
    pub fn new(name: impl Into<String>, cast: Cast, worker: Worker<Box<dyn TextToSpeech>>) -> Self {
        Self { name: name.into(), cast: Arc::new(cast), worker }
    }

    /// The voices that can be chosen.
    pub fn cast(&self) -> &Arc<Cast> {
        &self.cast
    }

    /// What people see of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Speaks `text` and sends the pieces to the receiver that comes back, as they are ready. The future
    /// ends when all is said; drive both. The text goes no farther than `reach` says.
    pub fn speak(
        &self,
        text: String,
        manner: Manner,
        reach: Reach,
        cancel: Cancel,
    ) -> (mpsc::Receiver<Speech>, impl Future<Output = Result<(), EngineError>> + Send + 'static)
    {
        let (pieces, receiver) = mpsc::channel(PIECES_AHEAD);
        let worker = self.worker.clone();
        let wanted = manner.voice.as_deref().and_then(|wanted| self.cast.resolve(wanted));
        let speaking = async move {
            let inner = cancel.clone();
            let work = move |engine: &mut Box<dyn TextToSpeech>| {
                let request = SpeechRequest {
                    text: &text,
                    voice: wanted.as_deref(),
                    speed: manner.speed,
                    reach,
                };
                engine.synthesize(request, &inner, &mut |piece| match pieces.blocking_send(piece) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                })
            };
            worker.run(&cancel, work).await
        };
        (receiver, speaking)
    }
}
