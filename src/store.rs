//! The database: rows in and out, their content sealed before it comes here.
