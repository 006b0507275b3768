//! Keeping what is said in a call. Items wait in a queue of their own, so that storing never delays sound; each is
//! acknowledged when it is stored, or the client is told that it could not be.

use std::sync::Arc;
use std::time::Duration;

use sotto_llm::{ChatRequest, Provider};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::chat::content::NewItem;
use crate::chat::{ChatError, Chats, Writer};
use crate::pipeline::history::Role;
use crate::pipeline::text::Text;
use crate::pipeline::transport::{Control, HangUp, NotStored};
use crate::store::turns;
use crate::telemetry::Metrics;

/// Items that wait to be stored: more than is said in an hour. Full: the item is given up, and the client told.
const WAITING: usize = 1_000;
/// Storage that has been away for longer is given up, item by item.
const PATIENCE: Duration = Duration::from_mins(2);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What is to be done.
#[derive(Debug)]
pub(super) enum Keep {
    /// Store this.
    Item(NewItem),
    /// It was heard for less long than was stored.
    Shorten(NewItem),
    /// How a turn went.
    Turn(turns::Row),
}

/// What keeping a call takes.
pub(super) struct Keeping {
    /// Who stores.
    pub(super) writer: Writer,
    /// Whether the conversation was begun for the call: if nothing is said in it, it goes again.
    pub(super) begun: bool,
    /// Who names the conversation, if nothing has been answered in it.
    pub(super) namer: Option<Namer>,
    /// Where the news goes.
    pub(super) control: mpsc::Sender<Control>,
    /// Makes it give up what cannot be stored.
    pub(super) stopping: CancellationToken,
    /// While this is there, an ephemeral conversation does not end.
    pub(super) stay: Arc<Stay>,
    /// Cancelled when it has done everything and the conversation is free.
    pub(super) stored: CancellationToken,
}

/// Ends an ephemeral conversation when the last that holds it is gone: its call, and what is left of it.
pub(super) struct Stay {
    chats: Chats,
    person: String,
    conversation: String,
}

impl Stay {
    /// In the conversation of `writer`.
    pub(super) fn new(writer: &Writer) -> Self {
        Self {
            chats: writer.chats().clone(),
            person: writer.person().to_owned(),
            conversation: writer.conversation().to_owned(),
        }
    }

    /// Whether it is in this conversation.
    pub(super) fn is_in(&self, conversation: &str) -> bool {
        self.conversation == conversation
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.chats.end_if_ephemeral(&self.person, &self.conversation);
    }
}

/// Lets a model name the conversation after its first exchange.
pub(super) struct Namer {
    /// The model's provider.
    pub(super) provider: Arc<dyn Provider>,
    /// What its requests carry.
    pub(super) request: ChatRequest,
}

impl Namer {
    fn name(self, writer: &Writer, question: Text, answer: Text) {
        let Self { provider, request } = self;
        writer.chats().name_later(writer, provider, request, (question, answer), |_| ());
    }
}

/// A call's way to its conversation.
pub(super) struct Keeper {
    queue: mpsc::Sender<Keep>,
    metrics: Arc<Metrics>,
}

impl Keeper {
    /// Keeps what comes. It goes on after the call until everything is stored.
    pub(super) fn start(keeping: Keeping, tracker: &TaskTracker) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let metrics = Arc::clone(keeping.writer.chats().metrics());
        tracker.spawn(run(keeping, waiting));
        Self { queue, metrics }
    }

    /// Hands something over. It does not wait.
    pub(super) fn keep(&self, keep: Keep) -> Result<(), NotStored> {
        // Before it is there, so that it is never taken out first.
        self.metrics.store.waits();
        self.queue.try_send(keep).map_err(|_| {
            self.metrics.store.is_served();
            NotStored::TooMany
        })
    }
}

async fn run(keeping: Keeping, mut waiting: mpsc::Receiver<Keep>) {
    let Keeping { mut writer, begun, mut namer, control, stopping, stay, stored } = keeping;
    // Whatever way this ends.
    let _stored = stored.drop_guard();
    let (mut question, mut anything) = (None, false);
    // Since when storage has been away.
    let mut away: Option<Instant> = None;
    let stop = writer.in_use.stop.clone();
    let mut asked_to_stop = false;
    loop {
        let keep = tokio::select! {
            keep = waiting.recv() => keep,
            () = stop.cancelled(), if !asked_to_stop => {
                // The conversation was deleted: its call is over.
                asked_to_stop = true;
                let _ = control.send(Control::HungUp(HangUp::Deleted)).await;
                continue;
            }
        };
        let Some(keep) = keep else { break };
        let result = store(&mut writer, &keep, &mut away, &stopping).await;
        let metrics = &writer.chats().metrics().store;
        metrics.is_served();
        if let (Keep::Item(_) | Keep::Shorten(_), Err(why)) = (&keep, result) {
            metrics.gave_up(why);
        }
        anything |= result.is_ok();
        if let (Keep::Item(item), Ok(_)) = (&keep, result) {
            match item.role {
                Role::User => question = Some(item.content.text.clone()),
                Role::Assistant => {
                    if let (Some(namer), Some(question)) = (namer.take(), question.take()) {
                        namer.name(&writer, question, item.content.text.clone());
                    }
                }
                Role::System => {}
            }
        }
        let item = match (&keep, result) {
            (Keep::Item(item), _) | (Keep::Shorten(item), Err(_)) => item.id.clone(),
            (Keep::Shorten(_) | Keep::Turn(_), _) => continue,
        };
        // The call may be over: then nobody waits for the news.
        let _ = control.send(Control::Stored { item, result }).await;
    }
    let (person, conversation) = (writer.person().to_owned(), writer.conversation().to_owned());
    let chats = writer.chats().clone();
    drop(writer);
    // One that was in memory only is over with its call, unless that can be resumed.
    drop(stay);
    if begun && !anything {
        match chats.delete(&person, &conversation).await {
            Ok(()) | Err(ChatError::NotFound) => {}
            Err(error) => tracing::warn!(%error, "an empty conversation stays"),
        }
    }
}

/// Stores one item, however often that takes.
async fn store(
    writer: &mut Writer,
    keep: &Keep,
    away: &mut Option<Instant>,
    stopping: &CancellationToken,
) -> Result<u64, NotStored> {
    let mut pause = FIRST_PAUSE;
    loop {
        let done = match keep {
            Keep::Item(item) => writer.append(item).await,
            Keep::Shorten(item) => writer.shorten(item).await.map(|()| 0),
            Keep::Turn(report) => writer.note_turn(report).await.map(|()| 0),
        };
        let error = match done {
            Ok(seq) => {
                if away.take().is_some() {
                    tracing::info!("storage is back");
                }
                return Ok(seq);
            }
            Err(error) => error,
        };
        match &error {
            error if error.is_temporary() => {}
            ChatError::NotFound => return Err(NotStored::Gone),
            error => {
                tracing::error!(%error, "an item was not stored");
                return Err(NotStored::Refused);
            }
        }
        if away.is_none() {
            tracing::warn!(%error, "storage is away; what is said waits");
        }
        let since = *away.get_or_insert_with(Instant::now);
        if since.elapsed() > PATIENCE || stopping.is_cancelled() {
            tracing::error!(%error, "an item was not stored");
            return Err(NotStored::Unavailable);
        }
        stopping.run_until_cancelled(sleep(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
