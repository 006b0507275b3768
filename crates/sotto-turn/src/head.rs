//! From frames to an answer: a mean of frames, weighted by what they are, and three products.

use candle_core::{DType, Tensor};
use sotto_kernels::{masks, softmax};

use crate::LoadError;
use crate::config::Config;
use crate::error::Result;
use crate::layer::{Before, Linear, Norm, Reader};

/// Values behind the first product, of pooling and of the answer.
const WIDE: usize = 256;
/// Values behind the answer's second product.
const NARROW: usize = 64;
const EPSILON: f32 = 1e-5;

pub(crate) struct Head {
    pool: [Linear; 2],
    wide: Linear,
    norm: Norm,
    narrow: Linear,
    answer: Linear,
}

impl Head {
    pub(crate) fn load(
        read: &mut Reader<'_>,
        config: &Config,
    ) -> std::result::Result<Self, LoadError> {
        let width = config.hidden_size;
        Ok(Self {
            pool: [
                read.linear("pool_attention.0", width, WIDE)?,
                read.linear("pool_attention.2", WIDE, 1)?,
            ],
            wide: read.linear("classifier.0", width, WIDE)?,
            norm: read.norm("classifier.1", WIDE, EPSILON)?,
            narrow: read.linear("classifier.4", WIDE, NARROW)?,
            answer: read.linear("classifier.6", NARROW, 1)?,
        })
    }

    /// The mean of the first frames of x [batch, time, width], as many as `pooled` says. [batch, 1, width]
    pub(crate) fn pool(
        &self,
        x: &Tensor,
        pooled: &[usize],
        stop: &dyn Fn() -> bool,
    ) -> Result<Tensor> {
        let (batch, time, _) = x.dims3()?;
        let wide = self.pool[0].apply(x, Before::Nothing, stop)?.tanh()?;
        let scores = self.pool[1].apply(&wide, Before::Nothing, stop)?.to_dtype(DType::F32)?;
        let scores = (scores.reshape((batch, time))? + masks(pooled, time, x.device())?)?;
        let parts = softmax(&scores)?.reshape((batch, 1, time))?;
        Ok(parts.to_dtype(x.dtype())?.matmul(x)?)
    }

    /// The logarithm of the odds that each turn is complete, of their means.
    pub(crate) fn answer(&self, pooled: &Tensor, stop: &dyn Fn() -> bool) -> Result<Vec<f32>> {
        let wide = self.norm.apply(&self.wide.apply(pooled, Before::Nothing, stop)?)?;
        let narrow = self.narrow.apply(&wide, Before::Gelu, stop)?;
        let answer = self.answer.apply(&narrow, Before::Gelu, stop)?;
        Ok(answer.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?)
    }
}
