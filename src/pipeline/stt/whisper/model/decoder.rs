//! From what was heard, and what was written so far, to the next token.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};

use super::super::config::{LoadError, ModelConfig};
use super::super::weights::Weights;
use super::linear::{Linear, Mlp, Norm, Storage, load_qkv, scale};
use sotto_kernels::{self as kernels, Activation, Cache, HalfMatrix, Reading};

/// See the module.
pub(super) struct Decoder {
    embedding: Embedding,
    /// Scores of all tokens: the embedding once more.
    scores: Linear,
    positions: Tensor,
    layers: Vec<Layer>,
    norm: Norm,
    heads: usize,
}

/// Where the rows of the embedding come from.
enum Embedding {
    Tensor(Tensor),
    /// Out of the weights of the scores, which are the same.
    OfScores,
    Half(HalfMatrix),
}

struct Layer {
    self_norm: Norm,
    qkv: Linear,
    self_out: Linear,
    cross_norm: Norm,
    cross_q: Linear,
    /// Keys and values of the encoder's output, from one product.
    cross_kv: Linear,
    cross_out: Linear,
    mlp: Mlp,
}

/// What the decoder remembers of utterances: each has a slot.
pub(in super::super) struct Caches {
    layers: Vec<LayerCaches>,
    /// Tokens read in each slot.
    read: Vec<usize>,
    /// Encoder frames in each slot.
    contexts: Vec<usize>,
}

struct LayerCaches {
    own: Cache,
    heard: Cache,
}

impl Caches {
    /// Tokens read in a slot.
    pub(in super::super) fn read(&self, slot: usize) -> usize {
        self.read[slot]
    }

    /// Forgets all but the first `tokens` that were read in a slot.
    pub(in super::super) fn rewind(&mut self, slot: usize, tokens: usize) {
        self.read[slot] = self.read[slot].min(tokens);
    }
}

impl Decoder {
    pub(super) fn load(
        weights: &mut Weights,
        config: &ModelConfig,
        storage: Storage,
    ) -> std::result::Result<Self, LoadError> {
        let (width, vocabulary) = (config.d_model, config.vocab_size);
        let layers = (0..config.decoder_layers)
            .map(|i| Layer::load(weights, &format!("decoder.layers.{i}"), config, storage));
        let layers = layers.collect::<std::result::Result<_, LoadError>>()?;
        let embedding = weights.take("decoder.embed_tokens.weight", &[vocabulary, width])?;
        let no_bias = Tensor::zeros(vocabulary, embedding.dtype(), embedding.device())?;
        let scores = Linear::new(embedding.clone(), no_bias, storage)?;
        let embedding = match storage {
            _ if scores.half().is_some() => Embedding::OfScores,
            // Already rounded coarser than this.
            Storage::Quantised(_) => {
                let rounded = HalfMatrix::exactly(&embedding.to_dtype(DType::F16)?, Vec::new())?;
                rounded.map_or(Embedding::Tensor(embedding), Embedding::Half)
            }
            Storage::Dense | Storage::Half => Embedding::Tensor(embedding),
        };
        Ok(Self {
            embedding,
            scores,
            positions: weights
                .take("decoder.embed_positions.weight", &[config.max_target_positions, width])?,
            layers,
            norm: Norm::load(weights, "decoder.layer_norm", width)?,
            heads: config.decoder_attention_heads,
        })
    }

    pub(super) fn max_tokens(&self) -> usize {
        self.positions.dims()[0]
    }

