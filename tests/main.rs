//! Integration tests: one binary. They speak to the server as a client does.
//!
//! `engines` compares what we wrote with its reference, on real weights; `calls` places real calls over
//! loopback; `http` knocks at the door in every wrong way; the rest is about single parts.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

mod engines;

mod calls;

mod http;

mod models;

mod providers;

mod chat;

mod store;

mod durability;

mod privacy;

mod telemetry;

mod configuration;

mod scaling;

mod instructions;

mod deploy;

mod command_line;
