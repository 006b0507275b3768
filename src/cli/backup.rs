//! `sotto backup` and `sotto restore`.

use std::path::PathBuf;

use clap::Args;

use super::{Common, runtime};
use crate::store::Db;
use crate::store::backup::restore;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Writes a backup of the embedded database; the server may be running.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let config = options.common.load()?;
    runtime()?.block_on(async {
        let db = Db::open(&config.database, &config.server.data_dir).await?;
        db.back_up(&options.file).await?;
        db.close().await;
        println!("{}: written", options.file.display());
        println!("It holds what people said, sealed. Keep SECRET_KEYS elsewhere: without it nobody can read");
        println!("the standard conversations in it, and that includes you.");
        Ok(())
    })
}

/// Puts a backup in the place of the embedded database; the server must not be running.
pub(super) fn run_restore(options: &Options) -> anyhow::Result<()> {
    let config = options.common.load()?;
    if config.database.url.reveal().is_some() {
        return Err(crate::store::backup::BackupError::Postgres.into());
    }
    runtime()?.block_on(async {
        let kept = restore(&options.file, &config.server.data_dir).await?;
        println!("{}: restored into {}", options.file.display(), config.server.data_dir.display());
        if let Some(kept) = kept {
            println!("what was there before is {}", kept.display());
        }
        Ok(())
    })
}
