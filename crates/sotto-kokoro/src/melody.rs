//! Pitch and loudness, twice a frame.

use crate::LoadError;
use crate::block::{Block, BlockShape, same};
use crate::checkpoint::Checkpoint;
use crate::maths::{Before, Maths, Next, Onto, Result};

/// One of the two curves.
pub(crate) struct Curve<F, R> {
    blocks: Vec<Block<F, R>>,
    last: F,
}

impl<F, R> Curve<F, R> {
    /// `name` is `F0` or `N`.
    pub(crate) fn load<M: Maths<Filter = F, Row = R>>(
        maths: &M,
        checkpoint: &mut Checkpoint,
        name: &str,
        width: usize,
        style: usize,
    ) -> std::result::Result<Self, LoadError> {
        let half = width / 2;
        let shapes = [(width, width, false), (width, half, true), (half, half, false)];
        let blocks = shapes.iter().enumerate().map(|(i, (inputs, outputs, doubles))| {
            let (inputs, outputs, doubles) = (*inputs, *outputs, *doubles);
            let shape = BlockShape { inputs, outputs, doubles, style };
            Block::load(maths, checkpoint, &format!("predictor.{name}.{i}"), shape)
        });
        let blocks = blocks.collect::<std::result::Result<_, _>>()?;
        let weight = checkpoint.take(&format!("predictor.{name}_proj.weight"), &[1, half, 1])?;
        let bias = checkpoint.take(&format!("predictor.{name}_proj.bias"), &[1])?;
        let last = maths.filter(same(half, 1, 1, 1), &weight, Some(&bias))?;
        Ok(Self { blocks, last })
    }

    /// Two values for each frame.
    pub(crate) fn apply<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        x: &M::Signal,
        style: &[f32],
    ) -> Result<Vec<f32>> {
        let mut last: Option<M::Signal> = None;
        for block in &self.blocks {
            last = Some(block.apply(maths, last.as_ref().unwrap_or(x), style)?);
        }
        let x = last.as_ref().unwrap_or(x);
        let curve = maths.apply(&self.last, x, Before::Plain, Onto::Nothing, 1.0, Next::Other)?;
        maths.values(curve)
    }
}
