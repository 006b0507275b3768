//! Between packets and samples: the jitter buffer, Opus, resampling, WAV.

pub mod container;
pub mod jitter;
pub mod ogg;
pub mod opus;
pub mod resample;
pub mod wav;
