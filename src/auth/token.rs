//! 256 random bits that a browser or a program shows to be known again. Only sums of them are stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::vault::random::{self, NoEntropy};

/// Letters of a token as text.
pub const LETTERS: usize = 43;

/// What is stored instead of a token.
pub type Hash = [u8; 32];

/// Keys of the server, one of them in use and perhaps older ones that still count.
#[derive(Clone)]
pub struct Keys {
    active: Zeroizing<[u8; 32]>,
    older: Vec<Zeroizing<[u8; 32]>>,
}

impl Keys {
    /// These.
    pub fn new(active: [u8; 32], older: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let older = older.into_iter().map(Zeroizing::new).collect();
        Self { active: Zeroizing::new(active), older }
    }

    /// The one in use.
    pub fn active(&self) -> &[u8; 32] {
        &self.active
    }

    /// All, the one in use first.
    pub fn all(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.active).chain(&self.older).map(|key| &**key)
    }
}

/// A token. `Debug` does not show it.
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; 32]>);

impl Token {
    /// A new one.
    pub fn random() -> Result<Self, NoEntropy> {
        Ok(Self(Zeroizing::new(random::bytes()?)))
    }

    /// Reads one; `None` if it has not exactly the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LETTERS {
            return None;
        }
        let mut bytes = Zeroizing::new([0; 32]);
        // The decoder refuses a last letter with bits that do not count, so that a token has one text.
        let length = URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()).ok()?;
        (length == 32).then_some(Self(bytes))
    }

    /// As it travels.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// Its sum without a key. It is enough: nobody guesses 256 random bits.
    pub fn sum(&self) -> Hash {
        Sha256::digest(self.0.as_slice()).into()
    }

    /// Its sum with a key of the server.
    pub fn keyed(&self, key: &[u8; 32]) -> Hash {
        hmac(key, &[self.0.as_slice()])
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// HMAC-SHA256 over `parts`, one after the other.
pub(super) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> Hash {
    // A shorter key is filled up with zeros to a block; with a whole block nothing can fail.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_again_and_has_one_text() {
        let token = Token::random().unwrap();
        let text = token.reveal();
        assert_eq!(text.len(), LETTERS);
        assert_eq!(Token::parse(&text).unwrap().sum(), token.sum());
        for wrong in ["", "a", &format!("{}A", &*text), &text[1..], &format!("{}=", &text[..42])] {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
        // 43 letters hold 258 bits: the last two must be zero.
        assert!(Token::parse(&"_".repeat(43)).is_none());
        assert!(!format!("{token:?}").contains(&**text));
    }

    #[test]
    fn sums_depend_on_the_key() {
        let token = Token::random().unwrap();
        assert_ne!(token.keyed(&[1; 32]), token.keyed(&[2; 32]));
        assert_ne!(token.keyed(&[1; 32]), token.sum());
    }
}
