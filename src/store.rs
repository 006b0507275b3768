//! The database: rows in and out, their content sealed before it comes here.
//!
//! One SQL text serves SQLite (embedded, the default) and PostgreSQL; only the schema is written twice, under
//! `schema/`. Columns are TEXT, BIGINT and BLOB (BYTEA), because these are what both understand: times are
//! milliseconds since 1970, flags are 0 and 1.
//!
//! Nothing here can read content. Repositories take and give sealed records as bytes.

pub mod backup;
pub mod db;

pub mod invites;
pub mod logins;
pub mod people;
pub mod tokens;

pub mod conversations;
pub mod items;
pub mod key_checks;
pub mod owners;
pub mod slots;
pub mod turns;

pub use self::db::{Db, Dialect, StoreError};
