//! On the host: filters of our own, in f32.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use rayon::prelude::*;
use sotto_kernels::{Entry, Filter, FilterShape, Job, Moments, moments};

use super::{Before, Maths, Next, Onto, Result, Unfold, Widening};
use crate::error::Halt;
use crate::style::{EPSILON, Norm};

/// Values that one thread changes at a time.
const PIECE: usize = 32 * 1_024;

/// Memory for signals to come.
type Spare = Rc<RefCell<Vec<Vec<f32>>>>;

/// The host's operations, for one computation.
pub(crate) struct Host<'a> {
    stop: &'a dyn Fn() -> bool,
    spare: Spare,
}

/// A signal [time, channels].
pub(crate) struct Signal {
    values: Vec<f32>,
    channels: usize,
    moments: OnceCell<Moments>,
    spare: Spare,
}

#[cfg(test)]
impl Signal {
    pub(crate) fn as_slice(&self) -> &[f32] {
        &self.values
    }
}

impl Drop for Signal {
    /// Memory that was written before costs nothing to write again; new memory comes page by page.
    fn drop(&mut self) {
        self.spare.borrow_mut().push(std::mem::take(&mut self.values));
    }
}

impl<'a> Host<'a> {
    /// Operations that end as soon as `stop` says so.
    pub(crate) fn new(stop: &'a dyn Fn() -> bool) -> Self {
        Self { stop, spare: Spare::default() }
    }

    fn made(&self, values: Vec<f32>, channels: usize) -> Signal {
        Signal { values, channels, moments: OnceCell::new(), spare: self.spare.clone() }
    }

    /// Memory for `size` values, which holds anything.
    fn memory(&self, size: usize) -> Vec<f32> {
        let mut spare = self.spare.borrow_mut();
        spare.sort_unstable_by_key(Vec::capacity);
        let fits = spare.iter().position(|memory| memory.capacity() >= size);
        // What is too small for this is too small for what follows.
        let mut memory = match fits {
            Some(index) => spare.remove(index),
            None => Vec::new(),
        };
        if fits.is_none() && !spare.is_empty() {
            spare.remove(0);
        }
        memory.resize(size, 0.0);
        memory
    }

    fn scaled(x: &Signal, norm: &Norm) -> Norm {
        let measured = x.moments.get_or_init(|| moments(&x.values, x.channels));
        let by_channel = measured.mean().iter().zip(measured.variance());
        let of_channel = |((mean, variance), (gain, shift)): ((&f64, f64), (&f32, &f32))| {
            let gain = f64::from(*gain) / (variance + EPSILON).sqrt();
            (gain as f32, (f64::from(*shift) - mean * gain) as f32)
        };
        let (gain, shift) =
            by_channel.zip(norm.gain.iter().zip(&norm.shift)).map(of_channel).unzip();
        Norm { gain, shift }
    }

    fn go_on(&self) -> Result<()> {
        if (self.stop)() { Err(Halt::Cancelled) } else { Ok(()) }
    }
}

