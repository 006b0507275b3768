//! Engines.
pub mod ort;
