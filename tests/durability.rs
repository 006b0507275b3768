//! What was acknowledged survives: the server is killed, the database goes away, backups are restored.

mod away;
mod backups;
mod kills;
mod program;
