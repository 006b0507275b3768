//! Engines: what runs the models, and which of them runs here.
//!
//! `choose` turns configuration into engines; `cost` is what they were measured to need; `device` is what models compute on;
//! `worker` is where threads are; `desk` is the queue before recognition, `questions` that before end of turn; `handles` is
//! what calls hold.
//! Engines do not know calls, HTTP or people.

mod choose;
pub mod cost;
pub mod desk;
pub mod device;
pub mod handles;
pub mod http;
pub mod llm;
pub mod models;
pub mod ort;
pub mod program;
pub mod questions;
pub mod worker;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sotto_llm::Provider;

use self::choose::Chooser;
pub use self::choose::TurnModel;
use self::cost::Cost;
use self::handles::{EndOfTurn, Recogniser, Voice};
use self::llm::Chosen;
use crate::config::{Config, SttEngine, TtsEngine, TurnEngine, VadEngine};
use crate::models::{Device, Manifest, Model, ModelError, Stage, Store};
use crate::pipeline::failure::EngineError;
use crate::pipeline::meter::{Metered, Work};
use crate::pipeline::stt::LoadError;
use crate::pipeline::tts::KokoroError;
use crate::pipeline::vad::VadModel;

/// The models that this configuration would use here if all of them were here. Blocks while it looks for a GPU.
pub fn wanted<'a>(config: &Config, manifest: &'a Manifest) -> Vec<&'a Model> {
    let runs_whisper = matches!(config.stt.engine, SttEngine::Auto | SttEngine::Whisper);
    // A program that was built for GPUs does not have to have one.
    let opened = runs_whisper.then(|| device::open("stt", config.stt.device).ok()).flatten();
    let device = opened.map_or(Device::Cpu, |opened| opened.kind());
    let usual = |model: &&Model| match model.stage {
        Stage::Vad => config.vad.engine != VadEngine::Energy,
        Stage::Turn => matches!(config.turn.engine, TurnEngine::Auto | TurnEngine::SmartTurnV3),
        Stage::Stt => runs_whisper && config.stt.model == "auto",
        Stage::Tts => matches!(config.tts.engine, TtsEngine::Auto | TtsEngine::Kokoro),
        Stage::Runtime => true,
    };
    let named = manifest.get(&config.stt.model).filter(|_| runs_whisper);
    manifest.essential(device).filter(usual).chain(named).collect()
}

/// An engine that was asked for cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineLoadError {
    /// A model is not here, or damaged.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// onnxruntime or a model for it.
    #[error(transparent)]
    Ort(#[from] ort::OrtError),
    /// onnxruntime, reported once more for another engine.
    #[error("{0}")]
    Runtime(String),
    /// onnxruntime is nowhere to be found.
    #[error("onnxruntime is not here; get it with: sotto models pull onnxruntime")]
    NoOnnxRuntime,
    /// A Whisper checkpoint.
    #[error("{}: {source}", folder.display())]
    Whisper {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        source: LoadError,
    },
    /// A file of Smart Turn v2, which is not in the manifest.
    #[error(
        "{} is not here; model.safetensors and config.json of pipecat-ai/smart-turn-v2 have to be put there by hand \
         (docs/operations.md says how)",
        path.display()
    )]
    NoSmartTurnV2 {
        /// Where it would be.
        path: PathBuf,
    },
    /// Silence decides.
    #[error("there is no end-of-turn model, and silence has no opinion: {why}")]
    NoTurnModel {
        /// Why there is none.
        why: String,
    },
    /// Smart Turn v2.
    #[error("{source}{}", cause(source))]
    SmartTurnV2 {
        /// What is wrong, and with which file.
        source: sotto_turn::LoadError,
    },
    /// Kokoro.
    #[error("{}: {source}", folder.display())]
    Kokoro {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        source: KokoroError,
    },
    /// A person's own pronunciations.
    #[error("tts.lexicon: {}: {problem}", path.display())]
    Lexicon {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// No checkpoint of the manifest is here.
    #[error("no Whisper weights are here; get some with: sotto models pull")]
    NoWeights,
    /// The device that was asked for.
    #[error("{stage}.device: {device} cannot be used here: {reason}")]
    Device {
        /// For what: `turn`, `stt` or `tts`.
        stage: &'static str,
        /// Which.
        device: &'static str,
        /// Why not.
        reason: String,
    },
    /// A program.
    #[error("{program} is not installed")]
    NoProgram {
        /// Its name.
        program: String,
    },
    /// The first run failed.
    #[error("warming up: {0}")]
    WarmUp(EngineError),
    /// A thread could not be started.
    #[error("cannot start a thread for {engine}: {source}")]
    Thread {
        /// For what.
        engine: &'static str,
        /// Why.
        source: io::Error,
    },
    /// An HTTP client could not be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(reqwest::Error),
    /// The language model's provider.
    #[error(transparent)]
    Llm(#[from] sotto_llm::Error),
}

/// Why, where an error itself does not say so.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(|cause| format!(": {cause}")).unwrap_or_default()
}

/// What was chosen for a stage, and why. What is written of it for clients names no address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// `vad`, `turn`, `stt`, `llm` or `tts`.
    pub stage: &'static str,
    /// What runs.
    pub name: String,
    /// Why it, and what would be better.
    pub why: String,
    /// What only the operator is told: where it is.
    #[serde(skip)]
    pub detail: Option<String>,
    /// What it was measured to need; `None`: it was not, because it is elsewhere or another program.
    #[serde(skip)]
    pub cost: Option<Cost>,
}

impl Choice {
    pub(crate) fn new(stage: &'static str, name: &str, why: impl Into<String>) -> Self {
        Self { stage, name: name.to_owned(), why: why.into(), detail: None, cost: None }
    }

