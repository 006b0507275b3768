//! Opening the database, and the ways to it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyPool, ConnectOptions, Executor, Row as _, SqlSafeStr, Transaction};
use tracing::log::LevelFilter;

use crate::config::Database;

/// The file of the embedded database, in the folder of the server's own files.
pub const SQLITE_FILE: &str = "sotto.db";

/// What every SQLite connection is told first. `FULL`: what was acknowledged survives a power cut.
/// `secure_delete`: what is deleted is overwritten, keys above all.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; \
PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 1000";

/// How often emptying the log is tried while somebody reads, and how long after each other.
const FORGET_ATTEMPTS: usize = 3;
const FORGET_PAUSE: Duration = Duration::from_millis(20);
/// A query that takes longer is worth a line in the log, without its values.
const SLOW: Duration = Duration::from_millis(200);

/// The database cannot be used, or did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It could not be opened.
    #[error("cannot open the database: {0}")]
    Open(#[source] sqlx::Error),
    /// The folder of its file could not be made.
    #[error("cannot make the folder of the database: {0}")]
    Folder(#[source] std::io::Error),
    /// Its tables could not be made, or are of a newer program.
    #[error("cannot prepare the tables of the database: {0}")]
    Schema(#[source] sqlx::migrate::MigrateError),
    /// It is not there at the moment: gone, overloaded, or its disk is full.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Something of this name is there already.
    #[error("it is there already")]
    Conflict,
    /// Anything else.
    #[error("the database: {0}")]
    Query(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        match &error {
            Error::Database(refused) if refused.is_unique_violation() => Self::Conflict,
            Error::Database(refused) => {
                let code = refused.code();
                if code.as_deref().is_some_and(is_temporary) {
                    Self::Unavailable(error)
                } else {
                    Self::Query(error)
                }
            }
            Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut | Error::WorkerCrashed => {
                Self::Unavailable(error)
            }
            _ => Self::Query(error),
        }
    }
}

/// Whether a code of SQLite or PostgreSQL says that waiting may help: busy, locked, I/O error, disk full; or the
/// server is shutting down, starting up, out of connections or space, or the transaction lost a race.
fn is_temporary(code: &str) -> bool {
    const SQLITE: [u32; 4] = [5, 6, 10, 13];
    const POSTGRES: [&str; 5] = ["57P", "08", "53", "40", "25006"];
    match code.parse::<u32>() {
        // Extended codes hold the primary one in their lowest byte.
        Ok(number) if code.len() < 5 => SQLITE.contains(&(number & 0xff)),
        _ => POSTGRES.iter().any(|class| code.starts_with(class)),
    }
}

/// What kind of database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded, one file.
    Sqlite,
    /// A server.
    Postgres,
}

/// Connections at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// `read` and `write`, or `all` where both are one.
    pub name: &'static str,
    /// Connections that are open.
    pub open: usize,
    /// Of these, those that nobody uses.
    pub idle: usize,
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    dialect: Dialect,
    read: AnyPool,
    write: AnyPool,
    /// Whether something deleted is still in SQLite's log.
    unforgotten: Arc<AtomicBool>,
}

impl Db {
    /// Opens the database that is configured and brings its tables up to date.
    pub async fn open(config: &Database, data_dir: &Path) -> Result<Self, StoreError> {
        match config.url.reveal() {
            Some(url) => Self::postgres(url, config).await,
            None => Self::sqlite(&data_dir.join(SQLITE_FILE), config).await,
        }
    }

    /// Opens a SQLite file, making it if it is not there.
    pub async fn sqlite(file: &Path, config: &Database) -> Result<Self, StoreError> {
        if let Some(folder) = file.parent() {
            make_private_folder(folder).map_err(StoreError::Folder)?;
        }
        let url = format!("sqlite://{}?mode=rwc", escaped(file));
        // SQLite has one writer at a time: a queue here is fairer, and quicker, than retries there.
        let write = connect(&url, 1, config, Some(SQLITE_SETTINGS)).await?;
        prepare(&write, Dialect::Sqlite).await?;
        let read = connect(&url, config.connections, config, Some(SQLITE_SETTINGS)).await?;
        Ok(Self { dialect: Dialect::Sqlite, read, write, unforgotten: Arc::default() })
    }

    async fn postgres(url: &str, config: &Database) -> Result<Self, StoreError> {
        let pool = connect(url, config.connections, config, None).await?;
        prepare(&pool, Dialect::Postgres).await?;
        let (dialect, unforgotten) = (Dialect::Postgres, Arc::default());
        Ok(Self { dialect, read: pool.clone(), write: pool, unforgotten })
    }

    /// What kind it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// For reading.
    pub fn read(&self) -> &AnyPool {
        &self.read
    }

    /// For single statements that write.
    pub fn write(&self) -> &AnyPool {
        &self.write
    }

