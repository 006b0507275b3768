//! What tests share.

pub mod engines;
pub mod fakes;
pub mod server;
pub mod shared;
