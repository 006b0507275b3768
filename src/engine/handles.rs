//! Engines as calls see them: cheap to clone, asynchronous, cancelled with the call.

use std::ops::ControlFlow;
use std::sync::Arc;

use sotto_llm::Reach;
use tokio::sync::{mpsc, watch};

use super::desk::{Counts, Desk};
use super::questions::Questions;
use super::worker::Worker;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;
use crate::pipeline::stt::{Options, Transcript};
use crate::pipeline::text::Text;
use crate::pipeline::tts::cast::Cast;
use crate::pipeline::tts::{Speech, SpeechRequest, TextToSpeech};

/// Pieces of speech that may wait for the call: the engine then waits for the listener.
const PIECES_AHEAD: usize = 4;

/// A text that was interrupted so often is read without giving way any more.
const INTERRUPTIONS: u32 = 3;

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
        /// Where it is asked.
        questions: Questions,
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
            Self::Model { questions, .. } => questions.ask(audio, cancel).await,
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
    /// Clauses of calls that are being spoken or wait for it.
    calls: Arc<watch::Sender<usize>>,
}

/// A clause of a call, until it is spoken.
struct InCall(Arc<watch::Sender<usize>>);

impl InCall {
    fn new(calls: &Arc<watch::Sender<usize>>) -> Self {
        calls.send_modify(|count| *count += 1);
        Self(Arc::clone(calls))
    }
}

impl Drop for InCall {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
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
        let calls = Arc::new(watch::Sender::new(0));
        Self { name: name.into(), cast: Arc::new(cast), worker, calls }
    }

    /// The voices that can be chosen.
    pub fn cast(&self) -> &Arc<Cast> {
        &self.cast
    }

    /// What people see of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Speaks `text` in a call, see [`Voice::start`]. Those who are read to give way.
    pub fn speak(
        &self,
        text: String,
        manner: Manner,
        reach: Reach,
        cancel: Cancel,
    ) -> (mpsc::Receiver<Speech>, impl Future<Output = Result<(), EngineError>> + Send + 'static)
    {
        let in_call = InCall::new(&self.calls);
        let (pieces, speaking) = self.start(text, manner, reach, cancel);
        let speaking = async move {
            let _in_call = in_call;
            speaking.await
        };
        (pieces, speaking)
    }

    /// Reads `text` to somebody who is in no call. Where the engine does one thing at a time it waits until nothing is
    /// to be said in calls, and is given up and begun again when something is, but not for ever.
    pub async fn read(
        &self,
        text: &str,
        manner: &Manner,
        reach: Reach,
        cancel: &Cancel,
    ) -> Result<Vec<Speech>, EngineError> {
        let mut calls = self.calls.subscribe();
        let mut interruptions = 0;
        loop {
            let gives_way = self.worker.width() == 1 && interruptions < INTERRUPTIONS;
            if gives_way {
                tokio::select! {
                    // Whoever counts lives as long as this handle.
                    _ = calls.wait_for(|count| *count == 0) => {}
                    () = cancel.cancelled() => return Err(EngineError::Cancelled),
                }
            }
            let attempt = cancel.child_token();
            let (mut pieces, speaking) =
                self.start(text.to_owned(), manner.clone(), reach, Cancel::new(attempt.clone()));
            let collect = async {
                let mut all = Vec::new();
                while let Some(piece) = pieces.recv().await {
                    all.push(piece);
                }
                all
            };
            tokio::select! {
                (said, all) = async { tokio::join!(speaking, collect) } => return said.map(|()| all),
                _ = calls.wait_for(|count| *count > 0), if gives_way => {
                    attempt.cancel();
                    interruptions += 1;
                }
            }
        }
    }

    /// Speaks `text` and sends the pieces to the receiver that comes back, as they are ready. The future
    /// ends when all is said; drive both. The text goes no farther than `reach` says.
    fn start(
        &self,
        text: String,
        manner: Manner,
        reach: Reach,
        cancel: Cancel,
    ) -> (mpsc::Receiver<Speech>, impl Future<Output = Result<(), EngineError>> + Send + use<>)
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
