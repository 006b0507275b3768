//! Takes what an agent says out of what its microphone hears, so that it never answers itself.
//!
//! An open loudspeaker plays the reply back into the microphone: later, softer, through a room, beside whatever else is
//! heard there. The server knows what it plays. [`EchoCanceller`] finds the delay, follows the echo path, takes the
//! echo away and says of each frame how much of it the echo explains. It is arithmetic on frames: no clock, no
//! thread, nothing that waits.

mod canceller;
mod delay;
mod filter;
mod judge;
mod shift;
mod spectrum;
mod timeline;

pub use canceller::{EchoCanceller, Estimate, Verdict};

/// Samples of a frame: 32 ms.
pub const FRAME: usize = 512;
/// Samples a second, of the microphone and of what is played.
pub const RATE_HZ: usize = 16_000;
