//! Copies of the embedded database, made while the server runs. PostgreSQL has tools of its own for this.

use std::path::{Path, PathBuf};

use super::db::SQLITE_FILE;
use super::{Db, Dialect, StoreError};
use crate::config::Database;

/// A backup, or its way back, did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Not our business.
    #[error("the database is PostgreSQL: use pg_dump and pg_restore, which do this well")]
    Postgres,
    /// Nothing is overwritten.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// Not a backup, or a damaged one.
    #[error("{} is not a whole database of sotto: {problem}", path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Db {
    /// Writes a copy of the database as it is at this moment to `file`, which must not be there yet. It is under
    /// its name only when it is whole.
    pub async fn back_up(&self, file: &Path) -> Result<(), BackupError> {
        if self.dialect() == Dialect::Postgres {
            return Err(BackupError::Postgres);
        }
        if file.exists() {
            return Err(BackupError::Exists(file.to_owned()));
        }
        let part = with_ending(file, ".part");
        let failed = |path: &Path, source| BackupError::File { path: path.to_owned(), source };
        if part.exists() {
            std::fs::remove_file(&part).map_err(|error| failed(&part, error))?;
        }
        let name = part.display().to_string();
        let copied = sqlx::query("VACUUM INTO $1").bind(&name).execute(self.read()).await;
        copied.map_err(StoreError::from)?;
        make_private(&part).map_err(|error| failed(&part, error))?;
        let synced = std::fs::File::open(&part).and_then(|file| file.sync_all());
        synced.map_err(|error| failed(&part, error))?;
        std::fs::rename(&part, file).map_err(|error| failed(file, error))
    }
}

/// Puts a backup in the place of the database in `data_dir`. What was there, if anything, is kept beside it, and
/// said. The server must not be running.
pub async fn restore(file: &Path, data_dir: &Path) -> Result<Option<PathBuf>, BackupError> {
    check(file).await?;
    let failed = |path: &Path, source| BackupError::File { path: path.to_owned(), source };
    std::fs::create_dir_all(data_dir).map_err(|error| failed(data_dir, error))?;
    let target = data_dir.join(SQLITE_FILE);
    let part = with_ending(&target, ".part");
    std::fs::copy(file, &part).map_err(|error| failed(&part, error))?;
    make_private(&part).map_err(|error| failed(&part, error))?;
    let mut kept = None;
    if target.exists() {
        let beside = free_name(&target);
        for ending in ["", "-wal", "-shm"] {
            let (from, to) = (with_ending(&target, ending), with_ending(&beside, ending));
            if from.exists() {
                std::fs::rename(&from, &to).map_err(|error| failed(&from, error))?;
            }
        }
        kept = Some(beside);
    }
    std::fs::rename(&part, &target).map_err(|error| failed(&target, error))?;
    Ok(kept)
}

/// Whether a file is a whole database of ours. It is only read.
async fn check(file: &Path) -> Result<(), BackupError> {
    let bad = |problem: String| BackupError::NotABackup { path: file.to_owned(), problem };
    if !file.is_file() {
        return Err(bad("there is no such file".to_owned()));
    }
    // A copy, because opening a database may write to it.
    let folder = tempfile::tempdir()
        .map_err(|source| BackupError::File { path: std::env::temp_dir(), source })?;
    let copy = folder.path().join(SQLITE_FILE);
    std::fs::copy(file, &copy)
        .map_err(|source| BackupError::File { path: file.to_owned(), source })?;
    let db = Db::sqlite(&copy, &Database::default()).await.map_err(|e| bad(e.to_string()))?;
    let sound: Result<(String,), sqlx::Error> =
        sqlx::query_as("PRAGMA integrity_check").fetch_one(db.read()).await;
    let people: Result<(i64,), sqlx::Error> =
        sqlx::query_as("SELECT COUNT(*) FROM people").fetch_one(db.read()).await;
    db.close().await;
    match (sound, people) {
        (Ok((word,)), Ok(_)) if word == "ok" => Ok(()),
        (Ok((word,)), Ok(_)) => Err(bad(word)),
        (Err(error), _) | (_, Err(error)) => Err(bad(error.to_string())),
    }
}

fn free_name(target: &Path) -> PathBuf {
    let names = (1..).map(|number| with_ending(target, &format!(".before-restore-{number}")));
    names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| target.to_owned())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn make_private(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}
