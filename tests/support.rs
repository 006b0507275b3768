//! What tests share.

pub mod browser;
pub mod database;
pub mod engines;
pub mod exposition;
pub mod fakes;
pub mod hub;
pub mod loopback;
pub mod memory;
pub mod offers;
pub mod redis;
pub mod server;
pub mod shared;
pub mod socket;
