//! Keys and records: what is stored is sealed here. Pure: no files, no database, no clock.
