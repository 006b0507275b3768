//! Conversations as people see them: what is kept, for whom, and who can read it.
//!
//! `Chats` joins the vault and the store. A conversation is one of three: standard (sealed with keys that the
//! server can open), private (sealed to a key that only the person's browser has), or ephemeral (in memory only).
//! Whoever adds to one holds a [`Writer`](writer::Writer); reading and renaming need none.

pub mod content;
pub mod ephemeral;
pub mod error;
mod integrity;
mod live;
pub mod owner;
mod private;
pub mod reply;
pub mod search;
mod standard;
pub mod tier;
mod title;
pub mod transfer;
pub mod vaults;
pub mod view;
pub mod writer;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sotto_llm::{ChatRequest, Provider};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::error::ChatError;
pub use self::integrity::{Problem, ProblemKind};
pub use self::live::Use;
pub use self::tier::Tier;
pub use self::writer::Writer;

use self::content::{Item, Meta, TitleBy};
use self::ephemeral::Memory;
use self::live::Live;
use self::private::Private;
use self::standard::Standard;
use self::view::{ItemView, Opened, Page, Summary};
use self::writer::Place;
use crate::auth::clock::Clock;
use crate::pipeline::text::Text;
use crate::store::conversations::{Cursor, Row};
use crate::store::{Db, conversations, items, owners, turns};
use crate::telemetry::Metrics;
use crate::vault::key::Key;
use crate::vault::keyring::Keyring;
use crate::vault::random;
use crate::vault::sealed::IdentityPublic;

/// How often a change is tried again when somebody else was quicker: a title, another device.
const ATTEMPTS: usize = 8;
/// How often conversations in memory whose time is over are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// The longest title, in bytes.
const MAX_TITLE: usize = 400;
/// The longest instructions, in bytes.
const MAX_INSTRUCTIONS: usize = 64 * 1_024;
/// The longest name of a model or a voice, in bytes.
const MAX_NAME: usize = 200;

/// All conversations. Cheap to clone.
#[derive(Clone)]
pub struct Chats {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    keyring: Arc<Keyring>,
    memory: Memory,
    live: Arc<Live>,
    /// What is counted; set once, before anybody comes.
    metrics: OnceLock<Arc<Metrics>>,
    tracker: TaskTracker,
    stopping: CancellationToken,
}

/// A conversation to be begun by the server.
#[derive(Debug, Clone, Default)]
pub struct NewConversation {
    /// Standard or ephemeral; a private one is made in the browser.
    pub tier: Tier,
    /// What is set for it.
    pub settings: Settings,
}

/// What can be set for a conversation. `None` leaves it as it is; an empty text takes it back.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Its title.
    pub title: Option<Text>,
    /// What the model is told first.
    pub instructions: Option<Text>,
    /// The model.
    pub model: Option<String>,
    /// The voice.
    pub voice: Option<String>,
}

impl Chats {
    /// The conversations in `db`. What they begin runs on `tracker` and ends with `stopping`.
    pub fn new(
        db: Db,
        keyring: Arc<Keyring>,
        tracker: TaskTracker,
        stopping: CancellationToken,
    ) -> Self {
        let (memory, live) = (Memory::default(), Arc::default());
        let metrics = OnceLock::new();
        let inner = Inner { db, keyring, memory, live, metrics, tracker, stopping };
        let chats = Self { inner: Arc::new(inner) };
        let sweeping = chats.clone();
        chats.inner.tracker.spawn(async move {
            let inner = &sweeping.inner;
            while inner
                .stopping
                .run_until_cancelled(tokio::time::sleep(SWEEP_EVERY))
                .await
                .is_some()
            {
                inner.memory.sweep(|id| inner.live.what(id).is_some());
                if let Err(error) = inner.db.forget_what_is_left().await {
                    tracing::warn!(%error, "the database's log was not emptied");
                }
            }
        });
        chats
    }

    /// What happens to them is counted there. Holds the first time.
    pub fn count_in(&self, metrics: &Arc<Metrics>) {
        let _ = self.inner.metrics.set(Arc::clone(metrics));
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        self.inner.metrics.get_or_init(Arc::default)
    }

    /// The database that they are in.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Begins a conversation.
    pub async fn create(&self, person: &str, new: NewConversation) -> Result<Summary, ChatError> {
        let (id, now) = (new_id()?, now_ms());
        let meta = new.settings.apply(Meta::default())?;
        match new.tier {
            Tier::Standard => {
                let owner = self.owner(person).await?;
                let standard = Standard::create(owner, person, &id, meta, now)?;
                conversations::insert(&self.inner.db, standard.row()).await?;
                Ok(self.show_standard(&standard))
            }
            Tier::Ephemeral => {
                self.inner.memory.begin(person, &id, meta, now)?;
                self.show_ephemeral(person, &id).ok_or(ChatError::NotFound)
            }
            Tier::Private => Err(ChatError::OnlyInBrowser),
        }
    }

