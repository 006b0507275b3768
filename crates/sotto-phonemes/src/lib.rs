//! x
mod clean;
mod normal;
pub mod vocabulary;
