//! What is counted and traced, and that nothing else is in it.

mod collector;
mod counted;
mod deploy;
mod guarded;
mod traced;
