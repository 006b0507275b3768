//! The pipeline.
pub mod frame;
pub mod codec;
pub mod failure;
pub mod vad;
pub mod mel;
pub mod turn;
