//! Convolutions over time of whole signals, on a processor: [time, channels] in, [time, channels] out.
//!
//! A filter keeps its weights in panels, as they are read. A block of frames is normalised and bent on its way into a
//! small window, multiplied from there, added to what is already there, and measured while it is still in the
//! cache: the signal itself is read once and written once. Nothing is copied to make a matrix of it.

mod entry;
mod moments;
mod panels;
mod quick;
mod tile;

use rayon::prelude::*;

pub use self::entry::Entry;
pub use self::moments::{Moments, moments};
use self::panels::{PANEL, Panels};
use self::quick::{Quick, Scratch};
use self::tile::Block;

/// The most frames worked on together: their window and a panel of weights stay in a core's cache.
const ROWS: usize = 192;
/// A thread's work between two looks at whether to go on, in multiplications.
const PATIENCE: usize = 1 << 30;

/// The form of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterShape {
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Frames that one frame of the result is made of.
    pub taps: usize,
    /// Frames from one of them to the next.
    pub dilation: usize,
    /// Frames from one window to the next.
    pub stride: usize,
    /// Frames of zeros before the first and after the last.
    pub padding: usize,
}

impl FilterShape {
    /// Frames of the result for so many.
    pub fn frames(&self, time: usize) -> usize {
        let reach = (self.taps - 1) * self.dilation;
        (time + 2 * self.padding).checked_sub(reach + 1).map_or(0, |more| more / self.stride + 1)
    }
}

/// A convolution, ready to be applied.
#[derive(Debug)]
pub struct Filter {
    shape: FilterShape,
    form: Form,
    /// Of each output, and zeros up to a whole panel.
    bias: Vec<f32>,
}

/// How it is computed.
#[derive(Debug)]
enum Form {
    Plain(Panels),
    Quick(Quick),
}

/// What is asked of a filter.
pub struct Job<'a> {
    /// What happens to each value of the signal on its way in. Frames of padding are zero behind it.
    pub entry: Entry<'a>,
    /// What the convolution is added to.
    pub onto: Onto<'a>,
    /// The sum is multiplied by this.
    pub factor: f32,
    /// Whether the result's moments are wanted.
    pub measured: bool,
}

/// What a convolution is added to. It is written in memory that is handed in, whatever it holds.
pub enum Onto<'a> {
    /// Nothing.
    Nothing(Vec<f32>),
    /// Another signal.
    Other(&'a [f32], Vec<f32>),
    /// What the memory holds.
    Itself(Vec<f32>),
}

/// What is to be made of a block, and how it is added.
struct Work<'a> {
    bias: &'a [f32],
    /// [rows, outputs]
    y: &'a mut [f32],
    /// [rows, outputs]
    other: Option<&'a [f32]>,
    /// Whether what `y` holds is added.
    kept: bool,
    factor: f32,
}

/// Memory of a thread.
#[derive(Default)]
struct Memory {
    window: Vec<f32>,
    quick: Scratch,
}

impl Filter {
    /// `weight` is [outputs, inputs, taps], `bias` [outputs] or nothing.
    ///
    /// # Panics
    /// If they have other sizes.
    pub fn new(shape: FilterShape, weight: &[f32], bias: Option<&[f32]>) -> Self {
        let FilterShape { inputs, outputs, taps, .. } = shape;
        assert_eq!(weight.len(), outputs * inputs * taps);
        let panels =
            Panels::new(shape, |output, input, tap| weight[(output * inputs + input) * taps + tap]);
        Self { shape, form: Form::Plain(panels), bias: padded(bias, outputs) }
    }

    /// The same for long signals: weights take twice the memory, and the work takes half the time where there are
    /// several taps and many channels.
    ///
    /// # Panics
    /// If they have other sizes.
    pub fn quick(shape: FilterShape, weight: &[f32], bias: Option<&[f32]>) -> Self {
        if !Quick::suits(&shape) {
            return Self::new(shape, weight, bias);
        }
        assert_eq!(weight.len(), shape.outputs * shape.inputs * shape.taps);
        let form = Form::Quick(Quick::new(shape, weight));
        Self { shape, form, bias: padded(bias, shape.outputs) }
    }

