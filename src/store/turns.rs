//! How turns went: numbers and codes, never words.

use sqlx::Row as _;

use super::{Db, StoreError};

/// A turn's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The item that the turn became.
    pub item: String,
    /// The report, as JSON.
    pub report: String,
    /// When it was stored.
    pub created_ms: i64,
}

/// Adds a report.
pub async fn insert(db: &Db, conversation: &str, row: &Row) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO turns (conversation, id, item, report, created_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT DO NOTHING",
    )
    .bind(conversation)
    .bind(&row.id)
    .bind(&row.item)
    .bind(&row.report)
    .bind(row.created_ms)
    .execute(db.write())
    .await?;
    Ok(())
}

/// The last `limit` reports of a conversation, in their order.
pub async fn last(db: &Db, conversation: &str, limit: i64) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, item, report, created_ms FROM turns WHERE conversation = $1 \
         ORDER BY created_ms DESC, id DESC LIMIT $2",
    )
    .bind(conversation)
    .bind(limit)
    .fetch_all(db.read())
    .await?;
    rows.iter()
        .rev()
        .map(|row| {
            Ok(Row {
                id: row.try_get("id")?,
                item: row.try_get("item")?,
                report: row.try_get("report")?,
                created_ms: row.try_get("created_ms")?,
            })
        })
        .collect()
}
