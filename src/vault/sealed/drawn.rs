//! Random bytes for HPKE that were drawn before.
//!
//! HPKE's crate takes a generator that cannot fail and asks it for the 32 bytes of an ephemeral key. Ours can
//! fail, so the bytes are drawn first and handed over here, once. Whether that is what happened is checked
//! before anything that was sealed with them is used.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use crate::vault::random::NoEntropy;
use crate::vault::record::SealError;

/// Bytes for one ephemeral key: `Nsk` of DHKEM(X25519, HKDF-SHA256), RFC 9180, 7.1.
pub(super) struct Drawn {
    bytes: Zeroizing<[u8; 32]>,
    asked: Asked,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    NotYet,
    Once,
    OtherThanExpected,
}

impl Drawn {
    pub(super) fn new(
        draw: impl FnOnce(&mut [u8]) -> Result<(), NoEntropy>,
    ) -> Result<Self, NoEntropy> {
        let mut bytes = Zeroizing::new([0; 32]);
        draw(bytes.as_mut_slice())?;
        Ok(Self { bytes, asked: Asked::NotYet })
    }

    /// Checks that all bytes were used, and none twice.
    pub(super) fn used_once(&self) -> Result<(), SealError> {
        if self.asked == Asked::Once { Ok(()) } else { Err(SealError::Cipher) }
    }
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let expected = self.asked == Asked::NotYet && bytes.len() == self.bytes.len();
        self.asked = if expected { Asked::Once } else { Asked::OtherThanExpected };
        if expected {
            bytes.copy_from_slice(self.bytes.as_slice());
        }
        Ok(())
    }

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.asked = Asked::OtherThanExpected;
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.asked = Asked::OtherThanExpected;
        Ok(0)
    }
}

impl TryCryptoRng for Drawn {}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn() -> Drawn {
        Drawn::new(|bytes| {
            bytes.fill(7);
            Ok(())
        })
        .unwrap()
    }

    #[test]
    fn bytes_are_given_once_and_whole() {
        let mut bytes = drawn();
        assert!(bytes.used_once().is_err(), "before");
        let mut key = [0; 32];
        bytes.try_fill_bytes(&mut key).unwrap();
        assert_eq!(key, [7; 32]);
        assert!(bytes.used_once().is_ok());
        bytes.try_fill_bytes(&mut key).unwrap();
        assert!(bytes.used_once().is_err(), "twice");
    }

    #[test]
    fn whoever_asks_for_something_else_seals_nothing() {
        let mut bytes = drawn();
        bytes.try_fill_bytes(&mut [0; 31]).unwrap();
        assert!(bytes.used_once().is_err(), "a shorter key");
        let mut bytes = drawn();
        bytes.try_next_u32().unwrap();
        assert!(bytes.used_once().is_err(), "a number");
        let mut bytes = drawn();
        bytes.try_next_u64().unwrap();
        bytes.try_fill_bytes(&mut [0; 32]).unwrap();
        assert!(bytes.used_once().is_err(), "a number before the key");
    }
}
