//! Whisper on candle: own features, own model, any checkpoint in the Hugging Face layout.
//!
//! Reference: `WhisperForConditionalGeneration` of transformers, greedy, without timestamps.

mod config;
mod decode;
mod kernels;
mod model;
#[cfg(test)]
mod reference;
mod tokens;
mod weights;

use std::path::Path;

use candle_core::{DType, Device};
use rayon::ThreadPool;

use self::config::{Generation, ModelConfig};
use self::decode::{Decoding, Limits};
use self::model::Model;
use self::tokens::Vocabulary;
use super::{SpeechToText, Spoken, Transcript, Utterance};
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::MIC_RATE_HZ;
use crate::pipeline::mel::{HOP, LogMel};
use crate::pipeline::text::Text;

pub use self::config::LoadError;

/// Encoder frames in a second: two frames of 10 ms are one.
const FRAMES_PER_SECOND: usize = 50;
/// A trimmed context ends this long after the speech: Whisper finds the end of a text by the silence
/// after it, and starts to repeat itself when there is none.
const TRIM_MARGIN_FRAMES: usize = 2 * FRAMES_PER_SECOND;
/// A trimmed context is never shorter; below it even short clips are misheard.
const TRIM_FLOOR_FRAMES: usize = 448;
/// Contexts are rounded up to this, so that few different shapes occur.
const TRIM_STEP_FRAMES: usize = 64;
/// A trimmed result that is less sure than this is made again in full. The threshold is Whisper's own.
const UNSURE: f32 = -1.0;

/// How Whisper runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WhisperSettings {
    /// Computes only the part of the 30 s window that holds speech, and all of it when that looks wrong.
    pub trim_context: bool,
    /// Threads; 0: one for each core.
    pub threads: usize,
}

/// See the module.
pub struct Whisper {
    model: Model,
    vocabulary: Vocabulary,
    mel: LogMel<f32>,
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
        let vocabulary = Vocabulary::read(folder, &config, generation)?;
        // Whisper was trained in f16, which GPUs are quick with and processors are not.
        let dtype = if device.is_cpu() { DType::F32 } else { DType::F16 };
        let model = Model::load(weights::Weights::open(folder, device, dtype)?, &config)?;
        let pool = (settings.threads > 0 && device.is_cpu())
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(settings.threads).build())
            .transpose()
            .map_err(|error| LoadError::Threads(error.to_string()))?;
        Ok(Self { model, vocabulary, mel: LogMel::new(config.num_mel_bins), settings, pool })
    }

    /// The features of up to 30 s of sound: [mel bands, 2 × context].
    fn features(&self, audio: &[f32], context: usize) -> candle_core::Result<candle_core::Tensor> {
        let frames = 2 * context;
        let features = self.mel.compute(audio, frames);
        self.model.features(features, self.mel.bands(), frames)
    }

    fn run(
        &self,
        utterance: &Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Option<Decoding>, candle_core::Error> {
        let full = self.model.context();
        let longest = full * 2 * HOP;
        let audio = &utterance.audio[..utterance.audio.len().min(longest)];
        let limits = Limits::for_duration(audio.len() as f32 / MIC_RATE_HZ as f32);
        let trimmed =
            if self.settings.trim_context { trimmed(audio.len()).min(full) } else { full };
        let decoding =
            self.attempt(audio, trimmed, utterance.options.language.as_deref(), limits, cancel)?;
        let doubtful = decoding.as_ref().is_some_and(|d| d.looks_wrong(UNSURE));
        if trimmed < full && doubtful {
            return self.attempt(
                audio,
                full,
                utterance.options.language.as_deref(),
                limits,
                cancel,
            );
        }
        Ok(decoding)
    }

    fn attempt(
        &self,
        audio: &[f32],
        context: usize,
        language: Option<&str>,
        limits: Limits,
        cancel: &Cancel,
    ) -> Result<Option<Decoding>, candle_core::Error> {
        let features = self.features(audio, context)?;
        let Some(encoded) = self.model.encode(&features, &|| cancel.is_cancelled())? else {
            return Ok(None);
        };
        decode::greedy(&self.model, &encoded, &self.vocabulary, language, limits, cancel)
    }
}

impl SpeechToText for Whisper {
    fn transcribe(
        &mut self,
        utterance: Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError> {
        let run = || self.run(&utterance, cancel);
        let decoding = match &self.pool {
            Some(pool) => pool.install(run),
            None => run(),
        };
        let decoding =
            decoding.map_err(EngineError::failed("recognition"))?.ok_or(EngineError::Cancelled)?;
        let text =
            self.vocabulary.text(&decoding.tokens).map_err(EngineError::failed("recognition"))?;
        Ok(Transcript {
            text: Text::from(text.trim()),
            tokens: decoding.tokens,
            language: decoding.language.map(|code| Spoken { code, probability: 1.0 }),
            ..Transcript::default()
        })
    }
}

/// Encoder frames for this many samples of sound, its margin included.
fn trimmed(samples: usize) -> usize {
    let sound = samples.div_ceil(2 * HOP);
    (sound + TRIM_MARGIN_FRAMES).max(TRIM_FLOOR_FRAMES).next_multiple_of(TRIM_STEP_FRAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trimmed_context_has_a_margin_and_a_floor() {
        let seconds = |s: usize| s * MIC_RATE_HZ as usize;
        assert_eq!(trimmed(0), TRIM_FLOOR_FRAMES);
        assert_eq!(trimmed(seconds(5)), 448);
        assert_eq!(trimmed(seconds(10)), 640);
        for s in 1..28 {
            assert!(trimmed(seconds(s)) >= s * FRAMES_PER_SECOND + TRIM_MARGIN_FRAMES);
        }
    }
}
