//! The network: a convolutional front, a bidirectional encoder, and a decoder that reads from caches.
//!
//! Weights are immutable and shared; everything that belongs to utterances is in [`Caches`]. Shapes are
//! [batch, time, width]; heads are split to [batch, heads, time, width of a head].

mod decoder;
mod encoder;
mod linear;

use candle_core::{DType, Device, Result, Tensor};

use self::decoder::Decoder;
use self::encoder::Encoder;
use self::linear::Storage;
use super::config::{LoadError, ModelConfig};
use super::weights::Weights;

pub(super) use self::decoder::Caches;

/// How weights are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// As exact as the checkpoint, as small as that allows.
    #[default]
    Auto,
    /// 32 bits.
    F32,
    /// 16 bits.
    F16,
    /// 8 bits (GGUF `Q8_0`), on a processor: half the memory of 16 bits, nearly as good.
    #[serde(rename = "q8_0")]
    Q8_0,
    /// 5 bits (GGUF `Q5_0`), on a processor: the smallest.
    #[serde(rename = "q5_0")]
    Q5_0,
}

/// See the module.
pub(super) struct Model {
    device: Device,
    /// Of activations.
    dtype: DType,
    encoder: Encoder,
    decoder: Decoder,
}

impl Model {
    pub(super) fn load(
        mut weights: Weights,
        config: &ModelConfig,
        precision: Precision,
    ) -> std::result::Result<Self, LoadError> {
        let (device, dtype) = (weights.device().clone(), weights.dtype());
        let encoder = Encoder::load(&mut weights, config, Storage::of_encoder(precision, &device))?;
        let decoder = Decoder::load(&mut weights, config, Storage::of_decoder(precision, &device))?;
        Ok(Self { device, dtype, encoder, decoder })
    }

    /// The length of the full context, in encoder frames.
    pub(super) fn context(&self) -> usize {
        self.encoder.context()
    }

    /// The longest text, its prompt included, in tokens.
    pub(super) fn max_tokens(&self) -> usize {
        self.decoder.max_tokens()
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Features of `batch` utterances, each [bands, frames] row by row, as the encoder takes them:
    /// [batch, frames, bands].
    pub(super) fn features(
        &self,
        values: Vec<f32>,
        (batch, bands, frames): (usize, usize, usize),
    ) -> Result<Tensor> {
        let features = Tensor::from_vec(values, (batch, bands, frames), &self.device)?;
        features.transpose(1, 2)?.contiguous()?.to_dtype(self.dtype)
    }

    /// Encodes features [batch, 2 · context, bands] to [batch, context, width]. The context may be shorter than the
    /// full one. `None` when `cancelled`, which is asked before each layer.
    pub(super) fn encode(
        &self,
        features: &Tensor,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Tensor>> {
        self.encoder.forward(features, cancelled)
    }

    /// Memory for `slots` utterances at once.
    pub(super) fn caches(&self, slots: usize) -> Result<Caches> {
        self.decoder.caches(slots, self.context(), self.dtype, &self.device)
    }

    /// Puts an utterance [1, context, width] into a slot. Nothing has been read of its text.
    pub(super) fn remember(
        &self,
        caches: &mut Caches,
        slot: usize,
        encoded: &Tensor,
    ) -> Result<()> {
        self.decoder.remember(caches, slot, encoded)
    }

    /// Reads `tokens` in one slot, and gives what the decoder makes of each: [1, tokens, width].
    pub(super) fn read(&self, caches: &mut Caches, slot: usize, tokens: &[u32]) -> Result<Tensor> {
        let ids = Tensor::from_slice(tokens, (1, tokens.len()), &self.device)?;
        self.decoder.forward(caches, slot..slot + 1, &ids, None)
    }

    /// Reads one token in each of the first slots, `tokens` [slots, 1]: [slots, 1, width].
    pub(super) fn read_one(&self, caches: &mut Caches, tokens: &Tensor) -> Result<Tensor> {
        let slots = tokens.dim(0)?;
        self.decoder.forward(caches, 0..slots, tokens, None)
    }

    /// Makes caches fit for [`Self::step`]. `trims`: whether contexts may be shorter than the full one.
    pub(super) fn prepare(&self, caches: &mut Caches, trims: bool) -> Result<()> {
        self.decoder.add_masks(caches, trims)
    }

    /// As [`Self::read_one`], at `positions` [slots] less than `length`, which are on the device as `tokens` are: the
    /// same is done wherever the slots have come to, and the host counts it ([`Caches::advance`]).
    pub(super) fn step(
        &self,
        caches: &Caches,
        tokens: &Tensor,
        positions: &Tensor,
        length: usize,
    ) -> Result<Tensor> {
        self.decoder.step(caches, tokens, positions, length)
    }

    /// Scores of the token after each of `states` [batch, time, width]: [batch, time, vocabulary], f32.
    pub(super) fn scores(&self, states: &Tensor) -> Result<Tensor> {
        self.decoder.scores(states)
    }

    /// How much each of `tokens`, read from the beginning in one slot, looks at each frame of the sound, for some
    /// `heads` (layer, head) and the first `frames`: [heads, tokens, frames], f32.
    pub(super) fn attention(
        &self,
        caches: &mut Caches,
        slot: usize,
        tokens: &[u32],
        (heads, frames): (&[(usize, usize)], usize),
    ) -> Result<Tensor> {
        let ids = Tensor::from_slice(tokens, (1, tokens.len()), &self.device)?;
        caches.rewind(slot, 0);
        let mut queries = Vec::new();
        self.decoder.forward(caches, slot..slot + 1, &ids, Some(&mut queries))?;
        self.decoder.attention(caches, slot, &queries, (heads, frames))
    }
}
