//! Integration tests: one binary.
mod engines;
mod support;
