//! What tests share.
pub mod shared;
