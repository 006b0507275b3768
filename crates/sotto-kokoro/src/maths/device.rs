//! On any device that candle has: signals [1, channels, time] in f32, convolutions in the precision of their weights.

use candle_core::{D, DType, Tensor};
use sotto_kernels::FilterShape;

use super::{Before, Maths, Next, Onto, Result, Unfold, Widening};
use crate::error::Halt;
use crate::style::{EPSILON, Norm};

/// A device's operations, for one computation.
pub(crate) struct Device<'a> {
    on: &'a candle_core::Device,
    /// Of convolutions.
    dtype: DType,
    stop: &'a dyn Fn() -> bool,
}

/// A convolution.
pub(crate) struct Filter {
    shape: FilterShape,
    weight: Tensor,
    /// [1, outputs, 1]
    bias: Option<Tensor>,
}

impl<'a> Device<'a> {
    /// Operations that end as soon as `stop` says so.
    pub(crate) fn new(
        device: &'a candle_core::Device,
        dtype: DType,
        stop: &'a dyn Fn() -> bool,
    ) -> Self {
        Self { on: device, dtype, stop }
    }

    fn column(&self, values: &[f32]) -> candle_core::Result<Tensor> {
        Tensor::from_slice(values, (1, values.len(), 1), self.on)
    }

    fn normed(&self, x: &Tensor, norm: &Norm) -> candle_core::Result<Tensor> {
        let distance = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = distance.sqr()?.mean_keepdim(D::Minus1)?;
        let gain = self.column(&norm.gain)?.div(&(variance + EPSILON)?.sqrt()?)?;
        distance.broadcast_mul(&gain)?.broadcast_add(&self.column(&norm.shift)?)
    }

    fn before(&self, x: &Tensor, before: Before<'_, Tensor>) -> candle_core::Result<Tensor> {
        match before {
            Before::Plain => Ok(x.clone()),
            Before::Leaky(slope) => leaky(x, slope),
            Before::Norm(norm, slope) => leaky(&self.normed(x, norm)?, slope),
            Before::Snake(norm, alpha) => {
                let z = self.normed(x, norm)?;
                let bent = z.broadcast_mul(alpha)?.sin()?.sqr()?.broadcast_div(alpha)?;
                z + bent
            }
        }
    }

    fn go_on(&self) -> Result<()> {
        if (self.stop)() { Err(Halt::Cancelled) } else { Ok(()) }
    }
}

fn leaky(x: &Tensor, slope: f32) -> candle_core::Result<Tensor> {
    x.maximum(&x.affine(f64::from(slope), 0.0)?)
}

impl Maths for Device<'_> {
    type Signal = Tensor;
    type Filter = Filter;
    type Row = Tensor;

    fn filter(
        &self,
        shape: FilterShape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> candle_core::Result<Filter> {
        let size = (shape.outputs, shape.inputs, shape.taps);
        let weight = Tensor::from_slice(weight, size, self.on)?.to_dtype(self.dtype)?;
        let bias = bias.map(|bias| self.column(bias)).transpose()?;
        Ok(Filter { shape, weight, bias })
    }

    fn row(&self, values: Vec<f32>) -> candle_core::Result<Tensor> {
        self.column(&values)
    }

    fn signal(&self, values: Vec<f32>, channels: usize) -> Result<Tensor> {
        let time = values.len() / channels;
        let rows = Tensor::from_vec(values, (1, time, channels), self.on)?;
        Ok(rows.transpose(1, 2)?.contiguous()?)
    }

    fn values(&self, signal: Tensor) -> Result<Vec<f32>> {
        Ok(signal.transpose(1, 2)?.flatten_all()?.to_vec1()?)
    }

    fn apply(
        &self,
        filter: &Filter,
        x: &Tensor,
        before: Before<'_, Tensor>,
        onto: Onto<'_, Tensor>,
        factor: f32,
        _next: Next,
    ) -> Result<Tensor> {
        self.go_on()?;
        let FilterShape { padding, stride, dilation, .. } = filter.shape;
        let x = self.before(x, before)?.to_dtype(self.dtype)?.contiguous()?;
        let mut y = x.conv1d(&filter.weight, padding, stride, dilation, 1)?.to_dtype(DType::F32)?;
        if let Some(bias) = &filter.bias {
            y = y.broadcast_add(bias)?;
        }
        y = match onto {
            Onto::Nothing => y,
            Onto::Other(other) => (y + other)?,
            Onto::Into(signal) => (y + signal)?,
        };
        Ok((y * f64::from(factor))?)
    }

    fn widen(&self, x: &Tensor, norm: &Norm, slope: f32, by: &Widening<Tensor>) -> Result<Tensor> {
        self.go_on()?;
        let x = leaky(&self.normed(x, norm)?, slope)?;
        let (_, channels, time) = x.dims3()?;
        let next = x.narrow(2, 1, time - 1)?.pad_with_zeros(2, 0, 1)?;
        let even = x.broadcast_mul(&by.middle)?;
        let odd = (x.broadcast_mul(&by.last)? + next.broadcast_mul(&by.first)?)?;
        let both = Tensor::stack(&[even, odd], 3)?.reshape((1, channels, 2 * time))?;
        Ok(both.broadcast_add(&by.bias)?)
    }

    fn double(&self, x: &Tensor) -> Result<Tensor> {
        let (_, channels, time) = x.dims3()?;
        Ok(Tensor::stack(&[x, x], 3)?.reshape((1, channels, 2 * time))?)
    }

    fn beside(&self, signals: &[&Tensor]) -> Result<Tensor> {
        Ok(Tensor::cat(signals, 1)?)
    }

    fn unfold(&self, rows: Tensor, how: Unfold, onto: &Tensor) -> Result<Tensor> {
        self.go_on()?;
        let (_, width, time) = rows.dims3()?;
        let stride = width / how.channels;
        let frames =
            rows.reshape((stride, how.channels, time))?.permute((1, 2, 0))?.contiguous()?;
        let frames = frames.reshape((1, how.channels, time * stride))?;
        let mut frames = frames.narrow(2, how.skipped, how.frames)?;
        if how.mirrored {
            frames = Tensor::cat(&[&frames.narrow(2, 1, 1)?, &frames], 2)?;
        }
        Ok((frames + onto)?)
    }

    fn sum(&self, x: Tensor, y: &Tensor, factor: f32) -> Result<Tensor> {
        Ok(((x + y)? * f64::from(factor))?)
    }
}
