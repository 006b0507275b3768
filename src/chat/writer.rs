//! The one who adds to a conversation: a call, or a reply being written. Holding it keeps others out.

use std::collections::HashSet;
use std::time::Instant;

use super::content::{Item, Meta, NewItem, TitleBy};
use super::live::InUse;
use super::private::Private;
use super::standard::Standard;
use super::tier::Tier;
use super::{ATTEMPTS, ChatError, Chats, now_ms};
use crate::pipeline::history::Role;
use crate::pipeline::text::Text;
use crate::store::{Db, StoreError, items, turns};
use crate::telemetry::metrics::Change;

/// Earlier items that are read for a conversation that goes on; the model's window is smaller.
const EARLIER: i64 = 400;

/// See the module.
pub struct Writer {
    chats: Chats,
    person: String,
    id: String,
    place: Place,
    /// Where a change has failed, what was read is no longer what is there.
    stale: bool,
    /// What it holds the conversation by.
    pub in_use: InUse,
}

/// Where it writes.
pub(super) enum Place {
    Standard(Box<Standard>),
    Private(Box<Private>),
    Ephemeral,
}

impl Writer {
    pub(super) async fn new(
        chats: &Chats,
        person: &str,
        id: &str,
        in_use: InUse,
    ) -> Result<Self, ChatError> {
        let place = chats.place(person, id).await?;
        Ok(Self {
            chats: chats.clone(),
            person: person.to_owned(),
            id: id.to_owned(),
            place,
            stale: false,
            in_use,
        })
    }

    /// Which conversation.
    pub fn conversation(&self) -> &str {
        &self.id
    }

    /// Its tier.
    pub fn tier(&self) -> Tier {
        match self.place {
            Place::Standard(_) => Tier::Standard,
            Place::Private(_) => Tier::Private,
            Place::Ephemeral => Tier::Ephemeral,
        }
    }

    /// What is set for it. Of a private one the server knows nothing.
    pub fn meta(&self) -> Meta {
        match &self.place {
            Place::Standard(standard) => standard.meta.clone(),
            Place::Private(_) => Meta::default(),
            Place::Ephemeral => self.memory(|found| found.meta.clone()).unwrap_or_default(),
        }
    }

    /// What was said last, as far as the server can read it.
    pub async fn earlier(&mut self) -> Result<Vec<Item>, ChatError> {
        match &mut self.place {
            Place::Standard(standard) => {
                Ok(standard.items(&self.chats.inner.db, None, EARLIER).await?.0)
            }
            Place::Private(_) => Ok(Vec::new()),
            Place::Ephemeral => self.memory(|found| found.items.clone()),
        }
    }

    /// The ids that no new item may have.
    pub async fn ids(&self) -> Result<HashSet<String>, ChatError> {
        if matches!(self.place, Place::Ephemeral) {
            return self.memory(|found| found.items.iter().map(|item| item.id.clone()).collect());
        }
        Ok(items::ids(&self.chats.inner.db, &self.id).await?.into_iter().collect())
    }

    /// Adds an item. When this returns, it is stored, and this is its place.
    pub async fn append(&mut self, item: &NewItem) -> Result<u64, ChatError> {
        let began = Instant::now();
        let added = self.try_append(item).await;
        self.count(Change::Item, began, added.is_ok());
        added
    }

    async fn try_append(&mut self, item: &NewItem) -> Result<u64, ChatError> {
        for _ in 0..ATTEMPTS {
            if self.stale {
                self.reload().await?;
            }
            let (db, now) = (&self.chats.inner.db, now_ms());
            let added = match &mut self.place {
                Place::Standard(standard) => standard.append(db, item, now).await,
                Place::Private(private) => private.append(db, item, now).await,
                Place::Ephemeral => self.memory(|found| found.append(item, now))?.map(Some),
            };
            match added {
                Ok(Some(seq)) => {
                    if item.role == Role::User {
                        self.name_by_words(&item.content.text).await;
                    }
                    return Ok(seq);
                }
                Ok(None) => self.reload().await?,
                // The connection may break when all is done but the answer.
                Err(ChatError::Store(StoreError::Conflict)) => {
                    self.reload().await?;
                    return self.place_of(item).await;
                }
                Err(error) => {
                    self.stale = true;
                    return Err(error);
                }
            }
        }
        Err(ChatError::Contended)
    }

    /// Shortens an item to what was heard of it.
    pub async fn shorten(&mut self, item: &NewItem) -> Result<(), ChatError> {
        let began = Instant::now();
        let shortened = self.try_shorten(item).await;
        self.count(Change::Shorten, began, shortened.is_ok());
        shortened
    }

