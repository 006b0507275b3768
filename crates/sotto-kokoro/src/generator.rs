//! From columns at 80 a second and a pitch to samples.

use rayon::prelude::*;
use sotto_kernels::FilterShape;

use crate::LoadError;
use crate::block::{SnakeBlock, folded, same};
use crate::checkpoint::Checkpoint;
use crate::config;
use crate::maths::{Before, Maths, Next, Onto, Result, Unfold};
use crate::spectrum::{BINS, WIDTH};

/// What values below zero are multiplied by on their way into a stage, and into the last convolution.
const SLOPES: (f32, f32) = (0.1, 0.01);
const LAST_KERNEL: usize = 7;
/// Kernels of what bends the source: of each stage but the last, and of that.
const SOURCE_KERNELS: (usize, usize) = (7, 11);

/// Spectra that are not worth waking a thread for.
const FEW: usize = 256;

pub(crate) struct Generator<F, R> {
    stages: Vec<Stage<F, R>>,
    last: F,
}

/// Takes the source in and makes more frames.
struct Stage<F, R> {
    source: F,
    bent: SnakeBlock<F, R>,
    up: F,
    stride: usize,
    channels: usize,
    blocks: Vec<SnakeBlock<F, R>>,
    /// Whether the source has one frame more.
    mirrored: bool,
}

impl<F, R> Generator<F, R> {
    pub(crate) fn load<M: Maths<Filter = F, Row = R>>(
        maths: &M,
        checkpoint: &mut Checkpoint,
        config: &config::Generator,
        style: usize,
    ) -> std::result::Result<Self, LoadError> {
        let name = "decoder.generator";
        let mut channels = config.upsample_initial_channel;
        let kernels = &config.resblock_kernel_sizes;
        let mut stages = Vec::new();
        for (index, stride) in config.upsample_rates.iter().copied().enumerate() {
            let inputs = channels;
            channels /= 2;
            let rest: usize = config.upsample_rates[index + 1..].iter().product();
            let mirrored = index + 1 == config.upsample_rates.len();
            let shape = FilterShape {
                inputs: WIDTH,
                outputs: channels,
                taps: if mirrored { 1 } else { 2 * rest },
                dilation: 1,
                stride: rest,
                padding: if mirrored { 0 } else { rest.div_ceil(2) },
            };
            let source = format!("{name}.noise_convs.{index}");
            let size = [channels, WIDTH, shape.taps];
            let weight = checkpoint.take(&format!("{source}.weight"), &size)?;
            let bias = checkpoint.take(&format!("{source}.bias"), &[channels])?;
            let source = maths.filter(shape, &weight, Some(&bias))?;
            let kernel = if mirrored { SOURCE_KERNELS.1 } else { SOURCE_KERNELS.0 };
            let mut block = |block: String, kernel: usize, dilations: &[usize]| {
                SnakeBlock::load(maths, checkpoint, &block, (channels, kernel, style), dilations)
            };
            let bent = block(format!("{name}.noise_res.{index}"), kernel, &[1, 3, 5])?;
            let blocks = kernels.iter().zip(&config.resblock_dilation_sizes).enumerate();
            let blocks = blocks.map(|(i, (kernel, dilations))| {
                block(format!("{name}.resblocks.{}", index * kernels.len() + i), *kernel, dilations)
            });
            let blocks = blocks.collect::<std::result::Result<_, _>>()?;
            let up = transposed(
                maths,
                checkpoint,
                &format!("{name}.ups.{index}"),
                (inputs, channels),
                stride,
            )?;
            stages.push(Stage { source, bent, up, stride, channels, blocks, mirrored });
        }
        let shape = same(channels, WIDTH, LAST_KERNEL, 1);
        let last = folded(maths, checkpoint, &format!("{name}.conv_post"), shape)?;
        Ok(Self { stages, last })
    }

    /// The spectra of the sound [60 · columns + 1, 22], magnitudes and phases, of columns and of the spectra of the
    /// source [60 · columns + 1, 22]. `columns` counts the frames of `x`.
    pub(crate) fn apply<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        x: M::Signal,
        columns: usize,
        source: &M::Signal,
        style: &[f32],
    ) -> Result<Vec<f32>> {
        let (mut x, mut frames) = (x, columns);
        for stage in &self.stages {
            frames *= stage.stride;
            x = stage.apply(maths, &x, frames, source, style)?;
        }
        let before = Before::Leaky(SLOPES.1);
        let out = maths.apply(&self.last, &x, before, Onto::Nothing, 1.0, Next::Other)?;
        let mut spectra = maths.values(out)?;
        spectra.par_chunks_exact_mut(WIDTH).with_min_len(FEW).for_each(|spectrum| {
            let (magnitudes, phases) = spectrum.split_at_mut(BINS);
            for (magnitude, phase) in magnitudes.iter_mut().zip(phases) {
                *magnitude = magnitude.exp();
                *phase = phase.sin();
            }
        });
        Ok(spectra)
    }
}

impl<F, R> Stage<F, R> {
    /// `frames` are those of the result, without the mirrored one.
    fn apply<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        x: &M::Signal,
        frames: usize,
        source: &M::Signal,
        style: &[f32],
    ) -> Result<M::Signal> {
        let of_source =
            maths.apply(&self.source, source, Before::Plain, Onto::Nothing, 1.0, Next::Norm)?;
        let of_source = self.bent.apply(maths, &of_source, style)?;
        let before = Before::Leaky(SLOPES.0);
        let rows = maths.apply(&self.up, x, before, Onto::Nothing, 1.0, Next::Other)?;
        let skipped = self.stride / 2;
        let how = Unfold { channels: self.channels, skipped, frames, mirrored: self.mirrored };
        let x = maths.unfold(rows, how, &of_source)?;
        drop(of_source);
        let mut sum: Option<M::Signal> = None;
        for (index, block) in self.blocks.iter().enumerate() {
            let y = block.apply(maths, &x, style)?;
            let is_last = index + 1 == self.blocks.len();
            let factor = if is_last { 1.0 / self.blocks.len() as f32 } else { 1.0 };
            sum = Some(match sum {
                Some(sum) => maths.sum(sum, &y, factor)?,
                None => y,
            });
        }
        // Without blocks nothing happens to it.
        Ok(sum.unwrap_or(x))
    }
}

/// A transposed convolution whose kernel is twice its stride, as a plain one: each row of the result holds `stride`
/// frames, and comes from the frame before it and the one after. No zeros are put between frames.
fn transposed<M: Maths>(
    maths: &M,
    checkpoint: &mut Checkpoint,
    name: &str,
    (inputs, channels): (usize, usize),
    stride: usize,
) -> std::result::Result<M::Filter, LoadError> {
    let kernel = 2 * stride;
    let theirs = checkpoint.folded(name, &[inputs, channels, kernel])?;
    let bias = checkpoint.take(&format!("{name}.bias"), &[channels])?;
    let shape = FilterShape {
        inputs,
        outputs: stride * channels,
        taps: 2,
        dilation: 1,
        stride: 1,
        padding: 1,
    };
    let mut ours = vec![0.0; theirs.len()];
    for input in 0..inputs {
        for channel in 0..channels {
            for at in 0..kernel {
                // The first half of the kernel is for the frame after, the second for the one before.
                let (tap, phase) = (1 - at / stride, at % stride);
                ours[((phase * channels + channel) * inputs + input) * 2 + tap] =
                    theirs[(input * channels + channel) * kernel + at];
            }
        }
    }
    Ok(maths.filter(shape, &ours, Some(&bias.repeat(stride)))?)
}
