//! The model of phonemes in their context: ALBERT, whose layers are one layer again and again.

use candle_core::{Device, Tensor};
use sotto_kernels::{
    Activation, Bias, Entry, Filter, Job, Onto, activate, affine, affine_onto, attend_self,
    layer_norm_with,
};

use crate::LoadError;
use crate::block::same;
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::text::{Stop, go_on};

const EPSILON: f32 = 1e-12;
/// Width of the embeddings.
const NARROW: usize = 128;

pub(crate) struct Albert {
    /// Of tokens, [tokens, 128].
    tokens: Vec<f32>,
    /// Of positions, with what every token is given. [positions, 128]
    positions: Vec<f32>,
    embedded: Norm,
    widened: Affine,
    /// Queries (with the scale of attention), keys and values.
    qkv: Affine,
    attended: Affine,
    attention: Norm,
    inner: Affine,
    outer: Affine,
    output: Norm,
    heads: usize,
    layers: usize,
    device: Device,
}

/// A product with weights.
enum Affine {
    /// On a processor, of a dozen rows or so: weights packed once, not by each of the layers.
    Host(Filter),
    Device {
        weight: Tensor,
        bias: Bias,
    },
}

struct Norm {
    weight: Tensor,
    bias: Tensor,
}

impl Albert {
    pub(crate) fn load(
        checkpoint: &mut Checkpoint,
        config: &Config,
        device: &Device,
    ) -> Result<Self, LoadError> {
        let albert = &config.plbert;
        let width = albert.hidden_size;
        let embeddings = "bert.embeddings";
        let mut positions = checkpoint.take(
            &format!("{embeddings}.position_embeddings.weight"),
            &[albert.max_position_embeddings, NARROW],
        )?;
        let kinds =
            checkpoint.take(&format!("{embeddings}.token_type_embeddings.weight"), &[2, NARROW])?;
        for row in positions.chunks_exact_mut(NARROW) {
            row.iter_mut().zip(&kinds).for_each(|(value, kind)| *value += kind);
        }
        let tokens = format!("{embeddings}.word_embeddings.weight");
        let layer = "bert.encoder.albert_layer_groups.0.albert_layers.0";
        let mut read = Reader { checkpoint, device };
        let scale = (width as f32 / albert.num_attention_heads as f32).sqrt().recip();
        Ok(Self {
            tokens: read.checkpoint.take(&tokens, &[config.n_token, NARROW])?,
            positions,
            embedded: read.norm(&format!("{embeddings}.LayerNorm"), NARROW)?,
            widened: read.affine(
                &["bert.encoder.embedding_hidden_mapping_in"],
                NARROW,
                width,
                1.0,
            )?,
            qkv: read.affine(
                &["query", "key", "value"].map(|part| format!("{layer}.attention.{part}")),
                width,
                width,
                scale,
            )?,
            attended: read.affine(&[format!("{layer}.attention.dense")], width, width, 1.0)?,
            attention: read.norm(&format!("{layer}.attention.LayerNorm"), width)?,
            inner: read.affine(&[format!("{layer}.ffn")], width, albert.intermediate_size, 1.0)?,
            outer: read.affine(
                &[format!("{layer}.ffn_output")],
                albert.intermediate_size,
                width,
                1.0,
            )?,
            output: read.norm(&format!("{layer}.full_layer_layer_norm"), width)?,
            heads: albert.num_attention_heads,
            layers: albert.num_hidden_layers,
            device: device.clone(),
        })
    }

