//! Sotto: a self-hosted, voice-first server.
//!
//! Modules in the order in which to read them. `pipeline` is what happens in a call; `call` is what a call
//! is; `engine` runs models; `http` is the door; the rest is what a program needs. Nothing in `pipeline` or
//! `engine` knows HTTP, people or storage. docs/architecture.md has the picture.

pub mod pipeline;

pub mod call;

pub mod engine;

pub mod models;

pub mod http;

pub mod server;

pub mod config;

pub mod telemetry;

pub mod client;

pub mod cli;

mod loopback;
