//! The keys of a person: one random key that all keys of their standard conversations are wrapped under, itself
//! wrapped under a key of the server's ring. `SECRET_KEY` never touches content.

use super::ChatError;
use crate::store::{Db, key_checks, owners};
use crate::vault::key::Key;
use crate::vault::keyring::Keyring;
use crate::vault::record::{Binding, open, seal, unwrap_key, wrap_key};

/// People whose keys are wrapped anew in one step.
const BATCH: i64 = 200;
/// A person's key has one generation.
const GENERATION: u32 = 1;
/// Stands in the place of a person in the records that show whether a key is the right one. Nobody has this id.
const CHECK: &str = "server";

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

/// Whether the keys of the ring are those that this database was written with. One that is new is noted.
///
/// Without this a wrong key of a right name would be noticed only when somebody's conversations do not open, and
/// new people's would be wrapped under it.
pub async fn check_ring(db: &Db, keyring: &Keyring) -> Result<(), ChatError> {
    for kid in keyring.kids() {
        let kek = keyring.kek(kid).ok_or_else(|| ChatError::NoKey(kid.to_owned()))?;
        let place = Binding::UserKey { person: CHECK, kid };
        match key_checks::get(db, kid).await? {
            Some(record) => {
                open(&kek, &place, &record).map_err(|_| ChatError::WrongKey(kid.to_owned()))?;
            }
            None => key_checks::add(db, kid, &seal(&kek, GENERATION, &place, &[])?).await?,
        }
    }
    Ok(())
}

fn wrap(keyring: &Keyring, person: &str, key: &Key) -> Result<(Vec<u8>, String), ChatError> {
    let kid = keyring.active();
    let kek = keyring.kek(kid).ok_or_else(|| ChatError::NoKey(kid.to_owned()))?;
    let record = wrap_key(&kek, GENERATION, &Binding::UserKey { person, kid }, key)?;
    Ok((record, kid.to_owned()))
}
