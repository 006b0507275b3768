//! Whisper's convolutions over time: kernel 3, padding 1, followed by GELU.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::affine::{Activation, Bias, affine, repeated};
use super::elementwise::gelu_in_place;
use super::product::{Before, View, ViewMut, multiply};
use super::{is_ours, values};

const KERNEL: usize = 3;

/// GELU of the convolution of x [batch, time, in] with `weight` [out, 3 · in], which holds for each output the
/// weights of the frame before, of the frame itself and of the one after: [batch, time / stride, out].
///
/// `stride` is 1 or 2, and `time` a multiple of it.
pub fn convolution(x: &Tensor, weight: &Tensor, bias: &Bias, stride: usize) -> Result<Tensor> {
    if is_ours(x) {
        return x.apply_op2_no_bwd(weight, &Convolution { bias: &bias.host, stride });
    }
    affine(&windows(x, stride)?, weight, bias, Activation::Gelu)
}

/// Each frame that is kept, between the one before and the one after: [batch, time / stride, 3 · in].
fn windows(x: &Tensor, stride: usize) -> Result<Tensor> {
    let (batch, time, width) = x.dims3()?;
    let padded = x.pad_with_zeros(1, 1, 1)?;
    let from = |start: usize| padded.narrow(1, start, time);
    if stride == 1 {
        return Tensor::cat(&[from(0)?, from(1)?, from(2)?], 2)?.contiguous();
    }
    let pairs =
        |start: usize| from(start)?.contiguous()?.reshape((batch, time / stride, stride * width));
    Tensor::cat(&[pairs(0)?, pairs(stride)?.narrow(2, 0, width)?], 2)?.contiguous()
}

struct Convolution<'a> {
    bias: &'a [f32],
    stride: usize,
}

impl CustomOp2 for Convolution<'_> {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, time, width) = x_layout.shape().dims3()?;
        let outputs = self.bias.len();
        let weight = values(weight, weight_layout)?;
        let weight = View::new(weight, outputs, KERNEL * width, KERNEL * width).transposed();
        let frames = time / self.stride;
        let mut y = repeated(self.bias, batch * frames);
        let mut padded = vec![0.0; (time + 2) * width];
        let utterances = values(x, x_layout)?.chunks_exact(time * width);
        for (x, y) in utterances.zip(y.chunks_exact_mut(frames * outputs)) {
            padded[width..(time + 1) * width].copy_from_slice(x);
            // The windows overlap in place: nothing is copied to make a matrix of them.
            let windows = View::new(&padded, frames, KERNEL * width, self.stride * width);
            let onto = &mut ViewMut::new(y, frames, outputs, outputs);
            multiply(windows, weight, onto, Before::Kept, rayon::current_num_threads());
        }
        gelu_in_place(&mut y);
        Ok((CpuStorage::F32(y), Shape::from((batch, frames, outputs))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{largest_difference, random};

    #[test]
    fn it_is_the_convolution_of_the_reference() {
        for stride in [1, 2] {
            let (x, kernel) = (random("x", &[2, 20, 8]), random("kernel", &[12, 8, 3]));
            let bias = Bias::new(random("bias", &[12])).unwrap();
            let theirs = x.transpose(1, 2).unwrap().conv1d(&kernel, 1, stride, 1, 1).unwrap();
            let theirs = theirs.transpose(1, 2).unwrap().broadcast_add(&bias.tensor).unwrap();
            let theirs = theirs.gelu_erf().unwrap();
            let weight = kernel.transpose(1, 2).unwrap().contiguous().unwrap();
            let weight = weight.reshape((12, 24)).unwrap();
            let ours = convolution(&x, &weight, &bias, stride).unwrap();
            let composed =
                affine(&windows(&x, stride).unwrap(), &weight, &bias, Activation::Gelu).unwrap();
            for y in [ours, composed] {
                assert!(largest_difference(&y, &theirs) < 1e-4);
            }
        }
    }
}
