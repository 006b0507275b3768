//! Databases for tests: SQLite in a folder of its own, and PostgreSQL where there is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sotto::chat::Chats;
use sotto::chat::owner::new_owner;
use sotto::config::{Database, Secret};
use sotto::store::Db;
use sotto::vault::keyring::Keyring;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::shared;

/// Names a PostgreSQL server that tests may make databases on (scripts/postgres.sh).
const POSTGRES: &str = "SOTTO_TEST_POSTGRES";

/// Two keys that are nobody's; the second is the older one.
pub const SECRET_KEYS: &str = "k2:q0fSMdxjWjTsmXvUCfMnHmbUvEAeREXTPqIl4bHfsdc=,\
k1:Xk2m6yU5b0hJ6Vn1ZVbqpV1mJ9pXfLqfP0jvTgrZ8aE=";

/// A fresh database. Its folder is there as long as this is.
pub struct TestDb {
    pub db: Db,
    pub config: Database,
    folder: TempDir,
    pub name: &'static str,
}

/// A fresh database of each kind that is there.
pub async fn all() -> Vec<TestDb> {
    let mut databases = vec![sqlite().await];
    databases.extend(postgres().await);
    databases
}

/// SQLite.
pub async fn sqlite() -> TestDb {
    let folder = tempfile::tempdir().unwrap();
    let config = Database::default();
    let db = Db::open(&config, folder.path()).await.unwrap();
    TestDb { db, config, folder, name: "SQLite" }
}

/// PostgreSQL, or a skipped test.
pub async fn postgres() -> Option<TestDb> {
    let url = postgres_url().await?;
    let config = Database { url: Secret::new(url), ..Database::default() };
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&config, folder.path()).await.unwrap();
    Some(TestDb { db, config, folder, name: "PostgreSQL" })
}

/// The address of a fresh PostgreSQL database, or a skipped test.
pub async fn postgres_url() -> Option<String> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let Ok(server) = std::env::var(POSTGRES) else {
        shared::skip("there is no PostgreSQL (scripts/postgres.sh)");
        return None;
    };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("sotto_{}_{number}", std::process::id());
    sqlx::any::install_default_drivers();
    let admin = sqlx::AnyPool::connect(&server).await.unwrap();
    let create = format!("CREATE DATABASE {name}");
    sqlx::query(sqlx::AssertSqlSafe(create)).execute(&admin).await.unwrap();
    admin.close().await;
    let (base, _) = server.rsplit_once('/').unwrap();
    Some(format!("{base}/{name}"))
}

/// The conversations in a database, with the usual keys.
pub fn chats_in(db: &Db) -> Chats {
    chats_under(db, SECRET_KEYS)
}

/// The same with these keys.
pub fn chats_under(db: &Db, keys: &str) -> Chats {
    let keyring = Arc::new(Keyring::parse(keys).unwrap());
    Chats::new(db.clone(), keyring, TaskTracker::new(), CancellationToken::new())
}

/// A PostgreSQL server of one test, which may stop it. The folder is the test's own.
pub struct PrivatePostgres {
    ctl: Vec<String>,
    folder: std::path::PathBuf,
    port: u16,
}

impl PrivatePostgres {
    /// Starts one beside the shared one, with the same programs; or a skipped test.
    pub fn start() -> Option<Self> {
        let Ok(maker) = std::env::var("SOTTO_TEST_POSTGRES_MAKE") else {
            shared::skip("there is no PostgreSQL (scripts/postgres.sh)");
            return None;
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let made =
            std::process::Command::new("bash").args([&maker, &port.to_string()]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let text = String::from_utf8(made.stdout).unwrap();
        let mut lines = text.lines();
        let folder = lines.next().unwrap().into();
        let ctl = lines.next().unwrap().split(' ').map(str::to_owned).collect();
        Some(Self { ctl, folder, port })
    }

    /// Where it is.
    pub fn url(&self) -> Secret {
        Secret::new(format!("postgres://sotto@127.0.0.1:{}/postgres", self.port))
    }

    /// Takes it away at once.
    pub fn stop(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Brings it back.
    pub fn resume(&self) {
        self.control(&["start"]);
    }

    fn control(&self, what: &[&str]) {
        let mut command = std::process::Command::new(&self.ctl[0]);
        command.args(&self.ctl[1..]).args(what).current_dir(&self.folder);
        command.stdout(std::process::Stdio::null());
        assert!(command.status().unwrap().success(), "{what:?}");
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        let mut command = std::process::Command::new(&self.ctl[0]);
        command.args(&self.ctl[1..]).args(["-m", "immediate", "stop"]).current_dir(&self.folder);
        let _ = command.stdout(std::process::Stdio::null()).status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl TestDb {
    /// The conversations in it, with the usual keys.
    pub fn chats(&self) -> Chats {
        chats_in(&self.db)
    }

    /// The conversations in it, with these keys.
    pub fn chats_under(&self, keys: &str) -> Chats {
        chats_under(&self.db, keys)
    }

    /// Where its files are.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Adds a person.
    pub async fn person(&self, id: &str) {
        let keyring = Keyring::parse(SECRET_KEYS).unwrap();
        let (udk, kid) = new_owner(&keyring, id).unwrap();
        sqlx::query(
            "INSERT INTO people (id, kind, admin, disabled, udk, udk_kid, default_tier, created_ms, \
             seen_ms, failures, locked_until_ms) VALUES ($1, 'guest', 0, 0, $2, $3, 'standard', 0, 0, 0, 0)",
        )
        .bind(id)
        .bind(udk)
        .bind(kid)
        .execute(self.db.write())
        .await
        .unwrap();
    }

    /// Runs a statement as somebody would who can write to the database.
    pub async fn tamper(&self, statement: &'static str) {
        let done = sqlx::query(statement).execute(self.db.write()).await.unwrap();
        assert!(done.rows_affected() > 0, "{statement}");
    }
}
