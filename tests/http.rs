//! The door: who may knock, and what is answered to those who knock wrongly.

mod actors;
mod csrf;
mod headers;
mod limits;
mod logins;
mod messages;
mod offers;
mod page;
mod people;
mod restart;
mod speech;
mod tls;
mod tokens;
mod transcriptions;
mod who;
