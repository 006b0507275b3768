//! Products with weights and norms, where the model is.

use candle_core::{DType, Device, Storage, Tensor};
use sotto_kernels::{
    Activation, Bias, Entry, Filter, FilterShape, Job, Onto, activate, affine, affine_onto,
    layer_norm_with,
};

use crate::LoadError;
use crate::checkpoint::Checkpoint;
use crate::error::{Halt, Result};

/// Where the model is computed, and in what.
#[derive(Clone)]
pub(crate) struct Place {
    /// Where tensors are.
    pub device: Device,
    /// Of tensors; norms and softmax are computed in f32 all the same.
    pub dtype: DType,
    /// Whether convolutions and products are filters of our own. They need a processor and f32, and one turn at a time.
    pub filters: bool,
}

/// `x · Wᵀ + b`.
pub(crate) enum Linear {
    /// Weights packed once, and values changed on their way in.
    Host(Filter),
    Device {
        weight: Tensor,
        bias: Bias,
    },
}

/// What happens to values on their way into a product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    Gelu,
}

/// A norm of rows.
pub(crate) struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f32,
}

impl Linear {
    /// Of x [batch, time, inputs]: [batch, time, outputs].
    pub(crate) fn apply(
        &self,
        x: &Tensor,
        before: Before,
        stop: &dyn Fn() -> bool,
    ) -> Result<Tensor> {
        match self {
            Self::Host(filter) => host(filter, x, before, Onto::Nothing(Vec::new()), stop),
            Self::Device { weight, bias } => {
                Ok(affine(&entered(x, before)?, weight, bias, Activation::None)?)
            }
        }
    }

    /// The same, and `onto` added to it.
    pub(crate) fn onto(
        &self,
        onto: Tensor,
        x: &Tensor,
        before: Before,
        stop: &dyn Fn() -> bool,
    ) -> Result<Tensor> {
        match self {
            Self::Host(filter) => {
                read(&onto, |onto| host(filter, x, before, Onto::Other(onto, Vec::new()), stop))?
            }
            Self::Device { weight, bias } => {
                Ok(affine_onto(onto, &entered(x, before)?, weight, bias)?)
            }
        }
    }
}

fn entered(x: &Tensor, before: Before) -> candle_core::Result<Tensor> {
    match before {
        Before::Nothing => Ok(x.clone()),
        Before::Gelu => activate(x.clone(), Activation::Gelu),
    }
}

fn host(
    filter: &Filter,
    x: &Tensor,
    before: Before,
    onto: Onto<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<Tensor> {
    let entry = match before {
        Before::Nothing => Entry::Plain,
        Before::Gelu => Entry::Gelu,
    };
    let (batch, time, _) = x.dims3()?;
    let job = Job { entry, onto, factor: 1.0, measured: false };
    let (sums, _) = read(x, |x| filter.apply(x, job, stop))?.ok_or(Halt::Cancelled)?;
    Ok(Tensor::from_vec(sums, (batch, time, filter.shape().outputs), x.device())?)
}

/// Looks at the values of a contiguous tensor in f32 on a processor.
pub(crate) fn read<T>(x: &Tensor, of: impl FnOnce(&[f32]) -> T) -> candle_core::Result<T> {
    let (storage, layout) = x.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(values), Some((start, end))) => {
            Ok(of(&values.as_slice::<f32>()?[start..end]))
        }
        _ => Err(candle_core::Error::msg("the values are not contiguous on a processor")),
    }
}

impl Norm {
    /// Of x [batch, time, width].
    pub(crate) fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        layer_norm_with(x, &self.weight, &self.bias, self.epsilon)
    }
}

/// Brings weights to their place.
pub(crate) struct Reader<'a> {
    pub checkpoint: &'a mut Checkpoint,
    pub place: &'a Place,
}

impl Reader<'_> {
    /// A product.
    pub(crate) fn linear(
        &mut self,
        name: &str,
        inputs: usize,
        outputs: usize,
    ) -> std::result::Result<Linear, LoadError> {
        self.linears(&[name.to_owned()], inputs, outputs, 1.0)
    }

    /// Several products of the same, one after the other; the first is multiplied by `scale`.
    pub(crate) fn linears(
        &mut self,
        names: &[String],
        inputs: usize,
        outputs: usize,
        scale: f32,
    ) -> std::result::Result<Linear, LoadError> {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for (index, name) in names.iter().enumerate() {
            let scale = if index == 0 { scale } else { 1.0 };
            let weight = self.checkpoint.take(&format!("{name}.weight"), &[outputs, inputs])?;
            let bias = self.checkpoint.take(&format!("{name}.bias"), &[outputs])?;
            weights.extend(weight.iter().map(|value| value * scale));
            biases.extend(bias.iter().map(|value| value * scale));
        }
        let outputs = biases.len();
        if self.place.filters {
            let shape =
                FilterShape { inputs, outputs, taps: 1, dilation: 1, stride: 1, padding: 0 };
            return Ok(Linear::Host(Filter::new(shape, &weights, Some(&biases))));
        }
        Ok(Linear::Device {
            weight: self.tensor(weights, &[outputs, inputs])?,
            bias: Bias::new(self.tensor(biases, &[outputs])?)?,
        })
    }

    /// A norm, whose weights stay in f32.
    pub(crate) fn norm(
        &mut self,
        name: &str,
        width: usize,
        epsilon: f32,
    ) -> std::result::Result<Norm, LoadError> {
        let weight = self.checkpoint.take(&format!("{name}.weight"), &[width])?;
        let bias = self.checkpoint.take(&format!("{name}.bias"), &[width])?;
        Ok(Norm {
            weight: Tensor::from_vec(weight, width, &self.place.device)?,
            bias: Tensor::from_vec(bias, width, &self.place.device)?,
            epsilon,
        })
    }

    /// A tensor where the model is.
    pub(crate) fn tensor(&self, values: Vec<f32>, shape: &[usize]) -> candle_core::Result<Tensor> {
        Tensor::from_vec(values, shape, &self.place.device)?.to_dtype(self.place.dtype)
    }
}
