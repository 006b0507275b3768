//! The server's part of a vault: it keeps what the browser made, and cannot open it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::tier::Tier;
use super::view::Summary;
use super::{ChatError, Chats, now_ms};
use crate::store::conversations::{self, Change, Row};
use crate::store::{StoreError, items, owners, slots};
use crate::vault::record::{self, Kind};
use crate::vault::sealed::IdentityPublic;

/// The longest slot, as JSON.
const MAX_SLOT: usize = 16 * 1_024;
/// The most slots of a person.
const MAX_SLOTS: usize = 20;
/// The longest meta record.
const MAX_META: usize = 256 * 1_024;
/// The longest item record: a message and what surrounds it, padded.
const MAX_RECORD: usize = 1_024 * 1_024;
/// Ids are chosen by the browser in this form.
const ID_DIGITS: usize = 32;

/// The identity of a vault, in base64.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    /// The X25519 public key that the server seals finished turns to.
    pub public: String,
    /// The private one, wrapped by the browser.
    pub wrapped: String,
}

/// A person's vault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Vault {
    /// Null: it is not set up.
    pub identity: Option<Identity>,
    /// The ways to open it, as the browser made them. Each has at least `id` and `kind`.
    #[schema(value_type = Vec<Object>)]
    pub slots: Vec<Value>,
}

/// A private conversation as the browser made it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct NewPrivate {
    /// `conv_` and 32 hexadecimal digits, random.
    pub id: String,
    /// Its key, wrapped, in base64.
    pub key: String,
    /// Its title, settings and head, sealed, in base64.
    pub meta: String,
}

/// Records that take the place of those that the server sealed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Adoption {
    /// The new title, settings and head, sealed, in base64.
    pub meta: String,
    /// Records, each for one place.
    pub items: Vec<Adopted>,
    /// A new generation of the key, if the one before was used up.
    #[serde(default)]
    pub key: Option<AdoptedKey>,
}

/// One record.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Adopted {
    /// Its place.
    pub seq: u64,
    /// In base64.
    pub record: String,
}

/// A key.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct AdoptedKey {
    /// Which generation.
    pub generation: u32,
    /// Wrapped, in base64.
    pub wrap: String,
}

/// Why a vault was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is one.
    #[error("there is a vault already")]
    Exists,
    /// The last of its kind.
    #[error("the last passphrase and the last recovery key must stay")]
    LastSlot,
    /// There is none, or no such slot.
    #[error("there is no such slot")]
    NoSlot,
    /// Anything else.
    #[error(transparent)]
    Chat(#[from] ChatError),
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        Self::Chat(error.into())
    }
}

impl Chats {
    /// A person's vault.
    pub async fn vault(&self, person: &str) -> Result<Vault, ChatError> {
        let db = &self.inner.db;
        let identity = owners::vault(db, person).await?.map(|(public, wrapped)| Identity {
            public: BASE64.encode(public),
            wrapped: BASE64.encode(wrapped),
        });
        let rows = slots::all(db, person).await?;
        let slots = rows.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
        Ok(Vault { identity, slots })
    }

