//! The keys of people: the wrapped key that their conversations' keys are wrapped under, and the public key that
//! their private turns are sealed to.

use sqlx::{Any, Row as _, Transaction};

use super::{Db, StoreError};

/// A person's wrapped keys.
pub struct Owner {
    /// The wrapped user data key.
    pub udk: Vec<u8>,
    /// Under which of the server's keys.
    pub udk_kid: String,
    /// The public key of their vault, if they have one.
    pub identity: Option<Vec<u8>>,
}

/// A person's keys.
pub async fn get(db: &Db, person: &str) -> Result<Option<Owner>, StoreError> {
    let row = sqlx::query("SELECT udk, udk_kid, identity FROM people WHERE id = $1")
        .bind(person)
        .fetch_optional(db.read())
        .await?;
    row.map(|row| {
        Ok(Owner {
            udk: row.try_get("udk")?,
            udk_kid: row.try_get("udk_kid")?,
            identity: row.try_get("identity")?,
        })
    })
    .transpose()
}

/// Up to `limit` people whose key is not wrapped under `kid`.
pub async fn under_other_keys(
    db: &Db,
    kid: &str,
    limit: i64,
) -> Result<Vec<(String, Owner)>, StoreError> {
    let rows =
        sqlx::query("SELECT id, udk, udk_kid FROM people WHERE udk_kid <> $1 ORDER BY id LIMIT $2")
            .bind(kid)
            .bind(limit)
            .fetch_all(db.read())
            .await?;
    rows.iter()
        .map(|row| {
            let owner = Owner {
                udk: row.try_get("udk")?,
                udk_kid: row.try_get("udk_kid")?,
                identity: None,
            };
            Ok((row.try_get("id")?, owner))
        })
        .collect()
}

/// Puts another wrap in the place of the one that was read. `false` if somebody else was quicker.
pub async fn rewrap(
    db: &Db,
    person: &str,
    from_kid: &str,
    udk: &[u8],
    kid: &str,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE people SET udk = $3, udk_kid = $4 WHERE id = $1 AND udk_kid = $2")
            .bind(person)
            .bind(from_kid)
            .bind(udk)
            .bind(kid)
            .execute(db.write())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets up a person's vault, unless there is one. Whether it was set up.
pub async fn set_vault(
    transaction: &mut Transaction<'static, Any>,
    person: &str,
    identity: &[u8],
    wrapped: &[u8],
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE people SET identity = $2, vault = $3 WHERE id = $1 AND identity IS NULL",
    )
    .bind(person)
    .bind(identity)
    .bind(wrapped)
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The public key of a person's vault and its wrapped private one.
pub async fn vault(db: &Db, person: &str) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
    let row =
        sqlx::query("SELECT identity, vault FROM people WHERE id = $1 AND identity IS NOT NULL")
            .bind(person)
            .fetch_optional(db.read())
            .await?;
    row.map(|row| Ok((row.try_get("identity")?, row.try_get("vault")?))).transpose()
}
