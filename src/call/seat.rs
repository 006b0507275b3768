//! What a call takes along from the conversation that it goes on in.

use std::collections::HashSet;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::keep::{Keeper, Keeping, Namer};
use crate::chat::content::{Item, Meta};
use crate::chat::{ChatError, Tier, Writer};
use crate::pipeline::history::{History, ItemId, Role};
use crate::pipeline::transport::Control;

/// See the module. While it exists nobody else adds to the conversation.
pub struct Seat {
    writer: Writer,
    earlier: Vec<Item>,
    ids: HashSet<String>,
    meta: Meta,
    /// Whether the conversation was begun for this call: if nothing is said, it never was.
    begun: bool,
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
        Ok(Self { writer, earlier, ids, meta, begun: false })
    }

    /// The conversation was begun for this call.
    #[must_use]
    pub fn begun(self) -> Self {
        Self { begun: true, ..self }
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
        namer: Namer,
        control: mpsc::Sender<Control>,
        tracker: &TaskTracker,
        stopping: CancellationToken,
    ) -> (History, Place) {
        let Self { writer, earlier, ids, begun, .. } = self;
        // Of a private conversation it is only known that something was said in it.
        let unknown = writer.tier() == Tier::Private && !ids.is_empty();
        let answered = unknown || earlier.iter().any(|item| item.role == Role::Assistant);
        let namer = Some(namer).filter(|_| !answered);
        let (names, said): (Vec<String>, Vec<_>) =
            earlier.into_iter().map(|item| (item.id, (item.role, item.content.text))).unzip();
        let (history, numbers) = History::earlier(said);
        let earlier = numbers.into_iter().zip(names).collect();
        let keeping = Keeping { writer, begun, namer, control, stopping };
        let keeper = Keeper::start(keeping, tracker);
        (history, Place { earlier, ids, keeper })
    }
}
