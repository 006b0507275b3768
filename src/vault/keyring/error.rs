//! What is wrong with a ring of keys. No message quotes any of it: a kid is shown only when it is one.

use std::io;
use std::path::PathBuf;

use super::weak::Weakness;

/// A list of keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// There is nothing in it.
    #[error("there is no key in it")]
    Empty,
    /// One of the keys is wrong.
    #[error("key {number}: {problem}")]
    Entry {
        /// Its place in the list, from 1.
        number: usize,
        /// What is wrong with it.
        problem: Problem,
    },
    /// Two keys have the same name.
    #[error("two keys are called {kid}")]
    Kid {
        /// The name.
        kid: String,
    },
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Its name is none.
    #[error("what stands before the colon must be k and a number, as in k1")]
    Kid,
    /// It is written in another way.
    #[error("it looks like hexadecimal; a key is written as base64")]
    Hexadecimal,
    /// It cannot be read.
    #[error("it is not base64")]
    Base64,
    /// It could be guessed.
    #[error("{0}")]
    Weak(Weakness),
    /// It is there under another name.
    #[error("it is in the list already")]
    Twice,
}

/// The environment does not give a usable ring of keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Nothing is set.
    #[error(
        "no key is set: make one with `sotto keys new --file PATH` and set SECRET_KEY_FILE to its path"
    )]
    None,
    /// It is not clear what is meant.
    #[error("{first} and {second} are both set; set one of them")]
    Several {
        /// A variable that is set.
        first: &'static str,
        /// Another one.
        second: &'static str,
    },
    /// A list stands where one key belongs.
    #[error("SECRET_KEY holds a list; a list belongs into SECRET_KEYS")]
    List,
    /// The keys are no good.
    #[error("{variable}: {source}; `sotto keys new` makes a good key")]
    Keys {
        /// Where they came from.
        variable: &'static str,
        /// What is wrong.
        source: KeyringError,
    },
    /// The file cannot be read.
    #[error("SECRET_KEY_FILE: cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others can read the file.
    #[error(
        "SECRET_KEY_FILE: {} can be read by others (mode {mode:03o}); allow only its owner: chmod 600",
        path.display()
    )]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is a folder, a device or far too long.
    #[error("SECRET_KEY_FILE: {} is not a file of keys", path.display())]
    NotAKeyFile {
        /// The file.
        path: PathBuf,
    },
}
