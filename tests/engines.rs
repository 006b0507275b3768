//! Engines against their reference implementations, on real weights.

mod speech_in;
mod whisper;
