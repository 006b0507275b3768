//! A private conversation as the server sees it: it can add, and it cannot read.
//!
//! What is said is sealed to the public key of the person's vault in the transaction that acknowledges it. The
//! browser adopts it later: it opens it, seals it under the conversation's key and puts it back.

use super::ChatError;
use super::content::{NewItem, role_name};
use crate::store::conversations::{self, Change, Row};
use crate::store::{Db, StoreError, items};
use crate::vault::record::Binding;
use crate::vault::sealed::{IdentityPublic, seal_to};

/// See the module.
pub(super) struct Private {
    row: Row,
    identity: IdentityPublic,
}

impl Private {
    /// One that was read, and the public key of its person.
    pub(super) fn new(row: Row, identity: IdentityPublic) -> Self {
        Self { row, identity }
    }

    /// As it lies in the database.
    pub(super) fn row(&self) -> &Row {
        &self.row
    }

    /// Adds an item. `None`: somebody else has changed the conversation; open it again.
    pub(super) async fn append(
        &mut self,
        db: &Db,
        item: &NewItem,
        now_ms: i64,
    ) -> Result<Option<u64>, ChatError> {
        let seq = self.row.last_seq + 1;
        let sealed = self.seal(item, seq as u64)?;
        let new = items::Row {
            seq,
            id: item.id.clone(),
            role: role_name(item.role).to_owned(),
            sealed,
            created_ms: now_ms,
        };
        let mut transaction = db.begin().await?;
        if !self.change(&mut transaction, seq, now_ms).await? {
            return Ok(None);
        }
        items::insert(&mut transaction, &self.row.id, &new).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        (self.row.last_seq, self.row.updated_ms) = (seq, now_ms);
        Ok(Some(seq as u64))
    }

    /// Puts other content into an item. `false`: see [`Self::append`].
    pub(super) async fn replace(
        &mut self,
        db: &Db,
        item: &NewItem,
        now_ms: i64,
    ) -> Result<bool, ChatError> {
        let row = items::get(db, &self.row.id, &item.id).await?.ok_or(ChatError::NoItem)?;
        let sealed = self.seal(item, row.seq as u64)?;
        let mut transaction = db.begin().await?;
        let last = self.row.last_seq;
        if !self.change(&mut transaction, last, now_ms).await? {
            return Ok(false);
        }
        items::replace(&mut transaction, &self.row.id, row.seq, &sealed).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        Ok(true)
    }

    /// Deletes the items from `seq` on. `false`: see [`Self::append`].
    pub(super) async fn cut(&mut self, db: &Db, seq: u64, now_ms: i64) -> Result<bool, ChatError> {
        let mut transaction = db.begin().await?;
        let last = seq as i64 - 1;
        if !self.change(&mut transaction, last, now_ms).await? {
            return Ok(false);
        }
        items::delete_from(&mut transaction, &self.row.id, seq as i64).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        (self.row.last_seq, self.row.updated_ms) = (last, now_ms);
        Ok(true)
    }

    /// Leaves a title for the browser to adopt.
    pub(super) async fn leave_title(&self, db: &Db, title: &str) -> Result<(), ChatError> {
        let binding = Binding::SealedTitle { conversation: &self.row.id };
        let sealed = seal_to(&self.identity, &binding, title.as_bytes())?;
        Ok(conversations::set_title_inbox(db, &self.row.id, Some(&sealed)).await?)
    }

    fn seal(&self, item: &NewItem, seq: u64) -> Result<Vec<u8>, ChatError> {
        let role = role_name(item.role);
        let binding =
            Binding::SealedMessage { conversation: &self.row.id, item: &item.id, seq, role };
        Ok(seal_to(&self.identity, &binding, &item.content.to_bytes())?)
    }

    async fn change(
        &self,
        transaction: &mut sqlx::Transaction<'static, sqlx::Any>,
        last_seq: i64,
        now_ms: i64,
    ) -> Result<bool, ChatError> {
        let change = Change {
            id: &self.row.id,
            from: (self.row.last_seq, self.row.records),
            last_seq,
            records: self.row.records,
            generation: self.row.generation,
            meta: &self.row.meta,
            updated_ms: now_ms,
        };
        Ok(conversations::change(transaction, &change).await?)
    }
}
