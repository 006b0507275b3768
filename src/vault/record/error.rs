//! Why a record could not be made or opened. No message says anything of what is in it.

use crate::vault::random::NoEntropy;

/// A record could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// There is nothing to make a nonce or a key from.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The plaintext is longer than [`MAX_PLAINTEXT`](super::MAX_PLAINTEXT).
    #[error("the plaintext is too large for one record")]
    TooLarge,
    /// Kind 8 is sealed to an identity, the other kinds are sealed under a key.
    #[error("records of this kind are sealed in another way")]
    Suite,
    /// The key has sealed as many records as it may: the next generation has its turn.
    #[error("this key has sealed as many records as it may")]
    KeyRetired,
    /// The cipher refused.
    #[error("the cipher refused")]
    Cipher,
}

/// A record cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is too short, or does not begin as records do.
    #[error("this is not a record")]
    NotARecord,
    /// It was made by a later version of this program, or is damaged.
    #[error("records of version {0} are not known")]
    Version(u8),
    /// The same for the way it is sealed.
    #[error("records of suite {0} are not known")]
    Suite(u8),
    /// It is a record, but not of the kind that belongs here.
    #[error("this record is of another kind")]
    Kind,
    /// It is sealed under another generation of the conversation's key.
    #[error("this record is sealed under generation {0} of the key")]
    Generation(u32),
    /// It belongs elsewhere, is sealed under another key, or was changed. Nobody can tell which.
    #[error("this record belongs elsewhere, to another key, or was changed")]
    Refused,
    /// It is authentic, but was not padded as records are.
    #[error("this record is not padded as records are")]
    Padding,
    /// It is authentic, but holds no key where one is expected.
    #[error("this record holds no key")]
    NotAKey,
}
