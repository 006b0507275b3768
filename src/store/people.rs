//! People: accounts and guests.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Db, StoreError};

/// Somebody as they lie in the database.
#[derive(Clone)]
pub struct Row {
    /// Their id.
    pub id: String,
    /// `guest` or `account`.
    pub kind: String,
    /// What an account signs in with.
    pub name: Option<String>,
    /// The hash of its password.
    pub password: Option<String>,
    /// Whether they look after the server.
    pub admin: bool,
    /// Whether they are kept out.
    pub disabled: bool,
    /// Their wrapped data key.
    pub udk: Vec<u8>,
    /// The key of the server that wraps it.
    pub udk_kid: String,
    /// The tier of new conversations.
    pub default_tier: String,
    /// When they came.
    pub created_ms: i64,
    /// When they were last here, to a minute or so.
    pub seen_ms: i64,
    /// Attempts to sign in since the last success.
    pub failures: i64,
    /// No attempt before this time.
    pub locked_until_ms: i64,
    /// Whether their vault is set up.
    pub has_vault: bool,
}

/// Reads everything but what only the vault needs.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, name, password, admin, disabled, udk, udk_kid, default_tier, ",
            "created_ms, seen_ms, failures, locked_until_ms, ",
            // A number of the width that both databases give back for a column.
            "CAST(CASE WHEN identity IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_vault FROM people ",
            $rest
        )
    };
}

/// Adds somebody. [`StoreError::Conflict`] if the name is taken.
pub async fn insert(
    transaction: &mut Transaction<'static, Any>,
    row: &Row,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO people (id, kind, name, password, admin, disabled, udk, udk_kid, default_tier, \
         created_ms, seen_ms, failures, locked_until_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(&row.id)
    .bind(&row.kind)
    .bind(row.name.as_deref())
    .bind(row.password.as_deref())
    .bind(i64::from(row.admin))
    .bind(i64::from(row.disabled))
    .bind(row.udk.as_slice())
    .bind(&row.udk_kid)
    .bind(&row.default_tier)
    .bind(row.created_ms)
    .bind(row.seen_ms)
    .bind(row.failures)
    .bind(row.locked_until_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Who has this id.
pub async fn get(db: &Db, id: &str) -> Result<Option<Row>, StoreError> {
    let row = sqlx::query(select!("WHERE id = $1")).bind(id).fetch_optional(db.read()).await?;
    row.as_ref().map(read).transpose()
}

/// Who has this name.
pub async fn by_name(db: &Db, name: &str) -> Result<Option<Row>, StoreError> {
    let row = sqlx::query(select!("WHERE name = $1")).bind(name).fetch_optional(db.read()).await?;
    row.as_ref().map(read).transpose()
}

/// All accounts, by name.
pub async fn accounts(db: &Db) -> Result<Vec<Row>, StoreError> {
    let rows =
        sqlx::query(select!("WHERE kind = 'account' ORDER BY name")).fetch_all(db.read()).await?;
    rows.iter().map(read).collect()
}

/// Makes a guest an account; everything that hangs on the id stays. `false` if there is no such guest (any
/// more), [`StoreError::Conflict`] if the name is taken.
pub async fn upgrade(
    transaction: &mut Transaction<'static, Any>,
    id: &str,
    name: &str,
    password: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE people SET kind = 'account', name = $2, password = $3, failures = 0, locked_until_ms = 0 \
         WHERE id = $1 AND kind = 'guest'",
    )
    .bind(id)
    .bind(name)
    .bind(password)
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes what is remembered of attempts, if it is still as it was read (`from`: failures and lock). Whether it
/// was.
pub async fn set_attempts(
    db: &Db,
    id: &str,
    from: (i64, i64),
    to: (i64, i64),
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE people SET failures = $4, locked_until_ms = $5 \
         WHERE id = $1 AND failures = $2 AND locked_until_ms = $3",
    )
    .bind(id)
    .bind(from.0)
    .bind(from.1)
    .bind(to.0)
    .bind(to.1)
    .execute(db.write())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets all attempts.
pub async fn clear_attempts(db: &Db, id: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET failures = 0, locked_until_ms = 0 WHERE id = $1")
        .bind(id)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Puts another hash in the place of this one; nothing happens if that one is gone.
pub async fn renew_password(db: &Db, id: &str, old: &str, new: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET password = $3 WHERE id = $1 AND password = $2")
        .bind(id)
        .bind(old)
        .bind(new)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Sets another password.
pub async fn set_password(db: &Db, id: &str, password: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET password = $2, failures = 0, locked_until_ms = 0 WHERE id = $1")
        .bind(id)
        .bind(password)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Sets the tier of new conversations.
pub async fn set_default_tier(db: &Db, id: &str, tier: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET default_tier = $2 WHERE id = $1")
        .bind(id)
        .bind(tier)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Keeps somebody out, or lets them in again.
pub async fn set_disabled(db: &Db, id: &str, disabled: bool) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET disabled = $2 WHERE id = $1")
        .bind(id)
        .bind(i64::from(disabled))
        .execute(db.write())
        .await?;
    Ok(())
}

/// Notes that somebody is here.
pub async fn touch(db: &Db, id: &str, now_ms: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET seen_ms = $2 WHERE id = $1 AND seen_ms < $2")
        .bind(id)
        .bind(now_ms)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Guests who have not come since `before_ms`, at most `limit`.
pub async fn idle_guests(db: &Db, before_ms: i64, limit: i64) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT id FROM people WHERE kind = 'guest' AND seen_ms < $1 ORDER BY seen_ms LIMIT $2",
    )
    .bind(before_ms)
    .bind(limit)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Deletes a guest who is still one and has not come since `before_ms`; whether that was so.
pub async fn delete_idle_guest(db: &Db, id: &str, before_ms: i64) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM people WHERE id = $1 AND kind = 'guest' AND seen_ms < $2")
        .bind(id)
        .bind(before_ms)
        .execute(db.write())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes somebody, with their logins and tokens. Whether they were there.
pub async fn delete(db: &Db, id: &str) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM people WHERE id = $1").bind(id).execute(db.write()).await?;
    Ok(done.rows_affected() == 1)
}

fn read(row: &AnyRow) -> Result<Row, StoreError> {
    let flag = |name: &str| row.try_get::<i64, _>(name).map(|number| number != 0);
    Ok(Row {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        name: row.try_get("name")?,
        password: row.try_get("password")?,
        admin: flag("admin")?,
        disabled: flag("disabled")?,
        udk: row.try_get("udk")?,
        udk_kid: row.try_get("udk_kid")?,
        default_tier: row.try_get("default_tier")?,
        created_ms: row.try_get("created_ms")?,
        seen_ms: row.try_get("seen_ms")?,
        failures: row.try_get("failures")?,
        locked_until_ms: row.try_get("locked_until_ms")?,
        has_vault: flag("has_vault")?,
    })
}
