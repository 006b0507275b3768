//! Playout: speech on its way to the ear, and how far it has come.
//!
//! What a person has heard is known in three ways: a track is paced here, so its clock is ours; chunks are
//! played by the page, which reports; samples on a WebSocket are played by somebody else's program, whose
//! clock can only be guessed.

pub mod blob;
pub mod clock;
pub mod track;

use std::time::Duration;

use super::conversation::ReplyId;

/// How loud a reply is while somebody may be speaking: 12 dB less.
pub const DUCKED: f32 = 0.25;

/// How far playout has come with a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The reply.
    pub reply: ReplyId,
    /// The clause being played.
    pub clause: u32,
    /// How much of the clause.
    pub played: Duration,
    /// Whether the reply has been played to its end.
    pub ended: bool,
}
