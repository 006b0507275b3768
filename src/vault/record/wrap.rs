//! Keys in records: one key sealed under another.

use super::binding::Binding;
use super::error::{OpenError, SealError};
use super::{open, seal};
use crate::vault::key::Key;

/// Seals `key` under `by`: a conversation's key, a person's, or that of a slot. `generation` is that of `key`.
///
/// Padded like everything else, so a wrapped key has 292 bytes.
pub fn wrap_key(
    by: &Key,
    generation: u32,
    binding: &Binding<'_>,
    key: &Key,
) -> Result<Vec<u8>, SealError> {
    seal(by, generation, binding, key.reveal())
}

/// Opens a wrapped key.
pub fn unwrap_key(by: &Key, binding: &Binding<'_>, record: &[u8]) -> Result<Key, OpenError> {
    Key::try_from(&open(by, binding, record)?[..]).map_err(|_| OpenError::NotAKey)
}