    pub(super) fn caches(
        &self,
        slots: usize,
        context: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Caches> {
        let (positions, width) = self.positions.dims2()?;
        let cache = |positions: usize| -> Result<Cache> {
            let shape = (slots, self.heads, positions, width / self.heads);
            Ok(Cache {
                keys: Tensor::zeros(shape, dtype, device)?,
                values: Tensor::zeros(shape, dtype, device)?,
            })
        };
        let layers = self
            .layers
            .iter()
            .map(|_| Ok(LayerCaches { own: cache(positions)?, heard: cache(context)? }));
        let layers = layers.collect::<Result<_>>()?;
        Ok(Caches { layers, read: vec![0; slots], contexts: vec![1; slots] })
    }

    pub(super) fn remember(
        &self,
        caches: &mut Caches,
        slot: usize,
        encoded: &Tensor,
    ) -> Result<()> {
        let (_, context, width) = encoded.dims3()?;
        for (layer, cache) in self.layers.iter().zip(&caches.layers) {
            let kv = layer.cross_kv.forward(encoded, Activation::None)?;
            let part =
                |i: usize| kernels::split_heads(&kv.narrow(2, i * width, width)?, self.heads);
            cache.heard.write(slot..slot + 1, &part(0)?, &part(1)?, &[0])?;
        }
        caches.contexts[slot] = context;
        caches.read[slot] = 0;
        Ok(())
    }

    /// Reads `ids` [slots, time] after what these slots have read, and gives the states after the last layer
    /// [slots, time, width]. `queries` takes those of the attention to the sound, a tensor for each layer.
    pub(super) fn forward(
        &self,
        caches: &mut Caches,
        slots: Range<usize>,
        ids: &Tensor,
        mut queries: Option<&mut Vec<Tensor>>,
    ) -> Result<Tensor> {
        let (_, time) = ids.dims2()?;
        let before = &caches.read[slots.clone()];
        let device = self.positions.device();
        let own = Reading::causal(before, time, device)?;
        let heard = Reading::whole(&caches.contexts[slots.clone()], device)?;
        let mut x = (self.embed(ids)? + self.positions_of(before, time)?)?;
        let width = x.dim(2)?;
        for (layer, cache) in self.layers.iter().zip(&caches.layers) {
            let qkv = layer.qkv.forward(&layer.self_norm.forward(&x)?, Activation::None)?;
            let part =
                |i: usize| kernels::split_heads(&qkv.narrow(2, i * width, width)?, self.heads);
            cache.own.write(slots.clone(), &part(1)?, &part(2)?, before)?;
            let q = qkv.narrow(2, 0, width)?.contiguous()?;
            let seen = kernels::attend(&q, &cache.own.of(slots.clone())?, &own)?;
            x = layer.self_out.forward_onto(x, &seen)?;
            let q = layer.cross_q.forward(&layer.cross_norm.forward(&x)?, Activation::None)?;
            let seen = kernels::attend(&q, &cache.heard.of(slots.clone())?, &heard)?;
            if let Some(queries) = &mut queries {
                queries.push(q);
            }
            x = layer.cross_out.forward_onto(x, &seen)?;
            x = layer.mlp.forward(x)?;
        }
        for read in &mut caches.read[slots] {
            *read += time;
        }
        self.norm.forward(&x)
    }

    pub(super) fn scores(&self, states: &Tensor) -> Result<Tensor> {
        self.scores.forward(states, Activation::None)?.to_dtype(DType::F32)
    }

    /// Of the `queries` of one slot: where some heads look, [heads, time, frames].
    pub(super) fn attention(
        &self,
        caches: &Caches,
        slot: usize,
        queries: &[Tensor],
        (heads, frames): (&[(usize, usize)], usize),
    ) -> Result<Tensor> {
        let of = |(layer, head): (usize, usize)| {
            let keys = &caches.layers[layer].heard.keys;
            let keys = keys.narrow(0, slot, 1)?.narrow(1, head, 1)?.narrow(2, 0, frames)?;
            let q = kernels::split_heads(&queries[layer], self.heads)?.narrow(1, head, 1)?;
            let scores = q.contiguous()?.matmul(&keys.contiguous()?.t()?)?;
            kernels::softmax(&scores)?.squeeze(0)
        };
        Tensor::cat(&heads.iter().map(|head| of(*head)).collect::<Result<Vec<_>>>()?, 0)
    }

    /// [slots, time] to [slots, time, width].
    fn embed(&self, ids: &Tensor) -> Result<Tensor> {
        let (slots, time) = ids.dims2()?;
        let half = match &self.embedding {
            Embedding::Tensor(rows) => {
                let rows = rows.index_select(&ids.flatten_all()?, 0)?;
                return rows.reshape((slots, time, ()));
            }
            Embedding::OfScores => self.scores.half(),
            Embedding::Half(matrix) => Some(matrix),
        };
        let ids: Vec<u32> = ids.flatten_all()?.to_vec1()?;
        let rows = half.map(|matrix| matrix.rows(&ids)).unwrap_or_default();
        Tensor::from_vec(rows, (slots, time, self.positions.dim(1)?), self.positions.device())
    }

    /// The embeddings of `time` positions of each slot: [slots, time, width].
    fn positions_of(&self, before: &[usize], time: usize) -> Result<Tensor> {
        if let [before] = before {
            return self.positions.narrow(0, *before, time)?.unsqueeze(0);
        }
        let ids: Vec<u32> =
            before.iter().flat_map(|before| (0..time).map(move |t| (before + t) as u32)).collect();
        let ids = Tensor::new(ids, self.positions.device())?;
        self.positions.index_select(&ids, 0)?.reshape((before.len(), time, ()))
    }
}

impl Layer {
    fn load(
        weights: &mut Weights,
        name: &str,
        config: &ModelConfig,
        storage: Storage,
    ) -> std::result::Result<Self, LoadError> {
        let (width, heads) = (config.d_model, config.decoder_attention_heads);
        let square = (width, width);
        let (own, cross) = (format!("{name}.self_attn"), format!("{name}.encoder_attn"));
        let inner = config.decoder_ffn_dim.unwrap_or(4 * width);
        let mut take =
            |part: &str, shape: &[usize]| weights.take(&format!("{cross}.{part}"), shape);
        let q = (take("q_proj.weight", &[width, width])? * scale(width, heads))?;
        let q_bias = (take("q_proj.bias", &[width])? * scale(width, heads))?;
        let k = take("k_proj.weight", &[width, width])?;
        let v = take("v_proj.weight", &[width, width])?;
        let v_bias = take("v_proj.bias", &[width])?;
        let kv = Tensor::cat(&[k, v], 0)?;
        let kv_bias = Tensor::cat(&[v_bias.zeros_like()?, v_bias], 0)?;
        // It is used once an utterance, on many rows, as the encoder's are.
        let of_many = if storage == Storage::Half { Storage::Dense } else { storage };
        Ok(Self {
            self_norm: Norm::load(weights, &format!("{name}.self_attn_layer_norm"), width)?,
            qkv: load_qkv(weights, &own, width, heads, storage)?,
            self_out: Linear::load(weights, &format!("{own}.out_proj"), square, storage)?,
            cross_norm: Norm::load(weights, &format!("{name}.encoder_attn_layer_norm"), width)?,
            cross_q: Linear::new(q, q_bias, storage)?,
            cross_kv: Linear::new(kv, kv_bias, of_many)?,
            cross_out: Linear::load(weights, &format!("{cross}.out_proj"), square, storage)?,
            mlp: Mlp::load(weights, name, (width, inner), storage)?,
        })
    }
}
