//! The two kinds of blocks that the sound is made with. Both are bent by the style.

use sotto_kernels::FilterShape;

use crate::LoadError;
use crate::checkpoint::Checkpoint;
use crate::maths::{Before, Maths, Next, Onto, Result, Widening};
use crate::style::{Norm, StyleNorm};

/// What values below zero are multiplied by.
const SLOPE: f32 = 0.2;
const KERNEL: usize = 3;

/// A convolution that keeps the number of frames. Its kernel is odd.
pub(crate) fn same(inputs: usize, outputs: usize, taps: usize, dilation: usize) -> FilterShape {
    let padding = (taps - 1) * dilation / 2;
    FilterShape { inputs, outputs, taps, dilation, stride: 1, padding }
}

/// A convolution whose weight is kept as directions and lengths.
pub(crate) fn folded<M: Maths>(
    maths: &M,
    checkpoint: &mut Checkpoint,
    name: &str,
    shape: FilterShape,
) -> std::result::Result<M::Filter, LoadError> {
    let (weight, bias) = unfolded(checkpoint, name, shape)?;
    Ok(maths.filter(shape, &weight, Some(&bias))?)
}

/// The weight and the bias of such a convolution.
fn unfolded(
    checkpoint: &mut Checkpoint,
    name: &str,
    shape: FilterShape,
) -> std::result::Result<(Vec<f32>, Vec<f32>), LoadError> {
    let weight = checkpoint.folded(name, &[shape.outputs, shape.inputs, shape.taps])?;
    Ok((weight, checkpoint.take(&format!("{name}.bias"), &[shape.outputs])?))
}

/// Two convolutions over a shortcut; some make two frames of each.
pub(crate) struct Block<F, R> {
    norms: [StyleNorm; 2],
    filters: [F; 2],
    /// Where the number of channels changes.
    shortcut: Option<F>,
    /// Where frames are doubled.
    widening: Option<Widening<R>>,
}

/// Channels of a block, and whether it doubles frames.
#[derive(Clone, Copy)]
pub(crate) struct BlockShape {
    pub inputs: usize,
    pub outputs: usize,
    pub doubles: bool,
    pub style: usize,
}

impl<F, R> Block<F, R> {
    pub(crate) fn load<M: Maths<Filter = F, Row = R>>(
        maths: &M,
        checkpoint: &mut Checkpoint,
        name: &str,
        shape: BlockShape,
    ) -> std::result::Result<Self, LoadError> {
        let BlockShape { inputs, outputs, doubles, style } = shape;
        let norms = [
            StyleNorm::load(checkpoint, &format!("{name}.norm1"), style, inputs)?,
            StyleNorm::load(checkpoint, &format!("{name}.norm2"), style, outputs)?,
        ];
        let mut filter = |which: &str, inputs| {
            let shape = same(inputs, outputs, KERNEL, 1);
            folded(maths, checkpoint, &format!("{name}.{which}"), shape)
        };
        let filters = [filter("conv1", inputs)?, filter("conv2", outputs)?];
        let shortcut = if inputs == outputs {
            None
        } else {
            let weight = checkpoint.folded(&format!("{name}.conv1x1"), &[outputs, inputs, 1])?;
            Some(maths.filter(same(inputs, outputs, 1, 1), &weight, None)?)
        };
        let widening = if doubles {
            let pool = format!("{name}.pool");
            let weight = checkpoint.folded(&pool, &[inputs, 1, KERNEL])?;
            let tap = |tap: usize| weight.iter().skip(tap).step_by(KERNEL).copied().collect();
            Some(Widening {
                first: maths.row(tap(0))?,
                middle: maths.row(tap(1))?,
                last: maths.row(tap(2))?,
                bias: maths.row(checkpoint.take(&format!("{pool}.bias"), &[inputs])?)?,
            })
        } else {
            None
        };
        Ok(Self { norms, filters, shortcut, widening })
    }