    async fn try_shorten(&mut self, item: &NewItem) -> Result<(), ChatError> {
        for _ in 0..ATTEMPTS {
            let (db, now) = (&self.chats.inner.db, now_ms());
            let done = match &mut self.place {
                Place::Standard(standard) => {
                    let before = standard.item(db, &item.id).await?;
                    let after = Item { content: item.content.clone(), ..before };
                    standard.replace(db, &after, now).await?
                }
                Place::Private(private) => private.replace(db, item, now).await?,
                Place::Ephemeral => self.memory(|found| {
                    if let Some(before) = found.items.iter_mut().find(|i| i.id == item.id) {
                        before.content = item.content.clone();
                    }
                    true
                })?,
            };
            if done {
                return Ok(());
            }
            self.reload().await?;
        }
        Err(ChatError::Contended)
    }

    /// Keeps how a turn went, of a conversation that is kept.
    pub async fn note_turn(&self, report: &turns::Row) -> Result<(), ChatError> {
        if !matches!(self.place, Place::Ephemeral) {
            let began = Instant::now();
            let noted = turns::insert(&self.chats.inner.db, &self.id, report).await;
            self.count(Change::Turn, began, noted.is_ok());
            noted?;
        }
        Ok(())
    }

    /// Counts a change that the database was asked for. What is in memory only takes no time.
    fn count(&self, change: Change, began: Instant, done: bool) {
        if !matches!(self.place, Place::Ephemeral) {
            self.chats.metrics().store.tried(change, began.elapsed(), done);
        }
    }

    /// Deletes the items from the one with this id on.
    pub async fn cut(&mut self, id: &str) -> Result<(), ChatError> {
        for _ in 0..ATTEMPTS {
            let (db, now) = (&self.chats.inner.db, now_ms());
            let done = match &mut self.place {
                Place::Standard(standard) => {
                    standard.cut(db, seq_of(db, &self.id, id).await?, now).await?
                }
                Place::Private(private) => {
                    private.cut(db, seq_of(db, &self.id, id).await?, now).await?
                }
                Place::Ephemeral => {
                    let place = self
                        .memory(|found| found.items.iter().position(|item| item.id == id))?
                        .ok_or(ChatError::NoItem)?;
                    self.memory(|found| found.items.truncate(place))?;
                    true
                }
            };
            if done {
                self.chats.inner.db.forget_log().await?;
                return Ok(());
            }
            self.reload().await?;
        }
        Err(ChatError::Contended)
    }

    /// The last item, if the server can see one: its id and its role.
    pub async fn last(&self) -> Result<Option<(String, Role)>, ChatError> {
        if matches!(self.place, Place::Ephemeral) {
            return self.memory(|found| found.items.last().map(|i| (i.id.clone(), i.role)));
        }
        let rows = items::page(&self.chats.inner.db, &self.id, None, 1).await?;
        let last = rows.into_iter().next_back();
        Ok(last.and_then(|row| Some((row.id, super::content::role_of(&row.role)?))))
    }

    /// Gives the conversation its first words as a title, if it has none. A title is not worth failing for.
    async fn name_by_words(&mut self, words: &Text) {
        let named = match &self.place {
            Place::Standard(standard) => standard.meta.title.is_some(),
            Place::Ephemeral => self.meta().title.is_some(),
            Place::Private(_) => true,
        };
        if named {
            return;
        }
        let title = super::title::of_words(words);
        let id = self.id.clone();
        if let Err(error) = self.chats.set_title(&self.person, &id, title, TitleBy::Words).await {
            tracing::warn!(%error, "a conversation was not given a title");
        }
        let _ = self.reload().await;
    }

    /// Where an item is that was stored although its transaction seemed to fail.
    async fn place_of(&mut self, item: &NewItem) -> Result<u64, ChatError> {
        let db = &self.chats.inner.db;
        if let Place::Standard(standard) = &mut self.place {
            let found = standard.item(db, &item.id).await?;
            let same = found.role == item.role && found.content == item.content;
            return same.then_some(found.seq).ok_or(ChatError::Store(StoreError::Conflict));
        }
        let row = items::get(db, &self.id, &item.id).await?;
        row.map(|row| row.seq as u64).ok_or(ChatError::Store(StoreError::Conflict))
    }

    async fn reload(&mut self) -> Result<(), ChatError> {
        self.place = self.chats.place(&self.person, &self.id).await?;
        self.stale = false;
        Ok(())
    }

    fn memory<T>(
        &self,
        work: impl FnOnce(&mut super::ephemeral::Ephemeral) -> T,
    ) -> Result<T, ChatError> {
        self.chats.inner.memory.with(&self.person, &self.id, work).ok_or(ChatError::NotFound)
    }

    /// Whose conversation it is.
    pub(crate) fn person(&self) -> &str {
        &self.person
    }

    /// What it belongs to.
    pub(crate) fn chats(&self) -> &Chats {
        &self.chats
    }
}

/// The place of a stored item.
async fn seq_of(db: &Db, conversation: &str, id: &str) -> Result<u64, ChatError> {
    let row = items::get(db, conversation, id).await?.ok_or(ChatError::NoItem)?;
    Ok(row.seq as u64)
}
