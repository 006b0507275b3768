//! Convolutions over time of whole signals, on a processor: [time, channels] in, [time, channels] out.
//!
//! A filter keeps its weights in panels, as they are read. A block of frames is normalised and bent on its way into a
//! small window, multiplied from there, added to what is already there, and measured while it is still in the
//! cache: the signal itself is read once and written once. Nothing is copied to make a matrix of it.

mod entry;
mod moments;
mod tile;

use rayon::prelude::*;

pub use self::entry::Entry;
pub use self::moments::{Moments, moments};
use self::tile::{Block, PANEL};

/// Frames worked on together: their window and a panel of weights stay in a core's cache.
const ROWS: usize = 192;
/// A thread's work between two looks at whether to go on, in multiplications.
const PATIENCE: usize = 1 << 30;
/// A cache line, in values.
const LINE: usize = 16;

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
    /// For each panel of outputs, for each tap and input: the weights of these outputs.
    weights: Vec<f32>,
    /// Where the weights begin: at the start of a cache line.
    begin: usize,
    bias: Vec<f32>,
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

impl Filter {
    /// `weight` is [outputs, inputs, taps], `bias` [outputs] or nothing.
    ///
    /// # Panics
    /// If they have other sizes.
    pub fn new(shape: FilterShape, weight: &[f32], bias: Option<&[f32]>) -> Self {
        let FilterShape { inputs, outputs, taps, .. } = shape;
        assert_eq!(weight.len(), outputs * inputs * taps);
        let panels = outputs.div_ceil(PANEL);
        let mut weights = vec![0.0; panels * taps * inputs * PANEL + LINE];
        let begin = weights.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        let panel_size = taps * inputs * PANEL;
        weights[begin..].par_chunks_exact_mut(panel_size).enumerate().for_each(
            |(panel, packed)| {
                let first = panel * PANEL;
                for output in first..outputs.min(first + PANEL) {
                    for input in 0..inputs {
                        for tap in 0..taps {
                            packed[(tap * inputs + input) * PANEL + output - first] =
                                weight[(output * inputs + input) * taps + tap];
                        }
                    }
                }
            },
        );
        let mut padded = vec![0.0; panels * PANEL];
        if let Some(bias) = bias {
            padded[..outputs].copy_from_slice(bias);
        }
        Self { shape, weights, begin, bias: padded }
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
        let rows = frames.div_ceil(threads).next_multiple_of(tile::MOST_ROWS).clamp(1, ROWS);
        let work = rows * outputs * inputs * taps;
        let span = rows * threads * (PATIENCE / work).max(1);
        let mut moments = Moments::none(if job.measured { outputs } else { 0 });
        for (index, y) in y.chunks_mut(span * outputs).enumerate() {
            if stop() {
                return None;
            }
            let first = index * span;
            let blocks = y.par_chunks_mut(rows * outputs).enumerate();
            let blocks = blocks.map_init(Vec::new, |window, (block, y)| {
                let first = first + block * rows;
                self.fill(window, x, &job.entry, first, y.len() / outputs);
                let other = other.map(|other| &other[first * outputs..][..y.len()]);
                Block { filter: self, window, y, other, kept, factor: job.factor }.compute();
                if job.measured { Moments::of(y, outputs) } else { Moments::none(0) }
            });
            for of_block in blocks.collect::<Vec<_>>() {
                moments.join(&of_block);
            }
        }
        Some((y, moments))
    }

    /// Frames that a tile reads beyond the last one it needs.
    fn fill(&self, window: &mut Vec<f32>, x: &[f32], entry: &Entry<'_>, first: usize, rows: usize) {
        let FilterShape { inputs, taps, dilation, stride, padding, .. } = self.shape;
        let rows = rows.next_multiple_of(tile::MOST_ROWS);
        let size = ((rows - 1) * stride + (taps - 1) * dilation + 1) * inputs;
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

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    fn random(shape: &[usize]) -> Tensor {
        Tensor::randn(0.0_f32, 1.0, shape, &Device::Cpu).unwrap()
    }

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
        ];
        for (inputs, outputs, taps, dilation, stride, padding, time) in shapes {
            let shape = FilterShape { inputs, outputs, taps, dilation, stride, padding };
            let (x, weight) = (random(&[1, inputs, time]), random(&[outputs, inputs, taps]));
            let bias = random(&[outputs]);
            let theirs = x.conv1d(&weight, padding, stride, dilation, 1).unwrap();
            let theirs = theirs.broadcast_add(&bias.reshape((1, (), 1)).unwrap()).unwrap();
            let theirs = values(&theirs.transpose(1, 2).unwrap());
            let filter = Filter::new(shape, &values(&weight), Some(&values(&bias)));
            let job = Job {
                entry: Entry::Plain,
                onto: Onto::Nothing(Vec::new()),
                factor: 1.0,
                measured: true,
            };
            let x = values(&x.transpose(1, 2).unwrap());
            let (ours, measured) = filter.apply(&x, job, &|| false).unwrap();
            assert_eq!(ours.len(), theirs.len());
            let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{shape:?}: {worst}");
            assert!(measured.mean()[0].is_finite());

            let job = Job {
                entry: Entry::Leaky(1.0),
                onto: Onto::Other(&theirs, Vec::new()),
                factor: 0.5,
                measured: false,
            };
            let (twice, _) = filter.apply(&x, job, &|| false).unwrap();
            let job = Job {
                entry: Entry::Plain,
                onto: Onto::Itself(twice),
                factor: 0.5,
                measured: false,
            };
            let (thrice, _) = filter.apply(&x, job, &|| false).unwrap();
            let worst = thrice.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{shape:?}: {worst}");
        }
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
