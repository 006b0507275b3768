//! A conversation's key, which knows how often it was used.

use super::binding::Binding;
use super::error::{OpenError, SealError};
use super::plaintext::Plaintext;
use super::{generation, open, seal, unwrap_key, wrap_key};
use crate::vault::key::Key;
use crate::vault::random::NoEntropy;

/// How many records are sealed under one key: messages and every rewriting of the meta record.
///
/// Two of n random 96-bit nonces are the same with a probability of about n² / 2^97, so 2^-57 here. SP 800-38D
/// (8.3) allows 2^32 records, at 2^-33; nobody needs to go that far when a new key costs 292 bytes.
pub const RECORDS_PER_KEY: u64 = 1 << 20;

/// One generation of a conversation's key.
#[derive(Debug)]
pub struct ConversationKey {
    key: Key,
    generation: u32,
    used: u64,
}

impl ConversationKey {
    /// The generation of a conversation's first key.
    pub const FIRST: u32 = 1;

    /// Makes a new key. Each generation of a conversation is made once.
    pub fn new(generation: u32) -> Result<Self, NoEntropy> {
        Ok(Self { key: Key::random()?, generation, used: 0 })
    }

    /// Opens a wrapped key that `used` records were sealed under so far.
    ///
    /// Whoever keeps that number counts an attempt before the record is stored: too high is harmless.
    pub fn unwrap(
        by: &Key,
        binding: &Binding<'_>,
        wrapped: &[u8],
        used: u64,
    ) -> Result<Self, OpenError> {
        let key = unwrap_key(by, binding, wrapped)?;
        let generation = generation(wrapped).ok_or(OpenError::NotARecord)?;
        Ok(Self { key, generation, used })
    }

    /// Seals this key under its owner's.
    pub fn wrap(&self, by: &Key, binding: &Binding<'_>) -> Result<Vec<u8>, SealError> {
        wrap_key(by, self.generation, binding, &self.key)
    }

    /// Which of the conversation's keys this is.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// How many records were sealed under it, those that failed and those that were not stored included.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Whether it has sealed all that it may, and the next generation has its turn.
    pub fn is_retired(&self) -> bool {
        self.used >= RECORDS_PER_KEY
    }

    /// Seals a record and counts it.
    pub fn seal(&mut self, binding: &Binding<'_>, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        if self.is_retired() {
            return Err(SealError::KeyRetired);
        }
        self.used += 1;
        seal(&self.key, self.generation, binding, plaintext)
    }

    /// Opens a record of this generation. A retired key opens for ever.
    pub fn open(&self, binding: &Binding<'_>, record: &[u8]) -> Result<Plaintext, OpenError> {
        match generation(record) {
            Some(other) if other != self.generation => Err(OpenError::Generation(other)),
            _ => open(&self.key, binding, record),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRAP: Binding<'_> =
        Binding::ConversationKey { owner: "ann", conversation: "conv", tier: "standard" };
    const META: Binding<'_> = Binding::Meta { conversation: "conv" };

    #[test]
    fn a_key_is_retired_when_it_has_sealed_2_to_the_20_records() {
        let by = Key::random().unwrap();
        let wrapped = ConversationKey::new(1).unwrap().wrap(&by, &WRAP).unwrap();
        let mut key = ConversationKey::unwrap(&by, &WRAP, &wrapped, RECORDS_PER_KEY - 2).unwrap();
        key.seal(&META, b"the last but one").unwrap();
        assert!(!key.is_retired());
        let last = key.seal(&META, b"the last").unwrap();
        assert!(key.is_retired());
        assert_eq!(key.used(), 1_048_576);
        for _ in 0..3 {
            assert_eq!(key.seal(&META, b"one too many"), Err(SealError::KeyRetired));
        }
        assert_eq!(key.used(), RECORDS_PER_KEY);
        assert_eq!(&key.open(&META, &last).unwrap()[..], b"the last");
        // However often it is opened from its wrap again.
        for used in [RECORDS_PER_KEY, RECORDS_PER_KEY + 1, u64::MAX] {
            let mut again = ConversationKey::unwrap(&by, &WRAP, &wrapped, used).unwrap();
            assert_eq!(again.seal(&META, b"one too many"), Err(SealError::KeyRetired));
        }
    }

    #[test]
    fn what_could_not_be_sealed_is_counted() {
        let mut key = ConversationKey::new(1).unwrap();
        let sealed = Binding::SealedTitle { conversation: "conv" };
        assert_eq!(key.seal(&sealed, b"title"), Err(SealError::Suite));
        assert_eq!(key.used(), 1);
    }

    #[test]
    fn a_wrapped_key_is_the_same_key_of_the_same_generation() {
        let by = Key::random().unwrap();
        let mut key = ConversationKey::new(7).unwrap();
        let record = key.seal(&META, b"words").unwrap();
        let wrapped = key.wrap(&by, &WRAP).unwrap();
        assert_eq!(wrapped.len(), 292);
        let again = ConversationKey::unwrap(&by, &WRAP, &wrapped, key.used()).unwrap();
        assert_eq!((again.generation(), again.used()), (7, 1));
        assert_eq!(&again.open(&META, &record).unwrap()[..], b"words");
        assert_eq!(again.open(&WRAP, &wrapped), Err(OpenError::Refused));
    }

    #[test]
    fn another_generation_is_named() {
        let record = ConversationKey::new(3).unwrap().seal(&META, b"words").unwrap();
        let key = ConversationKey::new(4).unwrap();
        assert_eq!(key.open(&META, &record), Err(OpenError::Generation(3)));
        assert_eq!(key.open(&META, b"no record"), Err(OpenError::NotARecord));
    }

    #[test]
    fn what_is_not_a_key_is_not_unwrapped() {
        let by = Key::random().unwrap();
        let short = seal(&by, 1, &WRAP, &[1; 31]).unwrap();
        assert_eq!(unwrap_key(&by, &WRAP, &short), Err(OpenError::NotAKey));
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let text = format!("{:?}", ConversationKey::new(1).unwrap());
        assert_eq!(text, "ConversationKey { key: Key(..), generation: 1, used: 0 }");
    }
}
