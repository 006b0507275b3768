//! Conversations in their databases: what is kept, what is noticed, what nobody can read.

pub mod keeping;
mod keys;
mod private;
mod tampering;
