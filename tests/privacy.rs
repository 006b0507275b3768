//! Where words go, and where they do not: canaries are spoken, written and answered in each tier, and looked for in
//! everything that is left.

mod canary;
mod memory;
mod stolen;
