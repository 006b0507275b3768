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
    _folder: TempDir,
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
    TestDb { db, _folder: folder, name: "SQLite" }
}

/// PostgreSQL, or a skipped test.
pub async fn postgres() -> Option<TestDb> {
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
    let url = Secret::new(format!("{base}/{name}"));
    let config = Database { url, ..Database::default() };
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&config, folder.path()).await.unwrap();
    Some(TestDb { db, _folder: folder, name: "PostgreSQL" })
}

impl TestDb {
    /// The conversations in it, with the usual keys.
    pub fn chats(&self) -> Chats {
        self.chats_under(SECRET_KEYS)
    }

    /// The conversations in it, with these keys.
    pub fn chats_under(&self, keys: &str) -> Chats {
        let keyring = Arc::new(Keyring::parse(keys).unwrap());
        Chats::new(self.db.clone(), keyring, TaskTracker::new(), CancellationToken::new())
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
