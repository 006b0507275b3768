//! `x · Wᵀ + b`, with what comes after it in the same operation.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, InplaceOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::elementwise::{CHUNK, gelu_in_place, gelu_tanh_in_place};
use super::product::{Before, View, ViewMut, multiply};
use super::{contiguous, is_ours, values};

/// What is done to each value of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// The exact GELU.
    Gelu,
    /// The GELU that is written with a hyperbolic tangent.
    GeluTanh,
}

impl Activation {
    /// Changes all values, in f32 on a processor.
    pub(super) fn in_place(self, values: &mut [f32]) {
        match self {
            Activation::None => {}
            Activation::Gelu => gelu_in_place(values),
            Activation::GeluTanh => gelu_tanh_in_place(values),
        }
    }
}

/// `activation(x · Wᵀ + b)`: x [batch, time, in], W [out, in], b [out].
pub fn affine(x: &Tensor, weight: &Tensor, bias: &Bias, activation: Activation) -> Result<Tensor> {
    if is_ours(x) {
        return x.apply_op2_no_bwd(weight, &Affine { bias: &bias.host, activation });
    }
    activate(product(x, weight)?.broadcast_add(&bias.tensor)?, activation)
}

/// The activation of all values.
pub fn activate(x: Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::None => Ok(x),
        _ if is_ours(&x) => x.apply_op1_no_bwd(&Activate(activation)),
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
    }
}

/// `onto + x · Wᵀ + b`. On a processor it is written in place of `onto`, which nobody else may hold.
pub fn affine_onto(onto: Tensor, x: &Tensor, weight: &Tensor, bias: &Bias) -> Result<Tensor> {
    if is_ours(x) && is_ours(&onto) {
        onto.inplace_op3(x, weight, &AffineOnto { bias: &bias.host })?;
        return Ok(onto);
    }
    onto + product(x, weight)?.broadcast_add(&bias.tensor)?
}

fn product(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, time, width) = x.dims3()?;
    x.reshape((batch * time, width))?.matmul(&weight.t()?)?.reshape((batch, time, ()))
}

/// A bias on the model's device, and where our own operations read it.
#[derive(Debug, Clone)]
pub struct Bias {
    /// Where the model is.
    pub tensor: Tensor,
    /// In f32, for our own operations.
    pub host: Vec<f32>,
}

impl Bias {
    /// This bias [out].
    pub fn new(tensor: Tensor) -> Result<Self> {
        let host = tensor.to_dtype(candle_core::DType::F32)?.to_vec1()?;
        Ok(Self { tensor, host })
    }
}

struct Activate(Activation);

impl CustomOp1 for Activate {
    fn name(&self) -> &'static str {
        "activate"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = values(x, layout)?.to_vec();
        self.0.in_place(&mut y);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }
}

struct Affine<'a> {
    bias: &'a [f32],
    activation: Activation,
}

impl CustomOp2 for Affine<'_> {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, time, width) = x_layout.shape().dims3()?;
        let (rows, outputs) = (batch * time, self.bias.len());
        let x = View::new(values(x, x_layout)?, rows, width, width);
        let weight = View::new(values(weight, weight_layout)?, outputs, width, width).transposed();
        let mut y = repeated(self.bias, rows);
        let onto = &mut ViewMut::new(&mut y, rows, outputs, outputs);
        multiply(x, weight, onto, Before::Kept, rayon::current_num_threads());
        self.activation.in_place(&mut y);
        Ok((CpuStorage::F32(y), Shape::from((batch, time, outputs))))
    }
}

struct AffineOnto<'a> {
    bias: &'a [f32],
}

impl InplaceOp3 for AffineOnto<'_> {
    fn name(&self) -> &'static str {
        "affine-onto"
    }

    fn cpu_fwd(
        &self,
        onto: &mut CpuStorage,
        onto_layout: &Layout,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<()> {
        let (batch, time, width) = x_layout.shape().dims3()?;
        let (rows, outputs) = (batch * time, self.bias.len());
        let x = View::new(values(x, x_layout)?, rows, width, width);
        let weight = View::new(values(weight, weight_layout)?, outputs, width, width).transposed();
        let onto = values_mut(onto, onto_layout)?;
        add_to_rows(onto, self.bias);
        let onto = &mut ViewMut::new(onto, rows, outputs, outputs);
        multiply(x, weight, onto, Before::Kept, rayon::current_num_threads());
        Ok(())
    }
}

/// `row`, `count` times.
pub(super) fn repeated(row: &[f32], count: usize) -> Vec<f32> {
    let mut rows = Vec::with_capacity(row.len() * count);
    for _ in 0..count {
        rows.extend_from_slice(row);
    }
    rows
}

/// Adds `addend` to each row.
pub(super) fn add_to_rows(rows: &mut [f32], addend: &[f32]) {
    let add = |rows: &mut [f32]| {
        for row in rows.chunks_exact_mut(addend.len()) {
            for (value, addend) in row.iter_mut().zip(addend) {
                *value += addend;
            }
        }
    };
    if rows.len() <= CHUNK {
        add(rows);
    } else {
        rows.par_chunks_mut((CHUNK / addend.len()).max(1) * addend.len()).for_each(add);
    }
}

fn values_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match storage {
        CpuStorage::F32(values) => Ok(&mut values[contiguous(layout)?]),
        _ => Err(candle_core::Error::msg("the values are not f32")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{largest_difference, random};

    #[test]
    fn it_is_the_product_and_the_sum() {
        let (x, weight) = (random("x", &[2, 30, 64]), random("weight", &[48, 64]));
        let bias = Bias::new(random("bias", &[48])).unwrap();
        let plain = product(&x, &weight).unwrap().broadcast_add(&bias.tensor).unwrap();
        let ours = affine(&x, &weight, &bias, Activation::None).unwrap();
        assert!(largest_difference(&ours, &plain) < 1e-4);
        let ours = affine(&x, &weight, &bias, Activation::Gelu).unwrap();
        assert!(largest_difference(&ours, &plain.gelu_erf().unwrap()) < 1e-4);
        let ours = activate(plain.clone(), Activation::Gelu).unwrap();
        assert!(largest_difference(&ours, &plain.gelu_erf().unwrap()) < 5e-6);
        let onto = random("onto", &[2, 30, 48]);
        let expected = (&onto + &plain).unwrap();
        let ours = affine_onto(onto, &x, &weight, &bias).unwrap();
        assert!(largest_difference(&ours, &expected) < 1e-4);
    }
}
