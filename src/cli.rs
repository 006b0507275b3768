//! The command line.

mod backup;
mod call;
mod config;
mod doctor;
mod keys;
mod models;
mod serve;
mod speak;
mod transcribe;
mod turn;
mod user;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::models::{Manifest, Store};

/// The configuration file that is read if it is there and no other is named.
const DEFAULT_CONFIG: &str = "config.yml";

/// A self-hosted, voice-first server: call a language model, hands free.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve(Common),
    /// Calls a server and speaks recordings, as a person would.
    Call(call::Options),
    /// Recognises a recording.
    Transcribe(transcribe::Options),
    /// Says how probable it is that a recording ends where its speaker has finished.
    Turn(turn::Options),
    /// Speaks a text.
    Speak(speak::Options),
    /// Shows, fetches and checks models.
    Models(models::Options),
    /// Makes and changes the keys that histories are sealed with.
    Keys(keys::Options),
    /// Checks and describes the configuration.
    Config(config::Options),
    /// Writes a backup of the embedded database; the server may be running.
    Backup(backup::Options),
    /// Puts a backup in the place of the embedded database; the server must not be running.
    Restore(backup::Options),
    /// Makes, lists and removes accounts, and invites people.
    User(user::Options),
    /// Says what is here, what is missing, and what would be used.
    Doctor(Common),
}

/// What every command takes that needs the configuration.
#[derive(Debug, Clone, Default, Args)]
struct Common {
    /// The configuration file [default: config.yml, if there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port of the page and the API.
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    bind: Option<SocketAddr>,
    /// The server's own files.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where models are, and where new ones go.
    #[arg(long, global = true, value_name = "DIR", env = "SOTTO_MODELS_DIR")]
    models_dir: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked for.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(common) => serve::run(&common),
            Command::Call(options) => call::run(options),
            Command::Transcribe(options) => transcribe::run(&options),
            Command::Turn(options) => turn::run(&options),
            Command::Speak(options) => speak::run(options),
            Command::Models(options) => models::run(options),
            Command::Keys(options) => keys::run(&options),
            Command::Config(options) => config::run(&options),
            Command::Backup(options) => backup::run(&options),
            Command::Restore(options) => backup::run_restore(&options),
            Command::User(options) => user::run(options),
            Command::Doctor(common) => doctor::run(&common),
        }
    }
}

impl Common {
    /// The configuration: file, environment, and what was given here.
    fn load(&self) -> anyhow::Result<Config> {
        let default = Path::new(DEFAULT_CONFIG);
        let file = self.config.as_deref().or(default.exists().then_some(default));
        let mut config = crate::config::load(file, std::env::vars())?;
        if let Some(bind) = self.bind {
            config.server.bind = bind;
        }
        if let Some(data_dir) = &self.data_dir {
            config.server.data_dir.clone_from(data_dir);
        }
        if let Some(models_dir) = &self.models_dir {
            config.models.dir.clone_from(models_dir);
        }
        Ok(config)
    }
}

/// Checks the files that the configuration names, which cost nothing to look into.
fn check_files(config: &Config) -> anyhow::Result<()> {
    if config.server.tls.cert.is_some() {
        crate::http::tls::load(&config.server.tls, &config.server.data_dir)?;
    }
    Ok(())
}

/// The models that this configuration can use.
fn store(config: &Config) -> Store {
    Store::new(Manifest::built_in(), vec![config.models.dir.clone()])
}

/// A runtime for what is asynchronous.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
