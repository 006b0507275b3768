//! Engines against their reference implementations, on real weights.

mod kokoro;
mod speech_in;
mod whisper;
