//! The shape of the file.

use serde::{Deserialize, Serialize};

use super::hex::{bytes, hex};
use crate::vault::record::Binding;

#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    pub about: Vec<String>,
    pub padding: Vec<Padding>,
    pub derived: Vec<Derived>,
    pub records: Vec<Record>,
    pub hpke_rfc9180: Hpke,
    pub sealed: Vec<Sealed>,
    pub chain: Chain,
    pub refused: Vec<Refused>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Padding {
    pub plaintext_length: usize,
    pub padded_length: usize,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Derived {
    pub key_hex: String,
    pub label: String,
    pub info_text: String,
    pub derived_hex: String,
}

/// A record of suite 1.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    pub name: String,
    pub suite: u8,
    pub kind: u8,
    pub generation: u32,
    pub key_hex: String,
    pub nonce_hex: String,
    pub place: Place,
    pub aad_hex: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext_text: Option<String>,
    pub plaintext_hex: String,
    pub padded_length: usize,
    pub tag_hex: String,
    pub record_base64: String,
}

/// What RFC 9180 gives for the suite of sealed records.
#[derive(Serialize, Deserialize)]
pub(super) struct Hpke {
    pub info_text: String,
    pub ikm_e_hex: String,
    pub ikm_r_hex: String,
    pub sk_r_hex: String,
    pub pk_r_hex: String,
    pub enc_hex: String,
    pub shared_secret_hex: String,
    pub key_hex: String,
    pub base_nonce_hex: String,
    pub plaintext_text: String,
    pub messages: Vec<HpkeMessage>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct HpkeMessage {
    pub sequence: u64,
    pub aad_text: String,
    pub ciphertext_hex: String,
}

/// A record of suite 3.
#[derive(Serialize, Deserialize)]
pub(super) struct Sealed {
    pub name: String,
    pub suite: u8,
    pub kind: u8,
    pub generation: u32,
    pub identity_private_hex: String,
    pub identity_public_hex: String,
    pub ephemeral_ikm_hex: String,
    pub ephemeral_private_hex: String,
    pub enc_hex: String,
    pub info_text: String,
    pub place: Place,
    pub aad_hex: String,
    pub plaintext_text: String,
    pub plaintext_hex: String,
    pub padded_length: usize,
    pub record_base64: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Chain {
    pub about: String,
    pub start_digest_hex: String,
    pub links: Vec<Link>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Link {
    pub seq: u64,
    pub tag_hex: String,
    pub digest_hex: String,
    pub head_hex: String,
    pub record_base64: String,
}

/// A record that must not open with this key in this place.
#[derive(Serialize, Deserialize)]
pub(super) struct Refused {
    pub name: String,
    pub error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_private_hex: Option<String>,
    pub place: Place,
    pub record_base64: String,
}

/// Where a record belongs: a [`Binding`] that can be written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Place {
    Message { conversation: String, item: String, seq: u64, role: String },
    Meta { conversation: String },
    ConversationKey { owner: String, conversation: String, tier: String },
    UserKey { person: String, kid: String },
    Slot { person: String, slot: String, kind: String, params: Params },
    Settings { person: String },
    SealedMessage { conversation: String, item: String, seq: u64, role: String },
    SealedTitle { conversation: String },
}

/// 32 bytes, in hexadecimal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub(super) struct Params(pub [u8; 32]);

impl From<Params> for String {
    fn from(params: Params) -> Self {
        hex(&params.0)
    }
}

impl From<String> for Params {
    fn from(text: String) -> Self {
        Self(bytes(&text).try_into().unwrap())
    }
}

impl Place {
    pub(super) fn binding(&self) -> Binding<'_> {
        match self {
            Self::Message { conversation, item, seq, role } => {
                Binding::Message { conversation, item, seq: *seq, role }
            }
            Self::Meta { conversation } => Binding::Meta { conversation },
            Self::ConversationKey { owner, conversation, tier } => {
                Binding::ConversationKey { owner, conversation, tier }
            }
            Self::UserKey { person, kid } => Binding::UserKey { person, kid },
            Self::Slot { person, slot, kind, params } => {
                Binding::Slot { person, slot, kind, params: &params.0 }
            }
            Self::Settings { person } => Binding::Settings { person },
            Self::SealedMessage { conversation, item, seq, role } => {
                Binding::SealedMessage { conversation, item, seq: *seq, role }
            }
            Self::SealedTitle { conversation } => Binding::SealedTitle { conversation },
        }
    }
}