impl Maths for Host<'_> {
    type Signal = Signal;
    type Filter = Filter;
    type Row = Vec<f32>;

    fn filter(
        &self,
        shape: FilterShape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> candle_core::Result<Filter> {
        Ok(Filter::new(shape, weight, bias))
    }

    fn long_filter(
        &self,
        shape: FilterShape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> candle_core::Result<Filter> {
        Ok(Filter::quick(shape, weight, bias))
    }

    fn row(&self, values: Vec<f32>) -> candle_core::Result<Vec<f32>> {
        Ok(values)
    }

    fn signal(&self, values: Vec<f32>, channels: usize) -> Result<Signal> {
        Ok(self.made(values, channels))
    }

    fn values(&self, mut signal: Signal) -> Result<Vec<f32>> {
        Ok(std::mem::take(&mut signal.values))
    }

    fn apply(
        &self,
        filter: &Filter,
        x: &Signal,
        before: Before<'_, Vec<f32>>,
        onto: Onto<'_, Signal>,
        factor: f32,
        next: Next,
    ) -> Result<Signal> {
        let norm = match before {
            Before::Norm(norm, _) | Before::Snake(norm, _) => Some(Self::scaled(x, norm)),
            Before::Plain | Before::Leaky(_) => None,
        };
        let (scale, shift) = norm.as_ref().map_or((&[][..], &[][..]), |n| (&n.gain, &n.shift));
        let entry = match before {
            Before::Plain => Entry::Plain,
            Before::Leaky(slope) => Entry::Leaky(slope),
            Before::Norm(_, slope) => Entry::Scaled { scale, shift, slope },
            Before::Snake(_, alpha) => Entry::Snake { scale, shift, alpha },
        };
        let shape = filter.shape();
        let size = shape.frames(x.values.len() / x.channels) * shape.outputs;
        let onto = match onto {
            Onto::Nothing => sotto_kernels::Onto::Nothing(self.memory(size)),
            Onto::Other(other) => sotto_kernels::Onto::Other(&other.values, self.memory(size)),
            Onto::Into(mut signal) => {
                sotto_kernels::Onto::Itself(std::mem::take(&mut signal.values))
            }
        };
        let job = Job { entry, onto, factor, measured: next == Next::Norm };
        let (values, measured) = filter.apply(&x.values, job, self.stop).ok_or(Halt::Cancelled)?;
        let signal = self.made(values, shape.outputs);
        if next == Next::Norm {
            // It was made a line above, and holds none.
            let _ = signal.moments.set(measured);
        }
        Ok(signal)
    }

    fn widen(
        &self,
        x: &Signal,
        norm: &Norm,
        slope: f32,
        by: &Widening<Vec<f32>>,
    ) -> Result<Signal> {
        self.go_on()?;
        let Norm { gain, shift } = Self::scaled(x, norm);
        let width = x.channels;
        let mut values = self.memory(2 * x.values.len());
        let from = &x.values[..];
        let value = |at: usize, channel: usize| {
            from.get(at * width + channel).map_or(0.0, |x| {
                let z = x * gain[channel] + shift[channel];
                if z < 0.0 { z * slope } else { z }
            })
        };
        values.par_chunks_mut(2 * width).enumerate().for_each(|(at, pair)| {
            let (even, odd) = pair.split_at_mut(width);
            for (channel, (even, odd)) in even.iter_mut().zip(odd).enumerate() {
                let here = value(at, channel);
                let bias = by.bias[channel];
                *even = by.middle[channel] * here + bias;
                *odd = by.last[channel] * here + by.first[channel] * value(at + 1, channel) + bias;
            }
        });
        Ok(self.made(values, width))
    }

    fn double(&self, x: &Signal) -> Result<Signal> {
        let mut values = self.memory(2 * x.values.len());
        for (pair, row) in
            values.chunks_exact_mut(2 * x.channels).zip(x.values.chunks_exact(x.channels))
        {
            let (even, odd) = pair.split_at_mut(x.channels);
            even.copy_from_slice(row);
            odd.copy_from_slice(row);
        }
        Ok(self.made(values, x.channels))
    }

    fn beside(&self, signals: &[&Signal]) -> Result<Signal> {
        let channels = signals.iter().map(|signal| signal.channels).sum();
        let time = signals.first().map_or(0, |signal| signal.values.len() / signal.channels);
        let mut values = self.memory(time * channels);
        let mut first = 0;
        for signal in signals {
            for (row, part) in
                values.chunks_exact_mut(channels).zip(signal.values.chunks_exact(signal.channels))
            {
                row[first..first + signal.channels].copy_from_slice(part);
            }
            first += signal.channels;
        }
        Ok(self.made(values, channels))
    }

    fn unfold(&self, rows: Signal, how: Unfold, onto: &Signal) -> Result<Signal> {
        self.go_on()?;
        let width = how.channels;
        let more = usize::from(how.mirrored);
        let mut values = self.memory((how.frames + more) * width);
        let piece = PIECE / width;
        let rows = &rows.values[..];
        let pieces =
            values.par_chunks_mut(piece * width).zip(onto.values.par_chunks(piece * width));
        pieces.enumerate().for_each(|(index, (values, onto))| {
            let pairs = values.chunks_exact_mut(width).zip(onto.chunks_exact(width));
            for (i, (values, onto)) in pairs.enumerate() {
                let frame = index * piece + i;
                let from = if frame < more { 1 } else { frame - more };
                let row = &rows[(how.skipped + from) * width..][..width];
                for ((value, row), onto) in values.iter_mut().zip(row).zip(onto) {
                    *value = row + onto;
                }
            }
        });
        Ok(self.made(values, width))
    }

    fn sum(&self, mut x: Signal, y: &Signal, factor: f32) -> Result<Signal> {
        self.go_on()?;
        let mut values = std::mem::take(&mut x.values);
        values.par_chunks_mut(PIECE).zip(y.values.par_chunks(PIECE)).for_each(|(x, y)| {
            for (x, y) in x.iter_mut().zip(y) {
                *x = (*x + y) * factor;
            }
        });
        Ok(self.made(values, y.channels))
    }
}
