//! Where decoded sound is collected: one channel, one rate, no longer than allowed.

use std::time::Duration;

use super::ContainerError;
use crate::pipeline::codec::resample::Resampler;
use crate::pipeline::frame::MIC_RATE_HZ;

/// Rates that a recording may have, in Hz. A header can claim any, and the filter grows with it.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Mono samples at [`MIC_RATE_HZ`].
pub(super) struct Mono {
    longest: Duration,
    samples: Vec<f32>,
    section: Option<Section>,
    /// One piece, mixed down; kept for its memory.
    mixed: Vec<f32>,
}

/// A stretch of one rate. Hardly any recording has more than one.
struct Section {
    rate_hz: u32,
    resampler: Resampler,
    /// Where it begins in the samples.
    start: usize,
    /// Frames taken so far, at `rate_hz`.
    frames: u64,
}

impl Mono {
    /// Takes up to `longest`.
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, samples: Vec::new(), section: None, mixed: Vec::new() }
    }

    /// Whether nothing was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.section.as_ref().is_none_or(|section| section.frames == 0)
    }

    /// Takes frames of `channels` samples. Of a piece that holds something else than numbers it takes nothing.
    pub(super) fn push(
        &mut self,
        interleaved: &[f32],
        channels: usize,
        rate_hz: u32,
    ) -> Result<(), ContainerError> {
        let frames = interleaved.chunks_exact(channels.max(1));
        self.mixed.clear();
        self.mixed.extend(frames.map(|frame| frame.iter().sum::<f32>() / frame.len() as f32));
        if self.mixed.iter().any(|sample| !sample.is_finite()) {
            return Err(ContainerError::NotNumbers);
        }
        for sample in &mut self.mixed {
            *sample = sample.clamp(-1.0, 1.0);
        }
        if self.section.as_ref().is_none_or(|section| section.rate_hz != rate_hz) {
            self.close();
            self.section = Some(Section::new(rate_hz, self.samples.len())?);
        }
        let Some(section) = &mut self.section else { return Ok(()) };
        section.frames += self.mixed.len() as u64;
        let limit = self.longest.as_millis() * u128::from(MIC_RATE_HZ) / 1_000;
        if (section.start + section.length()) as u128 > limit {
            return Err(ContainerError::TooLong { longest: self.longest });
        }
        section.resampler.push(&self.mixed, &mut self.samples);
        Ok(())
    }

    /// All that was taken.
    pub(super) fn finish(mut self) -> Vec<f32> {
        self.close();
        self.samples
    }

    /// Ends a section: what is still inside the filter comes out, and its delay goes.
    fn close(&mut self) {
        let Some(mut section) = self.section.take() else { return };
        let delay = section.resampler.finish(&mut self.samples);
        self.samples.drain(section.start..(section.start + delay).min(self.samples.len()));
        self.samples.truncate(section.start + section.length());
    }
}

impl Section {
    fn new(rate_hz: u32, start: usize) -> Result<Self, ContainerError> {
        let unsupported = || ContainerError::Unsupported(format!("{rate_hz} samples a second"));
        if !RATES_HZ.contains(&rate_hz) {
            return Err(unsupported());
        }
        let resampler =
            Resampler::for_recordings(rate_hz, MIC_RATE_HZ).map_err(|_| unsupported())?;
        Ok(Self { rate_hz, resampler, start, frames: 0 })
    }

    /// How long it is in samples at [`MIC_RATE_HZ`].
    fn length(&self) -> usize {
        (self.frames * u64::from(MIC_RATE_HZ)).div_ceil(u64::from(self.rate_hz)) as usize
    }
}
