//! Recordings as people send them, to 16 kHz mono.

use std::time::Duration;

use super::wav::{self, WavError};
use crate::pipeline::frame::MIC_RATE_HZ;

/// A recording cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Not a recording, or of a kind that is not known.
    #[error("this is not a recording that can be read: {0}")]
    Unknown(String),
    /// It lasts too long.
    #[error("the recording is longer than {} minutes", longest.as_secs() / 60)]
    TooLong {
        /// The limit.
        longest: Duration,
    },
}

/// Reads a recording of at most `longest` and gives mono samples at 16 kHz. Takes a while: not for the async runtime.
pub fn decode(bytes: &[u8], longest: Duration) -> Result<Vec<f32>, ContainerError> {
    if bytes.is_empty() {
        return Err(ContainerError::Empty);
    }
    let samples = wav::decode(bytes, MIC_RATE_HZ).or_else(|error| match error {
        WavError::Empty => Ok(Vec::new()),
        other => Err(ContainerError::Unknown(other.to_string())),
    })?;
    if samples.len() as u128 > longest.as_millis() * u128::from(MIC_RATE_HZ) / 1_000 {
        return Err(ContainerError::TooLong { longest });
    }
    Ok(samples)
}
