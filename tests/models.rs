//! Getting weights from a hub that misbehaves, keeping them, and loading what is damaged.

mod checkpoints;
mod fixture;
mod packages;
mod places;
mod pulls;
mod refusals;
