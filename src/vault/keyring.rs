//! The keys of the server: one that is in use, and older ones that still open what they wrapped.
//!
//! ```text
//! SECRET_KEYS = entry "," entry ...          the first is active
//! entry       = kid ":" key                  kid = "k" and a number; key = base64 of at least 32 random bytes
//! ```
//!
//! A single key may stand without a kid and is `k1`. No key here ever touches data: each is the secret that
//! others are derived from (HKDF, [`Key::derive`]), `kek/<kid>` to wrap people's keys and one for each other
//! purpose.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::key::Key;
use super::random::{self, NoEntropy};

mod error;
mod source;
mod text;
mod weak;

pub use error::{KeyringError, Problem, SourceError};
pub use source::{Sources, read_key_file};
pub use text::KeyText;
pub use weak::Weakness;

/// The kid of a key that is given without one.
const FIRST: u32 = 1;

/// Padding may be there or not; anything else that is not canonical is refused.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The server's keys. `Debug` shows their kids.
pub struct Keyring {
    active: Secret,
    older: Vec<Secret>,
}

/// One key, which is only derived from.
struct Secret {
    number: u32,
    kid: String,
    bytes: Zeroizing<Vec<u8>>,
}

impl Keyring {
    /// Reads a list of keys, or one key. Weak and known ones are refused; no error quotes a key.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        if text.trim().is_empty() {
            return Err(KeyringError::Empty);
        }
        let mut secrets: Vec<Secret> = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let number = index + 1;
            let secret = Secret::parse(entry.trim())
                .map_err(|problem| KeyringError::Entry { number, problem })?;
            if secrets.iter().any(|other| other.kid == secret.kid) {
                return Err(KeyringError::Kid { kid: secret.kid });
            }
            // The same key under two names would make a rotation that changes nothing.
            if secrets.iter().any(|other| other.bytes == secret.bytes) {
                return Err(KeyringError::Entry { number, problem: Problem::Twice });
            }
            secrets.push(secret);
        }
        let active = secrets.remove(0);
        Ok(Self { active, older: secrets })
    }

    /// The kid of the key that wraps what is new.
    pub fn active(&self) -> &str {
        &self.active.kid
    }

    /// All kids, the active one first.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.all().map(|secret| secret.kid.as_str())
    }

    /// The key that wraps people's keys under `kid`; `None` if there is no such key any more.
    pub fn kek(&self, kid: &str) -> Option<Key> {
        let secret = self.all().find(|secret| secret.kid == kid)?;
        Some(secret.derive(&format!("kek/{kid}")))
    }

    /// The key for one purpose, from the active key.
    pub fn derive(&self, label: &str) -> Key {
        self.active.derive(label)
    }

    /// The keys for one purpose from all keys, the active one first: for what was made before a rotation.
    pub fn derive_all(&self, label: &str) -> Vec<Key> {
        self.all().map(|secret| secret.derive(label)).collect()
    }

    /// Returns a new entry, `k1:…`.
    pub fn generate() -> Result<KeyText, NoEntropy> {
        Self::generate_from(random::fill)
    }

    /// Returns the text of this ring with a new key in front.
    pub fn rotated(&self) -> Result<KeyText, NoEntropy> {
        let newest = self.all().map(|secret| secret.number).fold(0, u32::max);
        let mut text = entry(u64::from(newest) + 1, Key::random()?.reveal());
        for secret in self.all() {
            text.add(",");
            text.add(entry(u64::from(secret.number), &secret.bytes).reveal());
        }
        Ok(text)
    }

    fn generate_from(
        draw: impl FnOnce(&mut [u8]) -> Result<(), NoEntropy>,
    ) -> Result<KeyText, NoEntropy> {
        Ok(entry(u64::from(FIRST), Key::random_from(draw)?.reveal()))
    }

    fn all(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.active).chain(&self.older)
    }
}

impl Secret {
    fn parse(entry: &str) -> Result<Self, Problem> {
        let (number, key) = match entry.split_once(':') {
            Some((kid, key)) => (number(kid).ok_or(Problem::Kid)?, key),
            None => (FIRST, entry),
        };
        if key.len() >= 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Problem::Hexadecimal);
        }
        let base64 = if key.contains(['-', '_']) { URL_SAFE } else { STANDARD };
        let mut bytes = Zeroizing::new(Vec::with_capacity(key.len()));
        base64.decode_vec(key, &mut bytes).map_err(|_| Problem::Base64)?;
        match weak::weakness(&bytes) {
            Some(weakness) => Err(Problem::Weak(weakness)),
            None => Ok(Self { number, kid: format!("k{number}"), bytes }),
        }
    }

    fn derive(&self, label: &str) -> Key {
        Key::derive_from(&self.bytes, label)
    }
}

/// The number of a kid; `None` if it is not written as we write it.
fn number(kid: &str) -> Option<u32> {
    let digits = kid.strip_prefix('k')?;
    let canonical = digits.starts_with(|first: char| matches!(first, '1'..='9'));
    canonical.then(|| digits.parse().ok()).flatten()
}

/// The text of an entry.
fn entry(number: u64, bytes: &[u8]) -> KeyText {
    let mut text = KeyText::with_capacity(bytes.len() * 2 + 32);
    text.add(&format!("k{number}:"));
    text.add(&Zeroizing::new(STANDARD.encode(bytes)));
    text
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.kids()).finish()
    }
}

#[cfg(test)]
mod tests;
