//! A key of 256 bits, and how one key becomes many.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::random::{self, NoEntropy};

/// What every label begins with, so that keys of ours are no keys of anybody else who derives from the same secret.
const CONTEXT: &[u8] = b"sotto1/";

/// A key. It is gone from memory when it is dropped, compares in constant time, and `Debug` shows nothing.
///
/// Boxed, so that moving it leaves no copies behind on the stack.
#[derive(Clone)]
pub struct Key(Box<[u8; Key::LEN]>);

/// The bytes are not as many as a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key has {} bytes", Key::LEN)]
pub struct NotAKey;

impl Key {
    /// The length of a key in bytes.
    pub const LEN: usize = 32;

    /// Returns a new key.
    pub fn random() -> Result<Self, NoEntropy> {
        Self::random_from(random::fill)
    }

    /// The same, from a given generator.
    pub(super) fn random_from(
        draw: impl FnOnce(&mut [u8]) -> Result<(), NoEntropy>,
    ) -> Result<Self, NoEntropy> {
        let mut key = Self::empty();
        draw(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// Takes over key bytes. The caller's own copy is the caller's to erase.
    pub fn from_bytes(mut bytes: [u8; Self::LEN]) -> Self {
        let key = Self(Box::new(bytes));
        bytes.zeroize();
        key
    }

    /// Returns the key for one purpose: HKDF-SHA256 (RFC 5869) without salt, `info = "sotto1/" || label`.
    ///
    /// Different labels give keys of which none says anything about another, nor about this one.
    pub fn derive(&self, label: &str) -> Self {
        Self::derive_from(self.reveal(), label)
    }

    /// The same from a secret of any length that has at least 256 bits of entropy.
    pub(super) fn derive_from(secret: &[u8], label: &str) -> Self {
        hkdf_sha256(secret, &[CONTEXT, label.as_bytes()])
    }

    /// The bytes themselves, for those who must have them.
    pub fn reveal(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    fn empty() -> Self {
        Self(Box::new([0; Self::LEN]))
    }
}

/// HKDF-SHA256 without salt: 32 bytes, for `info` in parts.
fn hkdf_sha256(secret: &[u8], info: &[&[u8]]) -> Key {
    let mut key = Key::empty();
    let expanded = Hkdf::<Sha256>::new(None, secret).expand_multi_info(info, key.0.as_mut_slice());
    // RFC 5869, 2.3: only more than 255 blocks of 32 bytes are too many.
    expanded.unwrap_or_else(|_| unreachable!("a key is one block of SHA-256"));
    key
}

impl TryFrom<&[u8]> for Key {
    type Error = NotAKey;

    fn try_from(bytes: &[u8]) -> Result<Self, NotAKey> {
        let mut key = Self::empty();
        if bytes.len() != Self::LEN {
            return Err(NotAKey);
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::vectors::hex::{bytes, hex};

    #[test]
    fn hkdf_gives_what_rfc_5869_gives_without_salt() {
        // Appendix A.3. The first 32 of its 42 bytes: a shorter output is the beginning of a longer one.
        let key = hkdf_sha256(&[0x0b; 22], &[]);
        assert_eq!(
            hex(key.reveal()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
        );
    }

    #[test]
    fn the_hkdf_that_is_used_gives_what_rfc_5869_gives_with_salt() {
        // Appendices A.1 and A.2; info in parts is info as a whole.
        let mut short = [0; 42];
        let info = bytes("f0f1f2f3f4f5f6f7f8f9");
        Hkdf::<Sha256>::new(Some(&bytes("000102030405060708090a0b0c")), &[0x0b; 22])
            .expand_multi_info(&[&info[..3], &info[3..]], &mut short)
            .unwrap();
        assert_eq!(
            hex(&short),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
        let range = |from: u8, to: u8| (from..=to).collect::<Vec<_>>();
        let mut long = [0; 82];
        Hkdf::<Sha256>::new(Some(&range(0x60, 0xaf)), &range(0x00, 0x4f))
            .expand(&range(0xb0, 0xff), &mut long)
            .unwrap();
        assert_eq!(
            hex(&long),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
             59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
             cc30c58179ec3e87c14c01d5c1f3434f1d87"
        );
    }

    #[test]
    fn keys_for_different_purposes_differ() {
        let key = Key::from_bytes([7; 32]);
        assert_eq!(key.derive("csrf"), key.derive("csrf"));
        assert_ne!(key.derive("csrf"), key.derive("session-hash"));
        assert_ne!(key.derive(""), key);
        assert_ne!(Key::random().unwrap(), Key::random().unwrap());
    }

    #[test]
    fn only_32_bytes_are_a_key() {
        assert_eq!(Key::try_from(&[9; 32][..]).unwrap(), Key::from_bytes([9; 32]));
        for length in [0, 31, 33, 64] {
            assert_eq!(Key::try_from(&vec![9; length][..]), Err(NotAKey));
        }
    }

    #[test]
    fn without_random_bytes_there_is_no_key() {
        assert!(Key::random_from(random::broken).is_err());
    }

    #[test]
    fn debug_shows_nothing_of_a_key() {
        assert_eq!(format!("{:?}", Key::from_bytes([0xab; 32])), "Key(..)");
    }
}
