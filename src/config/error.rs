//! What can be wrong with a configuration, said so that it can be mended.

use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text of a file is wrong at a place.
    #[error("{origin}:{line}:{column}: {problem}")]
    Text {
        /// The file's name, as given.
        origin: String,
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// An environment variable is wrong.
    #[error("{variable} (environment): {problem}")]
    Environment {
        /// Its name.
        variable: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A value is out of range or does not go with another.
    #[error("{key}: {problem}")]
    Value {
        /// The key, with its section.
        key: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}
