//! From what a conversation tells to what is stored of it.

use std::collections::HashMap;
use std::time::Duration;

use super::keep::{Keep, Keeper};
use crate::chat::content::{Content, NewItem, Via};
use crate::chat::now_ms;
use crate::pipeline::history::Role;
use crate::pipeline::text::Text;
use crate::pipeline::transport::NotStored;
use crate::store::turns;

/// Replies that were handed over, by their ids.
pub(super) type Replies = HashMap<String, NewItem>;

/// See the module.
pub(super) struct Recorder {
    keeper: Keeper,
    model: String,
    /// Replies that were handed over, as they were: a client may say later that less was heard.
    replies: Replies,
}

impl Recorder {
    /// Stores through `keeper` what `model` says, and the person. `replies` were handed over before.
    pub(super) fn new(keeper: Keeper, model: String, replies: Replies) -> Self {
        Self { keeper, model, replies }
    }

    /// Nothing more is stored; the replies that were handed over.
    pub(super) fn finish(self) -> Replies {
        self.replies
    }

    /// The person said something.
    pub(super) fn said(
        &self,
        id: String,
        role: Role,
        text: &Text,
        via: Via,
    ) -> Result<(), NotStored> {
        if text.is_empty() {
            return Ok(());
        }
        let content = Content::new(text.clone(), via, now_ms());
        self.keeper.keep(Keep::Item(NewItem { id, role, content }))
    }

    /// A reply is over; this was heard of it.
    pub(super) fn replied(
        &mut self,
        id: String,
        text: &Text,
        interrupted: bool,
        played: Duration,
    ) -> Result<(), NotStored> {
        let via = if played.is_zero() { Via::Text } else { Via::Voice };
        let mut content = Content::new(text.clone(), via, now_ms()).interrupted(interrupted);
        content.audio_ms = Some(played.as_millis() as u64).filter(|ms| *ms > 0);
        content.model = Some(self.model.clone());
        let item = NewItem { id, role: Role::Assistant, content };
        self.replies.insert(item.id.clone(), item.clone());
        self.keeper.keep(Keep::Item(item))
    }

    /// How a turn went.
    pub(super) fn turned(&self, turn: turns::Row) -> Result<(), NotStored> {
        self.keeper.keep(Keep::Turn(turn))
    }

    /// Less was heard of a reply than was stored.
    pub(super) fn cut(&mut self, id: &str, text: &Text, played: Duration) -> Result<(), NotStored> {
        let Some(item) = self.replies.get_mut(id) else { return Ok(()) };
        if text.as_str().len() >= item.content.text.as_str().len() {
            return Ok(());
        }
        item.content = item.content.clone().cut(text.clone(), played.as_millis() as u64);
        self.keeper.keep(Keep::Shorten(item.clone()))
    }
}
