//! From what was heard, and what was written so far, to the next token.

use std::ops::Range;

use candle_core::{DType, Device, Error, Result, Tensor};

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
#[cfg_attr(test, derive(Clone))]
pub(in super::super) struct Caches {
    layers: Vec<LayerCaches>,
    /// Tokens read in each slot.
    read: Vec<usize>,
    /// Encoder frames in each slot.
    contexts: Vec<usize>,
    masks: Option<Masks>,
}

/// What may be seen, for steps whose positions only the device knows.
#[cfg_attr(test, derive(Clone))]
struct Masks {
    /// By the token at each position: [positions, 1, 1, positions].
    own: Tensor,
    /// By each slot: [slots, 1, 1, context]; `None` where all contexts are full.
    heard: Option<Tensor>,
}

/// Where tokens are in the texts that they go on with.
struct Course<'a> {
    slots: Range<usize>,
    own: Reading,
    heard: Reading,
    places: Places<'a>,
}

enum Places<'a> {
    /// In each slot after so many others.
    After(&'a [usize]),
    /// One in each slot, where this tensor says ([`Cache::places`]).
    At(Tensor),
}

#[cfg_attr(test, derive(Clone))]
struct LayerCaches {
    own: Cache,
    heard: Cache,
}

impl Caches {
    /// Encoder frames that there is room for.
    fn context(&self) -> Result<usize> {
        let layer = self.layers.first().ok_or_else(|| Error::msg("the decoder has no layers"))?;
        layer.heard.keys.dim(2)
    }

    /// Tokens read in a slot.
    pub(in super::super) fn read(&self, slot: usize) -> usize {
        self.read[slot]
    }

    /// Forgets all but the first `tokens` that were read in a slot.
    pub(in super::super) fn rewind(&mut self, slot: usize, tokens: usize) {
        self.read[slot] = self.read[slot].min(tokens);
    }

    /// Counts what steps have read in a slot whose positions the device was told.
    pub(in super::super) fn advance(&mut self, slot: usize, tokens: usize) {
        self.read[slot] += tokens;
    }

    /// Puts noise everywhere, for trials before the first utterance.
    pub(in super::super) fn scramble(&self) -> Result<()> {
        let caches = self.layers.iter().flat_map(|layer| [&layer.own, &layer.heard]);
        for x in caches.flat_map(|cache| [&cache.keys, &cache.values]) {
            let (slots, heads, positions, width) = x.dims4()?;
            let noise = Tensor::randn(0.0_f32, 1.0, (1, heads, positions, width), x.device())?;
            let noise = noise.to_dtype(x.dtype())?;
            for slot in 0..slots {
                x.slice_set(&noise, 0, slot)?;
            }
        }
        Ok(())
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
        Ok(Caches { layers, read: vec![0; slots], contexts: vec![1; slots], masks: None })
    }

    /// Makes caches fit for [`Self::step`]. `trims`: whether contexts may be shorter than the full one.
    pub(super) fn add_masks(&self, caches: &mut Caches, trims: bool) -> Result<()> {
        let (positions, device) = (self.max_tokens(), self.positions.device());
        let seen: Vec<usize> = (1..=positions).collect();
        let own = kernels::masks(&seen, positions, device)?;
        let heard = || -> Result<Tensor> {
            let context = caches.context()?;
            let mask = kernels::masks(&caches.contexts, context, device)?;
            mask.reshape(((), 1, 1, context))
        };
        let heard = trims.then(heard).transpose()?;
        caches.masks = Some(Masks { own: own.reshape((positions, 1, 1, positions))?, heard });
        Ok(())
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
        if let Some(masks) = &caches.masks {
            let full = caches.context()?;
            match &masks.heard {
                Some(mask) => {
                    let row = kernels::masks(&[context], full, mask.device())?;
                    mask.slice_set(&row.reshape((1, 1, 1, full))?, 0, slot)?;
                }
                None if context < full => return Err(Error::msg("a context is not full")),
                None => {}
            }
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
        queries: Option<&mut Vec<Tensor>>,
    ) -> Result<Tensor> {
        let (_, time) = ids.dims2()?;
        let before = &caches.read[slots.clone()];
        let device = self.positions.device();
        let x = (self.embed(ids)? + self.positions_of(before, time)?)?;
        let course = Course {
            own: Reading::causal(before, time, device)?,
            heard: Reading::whole(&caches.contexts[slots.clone()], device)?,
            places: Places::After(before),
            slots: slots.clone(),
        };
        let states = self.layers(&caches.layers, x, &course, queries)?;
        for read in &mut caches.read[slots] {
            *read += time;
        }
        Ok(states)
    }

    /// Reads `ids` [slots, 1], one in each of the first slots, at `positions` [slots], which are less than `length`,
    /// and gives the states after the last layer [slots, 1, width]. Both are u32 on the device, and nothing
    /// passes through the host: what is done is the same at all positions. What was read is not counted.
    pub(super) fn step(
        &self,
        caches: &Caches,
        ids: &Tensor,
        positions: &Tensor,
        length: usize,
    ) -> Result<Tensor> {
        let (slots, _) = ids.dims2()?;
        let (Some(masks), Some(first)) = (&caches.masks, caches.layers.first()) else {
            return Err(Error::msg("the caches are not made for steps"));
        };
        let own = masks.own.index_select(positions, 0)?.narrow(3, 0, length)?;
        let heard = masks.heard.as_ref().map(|mask| mask.narrow(0, 0, slots)).transpose()?;
        let x = self.positions.index_select(positions, 0)?.unsqueeze(1)?;
        let course = Course {
            slots: 0..slots,
            own: Reading::masked(Some(own), length),
            heard: Reading::masked(heard, caches.context()?),
            places: Places::At(first.own.places(positions)?),
        };
        self.layers(&caches.layers, (self.embed(ids)? + x)?, &course, None)
    }

    fn layers(
        &self,
        caches: &[LayerCaches],
        mut x: Tensor,
        course: &Course<'_>,
        mut queries: Option<&mut Vec<Tensor>>,
    ) -> Result<Tensor> {
        let width = x.dim(2)?;
        let slots = || course.slots.clone();
        for (layer, cache) in self.layers.iter().zip(caches) {
            let qkv = layer.qkv.forward(&layer.self_norm.forward(&x)?, Activation::None)?;
            let part =
                |i: usize| kernels::split_heads(&qkv.narrow(2, i * width, width)?, self.heads);
            match &course.places {
                Places::After(before) => {
                    cache.own.write(slots(), &part(1)?, &part(2)?, before)?;
                }
                Places::At(places) => cache.own.put(&part(1)?, &part(2)?, places)?,
            }
            let q = qkv.narrow(2, 0, width)?.contiguous()?;
            let seen = kernels::attend(&q, &cache.own.of(slots())?, &course.own)?;
            x = layer.self_out.forward_onto(x, &seen)?;
            let q = layer.cross_q.forward(&layer.cross_norm.forward(&x)?, Activation::None)?;
            let seen = kernels::attend(&q, &cache.heard.of(slots())?, &course.heard)?;
            if let Some(queries) = &mut queries {
                queries.push(q);
            }
            x = layer.cross_out.forward_onto(x, &seen)?;
            x = layer.mlp.forward(x)?;
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