    /// Its form.
    pub fn shape(&self) -> &FilterShape {
        &self.shape
    }

    /// The convolution of x [time, inputs]: [frames, outputs], and its moments if they were asked for. `None` as
    /// soon as `stop` says so.
    ///
    /// # Panics
    /// If sizes do not fit.
    pub fn apply(
        &self,
        x: &[f32],
        job: Job<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Option<(Vec<f32>, Moments)> {
        let FilterShape { inputs, outputs, taps, .. } = self.shape;
        let frames = self.shape.frames(x.len() / inputs);
        let (mut y, other, kept) = match job.onto {
            Onto::Nothing(memory) => (memory, None, false),
            Onto::Other(other, memory) => (memory, Some(other), false),
            Onto::Itself(memory) => (memory, None, true),
        };
        assert!(!kept || y.len() == frames * outputs);
        assert!(other.is_none_or(|other| other.len() == frames * outputs));
        y.resize(frames * outputs, 0.0);
        let threads = rayon::current_num_threads();
        let rows = self.rows(frames, threads);
        let work = rows * outputs * inputs * taps;
        let span = rows * threads * (PATIENCE / work).max(1);
        let mut moments = Moments::none(if job.measured { outputs } else { 0 });
        for (index, y) in y.chunks_mut(span * outputs).enumerate() {
            if stop() {
                return None;
            }
            let first = index * span;
            let blocks = y.par_chunks_mut(rows * outputs).enumerate();
            let blocks = blocks.map_init(Memory::default, |memory, (block, y)| {
                let first = first + block * rows;
                let other = other.map(|other| &other[first * outputs..][..y.len()]);
                let work = Work { bias: &self.bias, y, other, kept, factor: job.factor };
                self.block(memory, x, &job.entry, first, work)
            });
            let measured = |y: &[f32]| {
                if job.measured { Moments::of(y, outputs) } else { Moments::none(0) }
            };
            let blocks = blocks.map(measured);
            for of_block in blocks.collect::<Vec<_>>() {
                moments.join(&of_block);
            }
        }
        Some((y, moments))
    }

    /// Frames of a block: as many blocks for each thread, of much the same size, and tiles that are full.
    fn rows(&self, frames: usize, threads: usize) -> usize {
        let (most, step) = match &self.form {
            Form::Plain(_) => (ROWS, tile::MOST_ROWS),
            Form::Quick(quick) => {
                let step = quick.step() * tile::MOST_ROWS;
                (ROWS.next_multiple_of(step), step)
            }
        };
        let blocks = frames.div_ceil(most * threads) * threads;
        frames.div_ceil(blocks.max(1)).next_multiple_of(step).clamp(1, most)
    }

    /// Computes the block that begins at frame `first` of the result, and gives it back.
    fn block<'a>(
        &self,
        memory: &mut Memory,
        x: &[f32],
        entry: &Entry<'_>,
        first: usize,
        work: Work<'a>,
    ) -> &'a [f32] {
        let FilterShape { outputs, taps, dilation, stride, .. } = self.shape;
        let rows = work.y.len() / outputs;
        match &self.form {
            Form::Plain(panels) => {
                // Frames that a tile reads beyond the last one it needs.
                let rows = rows.next_multiple_of(tile::MOST_ROWS);
                let reach = (rows - 1) * stride + (taps - 1) * dilation + 1;
                self.fill(&mut memory.window, x, entry, first, reach);
                let Work { bias, y, other, kept, factor } = work;
                let window = &memory.window;
                Block { panels, bias, window, y: &mut *y, other, kept, factor }.compute();
                y
            }
            Form::Quick(quick) => {
                self.fill(&mut memory.window, x, entry, first, quick.reach(rows));
                quick.compute(&memory.window, work, &mut memory.quick)
            }
        }
    }

    /// Fills the window with `reach` frames, the first of them for frame `first` of the result.
    fn fill(
        &self,
        window: &mut Vec<f32>,
        x: &[f32],
        entry: &Entry<'_>,
        first: usize,
        reach: usize,
    ) {
        let FilterShape { inputs, stride, padding, .. } = self.shape;
        let size = reach * inputs;
        window.resize(size, 0.0);
        let start = (first * stride) as isize - padding as isize;
        let before = ((-start).max(0) as usize * inputs).min(size);
        let from = (start.max(0) as usize * inputs).min(x.len());
        let count = (size - before).min(x.len() - from);
        window[..before].fill(0.0);
        window[before + count..].fill(0.0);
        entry.apply(&x[from..from + count], &mut window[before..before + count], inputs);
    }
}

