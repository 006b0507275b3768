//! The network: a convolutional front, a bidirectional encoder, and a decoder with caches.
//!
//! Weights are immutable and shared; everything that belongs to one utterance is in [`Encoded`] and
//! [`DecoderState`]. Shapes are [batch, time, width]; heads are split to [batch, heads, time, 64].

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops;

use super::kernels::{gelu, softmax};

use super::config::{LoadError, ModelConfig};
use super::weights::Weights;

const NORM_EPSILON: f32 = 1e-5;

/// See the module.
pub(super) struct Model {
    device: Device,
    dtype: DType,
    encoder: Encoder,
    decoder: Decoder,
}

/// What the encoder made of an utterance, as the decoder's layers read it: keys (transposed) and values.
pub(super) struct Encoded {
    layers: Vec<(Tensor, Tensor)>,
}

/// The decoder's memory of the tokens so far.
pub(super) struct DecoderState {
    /// Keys and values of each layer: [1, heads, positions, 64], filled up to `position`.
    caches: Vec<(Tensor, Tensor)>,
    position: usize,
}

struct Encoder {
    conv1: Conv,
    conv2: Conv,
    positions: Tensor,
    layers: Vec<EncoderLayer>,
    norm: Norm,
}

struct EncoderLayer {
    attention_norm: Norm,
    attention: SelfAttention,
    mlp: Mlp,
}

struct Decoder {
    embedding: Tensor,
    positions: Tensor,
    layers: Vec<DecoderLayer>,
    norm: Norm,
    heads: usize,
}

struct DecoderLayer {
    self_norm: Norm,
    self_attention: SelfAttention,
    cross_norm: Norm,
    cross: CrossAttention,
    mlp: Mlp,
}

impl Model {
    pub(super) fn load(
        mut weights: Weights,
        config: &ModelConfig,
    ) -> std::result::Result<Self, LoadError> {
        let encoder = Encoder::load(&mut weights, config)?;
        let decoder = Decoder::load(&mut weights, config)?;
        let device = decoder.embedding.device().clone();
        let dtype = decoder.embedding.dtype();
        Ok(Self { device, dtype, encoder, decoder })
    }

    /// The length of the full context, in encoder frames.
    pub(super) fn context(&self) -> usize {
        self.encoder.positions.dims()[0]
    }

    /// The longest text, its prompt included, in tokens.
    pub(super) fn max_tokens(&self) -> usize {
        self.decoder.positions.dims()[0]
    }

    /// Features [bands, frames] as the encoder takes them.
    pub(super) fn features(&self, values: Vec<f32>, bands: usize, frames: usize) -> Result<Tensor> {
        Tensor::from_vec(values, (1, bands, frames), &self.device)?.to_dtype(self.dtype)
    }

    /// Encodes features. The context may be shorter than the full one. `None` when `cancelled`, which is
    /// asked before each layer.
    pub(super) fn encode(
        &self,
        features: &Tensor,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Encoded>> {
        let Some(output) = self.encoder.forward(features, cancelled)? else { return Ok(None) };
        let layers = self.decoder.layers.iter().map(|layer| layer.cross.keys_and_values(&output));
        Ok(Some(Encoded { layers: layers.collect::<Result<_>>()? }))
    }

    /// What the encoder gives, for comparison with its reference.
    #[cfg(test)]
    pub(super) fn encoder_output(&self, features: &Tensor) -> Result<Tensor> {
        Ok(self.encoder.forward(features, &|| false)?.expect("nobody cancels"))
    }

    /// A decoder that has read nothing.
    pub(super) fn start(&self) -> Result<DecoderState> {
        let (positions, width) = self.decoder.positions.dims2()?;
        let heads = self.decoder.heads;
        let shape = (1, heads, positions, width / heads);
        let cache = || Tensor::zeros(shape, self.dtype, &self.device);
        let caches = self.decoder.layers.iter().map(|_| Ok((cache()?, cache()?)));
        Ok(DecoderState { caches: caches.collect::<Result<_>>()?, position: 0 })
    }

    /// Reads `tokens` and gives the scores of the token after them: [vocabulary], f32.
    pub(super) fn step(
        &self,
        state: &mut DecoderState,
        encoded: &Encoded,
        tokens: &[u32],
    ) -> Result<Tensor> {
        self.decoder.forward(state, encoded, tokens)
    }
}

impl Encoder {
    fn load(weights: &mut Weights, config: &ModelConfig) -> std::result::Result<Self, LoadError> {
        let width = config.d_model;
        let at = |name: &str| format!("encoder.{name}");
        let layers = (0..config.encoder_layers)
            .map(|i| {
                let name = at(&format!("layers.{i}"));
                Ok(EncoderLayer {
                    attention_norm: Norm::load(
                        weights,
                        &format!("{name}.self_attn_layer_norm"),
                        width,
                    )?,
                    attention: SelfAttention::load(
                        weights,
                        &format!("{name}.self_attn"),
                        width,
                        config.encoder_attention_heads,
                    )?,
                    mlp: Mlp::load(weights, &name, width)?,
                })
            })
            .collect::<std::result::Result<_, LoadError>>()?;
        Ok(Self {
            conv1: Conv::load(weights, &at("conv1"), config.num_mel_bins, width, 1)?,
            conv2: Conv::load(weights, &at("conv2"), width, width, 2)?,
            positions: weights
                .take(&at("embed_positions.weight"), &[config.max_source_positions, width])?,
            layers,
            norm: Norm::load(weights, &at("layer_norm"), width)?,
        })
    }

