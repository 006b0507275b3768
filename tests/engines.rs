//! Engines against their reference implementations, on real weights.

mod kokoro;
mod smart_turn_v2;
mod speech_in;
mod whisper;
