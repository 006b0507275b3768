//! What ties a record to its place: the associated data (AAD) that is authenticated and not stored.
//!
//! ```text
//! "sotto1" || kind u8 || generation u32 BE || for each field: length u32 BE || bytes
//! ```
//!
//! Numbers are eight bytes, u64 BE, with their length before them like every field. As each field carries its
//! length, no two lists of fields give the same bytes. Whoever reads a row builds the AAD from where the row
//! lies, never from what the record says, so a record that was moved to another row, column, person or tier
//! does not open.

use super::header::Suite;

const CONTEXT: &[u8] = b"sotto1";
/// Stands in the place of an item's name in the AAD of a title.
const TITLE: &[u8] = b"title";
/// Room for the fields of a message, so that the bytes are moved about rarely.
const USUAL: usize = 192;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Kind {
    /// What somebody said or wrote.
    Message = 1,
    /// What is known of a conversation: its title, instructions, the head of its chain.
    Meta = 2,
    // 3 is kept for a piece of an attachment.
    /// A conversation's key, wrapped under its owner's.
    ConversationKey = 4,
    /// A person's key, wrapped under one of the server.
    UserKey = 5,
    /// A private account's master key, wrapped under what a passphrase or a recovery key gives.
    Slot = 6,
    /// A person's settings.
    Settings = 7,
    /// What the server sealed to a person's identity and cannot open again.
    Sealed = 8,
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Message,
            2 => Self::Meta,
            4 => Self::ConversationKey,
            5 => Self::UserKey,
            6 => Self::Slot,
            7 => Self::Settings,
            8 => Self::Sealed,
            _ => return None,
        })
    }

    /// The one way in which records of this kind are sealed. What else a browser keeps inside a slot it seals
    /// as it likes; nobody opens that here.
    pub(super) fn suite(self) -> Suite {
        if self == Self::Sealed { Suite::Hpke } else { Suite::Gcm }
    }
}

/// Where a record belongs. The fields are bound as they are given, whatever they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Binding<'a> {
    /// One item of a conversation.
    Message {
        /// The conversation's id.
        conversation: &'a str,
        /// The item's id.
        item: &'a str,
        /// Its number in the conversation.
        seq: u64,
        /// Who said it: `user`, `assistant` or `system`.
        role: &'a str,
    },
    /// What is known of a conversation.
    Meta {
        /// The conversation's id.
        conversation: &'a str,
    },
    /// The key of a conversation. Nothing else names the owner, so a new owner needs this one record anew.
    ConversationKey {
        /// The id of the person whose conversation it is.
        owner: &'a str,
        /// The conversation's id.
        conversation: &'a str,
        /// `standard` or `private`.
        tier: &'a str,
    },
    /// The key of a person.
    UserKey {
        /// The person's id.
        person: &'a str,
        /// Which of the server's keys wraps it.
        kid: &'a str,
    },
    /// A key slot of a private account.
    Slot {
        /// The person's id.
        person: &'a str,
        /// The slot's id.
        slot: &'a str,
        /// What opens it: `passphrase` or `recovery`.
        kind: &'a str,
        /// SHA-256 over how its key is made, so that nobody weakens that.
        params: &'a [u8; 32],
    },
    /// A person's settings.
    Settings {
        /// The person's id.
        person: &'a str,
    },
    /// An item that waits, sealed, to be adopted; bound like the message that it will be.
    SealedMessage {
        /// The conversation's id.
        conversation: &'a str,
        /// The item's id.
        item: &'a str,
        /// Its number in the conversation.
        seq: u64,
        /// Who said it.
        role: &'a str,
    },
    /// A title that waits, sealed, to be adopted.
    SealedTitle {
        /// The conversation's id.
        conversation: &'a str,
    },
}

impl Binding<'_> {
    /// The kind of a record that belongs here.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Message { .. } => Kind::Message,
            Self::Meta { .. } => Kind::Meta,
            Self::ConversationKey { .. } => Kind::ConversationKey,
            Self::UserKey { .. } => Kind::UserKey,
            Self::Slot { .. } => Kind::Slot,
            Self::Settings { .. } => Kind::Settings,
            Self::SealedMessage { .. } | Self::SealedTitle { .. } => Kind::Sealed,
        }
    }

    /// The bytes that are authenticated with a record of this generation.
    pub(in crate::vault) fn aad(&self, generation: u32) -> Vec<u8> {
        let aad = Aad::new(self.kind(), generation);
        match *self {
            Self::Message { conversation, item, seq, role }
            | Self::SealedMessage { conversation, item, seq, role } => {
                aad.text(conversation).text(item).number(seq).text(role)
            }
            Self::Meta { conversation } => aad.text(conversation),
            Self::ConversationKey { owner, conversation, tier } => {
                aad.text(owner).text(conversation).text(tier)
            }
            Self::UserKey { person, kid } => aad.text(person).text(kid),
            Self::Slot { person, slot, kind, params } => {
                aad.text(person).text(slot).text(kind).field(params)
            }
            Self::Settings { person } => aad.text(person),
            Self::SealedTitle { conversation } => aad.text(conversation).field(TITLE),
        }
        .0
    }
}

/// Associated data that grows field by field.
struct Aad(Vec<u8>);

impl Aad {
    fn new(kind: Kind, generation: u32) -> Self {
        let mut bytes = Vec::with_capacity(USUAL);
        bytes.extend_from_slice(CONTEXT);
        bytes.push(kind as u8);
        bytes.extend_from_slice(&generation.to_be_bytes());
        Self(bytes)
    }

    fn field(mut self, bytes: &[u8]) -> Self {
        // Ids and names are short; a field of 4 GiB does not come into being.
        self.0.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.field(text.as_bytes())
    }

    fn number(self, number: u64) -> Self {
        self.field(&number.to_be_bytes())
    }
}
