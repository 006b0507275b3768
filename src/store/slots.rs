//! The slots of people's vaults: ways to open them, made by their browsers. The server cannot use them.

use sqlx::{Any, Row as _, Transaction};

use super::{Db, StoreError};

/// A slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Chosen by the browser.
    pub id: String,
    /// `passphrase`, `recovery`, or a later kind.
    pub kind: String,
    /// What the browser made, as JSON.
    pub body: String,
    /// When it was stored.
    pub created_ms: i64,
}

/// A person's slots.
pub async fn all(db: &Db, person: &str) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, kind, body, created_ms FROM slots WHERE person = $1 ORDER BY created_ms, id",
    )
    .bind(person)
    .fetch_all(db.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Row {
                id: row.try_get("id")?,
                kind: row.try_get("kind")?,
                body: row.try_get("body")?,
                created_ms: row.try_get("created_ms")?,
            })
        })
        .collect()
}

/// Stores a slot, in the place of one of the same id.
pub async fn put(
    transaction: &mut Transaction<'static, Any>,
    person: &str,
    row: &Row,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO slots (id, person, kind, body, created_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (person, id) DO UPDATE SET kind = excluded.kind, body = excluded.body",
    )
    .bind(&row.id)
    .bind(person)
    .bind(&row.kind)
    .bind(&row.body)
    .bind(row.created_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Deletes a slot if another of its kind stays. Whether it was deleted.
pub async fn delete(db: &Db, person: &str, id: &str) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "DELETE FROM slots WHERE person = $1 AND id = $2 AND (kind NOT IN ('passphrase', 'recovery') \
         OR EXISTS (SELECT 1 FROM slots o WHERE o.person = $1 AND o.id <> $2 AND o.kind = slots.kind))",
    )
    .bind(person)
    .bind(id)
    .execute(db.write())
    .await?;
    Ok(done.rows_affected() == 1)
}
