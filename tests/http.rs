//! The door: who may knock, and what is answered to those who knock wrongly.

mod actors;
mod messages;
mod offers;
mod page;
mod restart;
mod tls;
mod who;
