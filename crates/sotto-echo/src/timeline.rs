//! What is played, by position on the microphone's clock.

use std::collections::VecDeque;

use crate::RATE_HZ;

/// No more than this lies ahead of the microphone: a minute. What a caller plays further ahead is not known.
const AHEAD: u64 = 60 * RATE_HZ as u64;
/// How long what was played is kept: the longest delay, the filter, and what it catches up with.
const KEPT: u64 = 3 * RATE_HZ as u64;

/// Samples by position. Where nothing was played there is silence.
#[derive(Default)]
pub(crate) struct Timeline {
    start: u64,
    samples: VecDeque<f32>,
}

impl Timeline {
    /// Puts `samples` at `at`, while the microphone is at `now`.
    pub(crate) fn write(&mut self, at: u64, samples: &[f32], now: u64) {
        let oldest = now.saturating_sub(KEPT);
        // A caller's positions are its own: too old, or too far ahead, and it is as if nothing had been played.
        let skipped = (oldest.saturating_sub(at) as usize).min(samples.len());
        let (at, samples) = (at + skipped as u64, &samples[skipped..]);
        let room = (now + AHEAD).saturating_sub(at).min(samples.len() as u64) as usize;
        let samples = &samples[..room];
        if samples.is_empty() {
            return;
        }
        if self.samples.is_empty() {
            self.start = at;
        }
        while self.start > at {
            self.samples.push_front(0.0);
            self.start -= 1;
        }
        let first = (at - self.start) as usize;
        if self.samples.len() < first + samples.len() {
            self.samples.resize(first + samples.len(), 0.0);
        }
        for (slot, sample) in self.samples.range_mut(first..).zip(samples) {
            *slot = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        }
    }

    /// Nothing is played from `at` on.
    pub(crate) fn cut(&mut self, at: u64) {
        self.samples.truncate(at.saturating_sub(self.start) as usize);
    }

    /// Forgets what is too old to be heard by a microphone at `now`.
    pub(crate) fn forget(&mut self, now: u64) {
        let old = now.saturating_sub(KEPT).saturating_sub(self.start);
        let old = (old as usize).min(self.samples.len());
        self.samples.drain(..old);
        self.start += old as u64;
    }

    /// What is played from `at` on. Before the beginning of the call there was silence.
    pub(crate) fn read(&self, at: i64, out: &mut [f32]) {
        out.fill(0.0);
        let (start, length) = (self.start as i64, self.samples.len() as i64);
        let first = (at - start).clamp(0, length);
        let last = (at - start + out.len() as i64).clamp(0, length);
        let shift = (first + start - at).max(0) as usize;
        let found = self.samples.range(first as usize..last as usize);
        for (slot, sample) in out.iter_mut().skip(shift).zip(found) {
            *slot = *sample;
        }
    }

    /// Whether anything is known from `at` on.
    pub(crate) fn reaches(&self, at: u64) -> bool {
        self.start + self.samples.len() as u64 > at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In tenths, so that they compare exactly.
    fn read(timeline: &Timeline, at: i64) -> [i32; 4] {
        let mut out = [9.0; 4];
        timeline.read(at, &mut out);
        out.map(|sample| (10.0 * sample).round() as i32)
    }

    #[test]
    fn gaps_are_silent_and_positions_are_kept() {
        let mut timeline = Timeline::default();
        timeline.write(10, &[0.1, 0.2], 0);
        timeline.write(13, &[0.3, f32::NAN], 0);
        assert_eq!(read(&timeline, 9), [0, 1, 2, 0]);
        assert_eq!(read(&timeline, 12), [0, 3, 0, 0]);
        assert_eq!(read(&timeline, -2), [0; 4]);
        assert_eq!(read(&timeline, 40), [0; 4]);
        timeline.cut(11);
        assert_eq!(read(&timeline, 10), [1, 0, 0, 0]);
        assert!(timeline.reaches(10) && !timeline.reaches(11));
    }

    #[test]
    fn neither_the_past_nor_the_future_grows_without_end() {
        let mut timeline = Timeline::default();
        timeline.write(0, &[0.5; 100], 1_000_000);
        assert!(timeline.samples.is_empty());
        timeline.write(u64::from(u32::MAX), &[0.5; 100], 1_000_000);
        assert!(timeline.samples.is_empty());
        timeline.write(1_000_000, &vec![0.5; 2 * AHEAD as usize], 1_000_000);
        assert_eq!(timeline.samples.len() as u64, AHEAD);
        timeline.forget(3_000_000);
        assert!(timeline.samples.is_empty());
        timeline.write(3_000_000, &[0.5; 100], 3_000_000);
        assert_eq!(timeline.samples.len(), 100);
    }
}
