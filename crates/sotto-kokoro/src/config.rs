//! The model's `config.json`.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use crate::LoadError;
use crate::spectrum::{BINS, HOP};

/// Samples per second.
pub const SAMPLE_RATE: u32 = 24_000;
/// Samples of one value of the pitch.
pub(crate) const PER_PITCH: usize = 300;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    pub istftnet: Generator,
    pub hidden_dim: usize,
    pub max_dur: usize,
    pub n_layer: usize,
    pub n_token: usize,
    pub style_dim: usize,
    pub text_encoder_kernel_size: usize,
    pub plbert: Albert,
    pub vocab: HashMap<char, u32>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Generator {
    pub upsample_kernel_sizes: Vec<usize>,
    pub upsample_rates: Vec<usize>,
    pub gen_istft_hop_size: usize,
    pub gen_istft_n_fft: usize,
    pub resblock_dilation_sizes: Vec<Vec<usize>>,
    pub resblock_kernel_sizes: Vec<usize>,
    pub upsample_initial_channel: usize,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Albert {
    pub hidden_size: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub max_position_embeddings: usize,
    pub num_hidden_layers: usize,
}

impl Config {
    /// Reads and checks the file.
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|problem| LoadError::Content { path: path.to_owned(), problem })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        config.check().map_or(Ok(config), |problem| Err(problem.to_owned()))
    }

    /// What of it this implementation cannot do.
    fn check(&self) -> Option<&'static str> {
        let Generator { upsample_rates, upsample_kernel_sizes, .. } = &self.istftnet;
        let per_pitch = upsample_rates.iter().product::<usize>() * self.istftnet.gen_istft_hop_size;
        let doubled = upsample_rates
            .iter()
            .zip(upsample_kernel_sizes)
            .all(|(u, k)| u.is_multiple_of(2) && *k == 2 * u);
        let resblocks = &self.istftnet.resblock_dilation_sizes;
        let heads = self.plbert.num_attention_heads;
        if self.istftnet.gen_istft_n_fft != 2 * (BINS - 1)
            || self.istftnet.gen_istft_hop_size != HOP
        {
            Some("gen_istft_n_fft must be 20 and gen_istft_hop_size 5")
        } else if per_pitch != PER_PITCH || upsample_rates.len() != upsample_kernel_sizes.len() {
            Some("upsample_rates must make 300 samples of one value of the pitch")
        } else if !doubled {
            Some(
                "each of upsample_rates must be even, and each of upsample_kernel_sizes twice its rate",
            )
        } else if resblocks.len() != self.istftnet.resblock_kernel_sizes.len()
            || resblocks.iter().any(Vec::is_empty)
        {
            Some("each of resblock_kernel_sizes needs its resblock_dilation_sizes")
        } else if heads == 0 || !self.plbert.hidden_size.is_multiple_of(heads) {
            Some("hidden_size must be a multiple of num_attention_heads")
        } else if !self.hidden_dim.is_multiple_of(32) || self.plbert.max_position_embeddings < 3 {
            Some("hidden_dim must be a multiple of 32, and there must be 3 positions")
        } else if self.vocab.values().any(|id| *id as usize >= self.n_token) {
            Some("the vocabulary has tokens beyond n_token")
        } else {
            None
        }
    }
}
