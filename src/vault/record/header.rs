//! The first eight bytes of a record.

use super::binding::{Binding, Kind};
use super::error::OpenError;
use super::{NONCE, TAG};

const MAGIC: u8 = 0x53;
const VERSION: u8 = 1;
const LEN: usize = 8;
/// The length of HPKE's encapsulated key: `Nenc` of DHKEM(X25519, HKDF-SHA256), RFC 9180, 7.1.
const ENC: usize = 32;

/// How a record is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vault) enum Suite {
    /// AES-256-GCM with a random nonce.
    Gcm = 1,
    /// HPKE: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
    Hpke = 3,
}

/// What a record says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vault) struct Header {
    suite: Suite,
    pub(super) kind: Kind,
    pub(in crate::vault) generation: u32,
}

impl Header {
    /// The header of a new record; `None` if its kind is sealed in another way.
    pub(in crate::vault) fn of(
        suite: Suite,
        binding: &Binding<'_>,
        generation: u32,
    ) -> Option<Self> {
        let kind = binding.kind();
        (kind.suite() == suite).then_some(Self { suite, kind, generation })
    }

    pub(in crate::vault) fn to_bytes(self) -> [u8; LEN] {
        let [a, b, c, d] = self.generation.to_be_bytes();
        [MAGIC, VERSION, self.suite as u8, self.kind as u8, a, b, c, d]
    }

    /// Reads the header and returns it with what follows, which is long enough to hold a tag.
    pub(in crate::vault) fn read(record: &[u8]) -> Result<(Self, &[u8]), OpenError> {
        let (header, body) = record.split_first_chunk::<LEN>().ok_or(OpenError::NotARecord)?;
        let [magic, version, suite, kind, generation @ ..] = *header;
        if magic != MAGIC {
            return Err(OpenError::NotARecord);
        }
        if version != VERSION {
            return Err(OpenError::Version(version));
        }
        let (suite, before) = match suite {
            1 => (Suite::Gcm, NONCE),
            3 => (Suite::Hpke, ENC),
            unknown => return Err(OpenError::Suite(unknown)),
        };
        let kind = Kind::from_byte(kind).ok_or(OpenError::Kind)?;
        if kind.suite() != suite {
            return Err(OpenError::Kind);
        }
        if body.len() < before + TAG {
            return Err(OpenError::NotARecord);
        }
        Ok((Self { suite, kind, generation: u32::from_be_bytes(generation) }, body))
    }

    /// Checks that the record is what belongs here.
    pub(in crate::vault) fn expect(
        self,
        suite: Suite,
        binding: &Binding<'_>,
    ) -> Result<(), OpenError> {
        let is_it = self.suite == suite && self.kind == binding.kind();
        if is_it { Ok(()) } else { Err(OpenError::Kind) }
    }
}
