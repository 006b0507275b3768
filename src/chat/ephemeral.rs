//! Conversations that are in memory only. They are gone when they are ended, when nothing has happened in them for
//! half an hour, and when the server stops; nothing of them is ever written anywhere.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ChatError;
use super::content::{Item, Meta, NewItem};

/// One in which nothing happens for so long is gone.
pub const IDLE: Duration = Duration::from_mins(30);
/// None lasts longer.
const LONGEST: Duration = Duration::from_hours(4);
/// So many are kept at once, over all people.
const MOST: usize = 1_000;
/// What one may hold, in bytes of text: about a day of talk.
const MOST_BYTES: usize = 4 * 1_024 * 1_024;

/// A conversation.
pub(super) struct Ephemeral {
    person: String,
    pub(super) meta: Meta,
    pub(super) items: Vec<Item>,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    bytes: usize,
    began: Instant,
    used: Instant,
}

impl Ephemeral {
    /// How long it stays if nothing more happens.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let end = (self.used + IDLE).min(self.began + LONGEST);
        end.saturating_duration_since(now)
    }

    /// Adds an item.
    pub(super) fn append(&mut self, item: &NewItem, now_ms: i64) -> Result<u64, ChatError> {
        self.bytes += item.content.text.as_str().len();
        if self.bytes > MOST_BYTES {
            return Err(ChatError::TooMany);
        }
        let seq = self.items.last().map_or(0, |item| item.seq) + 1;
        let NewItem { id, role, content } = item.clone();
        self.items.push(Item { seq, id, role, content });
        self.updated_ms = now_ms;
        Ok(seq)
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Memory {
    conversations: Mutex<HashMap<String, Ephemeral>>,
}

impl Memory {
    /// Begins one.
    pub(super) fn begin(
        &self,
        person: &str,
        id: &str,
        meta: Meta,
        now_ms: i64,
    ) -> Result<(), ChatError> {
        let mut conversations = self.conversations();
        if conversations.len() >= MOST {
            return Err(ChatError::TooMany);
        }
        let now = Instant::now();
        let conversation = Ephemeral {
            person: person.to_owned(),
            meta,
            items: Vec::new(),
            created_ms: now_ms,
            updated_ms: now_ms,
            bytes: 0,
            began: now,
            used: now,
        };
        conversations.insert(id.to_owned(), conversation);
        Ok(())
    }

    /// Does something with a person's conversation, if it is there.
    pub(super) fn with<T>(
        &self,
        person: &str,
        id: &str,
        work: impl FnOnce(&mut Ephemeral) -> T,
    ) -> Option<T> {
        let mut conversations = self.conversations();
        let conversation = conversations.get_mut(id).filter(|found| found.person == person)?;
        conversation.used = Instant::now();
        Some(work(conversation))
    }

    /// Does something with each of a person's conversations, without counting it as use.
    pub(super) fn each<T>(
        &self,
        person: &str,
        mut work: impl FnMut(&str, &Ephemeral) -> T,
    ) -> Vec<T> {
        let conversations = self.conversations();
        let theirs = conversations.iter().filter(|(_, found)| found.person == person);
        theirs.map(|(id, found)| work(id, found)).collect()
    }

    /// Ends one. Whether it was there.
    pub(super) fn end(&self, person: &str, id: &str) -> bool {
        let mut conversations = self.conversations();
        let theirs = conversations.get(id).is_some_and(|found| found.person == person);
        theirs && conversations.remove(id).is_some()
    }

    /// Ends all of a person's, or gives them to somebody else.
    pub(super) fn end_all(&self, person: &str) {
        self.conversations().retain(|_, found| found.person != person);
    }

    /// See [`Self::end_all`].
    pub(super) fn give_all(&self, from: &str, to: &str) {
        for found in self.conversations().values_mut().filter(|found| found.person == from) {
            to.clone_into(&mut found.person);
        }
    }

    /// Ends those whose time is over, except those that are in use.
    pub(super) fn sweep(&self, in_use: impl Fn(&str) -> bool) {
        let now = Instant::now();
        self.conversations().retain(|id, found| in_use(id) || !found.left(now).is_zero());
    }

    fn conversations(&self) -> MutexGuard<'_, HashMap<String, Ephemeral>> {
        self.conversations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_that_is_left_alone_is_gone_after_half_an_hour() {
        let memory = Memory::default();
        memory.begin("a", "conv_1", Meta::default(), 0).unwrap();
        memory.begin("a", "conv_2", Meta::default(), 0).unwrap();
        tokio::time::advance(Duration::from_secs(30 * 60 - 1)).await;
        assert!(memory.with("b", "conv_1", |_| ()).is_none(), "somebody else's");
        assert!(memory.with("a", "conv_1", |_| ()).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        memory.sweep(|_| false);
        assert_eq!(memory.each("a", |id, _| id.to_owned()), ["conv_1"]);
        memory.end_all("a");
        assert!(!memory.end("a", "conv_1"));
    }

    #[tokio::test(start_paused = true)]
    async fn none_is_kept_for_ever() {
        let memory = Memory::default();
        memory.begin("a", "conv_1", Meta::default(), 0).unwrap();
        for _ in 0..9 {
            tokio::time::advance(Duration::from_mins(29)).await;
            memory.with("a", "conv_1", |_| ());
        }
        memory.sweep(|_| true);
        assert_eq!(memory.each("a", |_, _| ()).len(), 1, "a call goes on in it");
        memory.sweep(|_| false);
        assert!(memory.each("a", |_, _| ()).is_empty());
    }
}
