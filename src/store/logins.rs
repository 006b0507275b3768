//! Logins: web sessions of people, known by the sum of their cookie.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Db, StoreError};

/// A login as it lies in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id, which its person sees.
    pub id: String,
    /// The sum of its cookie.
    pub hash: Vec<u8>,
    /// Whose it is.
    pub person: String,
    /// The browser, in words.
    pub label: String,
    /// Whether it was to be kept.
    pub remember: bool,
    /// When it began.
    pub created_ms: i64,
    /// When it was last used, to a minute or so.
    pub seen_ms: i64,
    /// When it ends if it is not used until then.
    pub expires_ms: i64,
}

/// Adds one.
pub async fn insert(db: &Db, row: &Row) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO logins (id, hash, person, label, remember, created_ms, seen_ms, expires_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&row.id)
    .bind(row.hash.as_slice())
    .bind(&row.person)
    .bind(&row.label)
    .bind(i64::from(row.remember))
    .bind(row.created_ms)
    .bind(row.seen_ms)
    .bind(row.expires_ms)
    .execute(db.write())
    .await?;
    Ok(())
}

/// The one whose cookie has this sum, whether or not it has ended.
pub async fn by_hash(db: &Db, hash: &[u8]) -> Result<Option<Row>, StoreError> {
    let row = sqlx::query("SELECT * FROM logins WHERE hash = $1")
        .bind(hash)
        .fetch_optional(db.read())
        .await?;
    row.as_ref().map(read).transpose()
}

/// All of a person that have not ended, the latest used first.
pub async fn of_person(db: &Db, person: &str, now_ms: i64) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM logins WHERE person = $1 AND expires_ms > $2 ORDER BY seen_ms DESC, id",
    )
    .bind(person)
    .bind(now_ms)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(read).collect()
}

/// Notes that one was used.
pub async fn touch(db: &Db, id: &str, seen_ms: i64, expires_ms: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE logins SET seen_ms = $2, expires_ms = $3 WHERE id = $1")
        .bind(id)
        .bind(seen_ms)
        .bind(expires_ms)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Deletes one of a person. Whether it was there.
pub async fn delete(db: &Db, person: &str, id: &str) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM logins WHERE person = $1 AND id = $2")
        .bind(person)
        .bind(id)
        .execute(db.write())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes all of a person but `kept`.
pub async fn delete_others(db: &Db, person: &str, kept: Option<&str>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM logins WHERE person = $1 AND id <> $2")
        .bind(person)
        .bind(kept.unwrap_or(""))
        .execute(db.write())
        .await?;
    Ok(())
}

/// Deletes at most `limit` that have ended; how many.
pub async fn delete_expired(db: &Db, now_ms: i64, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE expires_ms <= $1 LIMIT $2)",
    )
    .bind(now_ms)
    .bind(limit)
    .execute(db.write())
    .await?;
    Ok(done.rows_affected())
}

fn read(row: &AnyRow) -> Result<Row, StoreError> {
    Ok(Row {
        id: row.try_get("id")?,
        hash: row.try_get("hash")?,
        person: row.try_get("person")?,
        label: row.try_get("label")?,
        remember: row.try_get::<i64, _>("remember")? != 0,
        created_ms: row.try_get("created_ms")?,
        seen_ms: row.try_get("seen_ms")?,
        expires_ms: row.try_get("expires_ms")?,
    })
}
