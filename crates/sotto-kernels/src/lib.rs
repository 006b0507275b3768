//! The arithmetic that speech models are made of, most of it as one operation on [batch, time, width].
//!
//! On a processor, in f32, these are operations of our own: products write onto what is to be added to, attention
//! never holds a whole matrix of scores, and weights in f16 are read as such. Everywhere else they are put
//! together from candle's. Filters and recurrent layers exist on a processor alone.

mod affine;
mod attention;
mod cache;
mod convolution;
mod elementwise;
mod filter;
mod half;
mod lstm;
mod product;
#[cfg(any(test, feature = "seeded"))]
pub mod seeded;
#[cfg(test)]
mod testing;

use candle_core::{DType, Tensor};

pub use self::affine::{Activation, Bias, activate, affine, affine_onto};
pub use self::attention::{Reading, attend, attend_self, attend_self_within, masks, split_heads};
pub use self::cache::Cache;
pub use self::convolution::convolution;
pub use self::elementwise::{layer_norm, layer_norm_with, softmax};
pub use self::filter::{Entry, Filter, FilterShape, Job, Moments, Onto, moments};
pub use self::half::HalfMatrix;
pub use self::lstm::{BiLstm, Direction};

/// Whether our own operations can take this.
fn is_ours(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32 && x.is_contiguous()
}

/// What an operation reads of a contiguous tensor in f32.
fn values<'a>(
    storage: &'a candle_core::CpuStorage,
    layout: &candle_core::Layout,
) -> candle_core::Result<&'a [f32]> {
    Ok(&storage.as_slice::<f32>()?[contiguous(layout)?])
}

/// Where the values of a contiguous tensor are.
fn contiguous(layout: &candle_core::Layout) -> candle_core::Result<std::ops::Range<usize>> {
    layout
        .contiguous_offsets()
        .map(|(start, end)| start..end)
        .ok_or_else(|| candle_core::Error::msg("the values are not contiguous"))
}
