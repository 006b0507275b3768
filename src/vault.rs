//! Keys and records: what is stored is sealed here. Pure: no database, no clock, no network.
//!
//! Who can open what:
//!
//! ```text
//!  standard                              private (all but `sealed` happens in the browser)
//!  SECRET_KEYS            keyring        passphrase, recovery key
//!    └ HKDF "kek/<kid>"                    └ opens a slot (kind 6): the account's master key
//!        └ wraps a user key (kind 5)           ├ wraps the identity, an X25519 private key
//!            └ wraps a conversation key        └ wraps a conversation key
//!              (kind 4)                          (kind 4)
//!                └ seals messages (kind 1)         └ seals messages (kind 1)
//!                  and what is known of              and what is known of
//!                  the conversation (kind 2)         the conversation (kind 2)
//!
//!                                        the server, to the identity's public half:
//!                                          a turn or a title that waits for its owner (kind 8)
//! ```
//!
//! `record` has the bytes of a record, `record/binding` what ties it to its place, `sealed` the way that the
//! server cannot go back, `chain` what shows that a record is missing. The browser writes and reads the
//! same bytes; `tests/vectors/vault.json` holds both sides to them.
//!
//! Sources: AES-256-GCM of NIST SP 800-38D with random 96-bit nonces, HKDF-SHA256 of RFC 5869, HPKE of
//! RFC 9180, SHA-256 of FIPS 180-4. A key under which 2^20 records were sealed is retired, far below what
//! SP 800-38D allows.
//!
//! What is not promised: AES-GCM does not commit to its key, so a record may be made that opens under two
//! keys by whoever chooses both. Nothing here tries one record with many keys; slots, where a passphrase
//! makes the key, carry a commitment that the browser checks first.

pub mod random;

pub mod key;

pub mod keyring;

pub mod record;

pub mod sealed;

pub mod chain;

#[cfg(test)]
mod vectors;
