//! The door: who may knock, and what is answered to those who knock wrongly.

mod offers;
mod page;
mod restart;
mod tls;
mod who;