    pub(crate) fn apply<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        x: &M::Signal,
        style: &[f32],
    ) -> Result<M::Signal> {
        let [first, second] = [self.norms[0].of(style), self.norms[1].of(style)];
        let [one, other] = &self.filters;
        let inner = match &self.widening {
            Some(by) => {
                let wide = maths.widen(x, &first, SLOPE, by)?;
                maths.apply(one, &wide, Before::Plain, Onto::Nothing, 1.0, Next::Norm)?
            }
            None => {
                maths.apply(one, x, Before::Norm(&first, SLOPE), Onto::Nothing, 1.0, Next::Norm)?
            }
        };
        // A convolution of kernel 1 makes the same of two equal frames: it comes before they are doubled.
        let own = match &self.shortcut {
            Some(filter) => {
                Some(maths.apply(filter, x, Before::Plain, Onto::Nothing, 1.0, Next::Other)?)
            }
            None => None,
        };
        let own = match (&self.widening, own) {
            (Some(_), own) => Some(maths.double(own.as_ref().unwrap_or(x))?),
            (None, own) => own,
        };
        let onto = Onto::Other(own.as_ref().unwrap_or(x));
        let half = std::f32::consts::FRAC_1_SQRT_2;
        maths.apply(other, &inner, Before::Norm(&second, SLOPE), onto, half, Next::Norm)
    }
}

/// Pairs of convolutions, each pair over a shortcut, with snakes between them.
pub(crate) struct SnakeBlock<F, R> {
    pairs: Vec<[Bend<F, R>; 2]>,
}

/// A norm, a snake and a convolution.
struct Bend<F, R> {
    norm: StyleNorm,
    alpha: R,
    filter: F,
}

impl<F, R> SnakeBlock<F, R> {
    pub(crate) fn load<M: Maths<Filter = F, Row = R>>(
        maths: &M,
        checkpoint: &mut Checkpoint,
        name: &str,
        (channels, kernel, style): (usize, usize, usize),
        dilations: &[usize],
    ) -> std::result::Result<Self, LoadError> {
        let mut bend = |half: usize, index: usize, dilation: usize| {
            let norm = format!("{name}.adain{half}.{index}");
            let alpha =
                checkpoint.take(&format!("{name}.alpha{half}.{index}"), &[1, channels, 1])?;
            let shape = same(channels, channels, kernel, dilation);
            let (weight, bias) =
                unfolded(checkpoint, &format!("{name}.convs{half}.{index}"), shape)?;
            Ok::<_, LoadError>(Bend {
                norm: StyleNorm::load(checkpoint, &norm, style, channels)?,
                alpha: maths.row(alpha)?,
                filter: maths.long_filter(shape, &weight, Some(&bias))?,
            })
        };
        let pairs = dilations.iter().enumerate();
        let pairs = pairs.map(|(i, dilation)| Ok([bend(1, i, *dilation)?, bend(2, i, 1)?]));
        Ok(Self { pairs: pairs.collect::<std::result::Result<_, LoadError>>()? })
    }

    pub(crate) fn apply<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        x: &M::Signal,
        style: &[f32],
    ) -> Result<M::Signal> {
        let mut out: Option<M::Signal> = None;
        for [first, second] in &self.pairs {
            let norm = first.norm.of(style);
            let inner = first.apply(maths, out.as_ref().unwrap_or(x), &norm, Onto::Nothing)?;
            let norm = second.norm.of(style);
            let onto = out.map_or(Onto::Other(x), Onto::Into);
            out = Some(second.apply(maths, &inner, &norm, onto)?);
        }
        // The configuration names one pair at least.
        out.ok_or(crate::error::Halt::Cancelled)
    }
}

impl<F, R> Bend<F, R> {
    fn apply<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        x: &M::Signal,
        norm: &Norm,
        onto: Onto<'_, M::Signal>,
    ) -> Result<M::Signal> {
        let before = Before::Snake(norm, &self.alpha);
        maths.apply(&self.filter, x, before, onto, 1.0, Next::Norm)
    }
}
