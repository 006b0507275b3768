//! Sotto: a self-hosted, voice-first server.
//!
//! Modules in the order in which to read them. `pipeline` is what happens in a call; `call` is what a call
//! is; `engine` runs models; `vault` holds keys, `store` rows, `auth` people and `chat` what they keep; `http` is
//! the door; the rest is what a program needs. Nothing in `pipeline` or `engine` knows HTTP, people or storage. docs/architecture.md has the picture.

pub mod pipeline;

pub mod call;

pub mod engine;

pub mod models;

pub mod vault;

pub mod store;

pub mod auth;

pub mod chat;

pub mod http;

pub mod server;

pub mod config;

pub mod telemetry;

pub mod client;

pub mod cli;

mod loopback;
