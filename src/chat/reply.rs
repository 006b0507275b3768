//! A typed message and the reply to it, written as it comes.
//!
//! The message is stored before anything else happens. The reply is stored once, when it is complete or was
//! stopped; a client that goes away stops it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use sotto_llm::{ChatRequest, Delta, Provider};
use tokio::sync::mpsc;

use super::content::{Content, NewItem, Via};
use super::writer::Writer;
use super::{ChatError, now_ms};
use crate::pipeline::conversation::Failure;
use crate::pipeline::history::{History, Role};
use crate::pipeline::llm;
use crate::pipeline::text::Text;

/// Pieces that wait for the client. Full: the model waits.
const WAITING: usize = 64;
/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 256 * 1_024;
/// A reply that cannot be stored is tried again for so long.
const STORE_PATIENCE: Duration = Duration::from_secs(30);
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// A client that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(20);

/// What a person wants.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// What they typed; nothing if the last reply is to be made again.
    pub text: Option<Text>,
    /// The item that this takes the place of: it and all that followed go.
    pub replaces: Option<String>,
    /// What was said before, where only the browser can read it.
    pub context: Vec<(Role, Text)>,
}

/// Who answers, and how.
#[derive(Clone)]
pub struct Answerer {
    /// The language model.
    pub provider: Arc<dyn Provider>,
    /// What every request of this conversation carries.
    pub request: ChatRequest,
    /// What the model is told first.
    pub instructions: Text,
    /// How much of the conversation it is given.
    pub context_tokens: usize,
    /// The name of the model, as it is stored with what it wrote.
    pub model: String,
}

/// How a reply comes along.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// An item is stored.
    Stored {
        /// Which.
        item: String,
        /// Its place.
        seq: u64,
    },
    /// A reply begins.
    Started {
        /// The item that it becomes.
        item: String,
    },
    /// The next piece of it.
    Delta(Text),
    /// It is over.
    Done {
        /// The item.
        item: String,
        /// All of it.
        text: Text,
        /// Whether it was stopped.
        interrupted: bool,
    },
    /// The conversation has a new title.
    Title(Text),
    /// It could not be made, or not be stored.
    Failed(Failure),
}

/// Stores what was said and begins to answer it. Everything that can be refused is refused before this returns.
pub async fn answer(
    mut writer: Writer,
    said: Said,
    answerer: Answerer,
) -> Result<mpsc::Receiver<Progress>, ChatError> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let item = new_item_id()?;
    let taken = take_in(&mut writer, &said).await?;
    let earlier = writer.earlier().await?.into_iter();
    let stays = earlier.filter(|item| taken.redone.as_ref() != Some(&item.id));
    let mut before: Vec<(Role, Text)> = said.context;
    before.extend(stays.map(|item| (item.role, item.content.text)));
    if writer.tier() == super::Tier::Private {
        // What the server has just sealed it cannot read again.
        before.extend(said.text.clone().map(|text| (Role::User, text)));
    }
    let first = before.iter().filter(|(role, _)| *role == Role::Assistant).count() == 0;
    let question = before.iter().rev().find(|(role, _)| *role == Role::User);
    let question = question.map(|(_, text)| text.clone()).unwrap_or_default();
    let messages = History::earlier(before)
        .0
        .messages(answerer.instructions.as_str(), answerer.context_tokens);
    let tracker = writer.chats().inner.tracker.clone();
    tracker.spawn(async move {
        if let Some((item, seq)) = taken.stored {
            tell(&sender, Progress::Stored { item, seq }).await;
        }
        let reply = write(&writer, item, messages, &answerer, &sender).await;
        let exchange = Exchange { question, first, redone: taken.redone };
        keep(writer, reply, exchange, answerer, &sender).await;
    });
    Ok(receiver)
}

/// What was done to the conversation before it is answered.
struct Taken {
    /// The message, where it was stored.
    stored: Option<(String, u64)>,
    /// The reply that another one takes the place of, once that is there.
    redone: Option<String>,
}

/// What a reply answers.
struct Exchange {
    question: Text,
    /// Whether nothing was answered before.
    first: bool,
    redone: Option<String>,
}

/// Does to the conversation what the person wants. Nothing has changed if it is refused.
async fn take_in(writer: &mut Writer, said: &Said) -> Result<Taken, ChatError> {
    let Some(text) = &said.text else {
        let redone = match writer.last().await? {
            Some((id, Role::Assistant)) => Some(id),
            Some(_) => None,
            None => {
                let problem = "there is nothing to answer yet";
                return Err(ChatError::Invalid { param: "regenerate", problem });
            }
        };
        return Ok(Taken { stored: None, redone });
    };
    let invalid = |problem| ChatError::Invalid { param: "text", problem };
    if text.is_empty() {
        return Err(invalid("needs words"));
    }
    if text.as_str().len() > MAX_MESSAGE {
        return Err(invalid("is too long"));
    }
    if let Some(id) = &said.replaces {
        writer.cut(id).await?;
    }
    let content = Content::new(text.clone(), Via::Text, now_ms());
    let item = NewItem { id: new_item_id()?, role: Role::User, content };
    let seq = writer.append(&item).await?;
    Ok(Taken { stored: Some((item.id, seq)), redone: None })
}

