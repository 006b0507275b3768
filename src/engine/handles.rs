//! Engines as calls see them: cheap to clone, asynchronous, cancelled with the call.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sotto_llm::Reach;
use tokio::sync::{mpsc, watch};

use super::Waiting;
use super::desk::{Counts, Desk};
use super::questions::{Answer, Questions};
use super::worker::{Awaited, Worker};
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::SPEECH_RATE_HZ;
use crate::pipeline::meter::{Metered, Work};
use crate::pipeline::stt::{Options, Transcript, Urgency};
use crate::pipeline::text::Text;
use crate::pipeline::took::Took;
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
    meter: Metered,
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
        Self { name: name.into(), defaults, desk, meter: Metered::default() }
    }

    /// Tells `meter` of what is recognised through this handle and its clones.
    pub fn set_meter(&mut self, meter: &Metered) {
        self.meter = meter.clone();
    }

    /// Utterances that wait, and that may, by urgency.
    pub fn waiting(&self) -> [Waiting; 3] {
        let limit = self.desk.capacity();
        let urgencies = [Urgency::Interim, Urgency::Recording, Urgency::Final];
        let mut waiting = urgencies.map(|urgency| Waiting { work: urgency.into(), jobs: 0, limit });
        for (lane, jobs) in waiting.iter_mut().zip(self.desk.waiting()) {
            lane.jobs = jobs;
        }
        waiting
    }

    /// What people see of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What happened to utterances since the start.
    pub fn counts(&self) -> Counts {
        self.desk.counts()
    }

    /// How long somebody in a call has been waiting for it.
    pub fn longest_wait(&self) -> Duration {
        self.desk.longest_wait()
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
        let job = self.meter.job(options.urgency.into());
        let result = self.desk.recognise(audio, options, cancel, &self.meter).await;
        job.ended(&result);
        result
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

    /// How long a question has been waiting for it.
    pub fn longest_wait(&self) -> Duration {
        match self {
            Self::Model { questions, .. } => questions.longest_wait(),
            Self::Silence => Duration::ZERO,
        }
    }

    /// Whether the turn that ends with `audio` is complete.
    pub async fn predict(&self, audio: Vec<f32>, cancel: &Cancel) -> Result<Answer, EngineError> {
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
    meter: Metered,
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

/// A piece of speech, and what it took until it was there: the first piece says how long the clause has waited.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// The piece.
    pub speech: Speech,
    /// The wait for the voice, and its work up to this piece.
    pub took: Took,
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
        let (calls, meter) = (Arc::new(watch::Sender::new(0)), Metered::default());
        Self { name: name.into(), cast: Arc::new(cast), worker, meter, calls }
    }

    /// Tells `meter` of what is spoken through this handle and its clones.
    pub fn set_meter(&mut self, meter: &Metered) {
        self.meter = meter.clone();
    }

    /// Texts that wait to be spoken, and that may.
    pub fn waiting(&self) -> Waiting {
        let (jobs, limit) = self.worker.waiting();
        Waiting { work: Work::Speech, jobs, limit }
    }

    /// The voices that can be chosen.
    pub fn cast(&self) -> &Arc<Cast> {
        &self.cast
    }

    /// What people see of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long the first clause of a reply has been waiting for it.
    pub fn longest_wait(&self) -> Duration {
        self.worker.longest_wait()
    }

    /// Speaks `text` in a call, see [`Voice::start`]. Those who are read to give way.
    pub fn speak(
        &self,
        text: String,
        manner: Manner,
        reach: Reach,
        awaited: Awaited,
        cancel: Cancel,
    ) -> (mpsc::Receiver<Spoken>, impl Future<Output = Result<(), EngineError>> + Send + 'static)
    {
        let in_call = InCall::new(&self.calls);
        let (pieces, speaking) = self.start(text, manner, reach, awaited, cancel);
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
            let given_up = Cancel::new(attempt.clone());
            let (text, manner) = (text.to_owned(), manner.clone());
            let (mut pieces, speaking) = self.start(text, manner, reach, Awaited::Later, given_up);
            let collect = async {
                let mut all = Vec::new();
                while let Some(piece) = pieces.recv().await {
                    all.push(piece.speech);
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
        awaited: Awaited,
        cancel: Cancel,
    ) -> (mpsc::Receiver<Spoken>, impl Future<Output = Result<(), EngineError>> + Send + use<>)
    {
        let (pieces, receiver) = mpsc::channel(PIECES_AHEAD);
        let (worker, asked) = (self.worker.clone(), Instant::now());
        let wanted = manner.voice.as_deref().and_then(|wanted| self.cast.resolve(wanted));
        let meter = self.meter.clone();
        let speaking = async move {
            let (inner, job) = (cancel.clone(), meter.job(Work::Speech));
            let work = move |engine: &mut Box<dyn TextToSpeech>| {
                let began = Instant::now();
                let waited = began.saturating_duration_since(asked);
                meter.tell(|meter| meter.waited(Work::Speech, waited));
                let (mut samples, mut listener) = (0, Duration::ZERO);
                let request = SpeechRequest {
                    text: &text,
                    voice: wanted.as_deref(),
                    speed: manner.speed,
                    reach,
                };
                let said = engine.synthesize(request, &inner, &mut |speech| {
                    samples += speech.samples.len();
                    let took = Took::until_now(asked, began);
                    let handing_over = Instant::now();
                    let sent = pieces.blocking_send(Spoken { speech, took });
                    // Waiting for the listener is no work.
                    listener += handing_over.elapsed();
                    match sent {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    }
                });
                let took = began.elapsed().saturating_sub(listener);
                let audio = Duration::from_secs_f64(samples as f64 / f64::from(SPEECH_RATE_HZ));
                meter.tell(|meter| meter.worked(Work::Speech, took, Some(audio)));
                said
            };
            let said = worker.run(&cancel, awaited, work).await;
            job.ended(&said);
            said
        };
        (receiver, speaking)
    }
}
