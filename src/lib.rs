//! Sotto.

pub mod config;
pub mod models;
pub mod pipeline;
pub mod engine;