    /// Notes where it is, without what of an address may be a password.
    fn at(self, address: &str) -> Self {
        let place = reqwest::Url::parse(address).ok().map(|mut url| {
            url.set_query(None);
            // An address that has no place for them holds none.
            let _ = (url.set_username(""), url.set_password(None));
            url.to_string()
        });
        Self { detail: place, ..self }
    }

    /// Why it, and where: for logs and terminals, never for clients.
    pub fn for_operator(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{}: {detail}", self.why),
            None => self.why.clone(),
        }
    }
}

/// All that a call needs. Shared by the calls that begin while it is current.
#[derive(Clone)]
pub struct Engines {
    /// Voice activity.
    pub vad: Arc<dyn VadModel>,
    /// End of turn.
    pub turn: EndOfTurn,
    /// Recognition. Without it nobody can call.
    pub recogniser: Option<Recogniser>,
    /// The language model.
    pub llm: Arc<dyn Provider>,
    /// Whether it is on the premises with all its addresses, as far as was known when it was chosen.
    pub llm_is_near: bool,
    /// Speech. Without it answers are only shown.
    pub voice: Option<Voice>,
    /// What was chosen and why, a line for each stage.
    pub choices: Vec<Choice>,
    /// Who counts what they do.
    pub meter: Metered,
}

/// The queue before an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// For what.
    pub work: Work,
    /// Jobs in it.
    pub jobs: usize,
    /// Jobs that may be in it; one more is refused.
    pub limit: usize,
}

impl Engines {
    /// Loads what the configuration asks for. Takes seconds; heavy work happens on other threads.
    ///
    /// `own_address` is where this server will listen, so that it does not take itself for a model server.
    pub async fn load(
        config: Arc<Config>,
        store: Arc<Store>,
        own_address: SocketAddr,
    ) -> Result<Self, EngineLoadError> {
        http::install_crypto();
        let runtime = tokio::runtime::Handle::current();
        let Chosen { provider: llm, choice: llm_choice, is_near: llm_is_near } =
            llm::choose(&config, own_address).await?;
        let load = move || {
            let mut chooser = Chooser {
                config: &config,
                store: &store,
                runtime,
                choices: Vec::new(),
                device: None,
            };
            let ort = chooser.onnxruntime();
            let vad = chooser.vad(&ort)?;
            let turn = chooser.turn(&ort)?;
            let recogniser = chooser.recogniser()?;
            let voice = chooser.voice()?;
            let mut choices = chooser.choices;
            let place = choices.len().min(3);
            choices.insert(place, llm_choice);
            let (vad, meter) = (Arc::from(vad), Metered::default());
            Ok(Self { vad, turn, recogniser, llm, llm_is_near, voice, choices, meter })
        };
        tokio::task::spawn_blocking(load).await.unwrap_or_else(|_| {
            Err(EngineLoadError::Runtime("loading the engines panicked".to_owned()))
        })
    }

    /// From now on `meter` is told what these do. Clones made before keep theirs.
    pub fn set_meter(&mut self, meter: &Metered) {
        self.meter = meter.clone();
        if let EndOfTurn::Model { questions, .. } = &mut self.turn {
            questions.set_meter(meter);
        }
        if let Some(recogniser) = &mut self.recogniser {
            recogniser.set_meter(meter);
        }
        if let Some(voice) = &mut self.voice {
            voice.set_meter(meter);
        }
    }

    /// What waits for them at this moment.
    pub fn waiting(&self) -> Vec<Waiting> {
        let turn = match &self.turn {
            EndOfTurn::Model { questions, .. } => Some(questions.waiting()),
            EndOfTurn::Silence => None,
        };
        let recogniser = self.recogniser.iter().flat_map(Recogniser::waiting);
        let voice = self.voice.as_ref().map(Voice::waiting);
        turn.into_iter().chain(recogniser).chain(voice).collect()
    }

    /// How long somebody has been waiting for an engine to begin, where that is longest. The language model is not of
    /// them: it has a queue of its own.
    pub fn longest_wait(&self) -> Duration {
        let recognition = self.recogniser.as_ref().map(Recogniser::longest_wait);
        let speech = self.voice.as_ref().map(Voice::longest_wait);
        let waits = [recognition, speech, Some(self.turn.longest_wait())];
        waits.into_iter().flatten().max().unwrap_or_default()
    }

    /// Puts another language model in the place of the one before.
    pub fn set_llm(&mut self, chosen: Chosen) {
        let Chosen { provider, choice, is_near } = chosen;
        (self.llm, self.llm_is_near) = (provider, is_near);
        match self.choices.iter_mut().find(|other| other.stage == choice.stage) {
            Some(before) => *before = choice,
            None => self.choices.push(choice),
        }
    }
}

/// Where onnxruntime would be loaded from.
pub fn onnxruntime_path(config: &Config, store: &Store) -> Option<PathBuf> {
    choose::onnxruntime_path(config, store)
}

/// The end-of-turn model of this configuration, alone. Blocks while it is loaded; refuses if silence decides.
pub fn turn_model(
    config: &Config,
    store: &Store,
    runtime: tokio::runtime::Handle,
) -> Result<TurnModel, EngineLoadError> {
    let mut chooser = Chooser { config, store, runtime, choices: Vec::new(), device: None };
    let ort = chooser.onnxruntime();
    let model = chooser.turn_model(&ort)?;
    let why = || chooser.choices.iter().map(|choice| choice.why.as_str()).collect();
    model.ok_or_else(|| EngineLoadError::NoTurnModel { why: why() })
}

/// Whether the files of Smart Turn v2 are here; the error says what is missing.
pub fn find_smart_turn_v2(config: &Config, store: &Store) -> Result<PathBuf, EngineLoadError> {
    choose::find_smart_turn_v2(config, store)
}