    fn forward(&self, features: &Tensor, cancelled: &dyn Fn() -> bool) -> Result<Option<Tensor>> {
        let x = gelu(&self.conv1.forward(features)?)?;
        let x = gelu(&self.conv2.forward(&x)?)?;
        let x = x.transpose(1, 2)?.contiguous()?;
        let (_, frames, _) = x.dims3()?;
        let mut x = x.broadcast_add(&self.positions.narrow(0, 0, frames)?)?;
        for layer in &self.layers {
            if cancelled() {
                return Ok(None);
            }
            let attended = layer.attention.bidirectional(&layer.attention_norm.forward(&x)?)?;
            x = (x + attended)?;
            x = layer.mlp.forward(&x)?;
        }
        self.norm.forward(&x).map(Some)
    }
}

impl Decoder {
    fn load(weights: &mut Weights, config: &ModelConfig) -> std::result::Result<Self, LoadError> {
        let width = config.d_model;
        let heads = config.decoder_attention_heads;
        let at = |name: &str| format!("decoder.{name}");
        let layers = (0..config.decoder_layers)
            .map(|i| {
                let name = at(&format!("layers.{i}"));
                Ok(DecoderLayer {
                    self_norm: Norm::load(weights, &format!("{name}.self_attn_layer_norm"), width)?,
                    self_attention: SelfAttention::load(
                        weights,
                        &format!("{name}.self_attn"),
                        width,
                        heads,
                    )?,
                    cross_norm: Norm::load(
                        weights,
                        &format!("{name}.encoder_attn_layer_norm"),
                        width,
                    )?,
                    cross: CrossAttention::load(
                        weights,
                        &format!("{name}.encoder_attn"),
                        width,
                        heads,
                    )?,
                    mlp: Mlp::load(weights, &name, width)?,
                })
            })
            .collect::<std::result::Result<_, LoadError>>()?;
        Ok(Self {
            embedding: weights.take(&at("embed_tokens.weight"), &[config.vocab_size, width])?,
            positions: weights
                .take(&at("embed_positions.weight"), &[config.max_target_positions, width])?,
            layers,
            norm: Norm::load(weights, &at("layer_norm"), width)?,
            heads,
        })
    }

