//! The few operations that the sound is made with. Two can do them: the host with filters of our own, and candle on
//! any device. What the model is, is written once for both.

mod device;
mod host;

use sotto_kernels::FilterShape;

pub(crate) use self::device::{Device, Filter as DeviceFilter};
pub(crate) use self::host::Host;
#[cfg(test)]
pub(crate) use self::host::Signal as HostSignal;
use crate::error::Halt;
use crate::style::Norm;

/// What a computation that may be cancelled gives.
pub(crate) type Result<T> = std::result::Result<T, Halt>;

/// What happens to a signal on its way into a filter.
pub(crate) enum Before<'a, Row> {
    /// Nothing.
    Plain,
    /// Values below zero are multiplied by this.
    Leaky(f32),
    /// The norm over time, and then values below zero are multiplied by this.
    Norm(&'a Norm, f32),
    /// The norm over time, and then `z + sin²(alpha · z) / alpha`.
    Snake(&'a Norm, &'a Row),
}

/// What the result of a filter is added to.
pub(crate) enum Onto<'a, Signal> {
    Nothing,
    Other(&'a Signal),
    /// A signal that is not needed any more.
    Into(Signal),
}

/// Whether a norm of the result will be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Norm,
    Other,
}

/// How a signal is read from the rows of a transposed convolution.
#[derive(Clone, Copy)]
pub(crate) struct Unfold {
    /// Channels of the result.
    pub channels: usize,
    /// Frames at the start that are left out.
    pub skipped: usize,
    /// Frames of the result, mirrored frames apart.
    pub frames: usize,
    /// Whether the second frame is put before the first, too.
    pub mirrored: bool,
}

/// The operations, on signals [time, channels] of f32.
pub(crate) trait Maths {
    /// A signal.
    type Signal;
    /// A convolution.
    type Filter: Send + Sync;
    /// A value for each channel.
    type Row: Send + Sync;

    /// A convolution of `weight` [outputs, inputs, taps].
    fn filter(
        &self,
        shape: FilterShape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> candle_core::Result<Self::Filter>;

    /// The same, of several taps, for the long signals that take most of the time: it may take more memory.
    fn long_filter(
        &self,
        shape: FilterShape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> candle_core::Result<Self::Filter> {
        self.filter(shape, weight, bias)
    }

    /// A value for each channel.
    fn row(&self, values: Vec<f32>) -> candle_core::Result<Self::Row>;

    /// A signal of these values, row after row.
    fn signal(&self, values: Vec<f32>, channels: usize) -> Result<Self::Signal>;

    /// The values of a signal, row after row.
    fn values(&self, signal: Self::Signal) -> Result<Vec<f32>>;

    /// `(filter(before(x)) + onto) · factor`.
    fn apply(
        &self,
        filter: &Self::Filter,
        x: &Self::Signal,
        before: Before<'_, Self::Row>,
        onto: Onto<'_, Self::Signal>,
        factor: f32,
        next: Next,
    ) -> Result<Self::Signal>;

    /// Twice as many frames of `leaky(norm(x), slope)`: a transposed convolution of each channel alone, with kernel
    /// 3, stride 2, padding 1 and one more frame at the end. Frame 2j is `middle · x[j]`, frame 2j + 1 is
    /// `last · x[j] + first · x[j + 1]`, and the bias is added to each.
    fn widen(
        &self,
        x: &Self::Signal,
        norm: &Norm,
        slope: f32,
        by: &Widening<Self::Row>,
    ) -> Result<Self::Signal>;

    /// Every frame twice.
    fn double(&self, x: &Self::Signal) -> Result<Self::Signal>;

    /// The channels of all, side by side.
    fn beside(&self, signals: &[&Self::Signal]) -> Result<Self::Signal>;

    /// The frames of the rows of a transposed convolution [time, stride · channels], and `onto` added to them.
    fn unfold(&self, rows: Self::Signal, how: Unfold, onto: &Self::Signal) -> Result<Self::Signal>;

    /// `(x + y) · factor`.
    fn sum(&self, x: Self::Signal, y: &Self::Signal, factor: f32) -> Result<Self::Signal>;
}

/// The weights of `widen`.
pub(crate) struct Widening<Row> {
    pub first: Row,
    pub middle: Row,
    pub last: Row,
    pub bias: Row,
}
