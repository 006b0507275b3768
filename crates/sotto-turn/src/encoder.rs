//! The transformer: frames that look at each other, layer by layer.

use candle_core::Tensor;
use sotto_kernels::{Reading, attend_self_within};

use crate::LoadError;
use crate::config::Config;
use crate::error::{Result, go_on};
use crate::layer::{Before, Linear, Norm, Reader};

pub(crate) struct Encoder {
    entry: Norm,
    layers: Vec<Layer>,
    heads: usize,
}

struct Layer {
    /// Queries (with the scale of attention), keys and values.
    qkv: Linear,
    attended: Linear,
    attention: Norm,
    inner: Linear,
    outer: Linear,
    output: Norm,
}

impl Encoder {
    pub(crate) fn load(
        read: &mut Reader<'_>,
        config: &Config,
    ) -> std::result::Result<Self, LoadError> {
        let width = config.hidden_size;
        let entry = read.norm("wav2vec2.encoder.layer_norm", width, config.layer_norm_eps)?;
        let layers = (0..config.num_hidden_layers).map(|index| Layer::load(read, config, index));
        Ok(Self {
            entry,
            layers: layers.collect::<std::result::Result<_, _>>()?,
            heads: config.num_attention_heads,
        })
    }

    /// Of x [batch, time, width], positions in it; `seen` is shown what each layer makes.
    pub(crate) fn apply(
        &self,
        x: &Tensor,
        reading: &Reading,
        stop: &dyn Fn() -> bool,
        seen: &mut dyn FnMut(usize, &Tensor),
    ) -> Result<Tensor> {
        let mut x = self.entry.apply(x)?;
        for (index, layer) in self.layers.iter().enumerate() {
            go_on(stop)?;
            let qkv = layer.qkv.apply(&x, Before::Nothing, stop)?;
            let attended = attend_self_within(&qkv, self.heads, reading)?;
            x = layer.attended.onto(x, &attended, Before::Nothing, stop)?;
            x = layer.attention.apply(&x)?;
            let inner = layer.inner.apply(&x, Before::Nothing, stop)?;
            x = layer.outer.onto(x, &inner, Before::Gelu, stop)?;
            x = layer.output.apply(&x)?;
            seen(index, &x);
        }
        Ok(x)
    }
}

impl Layer {
    fn load(
        read: &mut Reader<'_>,
        config: &Config,
        index: usize,
    ) -> std::result::Result<Self, LoadError> {
        let Config { hidden_size: width, intermediate_size: inner, layer_norm_eps, .. } = *config;
        let layer = format!("wav2vec2.encoder.layers.{index}");
        let attention = format!("{layer}.attention");
        let parts = ["q", "k", "v"].map(|part| format!("{attention}.{part}_proj"));
        let scale = (width as f32 / config.num_attention_heads as f32).sqrt().recip();
        let feed_forward = format!("{layer}.feed_forward");
        Ok(Self {
            qkv: read.linears(&parts, width, width, scale)?,
            attended: read.linear(&format!("{attention}.out_proj"), width, width)?,
            attention: read.norm(&format!("{layer}.layer_norm"), width, layer_norm_eps)?,
            inner: read.linear(&format!("{feed_forward}.intermediate_dense"), width, inner)?,
            outer: read.linear(&format!("{feed_forward}.output_dense"), inner, width)?,
            output: read.norm(&format!("{layer}.final_layer_norm"), width, layer_norm_eps)?,
        })
    }
}