    fn forward(
        &self,
        state: &mut DecoderState,
        encoded: &Encoded,
        tokens: &[u32],
    ) -> Result<Tensor> {
        let count = tokens.len();
        let ids = Tensor::new(tokens, self.embedding.device())?;
        let positions = self.positions.narrow(0, state.position, count)?;
        let mut x = (self.embedding.index_select(&ids, 0)? + positions)?.unsqueeze(0)?;
        for ((layer, cache), cross) in self.layers.iter().zip(&state.caches).zip(&encoded.layers) {
            let normed = layer.self_norm.forward(&x)?;
            x = (x + layer.self_attention.causal(&normed, cache, state.position)?)?;
            let normed = layer.cross_norm.forward(&x)?;
            x = (x + layer.cross.forward(&normed, cross)?)?;
            x = layer.mlp.forward(&x)?;
        }
        state.position += count;
        let last = self.norm.forward(&x.narrow(1, count - 1, 1)?)?.squeeze(0)?;
        last.matmul(&self.embedding.t()?)?.squeeze(0)?.to_dtype(DType::F32)
    }
}

/// A convolution over time with kernel 3 and padding 1.
struct Conv {
    weight: Tensor,
    bias: Tensor,
    stride: usize,
}

impl Conv {
    fn load(
        weights: &mut Weights,
        name: &str,
        input: usize,
        output: usize,
        stride: usize,
    ) -> std::result::Result<Self, LoadError> {
        let weight = weights.take(&format!("{name}.weight"), &[output, input, 3])?;
        let bias = weights.take(&format!("{name}.bias"), &[output])?.reshape((1, output, 1))?;
        Ok(Self { weight, bias, stride })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.conv1d(&self.weight, 1, self.stride, 1, 1)?.broadcast_add(&self.bias)
    }
}

struct Norm {
    weight: Tensor,
    bias: Tensor,
}

impl Norm {
    fn load(
        weights: &mut Weights,
        name: &str,
        width: usize,
    ) -> std::result::Result<Self, LoadError> {
        let mut take = |part: &str| weights.take(&format!("{name}.{part}"), &[width]);
        Ok(Self {
            weight: take("weight")?.to_dtype(DType::F32)?,
            bias: take("bias")?.to_dtype(DType::F32)?,
        })
    }

    /// In f32, whatever the precision around it.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let dtype = x.dtype();
        let x = x.to_dtype(DType::F32)?.contiguous()?;
        ops::layer_norm(&x, &self.weight, &self.bias, NORM_EPSILON)?.to_dtype(dtype)
    }
}

/// `x · W + b` over the last dimension.
struct Linear {
    /// [input, output], a view of the weights as they are stored.
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn load(
        weights: &mut Weights,
        name: &str,
        input: usize,
        output: usize,
    ) -> std::result::Result<Self, LoadError> {
        let weight = weights.take(&format!("{name}.weight"), &[output, input])?.t()?;
        let bias = weights.take(&format!("{name}.bias"), &[output])?;
        Ok(Self { weight, bias })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, time, width) = x.dims3()?;
        let y =
            x.reshape((batch * time, width))?.matmul(&self.weight)?.broadcast_add(&self.bias)?;
        y.reshape((batch, time, ()))
    }
}

struct Mlp {
    norm: Norm,
    up: Linear,
    down: Linear,
}

