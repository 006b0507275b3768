//! `sotto keys`.

use std::env::{self, VarError};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use crate::vault::keyring::{Keyring, Sources, read_key_file};

mod file;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a key for a new server.
    New {
        /// Writes it to a new file that only its owner can read, instead of showing it.
        #[arg(long, value_name = "PATH")]
        file: Option<PathBuf>,
    },
    /// Puts a new key in front of the ones in use.
    Rotate {
        /// Changes this file, instead of showing the new value of `SECRET_KEYS`.
        #[arg(long, value_name = "PATH")]
        file: Option<PathBuf>,
    },
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    match &options.action {
        Action::New { file: Some(path) } => new_file(path),
        Action::New { file: None } => new(),
        Action::Rotate { file: Some(path) } => rotate_file(path),
        Action::Rotate { file: None } => rotate(),
    }
}

/// The keys that the environment names.
pub(super) fn keyring() -> anyhow::Result<Keyring> {
    let keys = variable("SECRET_KEYS")?;
    let key = variable("SECRET_KEY")?;
    let file = env::var_os("SECRET_KEY_FILE").map(PathBuf::from);
    let ring = Keyring::from_environment(Sources {
        secret_keys: keys.as_ref().map(|text| text.as_str()),
        secret_key: key.as_ref().map(|text| text.as_str()),
        secret_key_file: file.as_deref(),
    })?;
    Ok(ring)
}

fn variable(name: &'static str) -> anyhow::Result<Option<Zeroizing<String>>> {
    match env::var(name) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(VarError::NotPresent) => Ok(None),
        // The error itself would quote it.
        Err(VarError::NotUnicode(_)) => anyhow::bail!("{name} is not text"),
    }
}

// What can be used goes to the standard output, what is said about it beside it, so that
// `SECRET_KEYS=$(sotto keys rotate)` does what it looks like.

fn new() -> anyhow::Result<()> {
    println!("{}", Keyring::generate()?.reveal());
    eprintln!(
        "Set it as SECRET_KEY, and keep a copy where no backup of the data is: without it the"
    );
    eprintln!("histories cannot be read, and with it they can.");
    Ok(())
}

fn new_file(path: &Path) -> anyhow::Result<()> {
    file::create(path, Keyring::generate()?.reveal())?;
    eprintln!("A new key is in {}, which only its owner can read.", path.display());
    eprintln!(
        "Set SECRET_KEY_FILE to its path, and keep a copy where no backup of the data is: without"
    );
    eprintln!("it the histories cannot be read, and with it they can.");
    Ok(())
}

fn rotate() -> anyhow::Result<()> {
    let rotated = keyring()?.rotated()?;
    println!("{}", rotated.reveal());
    eprintln!("This is the new value of SECRET_KEYS: a new key, and the ones in use behind it.");
    eprintln!(
        "  1. Set it, with neither SECRET_KEY nor SECRET_KEY_FILE beside it, and restart the server."
    );
    say_what_follows();
    Ok(())
}

fn rotate_file(path: &Path) -> anyhow::Result<()> {
    let keys = read_key_file(path)?;
    let ring = Keyring::parse(keys.reveal()).with_context(|| path.display().to_string())?;
    file::replace(path, ring.rotated()?.reveal())?;
    eprintln!("{} has a new key in front of the ones in use.", path.display());
    eprintln!("  1. Restart the server.");
    say_what_follows();
    Ok(())
}

fn say_what_follows() {
    eprintln!("  2. Wrap people's keys anew, while the server runs: sotto keys rewrap");
    eprintln!(
        "  3. Remove the old key when no backup from before the rewrap is kept any more: they need it."
    );
}
