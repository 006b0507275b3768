//! What tests share.

pub mod engines;
pub mod fakes;
pub mod offers;
pub mod hub;
pub mod server;
pub mod shared;