impl Mlp {
    fn load(
        weights: &mut Weights,
        name: &str,
        width: usize,
    ) -> std::result::Result<Self, LoadError> {
        Ok(Self {
            norm: Norm::load(weights, &format!("{name}.final_layer_norm"), width)?,
            up: Linear::load(weights, &format!("{name}.fc1"), width, 4 * width)?,
            down: Linear::load(weights, &format!("{name}.fc2"), 4 * width, width)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // Whisper's GELU is the exact one.
        let inner = gelu(&self.up.forward(&self.norm.forward(x)?)?)?;
        x + self.down.forward(&inner)?
    }
}

/// Queries, keys and values from one product; the scale of the scores is in the queries' weights.
struct SelfAttention {
    qkv: Linear,
    out: Linear,
    heads: usize,
}

impl SelfAttention {
    fn load(
        weights: &mut Weights,
        name: &str,
        width: usize,
        heads: usize,
    ) -> std::result::Result<Self, LoadError> {
        let mut take = |part: &str, shape: &[usize]| weights.take(&format!("{name}.{part}"), shape);
        let square = [width, width];
        let scale = ((width / heads) as f64).powf(-0.5);
        let q = (take("q_proj.weight", &square)? * scale)?;
        let k = take("k_proj.weight", &square)?;
        let v = take("v_proj.weight", &square)?;
        let q_bias = (take("q_proj.bias", &[width])? * scale)?;
        let v_bias = take("v_proj.bias", &[width])?;
        // Keys have no bias: it would not change the scores' softmax.
        let k_bias = v_bias.zeros_like()?;
        let qkv = Linear {
            weight: Tensor::cat(&[q, k, v], 0)?.t()?,
            bias: Tensor::cat(&[q_bias, k_bias, v_bias], 0)?,
        };
        Ok(Self {
            qkv,
            out: Linear::load(weights, &format!("{name}.out_proj"), width, width)?,
            heads,
        })
    }

    /// Queries, keys and values: each [batch, heads, time, 64], contiguous.
    fn project(&self, x: &Tensor) -> Result<[Tensor; 3]> {
        let (batch, time, width) = x.dims3()?;
        let qkv = self.qkv.forward(x)?.reshape((batch, time, 3, self.heads, width / self.heads))?;
        let part = |i: usize| qkv.narrow(2, i, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
        Ok([part(0)?, part(1)?, part(2)?])
    }

    /// Every position sees every position.
    fn bidirectional(&self, x: &Tensor) -> Result<Tensor> {
        let [q, k, v] = self.project(x)?;
        self.out.forward(&merge_heads(&attend(&q, &k.t()?, &v, None)?)?)
    }

    /// Every position sees itself and those before it; `cache` holds the first `position` ones and takes
    /// the new ones.
    fn causal(&self, x: &Tensor, cache: &(Tensor, Tensor), position: usize) -> Result<Tensor> {
        let [q, k, v] = self.project(x)?;
        let new = q.dims()[2];
        cache.0.slice_set(&k, 2, position)?;
        cache.1.slice_set(&v, 2, position)?;
        let k = cache.0.narrow(2, 0, position + new)?;
        let v = cache.1.narrow(2, 0, position + new)?;
        let mask = (new > 1).then(|| causal_mask(new, position, x.device())).transpose()?;
        self.out.forward(&merge_heads(&attend(&q, &k.t()?, &v, mask.as_ref())?)?)
    }
}

struct CrossAttention {
    q: Linear,
    k: Tensor,
    v: Linear,
    out: Linear,
    heads: usize,
}

impl CrossAttention {
    fn load(
        weights: &mut Weights,
        name: &str,
        width: usize,
        heads: usize,
    ) -> std::result::Result<Self, LoadError> {
        let scale = ((width / heads) as f64).powf(-0.5);
        let q = Linear::load(weights, &format!("{name}.q_proj"), width, width)?;
        Ok(Self {
            q: Linear { weight: (q.weight * scale)?, bias: (q.bias * scale)? },
            k: weights.take(&format!("{name}.k_proj.weight"), &[width, width])?.t()?,
            v: Linear::load(weights, &format!("{name}.v_proj"), width, width)?,
            out: Linear::load(weights, &format!("{name}.out_proj"), width, width)?,
            heads,
        })
    }

    /// Of the encoder's output, once an utterance: keys [1, heads, 64, time] and values [1, heads, time, 64].
    fn keys_and_values(&self, encoded: &Tensor) -> Result<(Tensor, Tensor)> {
        let (batch, time, width) = encoded.dims3()?;
        let k = encoded.reshape((batch * time, width))?.matmul(&self.k)?;
        let k = split_heads(&k.reshape((batch, time, width))?, self.heads)?;
        let v = split_heads(&self.v.forward(encoded)?, self.heads)?;
        Ok((k.t()?.contiguous()?, v))
    }

    fn forward(&self, x: &Tensor, (k, v): &(Tensor, Tensor)) -> Result<Tensor> {
        let q = split_heads(&self.q.forward(x)?, self.heads)?;
        self.out.forward(&merge_heads(&attend(&q, k, v, None)?)?)
    }
}

/// softmax(q · kᵀ + mask) · v, the softmax in f32.
fn attend(q: &Tensor, k_transposed: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let scores = q.matmul(k_transposed)?.to_dtype(DType::F32)?;
    let scores = match mask {
        Some(mask) => scores.broadcast_add(mask)?,
        None => scores,
    };
    softmax(&scores)?.to_dtype(v.dtype())?.matmul(v)
}

/// Zero where a new position may look, minus infinity where it may not: [new, before + new].
fn causal_mask(new: usize, before: usize, device: &Device) -> Result<Tensor> {
    let mask: Vec<f32> = (0..new)
        .flat_map(|row| {
            (0..before + new)
                .map(move |col| if col <= before + row { 0.0 } else { f32::NEG_INFINITY })
        })
        .collect();
    Tensor::from_vec(mask, (new, before + new), device)
}

fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, time, width) = x.dims3()?;
    x.reshape((batch, time, heads, width / heads))?.transpose(1, 2)?.contiguous()
}

fn merge_heads(x: &Tensor) -> Result<Tensor> {
    x.transpose(1, 2)?.contiguous()?.flatten_from(D::Minus2)
}
