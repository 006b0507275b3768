//! What is inside a record, once it is open.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::pipeline::history::Role;
use crate::pipeline::text::Text;

/// The form of what is written today.
const VERSION: u8 = 1;

/// How an item came to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is whole.
    #[default]
    Completed,
    /// It was cut; the text ends where it was cut.
    Interrupted,
}

/// How it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Spoken.
    Voice,
    /// Typed, or written.
    Text,
}

/// An item's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    v: u8,
    /// The words.
    pub text: Text,
    /// Whether it is whole.
    pub status: Status,
    /// How it was said.
    pub via: Via,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// How much sound of it was heard.
    pub audio_ms: Option<u64>,
    /// The model that wrote it.
    pub model: Option<String>,
}

/// Who gave a conversation its title.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TitleBy {
    /// Its first words; a better one follows.
    #[default]
    Words,
    /// The model.
    Model,
    /// The person: nothing replaces it.
    Person,
}

/// What is set for a conversation, its title, and the head of its chain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    v: u8,
    /// The title, once there is one.
    pub title: Option<Text>,
    /// Whose title it is.
    pub title_by: TitleBy,
    /// What the model is told first, instead of what is configured.
    pub instructions: Option<Text>,
    /// The model, instead of the default.
    pub model: Option<String>,
    /// The voice, instead of the default.
    pub voice: Option<String>,
    /// The head: the last sequence number …
    pub last_seq: u64,
    /// … and the digest of all records, in hexadecimal.
    pub digest: String,
}

/// What is to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    /// Its id; no other item of the conversation may have it.
    pub id: String,
    /// Who said it.
    pub role: Role,
    /// What.
    pub content: Content,
}

/// A stored item, as its person sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its place, counted from 1.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// Who said it.
    pub role: Role,
    /// What.
    pub content: Content,
}

impl Content {
    /// Words that are whole.
    pub fn new(text: Text, via: Via, at_ms: i64) -> Self {
        Self {
            v: VERSION,
            text,
            status: Status::Completed,
            via,
            at_ms,
            audio_ms: None,
            model: None,
        }
    }

    /// The same, cut.
    #[must_use]
    pub fn interrupted(mut self, interrupted: bool) -> Self {
        if interrupted {
            self.status = Status::Interrupted;
        }
        self
    }

    /// As it is sealed.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        to_bytes(self)
    }

    /// From what was sealed.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl Meta {
    /// As it is sealed.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        to_bytes(&Self { v: VERSION, ..self.clone() })
    }

    /// From what was sealed.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

fn to_bytes(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // Maps with keys that are not text are the only thing that JSON refuses; there are none here.
    Zeroizing::new(serde_json::to_vec(value).unwrap_or_default())
}

/// A role, as it stands in records and rows.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    }
}

/// A role of a row.
pub(super) fn role_of(name: &str) -> Option<Role> {
    [Role::User, Role::Assistant, Role::System].into_iter().find(|role| role_name(*role) == name)
}
