//! API tokens, known by their sum.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Db, StoreError};

/// A token as it lies in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id, which its person sees.
    pub id: String,
    /// Its sum.
    pub hash: Vec<u8>,
    /// Whose it is.
    pub person: String,
    /// What it is for, in its person's words.
    pub label: String,
    /// What it may be used for.
    pub scopes: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last used, to a minute or so.
    pub used_ms: Option<i64>,
    /// When it ends.
    pub expires_ms: Option<i64>,
}

/// Adds one.
pub async fn insert(db: &Db, row: &Row) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO api_tokens (id, hash, person, label, scopes, created_ms, used_ms, expires_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&row.id)
    .bind(row.hash.as_slice())
    .bind(&row.person)
    .bind(&row.label)
    .bind(&row.scopes)
    .bind(row.created_ms)
    .bind(row.used_ms)
    .bind(row.expires_ms)
    .execute(db.write())
    .await?;
    Ok(())
}

/// The one with this sum, whether or not it has ended.
pub async fn by_hash(db: &Db, hash: &[u8]) -> Result<Option<Row>, StoreError> {
    let row = sqlx::query("SELECT * FROM api_tokens WHERE hash = $1")
        .bind(hash)
        .fetch_optional(db.read())
        .await?;
    row.as_ref().map(read).transpose()
}

/// All of a person, the latest made first.
pub async fn of_person(db: &Db, person: &str) -> Result<Vec<Row>, StoreError> {
    let rows =
        sqlx::query("SELECT * FROM api_tokens WHERE person = $1 ORDER BY created_ms DESC, id")
            .bind(person)
            .fetch_all(db.read())
            .await?;
    rows.iter().map(read).collect()
}

/// Notes that one was used.
pub async fn touch(db: &Db, id: &str, used_ms: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE api_tokens SET used_ms = $2 WHERE id = $1")
        .bind(id)
        .bind(used_ms)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Deletes one of a person. Whether it was there.
pub async fn delete(db: &Db, person: &str, id: &str) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM api_tokens WHERE person = $1 AND id = $2")
        .bind(person)
        .bind(id)
        .execute(db.write())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes all of a person.
pub async fn delete_all(db: &Db, person: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM api_tokens WHERE person = $1")
        .bind(person)
        .execute(db.write())
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Row, StoreError> {
    Ok(Row {
        id: row.try_get("id")?,
        hash: row.try_get("hash")?,
        person: row.try_get("person")?,
        label: row.try_get("label")?,
        scopes: row.try_get("scopes")?,
        created_ms: row.try_get("created_ms")?,
        used_ms: row.try_get("used_ms")?,
        expires_ms: row.try_get("expires_ms")?,
    })
}
