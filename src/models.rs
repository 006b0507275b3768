//! Model weights: which there are, where they are, and how to get them.

mod manifest;
mod pull;
mod store;

pub use manifest::{Device, File, Hub, Manifest, Model, Package, Stage};
pub use pull::{Progress, PullError, Puller};
pub use store::{ModelError, Status, Store};