    /// For several statements that hold together. On SQLite it takes the writer's lock at once, so that it
    /// cannot lose a race half way. Dropping it undoes everything.
    pub async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let begun = match self.dialect {
            Dialect::Sqlite => self.write.begin_with("BEGIN IMMEDIATE").await,
            Dialect::Postgres => self.write.begin().await,
        };
        Ok(begun?)
    }

    /// Its connections at this moment.
    pub fn pools(&self) -> Vec<Pool> {
        let pool =
            |name, pool: &AnyPool| Pool { name, open: pool.size() as usize, idle: pool.num_idle() };
        match self.dialect {
            Dialect::Sqlite => vec![pool("read", &self.read), pool("write", &self.write)],
            Dialect::Postgres => vec![pool("all", &self.write)],
        }
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.write.execute("SELECT 1").await?;
        Ok(())
    }

    /// After content was deleted: moves the write-ahead log into the file and empties it, so that no copy of
    /// what was deleted stays there. Where somebody reads at this moment it is done soon afterwards
    /// ([`Self::forget_what_is_left`]). PostgreSQL does this on its own schedule (docs/privacy.md).
    pub async fn forget_log(&self) -> Result<(), StoreError> {
        if self.dialect == Dialect::Postgres {
            return Ok(());
        }
        self.unforgotten.store(true, Ordering::Relaxed);
        for _ in 0..FORGET_ATTEMPTS {
            // On a reader's connection, so that nobody who writes waits behind it for long.
            let mut connection = self.read.acquire().await?;
            connection.execute("PRAGMA busy_timeout = 50").await?;
            let emptied =
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection);
            let emptied = emptied.await.and_then(|row| row.try_get::<i64, _>(0));
            connection.execute("PRAGMA busy_timeout = 5000").await?;
            if emptied? == 0 {
                self.unforgotten.store(false, Ordering::Relaxed);
                return Ok(());
            }
            drop(connection);
            tokio::time::sleep(FORGET_PAUSE).await;
        }
        tracing::debug!("the database's log is in use; it is emptied later");
        Ok(())
    }

    /// Empties the log if that could not be done when it should have been.
    pub async fn forget_what_is_left(&self) -> Result<(), StoreError> {
        if self.unforgotten.load(Ordering::Relaxed) { self.forget_log().await } else { Ok(()) }
    }

    /// Closes all connections; SQLite's log is then part of its file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

async fn connect(
    url: &str,
    connections: u32,
    config: &Database,
    settings: Option<&'static str>,
) -> Result<AnyPool, StoreError> {
    install_default_drivers();
    let options: AnyConnectOptions = url.parse().map_err(StoreError::Open)?;
    let options =
        options.log_statements(LevelFilter::Trace).log_slow_statements(LevelFilter::Debug, SLOW);
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_millis(config.timeout_ms))
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if let Some(settings) = settings {
                    connection.execute(settings).await?;
                }
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .map_err(StoreError::Open)
}

async fn prepare(pool: &AnyPool, dialect: Dialect) -> Result<(), StoreError> {
    let steps = schema(dialect).map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect()).run(pool).await.map_err(StoreError::Schema)
}

/// The steps that make the tables, in order: version, name, text.
pub fn schema(dialect: Dialect) -> impl Iterator<Item = (i64, &'static str, &'static str)> {
    macro_rules! step {
        ($name:literal) => {
            (
                $name,
                include_str!(concat!("schema/sqlite/", $name, ".sql")),
                include_str!(concat!("schema/postgres/", $name, ".sql")),
            )
        };
    }
    const STEPS: [(&str, &str, &str); 3] =
        [step!("0001_people"), step!("0002_conversations"), step!("0003_key_checks")];
    (1..).zip(STEPS).map(move |(version, (name, sqlite, postgres))| {
        (version, name, if dialect == Dialect::Sqlite { sqlite } else { postgres })
    })
}

/// A path as it stands in a URL.
fn escaped(file: &Path) -> String {
    file.display().to_string().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_pass_by_themselves_are_known() {
        for code in ["5", "6", "517", "10", "13", "57P01", "57P03", "08006", "53300", "40001"] {
            assert!(is_temporary(code), "{code}");
        }
        for code in ["1", "19", "2067", "23505", "42P01", "22001"] {
            assert!(!is_temporary(code), "{code}");
        }
    }

    #[tokio::test]
    async fn a_file_is_made_with_its_tables_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a folder#1/sotto.db");
        for _ in 0..2 {
            let db = Db::sqlite(&file, &Database::default()).await.unwrap();
            db.ping().await.unwrap();
            let mode: (String,) =
                sqlx::query_as("PRAGMA journal_mode").fetch_one(db.read()).await.unwrap();
            assert_eq!(mode.0, "wal");
            let safe: (i64,) =
                sqlx::query_as("PRAGMA synchronous").fetch_one(db.write()).await.unwrap();
            assert_eq!(safe.0, 2, "FULL");
            db.close().await;
        }
    }
}
