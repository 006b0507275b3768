//! Functions of single values and of rows, written so that the compiler can use whatever vector instructions the
//! machine has.

use candle_core::{CpuStorage, CustomOp3, D, DType, Layout, Result, Shape, Tensor};
use candle_nn::ops;
use rayon::prelude::*;

use super::{is_ours, values};

/// Values worked on by one thread at a time: large enough to be worth waking it.
pub(super) const CHUNK: usize = 16 * 1_024;
const NORM_EPSILON: f32 = 1e-5;
/// Values that are summed side by side.
const LANES: usize = 16;

/// Softmax over the last dimension, in f32.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    ops::softmax_last_dim(&x.to_dtype(DType::F32)?.contiguous()?)
}

/// Layer normalisation over the last dimension: computed in f32, whatever the precision around it. `weight`
/// and `bias` are in f32.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    layer_norm_with(x, weight, bias, NORM_EPSILON)
}

/// `layer_norm` with `epsilon` added to the variance.
pub fn layer_norm_with(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f32) -> Result<Tensor> {
    if is_ours(x) {
        let width = x.dim(D::Minus1)?;
        return x.apply_op3_no_bwd(weight, bias, &LayerNorm { width, epsilon });
    }
    let dtype = x.dtype();
    let x = x.to_dtype(DType::F32)?.contiguous()?;
    ops::layer_norm(&x, weight, bias, epsilon)?.to_dtype(dtype)
}

/// The exact (erf) GELU of all values. Differs from the reference by less than 5e-7.
pub(super) fn gelu_in_place(values: &mut [f32]) {
    let change = |values: &mut [f32]| pulp::Arch::new().dispatch(|| gelu_all(values));
    if values.len() <= CHUNK {
        change(values);
    } else {
        values.par_chunks_mut(CHUNK).for_each(change);
    }
}

/// The GELU that is written with a hyperbolic tangent, of all values.
pub(super) fn gelu_tanh_in_place(values: &mut [f32]) {
    let change = |values: &mut [f32]| pulp::Arch::new().dispatch(|| gelu_tanh_all(values));
    if values.len() <= CHUNK {
        change(values);
    } else {
        values.par_chunks_mut(CHUNK).for_each(change);
    }
}

/// Turns scores into e to the (score − largest) and gives one over their sum: the softmax is the product of the two.
/// Differs from the reference by less than 1e-6 of the value.
pub(super) fn exponentials(scores: &mut [f32]) -> f32 {
    pulp::Arch::new().dispatch(|| exponentials_of_row(scores))
}

struct LayerNorm {
    width: usize,
    epsilon: f32,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let mut normed = values(x, x_layout)?.to_vec();
        let weight = values(weight, weight_layout)?;
        let bias = values(bias, bias_layout)?;
        let rows = (CHUNK / self.width).max(1);
        let norm = |rows: &mut [f32]| {
            for row in rows.chunks_exact_mut(self.width) {
                pulp::Arch::new().dispatch(|| norm_row(row, weight, bias, self.epsilon));
            }
        };
        if normed.len() <= CHUNK {
            norm(&mut normed);
        } else {
            normed.par_chunks_mut(rows * self.width).for_each(norm);
        }
        Ok((CpuStorage::F32(normed), x_layout.shape().clone()))
    }
}

#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn norm_row(row: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f32) {
    let scale = 1.0 / row.len() as f32;
    let mean = sum(row, |x| x) * scale;
    let variance = sum(row, |x| (x - mean) * (x - mean)) * scale;
    let factor = 1.0 / (variance + epsilon).sqrt();
    for ((x, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
        *x = (*x - mean) * factor * weight + bias;
    }
}

/// The sum of `of` over all values, on running sums side by side: the compiler may not reorder a single one.
#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for block in blocks {
        for (sum, x) in sums.iter_mut().zip(block) {
            *sum += of(*x);
        }
    }
    sums.into_iter().chain(rest.iter().map(|x| of(*x))).sum()
}

#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn gelu_all(values: &mut [f32]) {
    for x in values {
        *x = gelu(*x);
    }
}

/// The exact (erf) GELU. Differs from the reference by less than 5e-7.
#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

#[inline(always)]
fn gelu_tanh_all(values: &mut [f32]) {
    /// The square root of 2 / π.
    const FACTOR: f32 = 0.797_884_6;
    for x in values {
        let inner = FACTOR * (*x + 0.044_715 * *x * *x * *x);
        *x = 0.5 * *x * (1.0 + hyperbolic_tangent(inner));
    }
}

/// 1 / (1 + e to the −x), to the last digits of one.
#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// The hyperbolic tangent, to the last digits of one.
#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
pub(super) fn hyperbolic_tangent(x: f32) -> f32 {
    let e = exp(-2.0 * x.abs());
    ((1.0 - e) / (1.0 + e)).copysign(x)
}

