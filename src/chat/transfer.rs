//! Conversations on the move: out as a document, in again, from a guest to an account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::content::{Content, Meta, NewItem, Status, TitleBy, Via};
use super::standard::Standard;
use super::tier::Tier;
use super::view::Summary;
use super::{ChatError, Chats, Use, now_ms};
use crate::pipeline::history::Role;
use crate::pipeline::text::Text;
use crate::store::conversations;
use crate::store::{StoreError, owners};

/// The name of the format.
pub const FORMAT: &str = "sotto.conversations";
/// Its version.
pub const VERSION: u32 = 1;
/// Conversations read at once.
const BATCH: i64 = 100;
/// The most items of a conversation.
const ITEMS: i64 = 1_000_000;
/// The most conversations of one document.
const MOST: usize = 2_000;

/// What is exported and imported. docs/export.md describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Document {
    /// `sotto.conversations`.
    pub format: String,
    /// 1.
    pub version: u32,
    /// The conversations, the latest first.
    pub conversations: Vec<Exported>,
}

/// A conversation in a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exported {
    /// Its id. An import gives it a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who could read it.
    #[serde(default)]
    pub tier: Tier,
    /// Its title.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub title: Option<Text>,
    /// When it was begun, in milliseconds since 1970.
    #[serde(default)]
    pub created_ms: i64,
    /// What the model was told first.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub instructions: Option<Text>,
    /// The model.
    #[serde(default)]
    pub model: Option<String>,
    /// What was said.
    pub items: Vec<ExportedItem>,
}

/// An item in a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExportedItem {
    /// `user`, `assistant` or `system`.
    #[schema(value_type = String)]
    pub role: Role,
    /// The words.
    #[schema(value_type = String)]
    pub text: Text,
    /// Whether it is whole.
    #[serde(default)]
    pub status: Status,
    /// How it was said.
    #[serde(default = "typed")]
    pub via: Via,
    /// When, in milliseconds since 1970.
    #[serde(default)]
    pub at_ms: i64,
}

fn typed() -> Via {
    Via::Text
}

impl Chats {
    /// One conversation as a document, or all standard and ephemeral ones of a person.
    pub async fn export(&self, person: &str, id: Option<&str>) -> Result<Document, ChatError> {
        let mut exported = Vec::new();
        if let Some(id) = id {
            exported.push(self.export_one(person, id).await?);
        } else {
            for summary in self.everything(person).await? {
                if summary.tier != Tier::Private && !summary.damaged {
                    exported.push(self.export_one(person, &summary.id).await?);
                }
            }
        }
        Ok(Document { format: FORMAT.to_owned(), version: VERSION, conversations: exported })
    }

    async fn export_one(&self, person: &str, id: &str) -> Result<Exported, ChatError> {
        let opened = self.open(person, id, None, ITEMS).await?;
        if opened.conversation.tier == Tier::Private {
            return Err(ChatError::OnlyInBrowser);
        }
        let items = opened.items.into_iter().filter_map(|item| {
            Some(ExportedItem {
                role: super::content::role_of(&item.role)?,
                text: item.text?,
                status: item.status?,
                via: item.via?,
                at_ms: item.at_ms,
            })
        });
        let Summary { id, tier, title, created_ms, instructions, model, .. } = opened.conversation;
        let items = items.collect();
        Ok(Exported { id: Some(id), tier, title, created_ms, instructions, model, items })
    }

    /// Takes in a document as standard conversations; those that were private or ephemeral become standard ones,
    /// because whoever imports them shows them to the server.
    pub async fn import(
        &self,
        person: &str,
        document: Document,
    ) -> Result<Vec<Summary>, ChatError> {
        let invalid = |param, problem| ChatError::Invalid { param, problem };
        if document.format != FORMAT {
            return Err(invalid("format", "needs sotto.conversations"));
        }
        if document.version != VERSION {
            return Err(invalid("version", "needs 1; a newer program wrote this"));
        }
        if document.conversations.len() > MOST {
            return Err(invalid("conversations", "are too many; import them in parts"));
        }
        let too_long = |item: &ExportedItem| item.text.as_str().len() > super::reply::MAX_MESSAGE;
        if document.conversations.iter().any(|c| c.items.iter().any(too_long)) {
            return Err(invalid("conversations", "hold a text that is too long"));
        }
        let mut summaries = Vec::new();
        for conversation in document.conversations {
            summaries.push(self.import_one(person, conversation).await?);
        }
        Ok(summaries)
    }