    /// What stands for each token. [tokens, width]
    pub(crate) fn apply(&self, ids: &[u32], stop: Stop<'_>) -> crate::maths::Result<Vec<f32>> {
        let embedded =
            ids.iter().zip(self.positions.chunks_exact(NARROW)).flat_map(|(id, position)| {
                let token = &self.tokens[*id as usize * NARROW..][..NARROW];
                token.iter().zip(position).map(|(token, position)| token + position)
            });
        let embedded: Vec<f32> = embedded.collect();
        let x = Tensor::from_vec(embedded, (1, ids.len(), NARROW), &self.device)?;
        let mut x = self.widened.apply(&self.embedded.apply(&x)?, Activation::None)?;
        for _ in 0..self.layers {
            go_on(stop)?;
            let seen = attend_self(&self.qkv.apply(&x, Activation::None)?, self.heads)?;
            x = self.attention.apply(&self.attended.onto(x, &seen)?)?;
            let inner = self.inner.apply(&x, Activation::GeluTanh)?;
            x = self.output.apply(&self.outer.onto(x, &inner)?)?;
        }
        Ok(x.flatten_all()?.to_vec1()?)
    }
}

impl Affine {
    fn apply(&self, x: &Tensor, activation: Activation) -> candle_core::Result<Tensor> {
        match self {
            Self::Host(filter) => activate(host(filter, x, None)?, activation),
            Self::Device { weight, bias } => affine(x, weight, bias, activation),
        }
    }

    fn onto(&self, onto: Tensor, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Host(filter) => host(filter, x, Some(&onto)),
            Self::Device { weight, bias } => affine_onto(onto, x, weight, bias),
        }
    }
}

/// `onto + x · Wᵀ + b` for x [1, rows, inputs].
fn host(filter: &Filter, x: &Tensor, onto: Option<&Tensor>) -> candle_core::Result<Tensor> {
    let values = |x: &Tensor| x.flatten_all()?.to_vec1::<f32>();
    let rows = x.dim(1)?;
    let other = onto.map(values).transpose()?;
    let onto = match &other {
        Some(other) => Onto::Other(other, Vec::new()),
        None => Onto::Nothing(Vec::new()),
    };
    let job = Job { entry: Entry::Plain, onto, factor: 1.0, measured: false };
    let sums = filter.apply(&values(x)?, job, &|| false);
    // Nobody stops it.
    let sums = sums.map_or_else(Vec::new, |(sums, _)| sums);
    Tensor::from_vec(sums, (1, rows, filter.shape().outputs), x.device())
}

impl Norm {
    fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        layer_norm_with(x, &self.weight, &self.bias, EPSILON)
    }
}

struct Reader<'a> {
    checkpoint: &'a mut Checkpoint,
    device: &'a Device,
}

impl Reader<'_> {
    /// Of several with the same input, one after the other; the first is multiplied by `scale`.
    fn affine(
        &mut self,
        names: &[impl AsRef<str>],
        inputs: usize,
        outputs: usize,
        scale: f32,
    ) -> Result<Affine, LoadError> {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for (index, name) in names.iter().enumerate() {
            let scale = if index == 0 { scale } else { 1.0 };
            let name = name.as_ref();
            let weight = self.checkpoint.take(&format!("{name}.weight"), &[outputs, inputs])?;
            let bias = self.checkpoint.take(&format!("{name}.bias"), &[outputs])?;
            weights.extend(weight.iter().map(|value| value * scale));
            biases.extend(bias.iter().map(|value| value * scale));
        }
        let outputs = biases.len();
        if self.device.is_cpu() {
            let shape = same(inputs, outputs, 1, 1);
            return Ok(Affine::Host(Filter::new(shape, &weights, Some(&biases))));
        }
        Ok(Affine::Device {
            weight: Tensor::from_vec(weights, (outputs, inputs), self.device)?,
            bias: Bias::new(Tensor::from_vec(biases, outputs, self.device)?)?,
        })
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<Norm, LoadError> {
        let weight = self.checkpoint.take(&format!("{name}.weight"), &[width])?;
        let bias = self.checkpoint.take(&format!("{name}.bias"), &[width])?;
        Ok(Norm {
            weight: Tensor::from_vec(weight, width, self.device)?,
            bias: Tensor::from_vec(bias, width, self.device)?,
        })
    }
}
