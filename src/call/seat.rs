//! What a call takes along from the conversation that it goes on in.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::keep::{Keeper, Keeping, Namer, Stay};
use super::record::Replies;
use super::remains::{Home, Resumed};
use super::turn_log::TurnLog;
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

/// What the protocol needs to know of it, and of a call that goes on.
#[derive(Default)]
pub(super) struct Place {
    /// The items that were said before, under their numbers in this call.
    pub(super) earlier: Vec<(ItemId, String)>,
    /// The ids that no new item may have.
    pub(super) ids: HashSet<String>,
    /// Those of them that are stored.
    pub(super) stored: HashSet<String>,
    /// Where what is said goes.
    pub(super) keeper: Option<Keeper>,
    /// Replies that may still be cut in what is stored.
    pub(super) replies: Replies,
    /// The call that goes on.
    pub(super) resumed: Option<Resumed>,
    /// Where it is noted how turns went.
    pub(super) turns: Arc<TurnLog>,
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

    /// Sits down: the call begins, and what is said in it is kept. `before` is where the call was that goes on.
    pub(super) fn sit(
        self,
        namer: Namer,
        control: mpsc::Sender<Control>,
        tracker: &TaskTracker,
        stopping: CancellationToken,
        before: Option<&Home>,
    ) -> (History, Place, Home) {
        let Self { writer, earlier, ids, begun, .. } = self;
        // Of a private conversation it is only known that something was said in it.
        let unknown = writer.tier() == Tier::Private && !ids.is_empty();
        let answered = unknown || earlier.iter().any(|item| item.role == Role::Assistant);
        let namer = Some(namer).filter(|_| !answered);
        let (names, said): (Vec<String>, Vec<_>) =
            earlier.into_iter().map(|item| (item.id, (item.role, item.content.text))).unzip();
        let (history, numbers) = History::earlier(said);
        let earlier = numbers.into_iter().zip(names).collect();
        let before = before.filter(|home| home.stay.is_in(writer.conversation()));
        let stay = before.map_or_else(|| Arc::new(Stay::new(&writer)), |h| Arc::clone(&h.stay));
        let home = Home { stay, stored: CancellationToken::new() };
        let (stay, stored) = (Arc::clone(&home.stay), home.stored.clone());
        let keeping = Keeping { writer, begun, namer, control, stopping, stay, stored };
        let keeper = Some(Keeper::start(keeping, tracker));
        let stored = ids.clone();
        (history, Place { earlier, ids, stored, keeper, ..Place::default() }, home)
    }
}
