//! Products of a few rows with weights in f16, computed in f32.
//!
//! A decoder reads all its weights for every token, and reading them is what takes the time. Whisper's were
//! published in f16: keeping them so loses nothing and halves it.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor};
use half::f16;
use rayon::prelude::*;

use super::product::{Before, View, ViewMut, multiply};
use super::{Activation, values};

/// Values read side by side.
const LANES: usize = 16;
/// Weights of one piece of work: enough to be worth waking a thread.
const PIECE: usize = 32 * 1_024;
/// So many rows are multiplied as they are read; more are left to the general product.
const FEW: usize = 4;

/// Weights [out, in] in f16, and a bias.
pub struct HalfMatrix {
    weights: Vec<f16>,
    bias: Vec<f32>,
    inputs: usize,
}

impl HalfMatrix {
    /// These weights [out, in], if f16 holds every one of them exactly.
    pub fn exactly(weight: &Tensor, bias: Vec<f32>) -> Result<Option<Self>> {
        let inputs = weight.dim(1)?;
        let wide = weight.to_dtype(DType::F32)?;
        let narrow = wide.to_dtype(DType::F16)?;
        let differs = narrow.to_dtype(DType::F32)?.ne(&wide)?.max_all()?.to_scalar::<u8>()? != 0;
        if differs {
            return Ok(None);
        }
        Ok(Some(Self { weights: narrow.flatten_all()?.to_vec1()?, bias, inputs }))
    }

    /// `activation(x · Wᵀ + b)` of x [batch, time, in], on a processor.
    pub fn apply(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        x.contiguous()?.apply_op1_no_bwd(&Apply { matrix: self, activation })
    }

    /// The weights of these rows [rows, in], in f32: for an embedding.
    pub fn rows(&self, rows: &[u32]) -> Vec<f32> {
        rows.iter()
            .flat_map(|row| &self.weights[*row as usize * self.inputs..][..self.inputs])
            .map(|weight| weight.to_f32())
            .collect()
    }

    /// The product of `rows` rows, as [out, rows].
    fn product(&self, x: &[f32], rows: usize) -> Vec<f32> {
        let outputs = self.bias.len();
        let mut y = vec![0.0; rows * outputs];
        let piece = (PIECE / self.inputs).max(1);
        let weights = self.weights.par_chunks(piece * self.inputs);
        let work = y.par_chunks_mut(piece * rows).zip(weights).zip(self.bias.par_chunks(piece));
        work.for_each(|((y, weights), bias)| {
            if rows <= FEW {
                pulp::Arch::new().dispatch(|| few_rows(x, rows, self.inputs, weights, y));
            } else {
                let mut wide = vec![0.0; weights.len()];
                pulp::Arch::new().dispatch(|| widen(weights, &mut wide));
                let count = bias.len();
                let weights = View::new(&wide, count, self.inputs, self.inputs);
                let x = View::new(x, rows, self.inputs, self.inputs).transposed();
                let onto = &mut ViewMut::new(y, count, rows, rows);
                multiply(weights, x, onto, Before::Forgotten, 1);
            }
            for (y, bias) in y.chunks_exact_mut(rows).zip(bias) {
                for y in y {
                    *y += bias;
                }
            }
        });
        y
    }
}

struct Apply<'a> {
    matrix: &'a HalfMatrix,
    activation: Activation,
}

impl CustomOp1 for Apply<'_> {
    fn name(&self) -> &'static str {
        "half-affine"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, time, _) = layout.shape().dims3()?;
        let (rows, outputs) = (batch * time, self.matrix.bias.len());
        let mut y = self.matrix.product(values(x, layout)?, rows);
        if rows > 1 {
            let by_output = y;
            y = vec![0.0; by_output.len()];
            for (output, column) in by_output.chunks_exact(rows).enumerate() {
                for (row, value) in column.iter().enumerate() {
                    y[row * outputs + output] = *value;
                }
            }
        }
        self.activation.in_place(&mut y);
        Ok((CpuStorage::F32(y), Shape::from((batch, time, outputs))))
    }
}