    async fn import_one(&self, person: &str, from: Exported) -> Result<Summary, ChatError> {
        let now = now_ms();
        let settings = super::Settings {
            title: from.title,
            instructions: from.instructions,
            model: from.model,
            voice: None,
        };
        let mut meta = settings.apply(Meta::default())?;
        if meta.title.is_none() {
            meta.title_by = TitleBy::Words;
        }
        let created = if from.created_ms > 0 { from.created_ms.min(now) } else { now };
        let id = super::new_id()?;
        let owner = self.owner(person).await?;
        let standard = Standard::create(owner, person, &id, meta, created)?;
        conversations::insert(&self.inner.db, standard.row()).await?;
        let mut writer = self.writer(person, &id, Use::Reply).await?;
        for (number, item) in from.items.into_iter().enumerate() {
            let at_ms = if item.at_ms > 0 { item.at_ms } else { now };
            let content = Content::new(item.text, item.via, at_ms)
                .interrupted(item.status == Status::Interrupted);
            let id = format!("item_{}{number:x}", id.trim_start_matches("conv_"));
            writer.append(&NewItem { id, role: item.role, content }).await?;
        }
        drop(writer);
        Ok(self.open(person, &id, None, 1).await?.conversation)
    }

    /// Gives a guest's conversations to an account. Only the wraps of their keys change.
    pub async fn merge(&self, guest: &str, account: &str) -> Result<usize, ChatError> {
        let db = &self.inner.db;
        let owner = self.owner(account).await?;
        let mut wraps = Vec::new();
        for summary in self.everything(guest).await? {
            if summary.tier != Tier::Standard || summary.damaged {
                continue;
            }
            let row = conversations::get(db, guest, &summary.id).await?;
            let Some(row) = row else { continue };
            let mut standard = Standard::open(row, self.owner(guest).await?)?;
            wraps.push((summary.id, standard.wraps_for(db, &owner, account).await?));
        }
        let given = wraps.len();
        let mut transaction = db.begin().await?;
        for (id, keys) in wraps {
            for (generation, wrap) in keys {
                conversations::rewrap(&mut transaction, &id, generation.into(), &wrap).await?;
            }
            conversations::give(&mut transaction, &id, account).await?;
        }
        transaction.commit().await.map_err(StoreError::from)?;
        self.inner.memory.give_all(guest, account);
        Ok(given)
    }

    /// Forgets what people had who are gone. Their rows went with them; what is in memory goes here, and so do the
    /// copies in the database's log.
    pub async fn forget(&self, people: &[String]) -> Result<(), ChatError> {
        for person in people {
            self.inner.live.stop_all(person);
            self.inner.memory.end_all(person);
        }
        if !people.is_empty() {
            self.inner.db.forget_log().await?;
        }
        Ok(())
    }

    /// Makes the key of a new person: wrapped, and under which of the server's keys.
    pub fn new_owner(&self, person: &str) -> Result<(Vec<u8>, String), ChatError> {
        super::owner::new_owner(&self.inner.keyring, person)
    }

    /// All of a person's conversations.
    async fn everything(&self, person: &str) -> Result<Vec<Summary>, ChatError> {
        let mut all = Vec::new();
        if owners::get(&self.inner.db, person).await?.is_none() {
            return Ok(all);
        }
        let mut before: Option<String> = None;
        loop {
            let page = self.list(person, before.as_deref(), BATCH).await?;
            all.extend(page.conversations);
            match page.next {
                Some(next) => before = Some(next),
                None => return Ok(all),
            }
        }
    }
}
