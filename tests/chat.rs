//! Conversations in their databases: what is kept, what is noticed, what nobody can read.

mod keeping;
mod keys;
mod private;
mod tampering;
