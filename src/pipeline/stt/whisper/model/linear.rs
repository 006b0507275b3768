//! Weights that are multiplied with, in whatever form they are kept.

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{DType, Device, Module, Result, Tensor};

use super::super::config::LoadError;
use super::super::weights::Weights;
use super::Precision;
use sotto_kernels::{self as kernels, Activation, Bias, HalfMatrix};

/// Quantised weights are quicker only from this width; narrow ones lose more than they gain.
const WORTH_QUANTISING: usize = 512;

/// How weights are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Storage {
    /// In the precision of the computation.
    Dense,
    /// In f16 where that loses nothing: for a processor and few rows.
    Half,
    /// In blocks of a common scale.
    Quantised(GgmlDType),
}

impl Storage {
    /// Of the encoder, which multiplies many rows at once and is bound by arithmetic.
    pub(super) fn of_encoder(precision: Precision, device: &Device) -> Self {
        match quantised(precision, device) {
            Some(dtype) => Self::Quantised(dtype),
            None => Self::Dense,
        }
    }

    /// Of the decoder, which multiplies one row at a time and is bound by reading.
    pub(super) fn of_decoder(precision: Precision, device: &Device) -> Self {
        match quantised(precision, device) {
            Some(dtype) => Self::Quantised(dtype),
            None if device.is_cpu() && precision != Precision::F32 => Self::Half,
            None => Self::Dense,
        }
    }
}

fn quantised(precision: Precision, device: &Device) -> Option<GgmlDType> {
    let dtype = match precision {
        Precision::Q8_0 => GgmlDType::Q8_0,
        Precision::Q5_0 => GgmlDType::Q5_0,
        Precision::Auto | Precision::F32 | Precision::F16 => return None,
    };
    device.is_cpu().then_some(dtype)
}

/// `x · Wᵀ + b` over the last dimension.
pub(super) struct Linear {
    weight: Weight,
    bias: Bias,
}

enum Weight {
    Dense(Tensor),
    Half(HalfMatrix),
    Quantised(QMatMul),
}

impl Linear {
    /// Of weights [out, in] and a bias [out].
    pub(super) fn new(weight: Tensor, bias: Tensor, storage: Storage) -> Result<Self> {
        let bias = Bias::new(bias)?;
        let inputs = weight.dim(1)?;
        let weight = match storage {
            Storage::Quantised(dtype)
                if inputs >= WORTH_QUANTISING && inputs.is_multiple_of(dtype.block_size()) =>
            {
                let weight = QTensor::quantize(&weight.to_dtype(DType::F32)?, dtype)?;
                Weight::Quantised(QMatMul::from_qtensor(weight)?)
            }
            Storage::Half => match HalfMatrix::exactly(&weight, bias.host.clone())? {
                Some(matrix) => Weight::Half(matrix),
                None => Weight::Dense(weight.contiguous()?),
            },
            Storage::Dense | Storage::Quantised(_) => Weight::Dense(weight.contiguous()?),
        };
        Ok(Self { weight, bias })
    }

    /// Of `name.weight` and `name.bias`.
    pub(super) fn load(
        weights: &mut Weights,
        name: &str,
        (input, output): (usize, usize),
        storage: Storage,
    ) -> std::result::Result<Self, LoadError> {
        let weight = weights.take(&format!("{name}.weight"), &[output, input])?;
        let bias = weights.take(&format!("{name}.bias"), &[output])?;
        Ok(Self::new(weight, bias, storage)?)
    }

    /// The weights, where they are kept in f16.
    pub(super) fn half(&self) -> Option<&HalfMatrix> {
        match &self.weight {
            Weight::Half(matrix) => Some(matrix),
            Weight::Dense(_) | Weight::Quantised(_) => None,
        }
    }

    pub(super) fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        match &self.weight {
            Weight::Dense(weight) => kernels::affine(x, weight, &self.bias, activation),
            Weight::Half(matrix) => matrix.apply(x, activation),
            Weight::Quantised(weight) => {
                let y = weight.forward(x)?;
                kernels::activate(y.broadcast_add(&self.bias.tensor)?, activation)
            }
        }
    }

    /// `onto + x · Wᵀ + b`. `onto` may be written over.
    pub(super) fn forward_onto(&self, onto: Tensor, x: &Tensor) -> Result<Tensor> {
        match &self.weight {
            Weight::Dense(weight) => kernels::affine_onto(onto, x, weight, &self.bias),
            Weight::Half(_) | Weight::Quantised(_) => onto + self.forward(x, Activation::None)?,
        }
    }
}

/// Layer normalisation.
pub(super) struct Norm {
    weight: Tensor,
    bias: Tensor,
}

impl Norm {
    pub(super) fn load(
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

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        kernels::layer_norm(x, &self.weight, &self.bias)
    }
}

/// The part of a layer that looks at one position at a time.
pub(super) struct Mlp {
    norm: Norm,
    up: Linear,
    down: Linear,
}

impl Mlp {
    pub(super) fn load(
        weights: &mut Weights,
        name: &str,
        (width, inner): (usize, usize),
        storage: Storage,
    ) -> std::result::Result<Self, LoadError> {
        Ok(Self {
            norm: Norm::load(weights, &format!("{name}.final_layer_norm"), width)?,
            up: Linear::load(weights, &format!("{name}.fc1"), (width, inner), storage)?,
            down: Linear::load(weights, &format!("{name}.fc2"), (inner, width), storage)?,
        })
    }

    pub(super) fn forward(&self, x: Tensor) -> Result<Tensor> {
        let inner = self.up.forward(&self.norm.forward(&x)?, Activation::Gelu)?;
        self.down.forward_onto(x, &inner)
    }
}

/// Queries, keys and values of one product: the scale of the scores is in the queries' weights.
pub(super) fn load_qkv(
    weights: &mut Weights,
    name: &str,
    width: usize,
    heads: usize,
    storage: Storage,
) -> std::result::Result<Linear, LoadError> {
    let mut take = |part: &str, shape: &[usize]| weights.take(&format!("{name}.{part}"), shape);
    let square = [width, width];
    let scale = scale(width, heads);
    let q = (take("q_proj.weight", &square)? * scale)?;
    let k = take("k_proj.weight", &square)?;
    let v = take("v_proj.weight", &square)?;
    let q_bias = (take("q_proj.bias", &[width])? * scale)?;
    let v_bias = take("v_proj.bias", &[width])?;
    // Keys have no bias: it would not change the scores' softmax.
    let k_bias = v_bias.zeros_like()?;
    let weight = Tensor::cat(&[q, k, v], 0)?;
    let bias = Tensor::cat(&[q_bias, k_bias, v_bias], 0)?;
    Ok(Linear::new(weight, bias, storage)?)
}

/// What queries are multiplied with. Heads of 64 make it a power of two, which costs f16 nothing.
pub(super) fn scale(width: usize, heads: usize) -> f64 {
    ((width / heads) as f64).powf(-0.5)
}