/// Tells the client something. One that does not take it is taken for gone: nothing waits for it for long.
async fn tell(progress: &mpsc::Sender<Progress>, news: Progress) {
    let _ = progress.send_timeout(news, STALLED).await;
}

/// A reply as it was made.
struct Reply {
    item: String,
    text: Text,
    interrupted: bool,
    failure: Option<Failure>,
}

/// Lets the model write until it is done, fails, or is stopped.
async fn write(
    writer: &Writer,
    item: String,
    messages: Vec<(Role, Text)>,
    answerer: &Answerer,
    progress: &mpsc::Sender<Progress>,
) -> Reply {
    let mut reply = Reply { item, text: Text::default(), interrupted: true, failure: None };
    tell(progress, Progress::Started { item: reply.item.clone() }).await;
    let messages = messages.into_iter().map(llm::message).collect();
    let request = ChatRequest { messages, ..answerer.request.clone() };
    let mut stream = answerer.provider.chat(request);
    let stopping = &writer.chats().inner.stopping;
    loop {
        let delta = tokio::select! {
            biased;
            () = writer.in_use.stop.cancelled() => return reply,
            () = stopping.cancelled() => return reply,
            () = progress.closed() => return reply,
            delta = stream.next() => delta,
        };
        match delta {
            Some(Ok(Delta::Text(text))) => {
                reply.text.push(&text);
                let delta = Progress::Delta(Text::from(text));
                // A client that stalls must not keep the reply from being stopped; one that stalls for long is gone.
                let stop = &writer.in_use.stop;
                let sent = stop.run_until_cancelled(progress.send_timeout(delta, STALLED)).await;
                if !matches!(sent, Some(Ok(()))) {
                    return reply;
                }
            }
            Some(Ok(Delta::Done { .. })) => {
                reply.interrupted = false;
                return reply;
            }
            Some(Err(error)) => {
                reply.failure = Some(llm::failure(&*answerer.provider, &error));
                return reply;
            }
            None => {
                let error = sotto_llm::Error::Interrupted;
                reply.failure = Some(llm::failure(&*answerer.provider, &error));
                return reply;
            }
        }
    }
}

/// Stores a reply and says so; lets the conversation be named after its first.
async fn keep(
    mut writer: Writer,
    reply: Reply,
    exchange: Exchange,
    answerer: Answerer,
    progress: &mpsc::Sender<Progress>,
) {
    let Reply { item, text, interrupted, failure } = reply;
    let failed = failure.is_some();
    if let Some(failure) = failure {
        tell(progress, Progress::Failed(failure)).await;
    }
    if text.is_empty() {
        return;
    }
    let Exchange { question, first, redone } = exchange;
    let mut content = Content::new(text.clone(), Via::Text, now_ms()).interrupted(interrupted);
    content.model = Some(answerer.model.clone());
    let done = Progress::Done { item: item.clone(), text: text.clone(), interrupted };
    tell(progress, done).await;
    let new = NewItem { id: item.clone(), role: Role::Assistant, content };
    match append(&mut writer, redone.as_deref(), &new).await {
        Ok(seq) => tell(progress, Progress::Stored { item, seq }).await,
        Err(error) => {
            tracing::error!(%error, "a reply was not stored");
            let message = "the reply could not be saved".to_owned();
            let failure = Failure { code: "not_stored", message };
            tell(progress, Progress::Failed(failure)).await;
            return;
        }
    }
    if first && !failed {
        let (named, told) = (progress.clone(), answerer.request);
        writer.chats().clone().name_later(
            &writer,
            answerer.provider,
            told,
            (question, text),
            move |title| {
                // A client that is gone sees the title in its list.
                let _ = named.try_send(Progress::Title(title));
            },
        );
    }
}

/// Stores a reply, in the place of the one that it redoes.
async fn append(
    writer: &mut Writer,
    mut redone: Option<&str>,
    item: &NewItem,
) -> Result<u64, ChatError> {
    let give_up = tokio::time::Instant::now() + STORE_PATIENCE;
    loop {
        let cut = match redone {
            Some(id) => writer.cut(id).await,
            None => Ok(()),
        };
        let stored = match cut {
            Ok(()) => {
                redone = None;
                writer.append(item).await
            }
            Err(error) => Err(error),
        };
        match stored {
            Err(error) if error.is_temporary() && tokio::time::Instant::now() < give_up => {
                tracing::warn!(%error, "a reply could not be stored yet");
                tokio::time::sleep(STORE_PAUSE).await;
            }
            done => return done,
        }
    }
}

/// An id for an item.
fn new_item_id() -> Result<String, ChatError> {
    let bytes = crate::vault::random::bytes::<12>()?;
    let mut wide = [0; 16];
    wide[4..].copy_from_slice(&bytes);
    Ok(format!("item_{:024x}", u128::from_be_bytes(wide)))
}
