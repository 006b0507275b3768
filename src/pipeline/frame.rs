//! Sound and time inside the pipeline: one rate in, one rate out, and positions that cannot be mixed up.

use std::fmt;
use std::ops::{Add, Range, Sub};
use std::time::Duration;

/// Rate of everything heard, in Hz: what Silero, Smart Turn and Whisper were trained on. Mono, f32, ±1.
pub const MIC_RATE_HZ: u32 = 16_000;

/// Rate of everything spoken, in Hz. Mono, f32, ±1. Opus encodes it directly.
pub const SPEECH_RATE_HZ: u32 = 24_000;

/// A position or a length on the microphone's clock, in samples at [`MIC_RATE_HZ`].
///
/// The microphone's clock counts the sound that arrived, gaps included. It is what silence is measured
/// with: a client that sends faster or slower than real time is still understood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Samples(pub u64);

impl Samples {
    /// The position or length of `ms` milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms * MIC_RATE_HZ as u64 / 1_000)
    }

    /// In whole milliseconds, rounded down.
    pub const fn as_ms(self) -> u64 {
        self.0 * 1_000 / MIC_RATE_HZ as u64
    }

    /// `self - other`, or zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Samples {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Samples {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

/// A stretch of sound. Its `Debug` shows how long it is, never what it holds.
#[derive(Clone, Default, PartialEq)]
pub struct Audio {
    /// Mono, f32, ±1.
    pub samples: Vec<f32>,
    /// [`MIC_RATE_HZ`] or [`SPEECH_RATE_HZ`].
    pub rate_hz: u32,
}

impl Audio {
    /// Sound at the microphone's rate.
    pub fn heard(samples: Vec<f32>) -> Self {
        Self { samples, rate_hz: MIC_RATE_HZ }
    }

    /// Sound at the reply's rate.
    pub fn spoken(samples: Vec<f32>) -> Self {
        Self { samples, rate_hz: SPEECH_RATE_HZ }
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(
            self.samples.len() as u64 * 1_000_000 / u64::from(self.rate_hz.max(1)),
        )
    }
}

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audio({} ms)", self.duration().as_millis())
    }
}

/// The latest sound of the microphone, addressed by [`Samples`]: as much as the turn being spoken needs.
#[derive(Default)]
pub struct MicBuffer {
    start: Samples,
    samples: std::collections::VecDeque<f32>,
}

impl MicBuffer {
    /// The position after the last sample.
    pub fn end(&self) -> Samples {
        self.start + Samples(self.samples.len() as u64)
    }

    /// Appends sound.
    pub fn push(&mut self, samples: &[f32]) {
        self.samples.extend(samples);
    }

    /// Drops everything before `position`, and the memory when most of it is no longer used.
    pub fn forget(&mut self, position: Samples) {
        let gone = position.min(self.end()).saturating_sub(self.start).0 as usize;
        self.samples.drain(..gone);
        self.start = self.start + Samples(gone as u64);
        let needed = self.samples.len().max(MIC_RATE_HZ as usize);
        if self.samples.capacity() > 4 * needed {
            self.samples.shrink_to(needed);
        }
    }

    /// A copy of what is still held of `range`.
    pub fn copy(&self, range: Range<Samples>) -> Vec<f32> {
        let from = range.start.saturating_sub(self.start).0 as usize;
        let to = range.end.saturating_sub(self.start).0 as usize;
        let to = to.min(self.samples.len());
        self.samples.range(from.min(to)..to).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_and_samples() {
        assert_eq!(Samples::from_ms(20), Samples(320));
        assert_eq!(Samples(512).as_ms(), 32);
    }

    #[test]
    fn the_buffer_is_addressed_by_position() {
        let mut buffer = MicBuffer::default();
        buffer.push(&[0.0, 1.0, 2.0, 3.0]);
        buffer.forget(Samples(1));
        buffer.push(&[4.0]);
        assert_eq!(buffer.end(), Samples(5));
        assert_eq!(buffer.copy(Samples(0)..Samples(3)), [1.0, 2.0]);
        assert_eq!(buffer.copy(Samples(3)..Samples(9)), [3.0, 4.0]);
        assert_eq!(buffer.copy(Samples(7)..Samples(9)), [0.0; 0]);
        buffer.forget(Samples(100));
        assert_eq!(buffer.end(), Samples(5));
    }

    #[test]
    fn debug_never_shows_sound() {
        assert_eq!(format!("{:?}", Audio::heard(vec![0.5; 1_600])), "Audio(100 ms)");
    }
}
