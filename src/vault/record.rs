//! A record: one sealed thing, as it lies in one column of the database or travels to the browser.
//!
//! ```text
//! byte 0      0x53 ('S')
//! byte 1      format version, 1
//! byte 2      suite: 1 = AES-256-GCM, 3 = HPKE (2 is kept for XChaCha20-Poly1305)
//! byte 3      kind
//! bytes 4-7   generation of the key, u32 BE
//! then        suite 1: the nonce, 12 bytes            suite 3: the encapsulated key, 32 bytes
//! then        the padded plaintext as ciphertext, as long as it is
//! last 16     the tag
//! ```
//!
//! The header is not secret. Kind and generation are repeated in the AAD (`record/binding`), and magic,
//! version and suite decide how a record is opened, so no bit of a record can be changed unnoticed.
//!
//! Nonces are random, 96 bits (SP 800-38D, 8.2.2). Two of 2^20 records under one key then share one with a
//! probability of 2^-57; [`ConversationKey`] counts and refuses the next. Keys that wrap keys seal far fewer.

mod aead;
mod binding;
mod conversation_key;
mod error;
mod header;
mod padding;
mod plaintext;
#[cfg(test)]
mod tests;
mod wrap;

pub use binding::{Binding, Kind};
pub use conversation_key::{ConversationKey, RECORDS_PER_KEY};
pub use error::{OpenError, SealError};
pub use padding::MAX_PLAINTEXT;
pub use plaintext::Plaintext;
pub use wrap::{unwrap_key, wrap_key};

pub(super) use header::{Header, Suite};
pub(super) use padding::{pad, unpad};
pub(super) use plaintext::Padded;

use super::key::Key;
use super::random::{self, NoEntropy};

/// The length of a tag in bytes. Shorter ones are never accepted.
pub const TAG: usize = 16;
/// The length of a nonce in bytes.
const NONCE: usize = 12;

/// Seals `plaintext` under `key`, bound to its place. The nonce comes from the operating system.
///
/// `generation` says which of a conversation's keys this is; a wrapped key has the generation of the key
/// that is wrapped. Does not count: records of a conversation go through [`ConversationKey::seal`].
pub fn seal(
    key: &Key,
    generation: u32,
    binding: &Binding<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    seal_from(random::fill, key, generation, binding, plaintext)
}

/// The same with the nonce from a given generator.
pub(super) fn seal_from(
    draw: impl FnOnce(&mut [u8]) -> Result<(), NoEntropy>,
    key: &Key,
    generation: u32,
    binding: &Binding<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let header = Header::of(Suite::Gcm, binding, generation).ok_or(SealError::Suite)?;
    let padded = pad(plaintext).ok_or(SealError::TooLarge)?;
    let mut nonce = [0; NONCE];
    draw(&mut nonce)?;
    let sealed = aead::seal(key, &nonce, &binding.aad(generation), &padded)?;
    Ok([&header.to_bytes()[..], &nonce, &sealed].concat())
}

/// Opens a record that was sealed with [`seal`] under this key for this place; anything else is an error.
///
/// The generation is the record's own, and authentic once it is open.
pub fn open(key: &Key, binding: &Binding<'_>, record: &[u8]) -> Result<Plaintext, OpenError> {
    let (header, body) = Header::read(record)?;
    header.expect(Suite::Gcm, binding)?;
    let (nonce, sealed) = body.split_first_chunk::<NONCE>().ok_or(OpenError::NotARecord)?;
    let padded = aead::open(key, nonce, &binding.aad(header.generation), sealed)?;
    unpad(padded).ok_or(OpenError::Padding)
}

/// Which generation of its key a record says it is sealed under; not authentic before it is open.
pub fn generation(record: &[u8]) -> Option<u32> {
    Header::read(record).ok().map(|(header, _)| header.generation)
}

/// What a record says it is; not authentic before it is open.
pub fn kind(record: &[u8]) -> Option<Kind> {
    Header::read(record).ok().map(|(header, _)| header.kind)
}

/// A record's tag, which stands for the whole record in a [`chain`](super::chain).
pub fn tag(record: &[u8]) -> Option<[u8; TAG]> {
    Header::read(record).ok().and_then(|(_, body)| body.last_chunk().copied())
}
