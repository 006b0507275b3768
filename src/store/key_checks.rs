//! What shows that a key of the server is the one that it was.

use sqlx::Row as _;

use super::{Db, StoreError};

/// The record for a key, if there is one.
pub async fn get(db: &Db, kid: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query("SELECT record FROM key_checks WHERE kid = $1")
        .bind(kid)
        .fetch_optional(db.read())
        .await?;
    row.map(|row| Ok(row.try_get("record")?)).transpose()
}

/// Adds the record for a key. One that is there already stays.
pub async fn add(db: &Db, kid: &str, record: &[u8]) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO key_checks (kid, record) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(kid)
        .bind(record)
        .execute(db.write())
        .await?;
    Ok(())
}
