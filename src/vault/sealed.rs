//! The way that the server cannot go back: records sealed to a person's identity.
//!
//! In a private conversation the server hears and writes the words of a turn, and must keep them although the
//! keys are in a browser that may be gone. It seals them with HPKE (RFC 9180) in base mode to the public half
//! of the identity, an X25519 key whose private half is stored only under the person's own keys:
//!
//! ```text
//! suite   DHKEM(X25519, HKDF-SHA256) 0x0020, HKDF-SHA256 0x0001, AES-256-GCM 0x0002
//! info    "sotto1/sealed"
//! aad     that of the record's binding, kind 8, generation 1
//! record  header, suite 3 || encapsulated key, 32 bytes || ciphertext || tag
//! ```
//!
//! Every record has an ephemeral key and so a cipher key of its own, used once. Base mode says nothing of who
//! sealed: whoever knows the public key can. A record of kind 8 is the server's word until it is adopted.

use std::fmt;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, X25519HkdfSha256};
use hpke::{Deserializable, OpModeR, OpModeS, Serializable};

use super::key::Key;
use super::random::{self, NoEntropy};
use super::record::{Binding, Header, OpenError, Padded, Plaintext, SealError, Suite, pad, unpad};

mod drawn;

use drawn::Drawn;

const INFO: &[u8] = b"sotto1/sealed";
/// Identities do not change; a new one would be the next generation.
const GENERATION: u32 = 1;
/// The length of the encapsulated key.
const ENC: usize = 32;

type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
type Encapped = <X25519HkdfSha256 as Kem>::EncappedKey;

/// The public half of a person's identity.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityPublic(Public);

/// Nothing can be sealed to these bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a public key that anything can be sealed to")]
pub struct WeakIdentity;

impl IdentityPublic {
    /// Takes over a public key. The few points with which every shared secret is zero (RFC 7748, 6.1) are
    /// refused here, and not when a turn has to be kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, WeakIdentity> {
        let public = Public::from_bytes(&bytes).map_err(|_| WeakIdentity)?;
        // Every private key is a multiple of 8 and takes such a point to zero, so any serves to find out.
        let mut any = Drawn::new(|_| Ok(())).map_err(|_| WeakIdentity)?;
        let encapped = X25519HkdfSha256::encap_with_rng(&public, None, &mut any);
        encapped.map(|_| Self(public)).map_err(|_| WeakIdentity)
    }

    /// The public half of a private key. Browsers make identities; this is for tests and tools.
    pub fn of(private: &Key) -> Result<Self, WeakIdentity> {
        let private = Private::from_bytes(private.reveal()).map_err(|_| WeakIdentity)?;
        Ok(Self(X25519HkdfSha256::sk_to_pk(&private)))
    }

    /// The key's bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes().into()
    }
}

impl fmt::Debug for IdentityPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityPublic(..)")
    }
}

/// Seals `plaintext` to a person, bound to its place: [`Binding::SealedMessage`] or [`Binding::SealedTitle`].
pub fn seal_to(
    identity: &IdentityPublic,
    binding: &Binding<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    seal_to_from(random::fill, identity, binding, plaintext)
}

/// The same with the ephemeral key from a given generator.
pub(super) fn seal_to_from(
    draw: impl FnOnce(&mut [u8]) -> Result<(), NoEntropy>,
    identity: &IdentityPublic,
    binding: &Binding<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let header = Header::of(Suite::Hpke, binding, GENERATION).ok_or(SealError::Suite)?;
    let padded = pad(plaintext).ok_or(SealError::TooLarge)?;
    let mut ephemeral = Drawn::new(draw)?;
    let (enc, sealed) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &identity.0,
        INFO,
        &padded,
        &binding.aad(GENERATION),
        &mut ephemeral,
    )
    .map_err(|_| SealError::Cipher)?;
    ephemeral.used_once()?;
    Ok([&header.to_bytes()[..], &enc.to_bytes(), &sealed].concat())
}

/// Opens a record that was sealed with [`seal_to`]. The server has no private key: for tests and tools.
pub fn open_sealed(
    private: &Key,
    binding: &Binding<'_>,
    record: &[u8],
) -> Result<Plaintext, OpenError> {
    let (header, body) = Header::read(record)?;
    header.expect(Suite::Hpke, binding)?;
    let (enc, sealed) = body.split_first_chunk::<ENC>().ok_or(OpenError::NotARecord)?;
    let private = Private::from_bytes(private.reveal()).map_err(|_| OpenError::NotAKey)?;
    let padded = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &Encapped::from_bytes(enc).map_err(|_| OpenError::NotARecord)?,
        INFO,
        sealed,
        &binding.aad(header.generation),
    )
    .map_err(|_| OpenError::Refused)?;
    unpad(Padded::new(padded)).ok_or(OpenError::Padding)
}

#[cfg(test)]
mod tests;
