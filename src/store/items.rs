//! The items of conversations: sealed records in their order.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Db, StoreError};

/// An item as it lies in the database.
#[derive(Clone)]
pub struct Row {
    /// Its place, counted from 1 without gaps.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// `user`, `assistant` or `system`.
    pub role: String,
    /// Its sealed content.
    pub sealed: Vec<u8>,
    /// When it was stored.
    pub created_ms: i64,
}

/// Adds an item.
pub async fn insert(
    transaction: &mut Transaction<'static, Any>,
    conversation: &str,
    row: &Row,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO items (conversation, seq, id, role, sealed, created_ms) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(conversation)
    .bind(row.seq)
    .bind(&row.id)
    .bind(&row.role)
    .bind(row.sealed.as_slice())
    .bind(row.created_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// The last `limit` items before `before`, in their order.
pub async fn page(
    db: &Db,
    conversation: &str,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, id, role, sealed, created_ms FROM items \
         WHERE conversation = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
    )
    .bind(conversation)
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(db.read())
    .await?;
    rows.iter().rev().map(read).collect()
}

/// One item.
pub async fn get(db: &Db, conversation: &str, id: &str) -> Result<Option<Row>, StoreError> {
    let row = sqlx::query(
        "SELECT seq, id, role, sealed, created_ms FROM items WHERE conversation = $1 AND id = $2",
    )
    .bind(conversation)
    .bind(id)
    .fetch_optional(db.read())
    .await?;
    row.as_ref().map(read).transpose()
}

/// The ids of all items, in their order.
pub async fn ids(db: &Db, conversation: &str) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query("SELECT id FROM items WHERE conversation = $1 ORDER BY seq")
        .bind(conversation)
        .fetch_all(db.read())
        .await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// The last 16 bytes of every record, which are its tag, by sequence number.
pub async fn tags(db: &Db, conversation: &str) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, substr(sealed, length(sealed) - 15) AS tag FROM items \
         WHERE conversation = $1 ORDER BY seq",
    )
    .bind(conversation)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("seq")?, row.try_get("tag")?))).collect()
}

/// Deletes the items from `seq` on.
pub async fn delete_from(
    transaction: &mut Transaction<'static, Any>,
    conversation: &str,
    seq: i64,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM items WHERE conversation = $1 AND seq >= $2")
        .bind(conversation)
        .bind(seq)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Puts another record in the place of an item's. Whether there is such an item.
pub async fn replace(
    transaction: &mut Transaction<'static, Any>,
    conversation: &str,
    seq: i64,
    sealed: &[u8],
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE items SET sealed = $3 WHERE conversation = $1 AND seq = $2")
        .bind(conversation)
        .bind(seq)
        .bind(sealed)
        .execute(&mut **transaction)
        .await?;
    Ok(done.rows_affected() == 1)
}

fn read(row: &AnyRow) -> Result<Row, StoreError> {
    Ok(Row {
        seq: row.try_get("seq")?,
        id: row.try_get("id")?,
        role: row.try_get("role")?,
        sealed: row.try_get("sealed")?,
        created_ms: row.try_get("created_ms")?,
    })
}
