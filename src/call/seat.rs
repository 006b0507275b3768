//! What a call takes along from the conversation that it goes on in.

use std::collections::HashSet;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::keep::Keeper;
use crate::chat::content::{Item, Meta};
use crate::chat::{ChatError, Tier, Writer};
use crate::pipeline::history::{History, ItemId};
use crate::pipeline::transport::Control;

/// See the module. While it exists nobody else adds to the conversation.
pub struct Seat {
    writer: Writer,
    earlier: Vec<Item>,
    ids: HashSet<String>,
    meta: Meta,
}

/// What the protocol needs to know of it.
pub(super) struct Place {
    /// The items that were said before, under their numbers in this call.
    pub(super) earlier: Vec<(ItemId, String)>,
    /// The ids that no new item may have.
    pub(super) ids: HashSet<String>,
    /// Where what is said goes.
    pub(super) keeper: Keeper,
}

impl Seat {
    /// Takes a seat in the conversation of `writer`.
    pub async fn take(mut writer: Writer) -> Result<Self, ChatError> {
        let (earlier, ids) = (writer.earlier().await?, writer.ids().await?);
        let meta = writer.meta();
        Ok(Self { writer, earlier, ids, meta })
    }

    /// Which conversation.
    pub fn conversation(&self) -> &str {
        self.writer.conversation()
    }

    /// Its tier.
    pub fn tier(&self) -> Tier {
        self.writer.tier()
    }

    /// What is set for it.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Sits down: the call begins, and what is said in it is kept.
    pub(super) fn sit(
        self,
        control: mpsc::Sender<Control>,
        tracker: &TaskTracker,
        stopping: CancellationToken,
    ) -> (History, Place) {
        let Self { writer, earlier, ids, .. } = self;
        let (names, said): (Vec<String>, Vec<_>) =
            earlier.into_iter().map(|item| (item.id, (item.role, item.content.text))).unzip();
        let (history, numbers) = History::earlier(said);
        let earlier = numbers.into_iter().zip(names).collect();
        let keeper = Keeper::start(writer, control, tracker, stopping);
        (history, Place { earlier, ids, keeper })
    }
}
