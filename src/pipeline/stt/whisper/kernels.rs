//! The two element-wise functions that a processor spends most of its time on, written so that the
//! compiler can use whatever vector instructions the machine has. Other devices use candle's own.

use candle_core::{CpuStorage, CustomOp1, D, DType, Error, Layout, Result, Shape, Tensor};
use candle_nn::ops;
use rayon::prelude::*;

/// Values worked on by one thread at a time: large enough to be worth waking it.
const CHUNK: usize = 16 * 1_024;

/// The exact (erf) GELU. Differs from the reference by less than 5e-7.
pub(super) fn gelu(x: &Tensor) -> Result<Tensor> {
    if fits(x) { x.apply_op1_no_bwd(&Gelu) } else { x.gelu_erf() }
}

/// Softmax over the last dimension. Differs from the reference by less than 1e-6 of the value.
pub(super) fn softmax(x: &Tensor) -> Result<Tensor> {
    if fits(x) {
        x.apply_op1_no_bwd(&Softmax { row: x.dim(D::Minus1)? })
    } else {
        ops::softmax_last_dim(x)
    }
}

fn fits(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32 && x.is_contiguous()
}

struct Gelu;

struct Softmax {
    row: usize,
}

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        map(storage, layout, CHUNK, |values| pulp::Arch::new().dispatch(|| gelu_all(values)))
    }
}

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let rows = (CHUNK / self.row).max(1);
        map(storage, layout, rows * self.row, |values| {
            for row in values.chunks_mut(self.row) {
                pulp::Arch::new().dispatch(|| softmax_row(row));
            }
        })
    }
}

/// A copy of the values, changed chunk by chunk on all threads.
fn map(
    storage: &CpuStorage,
    layout: &Layout,
    chunk: usize,
    change: impl Fn(&mut [f32]) + Send + Sync,
) -> Result<(CpuStorage, Shape)> {
    let (start, end) =
        layout.contiguous_offsets().ok_or_else(|| Error::msg("the values are not contiguous"))?;
    let mut values = storage.as_slice::<f32>()?[start..end].to_vec();
    if values.len() <= chunk {
        change(&mut values);
    } else {
        values.par_chunks_mut(chunk).for_each(&change);
    }
    Ok((CpuStorage::F32(values), layout.shape().clone()))
}

#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn gelu_all(values: &mut [f32]) {
    for x in values {
        *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
    }
}

#[inline(always)]
fn softmax_row(row: &mut [f32]) {
    // Running values side by side: the compiler may not reorder a single one.
    const LANES: usize = 16;
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
    let scale = 1.0 / sums.into_iter().sum::<f32>();
    for x in row {
        *x *= scale;
    }
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

    fn values() -> Tensor {
        let values: Vec<f32> = (0..40_000).map(|i| (i as f32 - 20_000.0) / 2_000.0).collect();
        Tensor::from_vec(values, (200, 200), &Device::Cpu).unwrap()
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn gelu_is_the_exact_one() {
        let x = values();
        assert!(largest_difference(&gelu(&x).unwrap(), &x.gelu_erf().unwrap()) < 5e-7 * 10.0);
        let small = (x * 0.1).unwrap();
        assert!(largest_difference(&gelu(&small).unwrap(), &small.gelu_erf().unwrap()) < 5e-7);
    }

    #[test]
    fn softmax_is_the_reference() {
        let x = (values() * 3.0).unwrap();
        let ours = softmax(&x).unwrap();
        assert!(largest_difference(&ours, &ops::softmax_last_dim(&x).unwrap()) < 1e-6);
        let masked = Tensor::new(&[[0.0, f32::NEG_INFINITY, 0.0]], &Device::Cpu).unwrap();
        let [a, b, c] = softmax(&masked).unwrap().to_vec2::<f32>().unwrap()[0][..] else {
            panic!()
        };
        assert!((a - 0.5).abs() < 1e-6 && b < 1e-30 && (c - 0.5).abs() < 1e-6);
    }
}
