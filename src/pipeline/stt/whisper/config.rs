//! The files of a checkpoint that are not weights.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A checkpoint cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is not what its name says: cut short, damaged, or something else.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// No weights in the folder.
    #[error("{}: no .safetensors file", folder.display())]
    NoWeights {
        /// The folder.
        folder: PathBuf,
    },
    /// The weights lack a tensor.
    #[error("the weights have no tensor {name}")]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// A tensor does not fit the configuration.
    #[error("tensor {name} has shape {found:?}, config.json says {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// The shape in the weights.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// The tensor library refused.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// No threads.
    #[error("cannot start recognition threads: {0}")]
    Threads(String),
}

/// `config.json`: the size of the model. Other keys are ignored.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ModelConfig {
    pub d_model: usize,
    pub encoder_layers: usize,
    pub decoder_layers: usize,
    pub encoder_attention_heads: usize,
    pub decoder_attention_heads: usize,
    pub vocab_size: usize,
    pub num_mel_bins: usize,
    pub max_source_positions: usize,
    pub max_target_positions: usize,
    /// Four times the width, if it is not there.
    pub encoder_ffn_dim: Option<usize>,
    /// Likewise.
    pub decoder_ffn_dim: Option<usize>,
}

/// `generation_config.json`, where there is one: whether languages are known, and tokens that must not be
/// produced.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Generation {
    /// Whether the checkpoint knows languages.
    pub is_multilingual: Option<bool>,
    /// Never.
    pub suppress_tokens: Option<Vec<u32>>,
    /// Not as the first.
    pub begin_suppress_tokens: Option<Vec<u32>>,
    /// The heads (layer, head) that follow the sound: from them come the times of words.
    pub alignment_heads: Option<Vec<(usize, usize)>>,
}

impl ModelConfig {
    pub(super) fn read(folder: &Path) -> Result<Self, LoadError> {
        let path = folder.join("config.json");
        let config: Self = read_json(&path)?;
        let sizes = [
            config.d_model,
            config.encoder_attention_heads,
            config.decoder_attention_heads,
            config.vocab_size,
            config.num_mel_bins,
            config.max_source_positions,
            config.max_target_positions,
        ];
        let heads_fit = sizes.iter().all(|size| *size > 0)
            && config.d_model.is_multiple_of(config.encoder_attention_heads)
            && config.d_model.is_multiple_of(config.decoder_attention_heads);
        if !heads_fit {
            let problem = "the sizes of the model do not fit each other".to_owned();
            return Err(LoadError::Content { path, problem });
        }
        Ok(config)
    }

    /// The heads that times of words are taken from: those that `generation` names, or, where it names none, all
    /// of the upper half of the decoder (as openai/whisper does).
    pub(super) fn alignment_heads(&self, generation: &Generation) -> Vec<(usize, usize)> {
        let is_there = |(layer, head): &(usize, usize)| {
            *layer < self.decoder_layers && *head < self.decoder_attention_heads
        };
        let named = generation.alignment_heads.iter().flatten().copied().filter(is_there);
        let named: Vec<_> = named.collect();
        if !named.is_empty() {
            return named;
        }
        let heads = 0..self.decoder_attention_heads;
        let layers = self.decoder_layers / 2..self.decoder_layers;
        layers.flat_map(|layer| heads.clone().map(move |head| (layer, head))).collect()
    }
}

impl Generation {
    pub(super) fn read(folder: &Path) -> Result<Self, LoadError> {
        let path = folder.join("generation_config.json");
        if path.exists() { read_json(&path) } else { Ok(Self::default()) }
    }
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&text)
        .map_err(|error| LoadError::Content { path: path.to_owned(), problem: error.to_string() })
}
