//! What this crate's tests share: values that are the same in every run, and how far two tensors are apart.

use candle_core::{Device, Tensor};

use crate::seeded::scaled;

/// Values of variance one, the same ones whenever they are asked for by this name.
pub(crate) fn random(name: &str, shape: &[usize]) -> Tensor {
    let values = scaled(name, shape.iter().product(), 3.0_f32.sqrt(), 0.0);
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

pub(crate) fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}
