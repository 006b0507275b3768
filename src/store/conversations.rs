//! Conversations and their wrapped keys.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Db, StoreError};

/// A conversation as it lies in the database.
#[derive(Clone)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub person: String,
    /// `standard` or `private`.
    pub tier: String,
    /// When it was begun.
    pub created_ms: i64,
    /// When something was last added.
    pub updated_ms: i64,
    /// The sequence number of its last item; 0: it has none.
    pub last_seq: i64,
    /// The generation of its key that seals new records.
    pub generation: i64,
    /// How many records that key has sealed.
    pub records: i64,
    /// Its sealed title, settings and head.
    pub meta: Vec<u8>,
    /// A title sealed by the server that a browser has not adopted.
    pub title_inbox: Option<Vec<u8>>,
    /// The wrapped key of this generation.
    pub wrap: Vec<u8>,
}

/// What an append, a rename or a cut changes. It holds only if nobody else has changed the conversation since it
/// was read: `from` says what was read.
#[derive(Clone)]
pub struct Change<'a> {
    /// Which conversation.
    pub id: &'a str,
    /// `last_seq` and `records` as they were read.
    pub from: (i64, i64),
    /// As they are to be.
    pub last_seq: i64,
    /// See above.
    pub records: i64,
    /// See [`Row::generation`].
    pub generation: i64,
    /// See [`Row::meta`].
    pub meta: &'a [u8],
    /// See [`Row::updated_ms`].
    pub updated_ms: i64,
}

/// Where a page of a list begins: after this conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its time.
    pub updated_ms: i64,
    /// Its id.
    pub id: String,
}

/// Adds a conversation with its first key.
pub async fn insert(db: &Db, row: &Row) -> Result<(), StoreError> {
    let mut transaction = db.begin().await?;
    insert_in(&mut transaction, row).await?;
    transaction.commit().await?;
    Ok(())
}

/// Adds a conversation with its first key, together with other changes.
pub async fn insert_in(
    transaction: &mut Transaction<'static, Any>,
    row: &Row,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO conversations (id, person, tier, created_ms, updated_ms, last_seq, generation, \
         records, meta) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&row.id)
    .bind(&row.person)
    .bind(&row.tier)
    .bind(row.created_ms)
    .bind(row.updated_ms)
    .bind(row.last_seq)
    .bind(row.generation)
    .bind(row.records)
    .bind(row.meta.as_slice())
    .execute(&mut **transaction)
    .await?;
    add_key(transaction, &row.id, row.generation, &row.wrap).await
}

/// Adds a later generation of a conversation's key.
pub async fn add_key(
    transaction: &mut Transaction<'static, Any>,
    id: &str,
    generation: i64,
    wrap: &[u8],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO conversation_keys (conversation, generation, wrap) VALUES ($1, $2, $3)",
    )
    .bind(id)
    .bind(generation)
    .bind(wrap)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A person's conversation.
pub async fn get(db: &Db, person: &str, id: &str) -> Result<Option<Row>, StoreError> {
    let row = sqlx::query(
        "SELECT c.*, k.wrap FROM conversations c JOIN conversation_keys k \
         ON k.conversation = c.id AND k.generation = c.generation WHERE c.id = $1 AND c.person = $2",
    )
    .bind(id)
    .bind(person)
    .fetch_optional(db.read())
    .await?;
    row.as_ref().map(read).transpose()
}

/// A page of a person's conversations, the latest first.
pub async fn page(
    db: &Db,
    person: &str,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let (updated_ms, id) = after.map_or((i64::MAX, ""), |c| (c.updated_ms, c.id.as_str()));
    let rows = sqlx::query(
        "SELECT c.*, k.wrap FROM conversations c JOIN conversation_keys k \
         ON k.conversation = c.id AND k.generation = c.generation \
         WHERE c.person = $1 AND (c.updated_ms, c.id) < ($2, $3) \
         ORDER BY c.updated_ms DESC, c.id DESC LIMIT $4",
    )
    .bind(person)
    .bind(updated_ms)
    .bind(id)
    .bind(limit)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(read).collect()
}

/// All wrapped keys of a conversation, by generation.
pub async fn keys(db: &Db, id: &str) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT generation, wrap FROM conversation_keys WHERE conversation = $1 ORDER BY generation",
    )
    .bind(id)
    .fetch_all(db.read())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("generation")?, row.try_get("wrap")?))).collect()
}

/// Puts another wrap in the place of one.
pub async fn rewrap(
    transaction: &mut Transaction<'static, Any>,
    id: &str,
    generation: i64,
    wrap: &[u8],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE conversation_keys SET wrap = $3 WHERE conversation = $1 AND generation = $2",
    )
    .bind(id)
    .bind(generation)
    .bind(wrap)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Changes a conversation. `false` if somebody else has changed it since it was read; nothing has changed then.
pub async fn change(
    transaction: &mut Transaction<'static, Any>,
    change: &Change<'_>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE conversations SET last_seq = $4, records = $5, generation = $6, meta = $7, \
         updated_ms = $8 WHERE id = $1 AND last_seq = $2 AND records = $3",
    )
    .bind(change.id)
    .bind(change.from.0)
    .bind(change.from.1)
    .bind(change.last_seq)
    .bind(change.records)
    .bind(change.generation)
    .bind(change.meta)
    .bind(change.updated_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a title that the server sealed beside a private conversation.
pub async fn set_title_inbox(db: &Db, id: &str, title: Option<&[u8]>) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversations SET title_inbox = $2 WHERE id = $1")
        .bind(id)
        .bind(title)
        .execute(db.write())
        .await?;
    Ok(())
}

/// Gives a conversation to somebody else.
pub async fn give(
    transaction: &mut Transaction<'static, Any>,
    id: &str,
    person: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversations SET person = $2 WHERE id = $1")
        .bind(id)
        .bind(person)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Deletes a conversation with all that belongs to it; its keys go first. Whether it was there.
pub async fn delete(db: &Db, person: &str, id: &str) -> Result<bool, StoreError> {
    let mut transaction = db.begin().await?;
    for statement in [
        "DELETE FROM conversation_keys WHERE conversation IN \
         (SELECT id FROM conversations WHERE id = $1 AND person = $2)",
        "DELETE FROM items WHERE conversation IN \
         (SELECT id FROM conversations WHERE id = $1 AND person = $2)",
        "DELETE FROM turns WHERE conversation IN \
         (SELECT id FROM conversations WHERE id = $1 AND person = $2)",
    ] {
        sqlx::query(statement).bind(id).bind(person).execute(&mut *transaction).await?;
    }
    let done = sqlx::query("DELETE FROM conversations WHERE id = $1 AND person = $2")
        .bind(id)
        .bind(person)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(done.rows_affected() == 1)
}

fn read(row: &AnyRow) -> Result<Row, StoreError> {
    Ok(Row {
        id: row.try_get("id")?,
        person: row.try_get("person")?,
        tier: row.try_get("tier")?,
        created_ms: row.try_get("created_ms")?,
        updated_ms: row.try_get("updated_ms")?,
        last_seq: row.try_get("last_seq")?,
        generation: row.try_get("generation")?,
        records: row.try_get("records")?,
        meta: row.try_get("meta")?,
        title_inbox: row.try_get("title_inbox")?,
        wrap: row.try_get("wrap")?,
    })
}
