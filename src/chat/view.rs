//! Conversations as they are shown: what goes over the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use utoipa::ToSchema;

use super::content::{Item, Meta, Status, TitleBy, Via, role_name};
use super::integrity::Problem;
use super::tier::Tier;
use crate::pipeline::text::Text;
use crate::store::{conversations, items};

/// A conversation in a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Summary {
    /// Its id.
    pub id: String,
    /// Who can read it.
    pub tier: Tier,
    /// Its title; null until something was said, and in private conversations.
    #[schema(value_type = Option<String>)]
    pub title: Option<Text>,
    /// Who gave it.
    pub title_by: TitleBy,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: i64,
    /// When something was last said or changed.
    pub updated_ms: i64,
    /// How many items it has.
    pub items: u64,
    /// The model, if not the default.
    pub model: Option<String>,
    /// The voice, if not the default.
    pub voice: Option<String>,
    /// What the model is told first, if not the default.
    #[schema(value_type = Option<String>)]
    pub instructions: Option<Text>,
    /// Whether a call goes on in it.
    pub in_call: bool,
    /// When it is gone if nothing more happens; null: it stays.
    pub expires_ms: Option<i64>,
    /// What the browser opens, of a private one.
    pub sealed: Option<SealedSummary>,
    /// Whether its title and settings cannot be opened: somebody changed them.
    pub damaged: bool,
}

/// What the browser opens of a private conversation, in base64.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SealedSummary {
    /// Its keys, wrapped.
    pub key: Vec<SealedKey>,
    /// Its title, settings and head.
    pub meta: String,
    /// A title that the server sealed.
    pub title_inbox: Option<String>,
}

/// A generation of a private conversation's key.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SealedKey {
    /// Which.
    pub generation: u32,
    /// Wrapped, in base64.
    pub wrap: String,
}

/// An item. Of a private one the text is inside `record`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ItemView {
    /// Its place, counted from 1.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// `user`, `assistant` or `system`.
    pub role: String,
    /// When it was said, in milliseconds since 1970.
    pub at_ms: i64,
    /// The words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub text: Option<Text>,
    /// Whether it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// How it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// A private item's record, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// A conversation and its items.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Opened {
    /// The conversation.
    pub conversation: Summary,
    /// Its last items, or those before the ones that were shown, in their order.
    pub items: Vec<ItemView>,
    /// What is wrong with them; empty if all is well.
    pub problems: Vec<Problem>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Page {
    /// The latest first.
    pub conversations: Vec<Summary>,
    /// For `before`, if there are more.
    pub next: Option<String>,
}

impl Summary {
    pub(super) fn new(row: &conversations::Row, tier: Tier, meta: Meta, in_call: bool) -> Self {
        Self {
            id: row.id.clone(),
            tier,
            title: meta.title,
            title_by: meta.title_by,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
            items: row.last_seq as u64,
            model: meta.model,
            voice: meta.voice,
            instructions: meta.instructions,
            in_call,
            expires_ms: None,
            sealed: None,
            damaged: false,
        }
    }

    pub(super) fn private(
        row: &conversations::Row,
        keys: &[(i64, Vec<u8>)],
        in_call: bool,
    ) -> Self {
        let key = keys.iter().map(|(generation, wrap)| SealedKey {
            generation: *generation as u32,
            wrap: BASE64.encode(wrap),
        });
        let sealed = SealedSummary {
            key: key.collect(),
            meta: BASE64.encode(&row.meta),
            title_inbox: row.title_inbox.as_ref().map(|title| BASE64.encode(title)),
        };
        let summary = Self::new(row, Tier::Private, Meta::default(), in_call);
        Self { sealed: Some(sealed), ..summary }
    }
}

impl From<Item> for ItemView {
    fn from(item: Item) -> Self {
        Self {
            seq: item.seq,
            id: item.id,
            role: role_name(item.role).to_owned(),
            at_ms: item.content.at_ms,
            text: Some(item.content.text),
            status: Some(item.content.status),
            via: Some(item.content.via),
            record: None,
        }
    }
}

impl From<items::Row> for ItemView {
    fn from(row: items::Row) -> Self {
        Self {
            seq: row.seq as u64,
            id: row.id,
            role: row.role,
            at_ms: row.created_ms,
            text: None,
            status: None,
            via: None,
            record: Some(BASE64.encode(row.sealed)),
        }
    }
}
