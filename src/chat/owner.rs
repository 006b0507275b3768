//! The keys of a person: one random key that all keys of their standard conversations are wrapped under, itself
//! wrapped under a key of the server's ring. `SECRET_KEY` never touches content.

use super::ChatError;
use crate::store::{Db, owners};
use crate::vault::key::Key;
use crate::vault::keyring::Keyring;
use crate::vault::record::{Binding, unwrap_key, wrap_key};

/// People whose keys are wrapped anew in one step.
const BATCH: i64 = 200;
/// A person's key has one generation.
const GENERATION: u32 = 1;

/// Makes the key of a new person: wrapped, and under which key of the ring.
pub fn new_owner(keyring: &Keyring, person: &str) -> Result<(Vec<u8>, String), ChatError> {
    wrap(keyring, person, &Key::random()?)
}

/// Opens the key of a person.
pub(super) fn open_owner(
    keyring: &Keyring,
    person: &str,
    owner: &owners::Owner,
) -> Result<Key, ChatError> {
    let kid = owner.udk_kid.as_str();
    let kek = keyring.kek(kid).ok_or_else(|| ChatError::NoKey(kid.to_owned()))?;
    Ok(unwrap_key(&kek, &Binding::UserKey { person, kid }, &owner.udk)?)
}

/// Wraps the keys of all people that are under other keys of the ring under the active one. It can be broken off
/// and begun again. How many it wrapped.
pub async fn rewrap_all(db: &Db, keyring: &Keyring) -> Result<usize, ChatError> {
    let mut wrapped = 0;
    loop {
        let batch = owners::under_other_keys(db, keyring.active(), BATCH).await?;
        if batch.is_empty() {
            return Ok(wrapped);
        }
        for (person, owner) in batch {
            let key = open_owner(keyring, &person, &owner)?;
            let (udk, kid) = wrap(keyring, &person, &key)?;
            let done = owners::rewrap(db, &person, &owner.udk_kid, &udk, &kid).await?;
            wrapped += usize::from(done);
        }
    }
}

fn wrap(keyring: &Keyring, person: &str, key: &Key) -> Result<(Vec<u8>, String), ChatError> {
    let kid = keyring.active();
    let kek = keyring.kek(kid).ok_or_else(|| ChatError::NoKey(kid.to_owned()))?;
    let record = wrap_key(&kek, GENERATION, &Binding::UserKey { person, kid }, key)?;
    Ok((record, kid.to_owned()))
}
