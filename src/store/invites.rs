//! Invitations to make an account, known by their sum.

use sqlx::{Any, Transaction};

use super::{Db, StoreError};

/// Adds one.
pub async fn insert(
    db: &Db,
    hash: &[u8],
    created_ms: i64,
    expires_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO invites (hash, created_ms, expires_ms) VALUES ($1, $2, $3)")
        .bind(hash)
        .bind(created_ms)
        .bind(expires_ms)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Uses one up. `false` if there is none, or it has been used, or has expired.
pub async fn take(
    transaction: &mut Transaction<'static, Any>,
    hash: &[u8],
    person: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE invites SET used_by = $2 WHERE hash = $1 AND used_by IS NULL AND expires_ms > $3",
    )
    .bind(hash)
    .bind(person)
    .bind(now_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes at most `limit` that are used or have expired; how many.
pub async fn delete_spent(db: &Db, now_ms: i64, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM invites WHERE hash IN \
         (SELECT hash FROM invites WHERE used_by IS NOT NULL OR expires_ms <= $1 LIMIT $2)",
    )
    .bind(now_ms)
    .bind(limit)
    .execute(db.write())
    .await?;
    Ok(done.rows_affected())
}
