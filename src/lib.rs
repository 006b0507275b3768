//! Sotto.

pub mod config;
pub mod pipeline;
pub mod engine;
