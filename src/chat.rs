//! Conversations as people see them: what is kept, for whom, and who can read it.

pub mod content;
pub mod tier;
