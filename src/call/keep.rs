//! Keeping what is said in a call. Items wait in a queue of their own, so that storing never delays sound; each is
//! acknowledged when it is stored, or the client is told that it could not be.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::chat::content::NewItem;
use crate::chat::{ChatError, Writer};
use crate::pipeline::transport::{Control, HangUp, NotStored};
use crate::store::turns;

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

/// A call's way to its conversation.
pub(super) struct Keeper {
    queue: mpsc::Sender<Keep>,
}

impl Keeper {
    /// Keeps what comes with `writer`, and says how it went through `control`. It goes on after the call until
    /// everything is stored; `stopping` makes it give up.
    pub(super) fn start(
        writer: Writer,
        control: mpsc::Sender<Control>,
        tracker: &TaskTracker,
        stopping: CancellationToken,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        tracker.spawn(run(writer, waiting, control, stopping));
        Self { queue }
    }

    /// Hands something over. It does not wait.
    pub(super) fn keep(&self, keep: Keep) -> Result<(), NotStored> {
        self.queue.try_send(keep).map_err(|_| NotStored::TooMany)
    }
}

async fn run(
    mut writer: Writer,
    mut waiting: mpsc::Receiver<Keep>,
    control: mpsc::Sender<Control>,
    stopping: CancellationToken,
) {
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
        if let Keep::Item(item) = &keep {
            let item = item.id.clone();
            // The call may be over: then nobody waits for the news.
            let _ = control.send(Control::Stored { item, result }).await;
        }
    }
    let (person, conversation) = (writer.person().to_owned(), writer.conversation().to_owned());
    let chats = writer.chats().clone();
    drop(writer);
    // One that was in memory only is over with its call.
    chats.end_if_ephemeral(&person, &conversation);
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
