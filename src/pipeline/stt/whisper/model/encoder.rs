//! From features to what the decoder listens to.

use candle_core::{Result, Tensor};

use super::super::config::{LoadError, ModelConfig};
use super::super::weights::Weights;
use super::linear::{Linear, Mlp, Norm, Storage, load_qkv};
use sotto_kernels::{self as kernels, Activation, Bias};

/// See the module.
pub(super) struct Encoder {
    front: [Convolution; 2],
    positions: Tensor,
    layers: Vec<Layer>,
    norm: Norm,
    heads: usize,
}

struct Layer {
    norm: Norm,
    qkv: Linear,
    out: Linear,
    mlp: Mlp,
}

struct Convolution {
    weight: Tensor,
    bias: Bias,
    stride: usize,
}

impl Encoder {
    pub(super) fn load(
        weights: &mut Weights,
        config: &ModelConfig,
        storage: Storage,
    ) -> std::result::Result<Self, LoadError> {
        let (width, heads) = (config.d_model, config.encoder_attention_heads);
        let layers = (0..config.encoder_layers)
            .map(|i| Layer::load(weights, &format!("encoder.layers.{i}"), config, storage));
        let layers = layers.collect::<std::result::Result<_, LoadError>>()?;
        let bands = config.num_mel_bins;
        Ok(Self {
            front: [
                Convolution::load(weights, "encoder.conv1", (bands, width), 1)?,
                Convolution::load(weights, "encoder.conv2", (width, width), 2)?,
            ],
            positions: weights
                .take("encoder.embed_positions.weight", &[config.max_source_positions, width])?,
            layers,
            norm: Norm::load(weights, "encoder.layer_norm", width)?,
            heads,
        })
    }

    pub(super) fn context(&self) -> usize {
        self.positions.dims()[0]
    }

    pub(super) fn forward(
        &self,
        features: &Tensor,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Tensor>> {
        let [first, second] = &self.front;
        let x = second.forward(&first.forward(features)?)?;
        let mut x = x.broadcast_add(&self.positions.narrow(0, 0, x.dim(1)?)?)?;
        for layer in &self.layers {
            if cancelled() {
                return Ok(None);
            }
            let qkv = layer.qkv.forward(&layer.norm.forward(&x)?, Activation::None)?;
            x = layer.out.forward_onto(x, &kernels::attend_self(&qkv, self.heads)?)?;
            x = layer.mlp.forward(x)?;
        }
        self.norm.forward(&x).map(Some)
    }
}

impl Layer {
    fn load(
        weights: &mut Weights,
        name: &str,
        config: &ModelConfig,
        storage: Storage,
    ) -> std::result::Result<Self, LoadError> {
        let (width, heads) = (config.d_model, config.encoder_attention_heads);
        let attention = format!("{name}.self_attn");
        let inner = config.encoder_ffn_dim.unwrap_or(4 * width);
        Ok(Self {
            norm: Norm::load(weights, &format!("{name}.self_attn_layer_norm"), width)?,
            qkv: load_qkv(weights, &attention, width, heads, storage)?,
            out: Linear::load(weights, &format!("{attention}.out_proj"), (width, width), storage)?,
            mlp: Mlp::load(weights, name, (width, inner), storage)?,
        })
    }
}

impl Convolution {
    fn load(
        weights: &mut Weights,
        name: &str,
        (input, output): (usize, usize),
        stride: usize,
    ) -> std::result::Result<Self, LoadError> {
        let weight = weights.take(&format!("{name}.weight"), &[output, input, 3])?;
        let weight = weight.transpose(1, 2)?.contiguous()?.reshape((output, 3 * input))?;
        let bias = Bias::new(weights.take(&format!("{name}.bias"), &[output])?)?;
        Ok(Self { weight, bias, stride })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        kernels::convolution(x, &self.weight, &self.bias, self.stride)
    }
}
