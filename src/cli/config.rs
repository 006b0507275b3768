//! `sotto config`.

use clap::{Args, Subcommand};

use super::{Common, check_files};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Says whether the configuration can be used.
    Check,
    /// Prints the JSON Schema of config.yml, for editors.
    Schema,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    match options.action {
        Action::Check => {
            let config = options.common.load()?;
            check_files(&config)?;
            println!("the configuration is good");
        }
        Action::Schema => {
            let schema = schemars::schema_for!(Config);
            println!("{}", serde_json::to_string_pretty(&schema)?);
        }
    }
    Ok(())
}
