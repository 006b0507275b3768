//! A standard conversation with its keys in hand.
//!
//! Each item is a record of its own; the title, the settings and the head of the chain of items are another. A
//! change writes both in one transaction, so that after a crash either both are there or neither.

use std::collections::BTreeMap;

use super::ChatError;
use super::content::{Content, Item, Meta, NewItem, role_name, role_of};
use super::integrity::{Problem, ProblemKind, verify};
use super::tier::Tier;
use crate::store::conversations::{self, Change, Row};
use crate::store::{Db, StoreError, items};
use crate::vault::chain::Head;
use crate::vault::key::Key;
use crate::vault::record::{Binding, ConversationKey, OpenError, RECORDS_PER_KEY, generation};

/// Records that a change may take: the item and the meta record.
const PER_CHANGE: u64 = 2;
/// Items that are opened before others have their turn on this thread: a few microseconds each.
const AT_ONCE: usize = 50;

/// See the module. After an error it no longer knows what lies in the database: open it again.
pub(super) struct Standard {
    row: Row,
    owner: Key,
    keys: BTreeMap<u32, ConversationKey>,
    pub(super) meta: Meta,
    head: Head,
}

/// What a change does to the items.
enum Edit<'a> {
    Nothing,
    Insert(&'a items::Row),
    Replace { seq: u64, sealed: &'a [u8] },
    DeleteFrom(u64),
}

impl Standard {
    /// A new one, as it is to be inserted.
    pub(super) fn create(
        owner: Key,
        person: &str,
        id: &str,
        mut meta: Meta,
        now_ms: i64,
    ) -> Result<Self, ChatError> {
        let head = Head::EMPTY;
        note(&mut meta, &head);
        let mut key = ConversationKey::new(ConversationKey::FIRST)?;
        let row = Row {
            id: id.to_owned(),
            person: person.to_owned(),
            tier: Tier::Standard.as_str().to_owned(),
            created_ms: now_ms,
            updated_ms: now_ms,
            last_seq: 0,
            generation: key.generation().into(),
            records: 1,
            meta: key.seal(&Binding::Meta { conversation: id }, &meta.to_bytes())?,
            title_inbox: None,
            wrap: key.wrap(&owner, &place_of_key(person, id))?,
        };
        let keys = BTreeMap::from([(key.generation(), key)]);
        Ok(Self { row, owner, keys, meta, head })
    }

    /// Opens one that was read. Only the current key is opened; those before it are when items need them.
    pub(super) fn open(row: Row, owner: Key) -> Result<Self, ChatError> {
        let place = place_of_key(&row.person, &row.id);
        let key = ConversationKey::unwrap(&owner, &place, &row.wrap, row.records as u64)?;
        let bytes = key.open(&Binding::Meta { conversation: &row.id }, &row.meta)?;
        let meta = Meta::from_bytes(&bytes).ok_or(OpenError::NotARecord)?;
        let head = head_of(&meta).ok_or(OpenError::NotARecord)?;
        let keys = BTreeMap::from([(key.generation(), key)]);
        Ok(Self { row, owner, keys, meta, head })
    }

    /// As it lies in the database.
    pub(super) fn row(&self) -> &Row {
        &self.row
    }

    /// Adds an item and says where. `None`: somebody else has changed the conversation; open it again.
    pub(super) async fn append(
        &mut self,
        db: &Db,
        item: &NewItem,
        now_ms: i64,
    ) -> Result<Option<u64>, ChatError> {
        let seq = self.head.last_seq + 1;
        let role = role_name(item.role);
        let sealed = self.seal_item(&item.id, seq, role, &item.content)?;
        let mut head = self.head;
        head.push(seq, &sealed)?;
        let new = items::Row {
            seq: seq as i64,
            id: item.id.clone(),
            role: role.to_owned(),
            sealed,
            created_ms: now_ms,
        };
        let meta = self.meta.clone();
        let done = self.commit(db, meta, head, Edit::Insert(&new), now_ms).await?;
        Ok(done.then_some(seq))
    }

    /// Changes title or settings. `false`: see [`Self::append`].
    pub(super) async fn set_meta(
        &mut self,
        db: &Db,
        meta: Meta,
        now_ms: i64,
    ) -> Result<bool, ChatError> {
        self.make_room()?;
        self.commit(db, meta, self.head, Edit::Nothing, now_ms).await
    }

    /// Deletes the items from `seq` on. `false`: see [`Self::append`].
    pub(super) async fn cut(&mut self, db: &Db, seq: u64, now_ms: i64) -> Result<bool, ChatError> {
        self.make_room()?;
        let mut head = Head::EMPTY;
        for (place, tag) in items::tags(db, &self.row.id).await? {
            if (place as u64) < seq {
                head.push_tag(place as u64, &tag)?;
            }
        }
        let meta = self.meta.clone();
        self.commit(db, meta, head, Edit::DeleteFrom(seq), now_ms).await
    }

    /// Puts other content into an item. `false`: see [`Self::append`].
    pub(super) async fn replace(
        &mut self,
        db: &Db,
        item: &Item,
        now_ms: i64,
    ) -> Result<bool, ChatError> {
        let sealed = self.seal_item(&item.id, item.seq, role_name(item.role), &item.content)?;
        let mut head = Head::EMPTY;
        for (seq, tag) in items::tags(db, &self.row.id).await? {
            if seq as u64 == item.seq {
                head.push(item.seq, &sealed)?;
            } else {
                head.push_tag(seq as u64, &tag)?;
            }
        }
        let meta = self.meta.clone();
        let edit = Edit::Replace { seq: item.seq, sealed: &sealed };
        self.commit(db, meta, head, edit, now_ms).await
    }

    /// The last `limit` items before `before`, and what is wrong with them. Whether some are missing shows only
    /// where the end is asked for.
    pub(super) async fn items(
        &mut self,
        db: &Db,
        before: Option<u64>,
        limit: i64,
    ) -> Result<(Vec<Item>, Vec<Problem>), ChatError> {
        let rows = items::page(db, &self.row.id, before.map(|seq| seq as i64), limit).await?;
        self.load_keys(db).await?;
        let mut problems = Vec::new();
        let mut opened = Vec::with_capacity(rows.len());
        for (number, row) in rows.iter().enumerate() {
            if number % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            match self.open_item(row) {
                Some(item) => opened.push(item),
                None => {
                    problems.push(Problem { seq: row.seq as u64, kind: ProblemKind::Damaged });
                }
            }
        }
        if before.is_none() {
            let tags = items::tags(db, &self.row.id).await?;
            let tags = tags.iter().map(|(seq, tag)| (*seq as u64, tag.as_slice()));
            verify(&self.head, tags, &mut problems);
        }
        Ok((opened, problems))
    }

    /// One item.
    pub(super) async fn item(&mut self, db: &Db, id: &str) -> Result<Item, ChatError> {
        let row = items::get(db, &self.row.id, id).await?.ok_or(ChatError::NoItem)?;
        self.load_keys(db).await?;
        self.open_item(&row).ok_or(ChatError::Damaged(OpenError::Refused))
    }

    /// The wraps of all its keys for another owner, by generation.
    pub(super) async fn wraps_for(
        &mut self,
        db: &Db,
        owner: &Key,
        person: &str,
    ) -> Result<Vec<(u32, Vec<u8>)>, ChatError> {
        self.load_keys(db).await?;
        let place = place_of_key(person, &self.row.id);
        let wraps =
            self.keys.iter().map(|(generation, key)| Ok((*generation, key.wrap(owner, &place)?)));
        wraps.collect()
    }

    /// Writes a change: the meta record with its new head, and what happens to the items. `false`: somebody else
    /// was quicker, and nothing has changed.
    async fn commit(
        &mut self,
        db: &Db,
        mut meta: Meta,
        head: Head,
        edit: Edit<'_>,
        now_ms: i64,
    ) -> Result<bool, ChatError> {
        note(&mut meta, &head);
        let id = self.row.id.clone();
        let key = self.keys.last_entry().ok_or(OpenError::Refused)?.into_mut();
        let sealed = key.seal(&Binding::Meta { conversation: &id }, &meta.to_bytes())?;
        let generation = i64::from(key.generation());
        let change = Change {
            id: &id,
            from: (self.row.last_seq, self.row.records),
            last_seq: head.last_seq as i64,
            records: key.used() as i64,
            generation,
            meta: &sealed,
            updated_ms: now_ms,
        };
        let wrap = if generation == self.row.generation {
            None
        } else {
            Some(key.wrap(&self.owner, &place_of_key(&self.row.person, &id))?)
        };
        let mut transaction = db.begin().await?;
        if !conversations::change(&mut transaction, &change).await? {
            return Ok(false);
        }
        if let Some(wrap) = &wrap {
            conversations::add_key(&mut transaction, &id, generation, wrap).await?;
        }
        match edit {
            Edit::Nothing => {}
            Edit::Insert(row) => items::insert(&mut transaction, &id, row).await?,
            Edit::DeleteFrom(seq) => {
                items::delete_from(&mut transaction, &id, seq as i64).await?;
            }
            Edit::Replace { seq, sealed } => {
                if !items::replace(&mut transaction, &id, seq as i64, sealed).await? {
                    return Err(ChatError::NoItem);
                }
            }
        }
        transaction.commit().await.map_err(StoreError::from)?;
        let Change { last_seq, records, .. } = change;
        let row = &mut self.row;
        (row.last_seq, row.records, row.generation) = (last_seq, records, generation);
        row.updated_ms = now_ms;
        row.meta = sealed;
        if let Some(wrap) = wrap {
            row.wrap = wrap;
        }
        (self.meta, self.head) = (meta, head);
        Ok(true)
    }

    fn seal_item(
        &mut self,
        item: &str,
        seq: u64,
        role: &str,
        content: &Content,
    ) -> Result<Vec<u8>, ChatError> {
        self.make_room()?;
        let conversation = self.row.id.as_str();
        let key = self.keys.last_entry().ok_or(OpenError::Refused)?.into_mut();
        let place = Binding::Message { conversation, item, seq, role };
        Ok(key.seal(&place, &content.to_bytes())?)
    }

    /// Makes the next generation of the key when the current one could not seal a whole change.
    fn make_room(&mut self) -> Result<(), ChatError> {
        let Some((generation, key)) = self.keys.last_key_value() else { return Ok(()) };
        if key.used() + PER_CHANGE > RECORDS_PER_KEY {
            let next = generation + 1;
            self.keys.insert(next, ConversationKey::new(next)?);
        }
        Ok(())
    }

    fn open_item(&self, row: &items::Row) -> Option<Item> {
        let role = role_of(&row.role)?;
        let key = self.keys.get(&generation(&row.sealed)?)?;
        let (seq, conversation) = (row.seq as u64, self.row.id.as_str());
        let place = Binding::Message { conversation, item: &row.id, seq, role: &row.role };
        let bytes = key.open(&place, &row.sealed).ok()?;
        Some(Item { seq, id: row.id.clone(), role, content: Content::from_bytes(&bytes)? })
    }

    /// Opens the keys of earlier generations.
    async fn load_keys(&mut self, db: &Db) -> Result<(), ChatError> {
        if self.keys.len() as i64 >= self.row.generation {
            return Ok(());
        }
        let place = place_of_key(&self.row.person, &self.row.id);
        for (generation, wrap) in conversations::keys(db, &self.row.id).await? {
            if generation >= self.row.generation {
                continue;
            }
            // Retired: it opens, and never seals again. One that does not open makes its items unreadable,
            // not the conversation.
            let key = ConversationKey::unwrap(&self.owner, &place, &wrap, RECORDS_PER_KEY);
            if let Ok(key) = key {
                self.keys.insert(key.generation(), key);
            }
        }
        Ok(())
    }
}

fn place_of_key<'a>(person: &'a str, id: &'a str) -> Binding<'a> {
    let tier = Tier::Standard.as_str();
    Binding::ConversationKey { owner: person, conversation: id, tier }
}

fn note(meta: &mut Meta, head: &Head) {
    meta.last_seq = head.last_seq;
    meta.digest =
        head.digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
}

fn head_of(meta: &Meta) -> Option<Head> {
    let mut digest = [0; 32];
    if meta.digest.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(meta.digest.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Head { last_seq: meta.last_seq, digest })
}
