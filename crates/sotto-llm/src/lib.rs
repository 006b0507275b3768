#![doc = include_str!("../README.md")]

mod provider;

mod message;

mod error;

mod key;

pub mod premises;

pub mod openai;

mod think;

pub mod echo;

pub mod discover;

#[cfg(any(test, feature = "mock"))]
pub mod scripted;

mod http;
mod models;
mod redact;

pub use error::{Error, Phase};
pub use key::ApiKey;
pub use message::{ChatRequest, Delta, Finish, Message, Role, Usage};
pub use premises::{Premises, Reach};
pub use provider::{Provider, ReplyStream};
pub use think::ThinkFilter;