    /// Sets a vault up: at least one passphrase and one recovery key.
    pub async fn set_up_vault(&self, person: &str, vault: Vault) -> Result<(), VaultError> {
        let identity = vault.identity.ok_or_else(|| invalid("identity", "is missing"))?;
        let public = decode("identity.public", &identity.public, 32)?;
        // One that nothing can be sealed to is refused now, and not when a turn has to be kept.
        let usable = <[u8; 32]>::try_from(public.as_slice())
            .is_ok_and(|bytes| IdentityPublic::from_bytes(bytes).is_ok());
        if !usable {
            return Err(invalid("identity.public", "needs an X25519 public key in base64").into());
        }
        let wrapped = decode("identity.wrapped", &identity.wrapped, MAX_SLOT)?;
        let rows = vault.slots.iter().map(slot).collect::<Result<Vec<_>, _>>()?;
        let has = |kind: &str| rows.iter().any(|row| row.kind == kind);
        if !has("passphrase") || !has("recovery") || rows.len() > MAX_SLOTS {
            return Err(invalid("slots", "needs a passphrase and a recovery key").into());
        }
        let mut transaction = self.inner.db.begin().await?;
        if !owners::set_vault(&mut transaction, person, &public, &wrapped).await? {
            return Err(VaultError::Exists);
        }
        for row in &rows {
            slots::put(&mut transaction, person, row).await?;
        }
        transaction.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Adds or changes a slot.
    pub async fn put_slot(&self, person: &str, id: &str, body: &Value) -> Result<(), VaultError> {
        let row = slot(body)?;
        if row.id != id {
            return Err(invalid("id", "is not the one in the address").into());
        }
        let db = &self.inner.db;
        if owners::vault(db, person).await?.is_none() {
            return Err(VaultError::NoSlot);
        }
        let all = slots::all(db, person).await?;
        let known = all.iter().find(|other| other.id == id);
        if known.is_none() && all.len() >= MAX_SLOTS {
            return Err(invalid("slots", "are too many").into());
        }
        if known.is_some_and(|known| known.kind != row.kind) {
            return Err(invalid("kind", "of a slot does not change").into());
        }
        let mut transaction = db.begin().await?;
        slots::put(&mut transaction, person, &row).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Deletes a slot, except the last of its kind.
    pub async fn delete_slot(&self, person: &str, id: &str) -> Result<(), VaultError> {
        let db = &self.inner.db;
        if slots::delete(db, person, id).await? {
            db.forget_log().await?;
            return Ok(());
        }
        let known = slots::all(db, person).await?.iter().any(|row| row.id == id);
        Err(if known { VaultError::LastSlot } else { VaultError::NoSlot })
    }

    /// Begins a private conversation that the browser made.
    pub async fn create_private(
        &self,
        person: &str,
        new: NewPrivate,
    ) -> Result<Summary, ChatError> {
        let digits = new.id.strip_prefix("conv_").unwrap_or_default();
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if digits.len() != ID_DIGITS || !digits.bytes().all(lower_hex) {
            return Err(invalid("id", "needs conv_ and 32 hexadecimal digits"));
        }
        let wrap = decode("key", &new.key, MAX_SLOT)?;
        let meta = decode("meta", &new.meta, MAX_META)?;
        let db = &self.inner.db;
        if owners::vault(db, person).await?.is_none() {
            return Err(ChatError::NoVault);
        }
        expect_kind("key", &wrap, Kind::ConversationKey)?;
        expect_kind("meta", &meta, Kind::Meta)?;
        let now = now_ms();
        let generation = record::generation(&wrap).unwrap_or_default().into();
        let row = Row {
            id: new.id,
            person: person.to_owned(),
            tier: Tier::Private.as_str().to_owned(),
            created_ms: now,
            updated_ms: now,
            last_seq: 0,
            generation,
            records: 1,
            meta,
            title_inbox: None,
            wrap,
        };
        conversations::insert(db, &row).await?;
        Ok(Summary::private(&row, &[(row.generation, row.wrap.clone())], false))
    }

    /// Puts another meta record into a private conversation; what the server left as a title has been adopted.
    pub async fn set_private_meta(
        &self,
        person: &str,
        id: &str,
        meta: String,
        key: Option<AdoptedKey>,
    ) -> Result<Summary, ChatError> {
        let adoption = Adoption { meta, items: Vec::new(), key };
        self.adopt(person, id, adoption).await?;
        Ok(self.open(person, id, None, 1).await?.conversation)
    }

    /// Puts the browser's records in the place of those that the server sealed.
    pub async fn adopt(&self, person: &str, id: &str, adoption: Adoption) -> Result<(), ChatError> {
        let db = &self.inner.db;
        let row = conversations::get(db, person, id).await?.ok_or(ChatError::NotFound)?;
        if row.tier != Tier::Private.as_str() {
            return Err(invalid("id", "is not a private conversation"));
        }
        let meta = decode("meta", &adoption.meta, MAX_META)?;
        expect_kind("meta", &meta, Kind::Meta)?;
        // What another browser has adopted meanwhile is not sealed by the server any more.
        let places: Vec<i64> = adoption.items.iter().map(|item| item.seq as i64).collect();
        for row in items::page(db, id, None, row.last_seq.max(1)).await? {
            if places.contains(&row.seq) && record::kind(&row.sealed) != Some(Kind::Sealed) {
                return Err(ChatError::Contended);
            }
        }
        let mut records = Vec::with_capacity(adoption.items.len());
        for item in &adoption.items {
            let record = decode("items", &item.record, MAX_RECORD)?;
            expect_kind("items", &record, Kind::Message)?;
            records.push((item.seq as i64, record));
        }
        let mut generation = row.generation;
        let mut transaction = db.begin().await?;
        if let Some(key) = &adoption.key {
            let wrap = decode("key", &key.wrap, MAX_SLOT)?;
            expect_kind("key", &wrap, Kind::ConversationKey)?;
            generation = key.generation.into();
            conversations::add_key(&mut transaction, id, generation, &wrap).await?;
        }
        let change = Change {
            id,
            from: (row.last_seq, row.records),
            last_seq: row.last_seq,
            records: row.records + 1 + records.len() as i64,
            generation,
            meta: &meta,
            updated_ms: row.updated_ms,
        };
        if !conversations::change(&mut transaction, &change).await? {
            return Err(ChatError::Contended);
        }
        for (seq, record) in &records {
            if !items::replace(&mut transaction, id, *seq, record).await? {
                return Err(ChatError::NoItem);
            }
        }
        transaction.commit().await.map_err(StoreError::from)?;
        if row.title_inbox.is_some() {
            conversations::set_title_inbox(db, id, None).await?;
        }
        Ok(())
    }
}

fn slot(body: &Value) -> Result<slots::Row, ChatError> {
    let text = |name: &'static str| {
        body[name]
            .as_str()
            .filter(|text| !text.is_empty() && text.len() <= 64)
            .ok_or_else(|| invalid("slots", "need an id and a kind of at most 64 bytes"))
    };
    let (id, kind) = (text("id")?.to_owned(), text("kind")?.to_owned());
    let json = body.to_string();
    if json.len() > MAX_SLOT {
        return Err(invalid("slots", "are too long"));
    }
    Ok(slots::Row { id, kind, body: json, created_ms: now_ms() })
}

fn expect_kind(param: &'static str, bytes: &[u8], kind: Kind) -> Result<(), ChatError> {
    let problem = "is not a record of the right kind";
    if record::kind(bytes) == Some(kind) { Ok(()) } else { Err(invalid(param, problem)) }
}

fn decode(param: &'static str, text: &str, most: usize) -> Result<Vec<u8>, ChatError> {
    let bytes = BASE64.decode(text).map_err(|_| invalid(param, "is not base64"))?;
    if bytes.len() > most { Err(invalid(param, "is too long")) } else { Ok(bytes) }
}

fn invalid(param: &'static str, problem: &'static str) -> ChatError {
    ChatError::Invalid { param, problem }
}
