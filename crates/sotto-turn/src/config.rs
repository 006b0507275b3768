//! The model's `config.json`, as transformers writes that of a wav2vec2.

use std::path::Path;

use serde::Deserialize;

use crate::LoadError;
use crate::clip::WINDOW;

/// No such model has a larger size, and products of them would not fit.
const LARGEST: usize = 1 << 16;

/// What is not in the file is as published: that of facebook/wav2vec2-base.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
#[cfg_attr(any(test, feature = "seeded"), derive(serde::Serialize))]
pub(crate) struct Config {
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub conv_dim: Vec<usize>,
    pub conv_kernel: Vec<usize>,
    pub conv_stride: Vec<usize>,
    pub num_conv_pos_embeddings: usize,
    pub num_conv_pos_embedding_groups: usize,
    pub layer_norm_eps: f32,
    pub conv_bias: bool,
    pub do_stable_layer_norm: bool,
    pub add_adapter: bool,
    pub feat_extract_norm: String,
    pub feat_extract_activation: String,
    pub hidden_act: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3_072,
            conv_dim: vec![512; 7],
            conv_kernel: vec![10, 3, 3, 3, 3, 2, 2],
            conv_stride: vec![5, 2, 2, 2, 2, 2, 2],
            num_conv_pos_embeddings: 128,
            num_conv_pos_embedding_groups: 16,
            layer_norm_eps: 1e-5,
            conv_bias: false,
            do_stable_layer_norm: false,
            add_adapter: false,
            feat_extract_norm: "group".to_owned(),
            feat_extract_activation: "gelu".to_owned(),
            hidden_act: "gelu".to_owned(),
        }
    }
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
        let layers = self.conv_dim.len();
        let sizes = [&self.conv_dim, &self.conv_kernel, &self.conv_stride];
        let (heads, groups) = (self.num_attention_heads, self.num_conv_pos_embedding_groups);
        let positions = self.num_conv_pos_embeddings;
        if self.conv_bias || self.feat_extract_norm != "group" {
            Some("conv_bias must be false and feat_extract_norm \"group\"")
        } else if self.do_stable_layer_norm || self.add_adapter {
            Some("do_stable_layer_norm and add_adapter must be false")
        } else if self.feat_extract_activation != "gelu" || self.hidden_act != "gelu" {
            Some("feat_extract_activation and hidden_act must be \"gelu\"")
        } else if layers == 0
            || sizes.iter().any(|of| {
                of.len() != layers || of.contains(&0) || of.iter().any(|size| *size > LARGEST)
            })
        {
            Some("conv_dim, conv_kernel and conv_stride must have a number above 0 for each layer")
        } else if self.frames(WINDOW) < 1 {
            Some("conv_kernel and conv_stride must leave frames of 16 seconds")
        } else if heads == 0 || self.hidden_size == 0 || !self.hidden_size.is_multiple_of(heads) {
            Some("hidden_size must be a multiple of num_attention_heads")
        } else if groups == 0 || !self.hidden_size.is_multiple_of(groups) {
            Some("hidden_size must be a multiple of num_conv_pos_embedding_groups")
        } else if positions == 0 || !positions.is_multiple_of(2) {
            Some("num_conv_pos_embeddings must be even")
        } else if self.intermediate_size == 0
            || [self.hidden_size, self.intermediate_size, positions]
                .iter()
                .any(|size| *size > LARGEST)
        {
            Some("the sizes of layers must be above 0 and at most 65536")
        } else {
            None
        }
    }

    /// Frames of so many samples; zero or less if there are too few, counted as the reference counts them.
    pub(crate) fn frames(&self, samples: usize) -> i64 {
        let layers = self.conv_kernel.iter().zip(&self.conv_stride);
        layers.fold(samples as i64, |length, (kernel, stride)| {
            (length - *kernel as i64).div_euclid(*stride as i64) + 1
        })
    }

    /// Frames behind the first convolution.
    pub(crate) fn first_frames(&self, samples: usize) -> usize {
        samples.checked_sub(self.conv_kernel[0]).map_or(0, |more| more / self.conv_stride[0] + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_one_has_a_frame_every_20_ms() {
        let config = Config::parse("{}").unwrap();
        let counts = [400, 719, 720, 16_000, 48_000, 128_000, 256_000];
        assert_eq!(counts.map(|n| config.frames(n)), [1, 1, 2, 49, 149, 399, 799]);
        assert_eq!([1, 79, 399].map(|n| config.frames(n)), [-1, -1, 0]);
        assert_eq!(config.first_frames(256_000), 51_199);
    }

    #[test]
    fn what_it_cannot_do_is_refused() {
        for (text, named) in [
            (r#"{"feat_extract_norm": "layer"}"#, "feat_extract_norm"),
            (r#"{"do_stable_layer_norm": true}"#, "do_stable_layer_norm"),
            (r#"{"hidden_act": "relu"}"#, "hidden_act"),
            (r#"{"conv_kernel": [10, 3]}"#, "conv_kernel"),
            (r#"{"conv_stride": [5, 2, 2, 2, 2, 2, 0]}"#, "conv_stride"),
            (r#"{"conv_stride": [60000, 2, 2, 2, 2, 2, 2]}"#, "conv_stride"),
            (r#"{"num_attention_heads": 7}"#, "num_attention_heads"),
            (r#"{"num_conv_pos_embeddings": 127}"#, "num_conv_pos_embeddings"),
            (r#"{"num_conv_pos_embedding_groups": 5}"#, "num_conv_pos_embedding_groups"),
            (r#"{"intermediate_size": 0}"#, "sizes of layers"),
            ("{", "EOF"),
        ] {
            let problem = Config::parse(text).unwrap_err();
            assert!(problem.contains(named), "{text}: {problem}");
        }
    }
}