/// The bias of a filter, and zeros up to a whole panel.
fn padded(bias: Option<&[f32]>, outputs: usize) -> Vec<f32> {
    let mut padded = vec![0.0; outputs.next_multiple_of(PANEL)];
    if let Some(bias) = bias {
        padded[..outputs].copy_from_slice(bias);
    }
    padded
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::*;
    use crate::testing::random;

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn it_is_the_convolution_of_the_reference() {
        let shapes = [
            (20, 40, 3, 1, 1, 1, 700),
            (16, 32, 11, 5, 1, 25, 333),
            (22, 70, 12, 1, 6, 3, 400),
            (8, 5, 1, 1, 1, 0, 3),
            (48, 96, 7, 3, 1, 9, 1),
            (64, 80, 3, 1, 1, 1, 700),
            (96, 64, 3, 3, 1, 3, 50),
            (64, 64, 7, 1, 1, 3, 5),
            (72, 64, 7, 5, 1, 15, 499),
            (64, 96, 11, 3, 1, 15, 1_000),
            (64, 64, 11, 5, 1, 25, 1),
        ];
        for (inputs, outputs, taps, dilation, stride, padding, time) in shapes {
            let shape = FilterShape { inputs, outputs, taps, dilation, stride, padding };
            let (x, weight) =
                (random("x", &[1, inputs, time]), random("weight", &[outputs, inputs, taps]));
            let bias = random("bias", &[outputs]);
            let theirs = x.conv1d(&weight, padding, stride, dilation, 1).unwrap();
            let theirs = theirs.broadcast_add(&bias.reshape((1, (), 1)).unwrap()).unwrap();
            let theirs = values(&theirs.transpose(1, 2).unwrap());
            let (weight, bias) = (values(&weight), values(&bias));
            let x = values(&x.transpose(1, 2).unwrap());
            for filter in [
                Filter::new(shape, &weight, Some(&bias)),
                Filter::quick(shape, &weight, Some(&bias)),
            ] {
                check(&filter, &x, &theirs);
            }
        }
    }

    fn check(filter: &Filter, x: &[f32], theirs: &[f32]) {
        let apart = |ours: &[f32]| {
            assert_eq!(ours.len(), theirs.len());
            ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        let run = |entry, onto, factor, measured| {
            filter.apply(x, Job { entry, onto, factor, measured }, &|| false).unwrap()
        };
        let (ours, measured) = run(Entry::Plain, Onto::Nothing(Vec::new()), 1.0, true);
        // Every result is a sum of so many products of variance one.
        let terms = filter.shape.inputs * filter.shape.taps;
        let tolerance = 3e-5 * (terms as f32).sqrt();
        assert!(apart(&ours) < tolerance, "{:?}: {}", filter.shape, apart(&ours));
        let of_all = moments(&ours, filter.shape.outputs);
        for (a, b) in measured.mean().iter().zip(of_all.mean()) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
        let onto = Onto::Other(theirs, Vec::new());
        let (twice, _) = run(Entry::Leaky(1.0), onto, 0.5, false);
        let (thrice, _) = run(Entry::Plain, Onto::Itself(twice), 0.5, false);
        assert!(apart(&thrice) < tolerance, "{:?}: {}", filter.shape, apart(&thrice));
    }

    #[test]
    fn it_stops_when_told() {
        let shape =
            FilterShape { inputs: 64, outputs: 64, taps: 3, dilation: 1, stride: 1, padding: 1 };
        let filter = Filter::new(shape, &vec![0.0; 64 * 64 * 3], None);
        let job = Job {
            entry: Entry::Plain,
            onto: Onto::Nothing(Vec::new()),
            factor: 1.0,
            measured: false,
        };
        assert!(filter.apply(&[0.0; 640], job, &|| true).is_none());
    }
}