/// The product of a few rows with some outputs' weights, as [outputs, rows].
#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn few_rows(x: &[f32], rows: usize, inputs: usize, weights: &[f16], y: &mut [f32]) {
    match rows {
        1 => some_rows::<1>(x, inputs, weights, y),
        2 => some_rows::<2>(x, inputs, weights, y),
        3 => some_rows::<3>(x, inputs, weights, y),
        _ => some_rows::<FEW>(x, inputs, weights, y),
    }
}

#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn some_rows<const ROWS: usize>(x: &[f32], inputs: usize, weights: &[f16], y: &mut [f32]) {
    let whole = inputs - inputs % LANES;
    for (weights, y) in weights.chunks_exact(inputs).zip(y.chunks_exact_mut(ROWS)) {
        let mut sums = [[0.0_f32; LANES]; ROWS];
        let (blocks, rest) = weights.as_chunks::<LANES>();
        for (i, block) in blocks.iter().enumerate() {
            let wide = block.map(widened);
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = &x[row * inputs + i * LANES..][..LANES];
                for ((sum, x), weight) in sums.iter_mut().zip(x).zip(wide) {
                    *sum += x * weight;
                }
            }
        }
        for (row, (y, sums)) in y.iter_mut().zip(sums).enumerate() {
            let x = &x[row * inputs + whole..(row + 1) * inputs];
            let rest: f32 = x.iter().zip(rest).map(|(x, weight)| x * widened(*weight)).sum();
            *y = sums.into_iter().sum::<f32>() + rest;
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn widen(narrow: &[f16], wide: &mut [f32]) {
    for (wide, narrow) in wide.iter_mut().zip(narrow) {
        *wide = widened(*narrow);
    }
}

/// An f16 that is a number, as f32, in operations that every vector unit has: the exponent is moved to its place
/// and the difference of the biases multiplied in, which is exact, also for the smallest.
#[inline(always)]
fn widened(narrow: f16) -> f32 {
    /// 2 to the (127 − 15).
    const BIASES: f32 = f32::from_bits((127 + 127 - 15) << 23);
    let bits = u32::from(narrow.to_bits());
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * BIASES;
    f32::from_bits(magnitude.to_bits() | (bits & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::testing::{largest_difference, random};

    #[test]
    fn every_f16_that_is_a_number_is_widened_exactly() {
        for bits in 0..=u16::MAX {
            let narrow = f16::from_bits(bits);
            if narrow.is_finite() {
                assert_eq!(widened(narrow).to_bits(), narrow.to_f32().to_bits(), "{bits:04x}");
            }
        }
    }

    #[test]
    fn a_product_of_few_or_many_rows_is_the_reference() {
        let weight = random("weight", &[1_003, 70]).to_dtype(DType::F16).unwrap();
        let bias = random("bias", &[1_003]);
        let matrix = HalfMatrix::exactly(&weight, bias.to_vec1().unwrap()).unwrap().unwrap();
        let weight = weight.to_dtype(DType::F32).unwrap();
        for rows in [1, 2, 3, 4, 5, 40] {
            let x = random("x", &[1, rows, 70]);
            let theirs = x.broadcast_matmul(&weight.t().unwrap()).unwrap();
            let theirs = theirs.broadcast_add(&bias).unwrap();
            let ours = matrix.apply(&x, Activation::None).unwrap();
            assert!(largest_difference(&ours, &theirs) < 1e-4);
        }
        let embedded = Tensor::from_vec(matrix.rows(&[5, 1_002]), (2, 70), &Device::Cpu).unwrap();
        let ids = Tensor::new(&[5_u32, 1_002], &Device::Cpu).unwrap();
        let theirs = weight.index_select(&ids, 0).unwrap();
        assert_eq!(embedded.to_vec2::<f32>().unwrap(), theirs.to_vec2::<f32>().unwrap());
    }

    #[test]
    fn weights_that_f16_does_not_hold_are_left_alone() {
        let weight = Tensor::new(&[[1.0_f32, 1.000_01]], &Device::Cpu).unwrap();
        assert!(HalfMatrix::exactly(&weight, vec![0.0]).unwrap().is_none());
    }
}