    /// A page of a person's conversations, the latest first. Ephemeral ones come with the first page.
    pub async fn list(
        &self,
        person: &str,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Page, ChatError> {
        let cursor = before.map(cursor_of).transpose()?;
        let rows = conversations::page(&self.inner.db, person, cursor.as_ref(), limit + 1).await?;
        let more = rows.len() as i64 > limit;
        let rows: Vec<Row> = rows.into_iter().take(limit as usize).collect();
        let next = rows.last().filter(|_| more).map(|r| format!("{}.{}", r.updated_ms, r.id));
        let owner = if rows.is_empty() { None } else { Some(self.owner(person).await?) };
        let mut shown: Vec<Summary> =
            rows.into_iter().zip(owner.iter().cycle()).map(|(row, o)| self.show(row, o)).collect();
        if cursor.is_none() {
            let now = tokio::time::Instant::now();
            let ephemeral =
                self.inner.memory.each(person, |id, found| self.summary_of(id, found, now));
            shown.extend(ephemeral);
            shown.sort_by_key(|summary| std::cmp::Reverse(summary.updated_ms));
        }
        Ok(Page { conversations: shown, next })
    }

    /// A conversation and its last `limit` items before `before`.
    pub async fn open(
        &self,
        person: &str,
        id: &str,
        before: Option<u64>,
        limit: i64,
    ) -> Result<Opened, ChatError> {
        let db = &self.inner.db;
        match self.place(person, id).await? {
            Place::Ephemeral => {
                let conversation = self.show_ephemeral(person, id).ok_or(ChatError::NotFound)?;
                let items = self.inner.memory.with(person, id, |found| found.items.clone());
                let items = items.ok_or(ChatError::NotFound)?;
                let before = before.unwrap_or(u64::MAX);
                let items: Vec<Item> = items.into_iter().filter(|i| i.seq < before).collect();
                let first = items.len().saturating_sub(limit as usize);
                let items = items.into_iter().skip(first).map(ItemView::from).collect();
                Ok(Opened { conversation, items, problems: Vec::new() })
            }
            Place::Private(private) => {
                let keys = conversations::keys(db, id).await?;
                let in_call = self.in_call(id);
                let conversation = Summary::private(private.row(), &keys, in_call);
                let rows = items::page(db, id, before.map(|seq| seq as i64), limit).await?;
                let items = rows.into_iter().map(ItemView::from).collect();
                Ok(Opened { conversation, items, problems: Vec::new() })
            }
            Place::Standard(mut standard) => {
                let (mut items, mut problems) = standard.items(db, before, limit).await?;
                // What was added between two reads looks like a problem: it is read again.
                for _ in 0..ATTEMPTS {
                    if problems.is_empty() || !self.has_moved(standard.row()).await? {
                        break;
                    }
                    let Place::Standard(again) = self.place(person, id).await? else { break };
                    standard = again;
                    (items, problems) = standard.items(db, before, limit).await?;
                }
                let conversation = self.show_standard(&standard);
                let items = items.into_iter().map(ItemView::from).collect();
                Ok(Opened { conversation, items, problems })
            }
        }
    }

    /// Changes what is set for a conversation.
    pub async fn update(
        &self,
        person: &str,
        id: &str,
        settings: Settings,
    ) -> Result<Summary, ChatError> {
        self.change_meta(person, id, |meta| settings.apply(meta).map(Some)).await
    }

    /// Deletes a conversation: its keys first, and then the copies of them in the database's log.
    pub async fn delete(&self, person: &str, id: &str) -> Result<(), ChatError> {
        self.check(person, id).await?;
        self.inner.live.stop(id, None);
        if self.inner.memory.end(person, id) {
            return Ok(());
        }
        if !conversations::delete(&self.inner.db, person, id).await? {
            return Err(ChatError::NotFound);
        }
        self.inner.db.forget_log().await?;
        Ok(())
    }

    /// Ends an ephemeral conversation; others stay.
    pub fn end_if_ephemeral(&self, person: &str, id: &str) {
        self.inner.memory.end(person, id);
    }

    /// Stops the reply that is being written.
    pub async fn stop(&self, person: &str, id: &str) -> Result<(), ChatError> {
        self.check(person, id).await?;
        self.inner.live.stop(id, Some(Use::Reply));
        Ok(())
    }

    /// How the last turns of a conversation went.
    pub async fn turns(
        &self,
        person: &str,
        id: &str,
        limit: i64,
    ) -> Result<Vec<turns::Row>, ChatError> {
        self.check(person, id).await?;
        Ok(turns::last(&self.inner.db, id, limit).await?)
    }

    /// Begins to add to a conversation; nobody else can until the writer is dropped.
    pub async fn writer(&self, person: &str, id: &str, what: Use) -> Result<Writer, ChatError> {
        self.check(person, id).await?;
        let in_use = Live::begin(&self.inner.live, person, id, what)?;
        Writer::new(self, person, id, in_use).await
    }

    /// Whether a person's conversation is there.
    async fn check(&self, person: &str, id: &str) -> Result<(), ChatError> {
        if self.inner.memory.with(person, id, |_| ()).is_some() {
            return Ok(());
        }
        conversations::get(&self.inner.db, person, id).await?.map(|_| ()).ok_or(ChatError::NotFound)
    }

    /// Whether somebody has changed a conversation since it was read.
    async fn has_moved(&self, row: &Row) -> Result<bool, ChatError> {
        let now = conversations::get(&self.inner.db, &row.person, &row.id).await?;
        Ok(now.is_none_or(|now| (now.last_seq, now.records) != (row.last_seq, row.records)))
    }

    /// Where a conversation is, opened.
    async fn place(&self, person: &str, id: &str) -> Result<Place, ChatError> {
        if self.inner.memory.with(person, id, |_| ()).is_some() {
            return Ok(Place::Ephemeral);
        }
        let row = conversations::get(&self.inner.db, person, id).await?;
        let row = row.ok_or(ChatError::NotFound)?;
        if row.tier == Tier::Private.as_str() {
            let keys = owners::get(&self.inner.db, person).await?.and_then(|o| o.identity);
            let public = keys.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            let identity = IdentityPublic::from_bytes(public.ok_or(ChatError::NoVault)?);
            let identity = identity.map_err(|_| ChatError::NoVault)?;
            return Ok(Place::Private(Box::new(Private::new(row, identity))));
        }
        let owner = self.owner(person).await?;
        Ok(Place::Standard(Box::new(Standard::open(row, owner)?)))
    }

    /// The key of a person.
    async fn owner(&self, person: &str) -> Result<Key, ChatError> {
        let wrapped = owners::get(&self.inner.db, person).await?.ok_or(ChatError::NotFound)?;
        owner::open_owner(&self.inner.keyring, person, &wrapped)
    }

    /// Gives a conversation a title, unless somebody who matters more has given it one.
    async fn set_title(
        &self,
        person: &str,
        id: &str,
        title: Text,
        by: TitleBy,
    ) -> Result<Option<Summary>, ChatError> {
        if title.is_empty() {
            return Ok(None);
        }
        let mut changed = false;
        let summary = self
            .change_meta(person, id, |meta| {
                let replaces = match by {
                    TitleBy::Words => meta.title.is_none(),
                    TitleBy::Model => meta.title_by == TitleBy::Words,
                    TitleBy::Person => true,
                };
                changed = replaces;
                let named = |mut meta: Meta| {
                    (meta.title, meta.title_by) = (Some(title.clone()), by);
                    meta
                };
                Ok(replaces.then(|| named(meta)))
            })
            .await?;
        Ok(changed.then_some(summary))
    }

    /// Changes the meta record of a conversation that the server can read. `None` from `change`: nothing to do.
    async fn change_meta(
        &self,
        person: &str,
        id: &str,
        mut change: impl FnMut(Meta) -> Result<Option<Meta>, ChatError>,
    ) -> Result<Summary, ChatError> {
        for _ in 0..ATTEMPTS {
            match self.place(person, id).await? {
                Place::Ephemeral => {
                    let meta = self.inner.memory.with(person, id, |found| found.meta.clone());
                    if let Some(next) = change(meta.ok_or(ChatError::NotFound)?)? {
                        self.inner.memory.with(person, id, |found| found.meta = next);
                    }
                    return self.show_ephemeral(person, id).ok_or(ChatError::NotFound);
                }
                Place::Private(_) => return Err(ChatError::OnlyInBrowser),
                Place::Standard(mut standard) => {
                    let Some(next) = change(standard.meta.clone())? else {
                        return Ok(self.show_standard(&standard));
                    };
                    let updated_ms = standard.row().updated_ms;
                    if standard.set_meta(&self.inner.db, next, updated_ms).await? {
                        return Ok(self.show_standard(&standard));
                    }
                }
            }
        }
        Err(ChatError::Contended)
    }

    /// Lets the model name a conversation after its first exchange, in its own time. `told` learns the title.
    pub(crate) fn name_later(
        &self,
        writer: &Writer,
        provider: Arc<dyn Provider>,
        request: ChatRequest,
        exchange: (Text, Text),
        told: impl FnOnce(Text) + Send + 'static,
    ) {
        let (chats, tier) = (self.clone(), writer.tier());
        let (person, id) = (writer.person().to_owned(), writer.conversation().to_owned());
        let naming = async move {
            let (said, answer) = exchange;
            let title = title::by_model(&*provider, request, &said, &answer).await;
            // Of a private conversation the server cannot keep the first words as a title, but it can leave them.
            let title = match (title, tier) {
                (Some(title), _) => title,
                (None, Tier::Private) => title::of_words(&said),
                (None, _) => return,
            };
            match chats.give_title(&person, &id, &title).await {
                Ok(true) => told(title),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a conversation was not given a title"),
            }
        };
        let stopping = self.inner.stopping.clone();
        self.inner.tracker.spawn(async move {
            stopping.run_until_cancelled(naming).await;
        });
    }

    async fn give_title(&self, person: &str, id: &str, title: &Text) -> Result<bool, ChatError> {
        if let Place::Private(private) = self.place(person, id).await? {
            private.leave_title(&self.inner.db, title.as_str()).await?;
            return Ok(true);
        }
        let given = self.set_title(person, id, title.clone(), TitleBy::Model).await?;
        Ok(given.is_some())
    }

    fn show(&self, row: Row, owner: &Key) -> Summary {
        if row.tier == Tier::Private.as_str() {
            let keys = [(row.generation, row.wrap.clone())];
            return Summary::private(&row, &keys, self.in_call(&row.id));
        }
        let damaged = Summary::new(&row, Tier::Standard, Meta::default(), false);
        match Standard::open(row, owner.clone()) {
            Ok(standard) => self.show_standard(&standard),
            Err(error) => {
                tracing::error!(%error, "a conversation cannot be opened");
                Summary { damaged: true, ..damaged }
            }
        }
    }

    fn show_standard(&self, standard: &Standard) -> Summary {
        let row = standard.row();
        Summary::new(row, Tier::Standard, standard.meta.clone(), self.in_call(&row.id))
    }

    fn show_ephemeral(&self, person: &str, id: &str) -> Option<Summary> {
        let now = tokio::time::Instant::now();
        self.inner.memory.with(person, id, |found| self.summary_of(id, found, now))
    }

    fn summary_of(
        &self,
        id: &str,
        found: &ephemeral::Ephemeral,
        now: tokio::time::Instant,
    ) -> Summary {
        let meta = found.meta.clone();
        Summary {
            id: id.to_owned(),
            tier: Tier::Ephemeral,
            title: meta.title,
            title_by: meta.title_by,
            created_ms: found.created_ms,
            updated_ms: found.updated_ms,
            items: found.items.len() as u64,
            model: meta.model,
            voice: meta.voice,
            instructions: meta.instructions,
            in_call: self.in_call(id),
            expires_ms: Some(now_ms() + found.left(now).as_millis() as i64),
            sealed: None,
            damaged: false,
        }
    }

    fn in_call(&self, id: &str) -> bool {
        self.inner.live.what(id) == Some(Use::Call)
    }
}

impl Settings {
    /// What holds when these are set.
    fn apply(&self, mut meta: Meta) -> Result<Meta, ChatError> {
        let within = |param, text: &str, most| {
            let problem = "is too long";
            if text.len() <= most { Ok(()) } else { Err(ChatError::Invalid { param, problem }) }
        };
        if let Some(title) = &self.title {
            within("title", title.as_str(), MAX_TITLE)?;
            // Taken back: the model may name it again.
            let by = if title.is_empty() { TitleBy::Words } else { TitleBy::Person };
            (meta.title, meta.title_by) = (Some(title.clone()).filter(|t| !t.is_empty()), by);
        }
        if let Some(instructions) = &self.instructions {
            within("instructions", instructions.as_str(), MAX_INSTRUCTIONS)?;
            meta.instructions = Some(instructions.clone()).filter(|text| !text.is_empty());
        }
        for (param, from, to) in
            [("model", &self.model, &mut meta.model), ("voice", &self.voice, &mut meta.voice)]
        {
            if let Some(name) = from {
                within(param, name, MAX_NAME)?;
                *to = Some(name.clone()).filter(|name| !name.is_empty());
            }
        }
        Ok(meta)
    }
}

/// The time, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    Clock::system().now_ms()
}

/// An id for a conversation.
fn new_id() -> Result<String, ChatError> {
    Ok(random::id("conv")?)
}

fn cursor_of(text: &str) -> Result<Cursor, ChatError> {
    let wrong = || ChatError::Invalid { param: "before", problem: "is not a cursor" };
    let (updated_ms, id) = text.split_once('.').ok_or_else(wrong)?;
    let updated_ms = updated_ms.parse().map_err(|_| wrong())?;
    Ok(Cursor { updated_ms, id: id.to_owned() })
}