#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn exponentials_of_row(row: &mut [f32]) -> f32 {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut tops = [f32::NEG_INFINITY; LANES];
    for block in blocks {
        for (top, x) in tops.iter_mut().zip(block) {
            *top = top.max(*x);
        }
    }
    let top = tops.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    let (blocks, rest) = row.as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for block in blocks {
        for (sum, x) in sums.iter_mut().zip(block) {
            *x = exp(*x - top);
            *sum += *x;
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *x = exp(*x - top);
        *sum += *x;
    }
    1.0 / sums.into_iter().sum::<f32>()
}

/// The error function as a ratio of two polynomials in x², good to the last digits of an f32 (the
/// approximation that Eigen uses).
#[inline(always)]
fn erf(x: f32) -> f32 {
    const NUMERATOR: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const DENOMINATOR: [f32; 5] =
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2];
    // Beyond 4 the function is 1 in f32.
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let evaluate = |coefficients: &[f32]| {
        coefficients.iter().fold(0.0, |sum: f32, coefficient| sum * square + coefficient)
    };
    x * evaluate(&NUMERATOR) / evaluate(&DENOMINATOR)
}

/// e to the x for x ≤ 0: 2ⁿ times a polynomial on ±½ ln 2.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding and taking away this rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // e to the −87 is as good as zero, and the smallest that the exponent below can hold.
    let x = x.max(-87.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut polynomial = 1.0 / 720.0;
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        polynomial = polynomial * r + coefficient;
    }
    polynomial * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::testing::largest_difference;

    fn ramp(count: usize, from: f32, to: f32) -> Vec<f32> {
        (0..count).map(|i| from + (to - from) * i as f32 / count as f32).collect()
    }

    #[test]
    fn gelu_is_the_exact_one() {
        for (reach, tolerance) in [(10.0, 5e-6), (1.0, 5e-7)] {
            let x = Tensor::from_vec(ramp(40_000, -reach, reach), 40_000, &Device::Cpu).unwrap();
            let mut ours = x.to_vec1::<f32>().unwrap();
            gelu_in_place(&mut ours);
            let ours = Tensor::from_vec(ours, 40_000, &Device::Cpu).unwrap();
            assert!(largest_difference(&ours, &x.gelu_erf().unwrap()) < tolerance);
        }
    }

    #[test]
    fn the_other_gelu_and_its_parts_are_the_reference() {
        let x = Tensor::from_vec(ramp(40_000, -10.0, 10.0), 40_000, &Device::Cpu).unwrap();
        let mut ours = x.to_vec1::<f32>().unwrap();
        gelu_tanh_in_place(&mut ours);
        let ours = Tensor::from_vec(ours, 40_000, &Device::Cpu).unwrap();
        assert!(largest_difference(&ours, &x.gelu().unwrap()) < 2e-6);
        for x in ramp(40_000, -30.0, 30.0) {
            let theirs = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(sigmoid(x)) - theirs).abs() < 2e-7, "{x}");
            let theirs = f64::from(x).tanh();
            assert!((f64::from(hyperbolic_tangent(x)) - theirs).abs() < 2e-7, "{x}");
        }
    }

    #[test]
    fn exponentials_make_the_softmax() {
        let mut row = ramp(203, -30.0, 30.0);
        let x = Tensor::from_vec(row.clone(), (1, 203), &Device::Cpu).unwrap();
        let scale = exponentials(&mut row);
        let ours: Vec<f32> = row.iter().map(|x| x * scale).collect();
        let ours = Tensor::from_vec(ours, (1, 203), &Device::Cpu).unwrap();
        assert!(largest_difference(&ours, &softmax(&x).unwrap()) < 1e-6);
        let mut masked = [0.0, f32::NEG_INFINITY, 0.0];
        let scale = exponentials(&mut masked);
        let [a, b, c] = masked.map(|x| x * scale);
        assert!((a - 0.5).abs() < 1e-6 && b < 1e-30 && (c - 0.5).abs() < 1e-6);
    }

    #[test]
    fn the_norm_is_the_reference() {
        let x = Tensor::from_vec(ramp(70 * 300, -4.0, 9.0), (1, 70, 300), &Device::Cpu).unwrap();
        let x = x.sqr().unwrap();
        let weight = Tensor::from_vec(ramp(300, 0.5, 1.5), 300, &Device::Cpu).unwrap();
        let bias = Tensor::from_vec(ramp(300, -1.0, 1.0), 300, &Device::Cpu).unwrap();
        let theirs = ops::layer_norm_slow(&x, &weight, &bias, NORM_EPSILON).unwrap();
        let worst = largest_difference(&layer_norm(&x, &weight, &bias).unwrap(), &theirs);
        assert!(worst < 5e-5, "{worst}");
    }
}
