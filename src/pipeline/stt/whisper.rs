//! Whisper on candle: own features, own model, any checkpoint in the Hugging Face layout.
//!
//! Reference: `WhisperForConditionalGeneration` of transformers, greedy, without timestamps.
//!
//! ```text
//! job ─▶ work ─▶ mel ─▶ encoder ─▶ prompt ─▶ search ─▶ guards ─▶ align ─▶ transcript
//!          ▲        (model, kernels)           │         │
//!          └──────────── attempts ─────────────┴─────────┘   when a text is doubtful
//! ```
//!
//! `batch` takes utterances through these steps, one on a processor, many side by side on a GPU. There `steps` writes
//! some tokens of all of them at once, as a `graph` where that is possible.

mod align;
mod attempts;
mod batch;
mod config;
mod graph;
mod model;
#[cfg(test)]
#[cfg(feature = "cuda")]
mod on_gpu;
#[cfg(test)]
mod reference;
mod sample;
mod search;
#[cfg(test)]
mod shapes;
mod steps;
mod tokens;
mod weights;
mod words;
mod work;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device};
use rayon::ThreadPool;

use self::batch::Batch;
use self::config::{Generation, ModelConfig};
use self::model::Model;
use self::tokens::Vocabulary;
use super::{Job, Queue, SpeechToText, Transcript, Utterance};
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;
use crate::pipeline::mel::{HOP, LogMel};

pub use self::config::LoadError;
pub use self::graph::Graphs;
pub use self::model::Precision;

/// How Whisper runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WhisperSettings {
    /// Computes only the part of the 30 s window that holds speech, and all of it when that looks wrong.
    pub trim_context: bool,
    /// Threads; 0: one for each core.
    pub threads: usize,
    /// How weights are kept.
    pub precision: Precision,
    /// Utterances side by side; 0: one on a processor, which is as quick one after the other, and
    /// [`GPU_WIDTH`] on a GPU.
    pub width: usize,
    /// Whether [`SpeechToText::serve`] writes with CUDA graphs.
    pub graphs: Graphs,
}

/// Utterances side by side on a GPU.
pub const GPU_WIDTH: usize = 32;

/// See the module.
pub struct Whisper {
    model: Model,
    vocabulary: Vocabulary,
    mel: LogMel<f32>,
    alignment_heads: Vec<(usize, usize)>,
    settings: WhisperSettings,
    pool: Option<ThreadPool>,
}

impl Whisper {
    /// Loads a checkpoint from a folder with `config.json`, `tokenizer.json` and one or more safetensors.
    pub fn load(
        folder: &Path,
        device: &Device,
        settings: WhisperSettings,
    ) -> Result<Self, LoadError> {
        let config = ModelConfig::read(folder)?;
        let generation = Generation::read(folder)?;
        let alignment_heads = config.alignment_heads(&generation);
        let vocabulary = Vocabulary::read(folder, &config, generation)?;
        // Whisper was trained in f16, which GPUs are quick with and processors are not.
        let is_wide = device.is_cpu() || settings.precision == Precision::F32;
        let dtype = if is_wide { DType::F32 } else { DType::F16 };
        let weights = weights::Weights::open(folder, device, dtype)?;
        let model = Model::load(weights, &config, settings.precision)?;
        let pool = (settings.threads > 0 && device.is_cpu())
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(settings.threads).build())
            .transpose()
            .map_err(|error| LoadError::Threads(error.to_string()))?;
        let mel = LogMel::new(config.num_mel_bins);
        Ok(Self { model, vocabulary, mel, alignment_heads, settings, pool })
    }

    fn in_pool<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

impl SpeechToText for Whisper {
    fn transcribe(
        &mut self,
        utterance: Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError> {
        let reply = Arc::new(Mutex::new(None));
        let place = Arc::clone(&reply);
        let job = Job {
            audio: Arc::new(utterance.audio.to_vec()),
            options: utterance.options,
            cancel: cancel.clone(),
            reply: Box::new(move |result| {
                *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            }),
        };
        let failed = EngineError::failed("recognition");
        Batch::new(self, 1).map_err(failed)?.serve(&mut Single(Some(job)));
        let result = reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.unwrap_or(Err(EngineError::Cancelled))
    }

    fn serve(&mut self, queue: &mut dyn Queue) {
        match Batch::new(self, self.width()) {
            Ok(mut batch) => {
                batch.record();
                batch.serve(queue);
            }
            Err(error) => {
                tracing::error!(%error, "no memory for recognition");
                while let Some(job) = queue.next() {
                    (job.reply)(Err(EngineError::Input("there is no memory for it".to_owned())));
                }
            }
        }
    }

    fn width(&self) -> usize {
        match self.settings.width {
            0 if self.model.device().is_cpu() => 1,
            0 => GPU_WIDTH,
            width => width,
        }
    }
}

/// One job and no more.
struct Single(Option<Job>);

impl Queue for Single {
    fn next(&mut self) -> Option<Job> {
        self.0.take()
    }

    fn poll(&mut self) -> Option<Job> {
        self.0.take()
    }
}
