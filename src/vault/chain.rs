//! What shows that a record is missing, was put elsewhere or is one too many.
//!
//! A record alone proves where it belongs, not that its neighbours are there. So every conversation keeps a
//! head, sealed in its meta record, that sums up all of its records in order:
//!
//! ```text
//! digest(0) = 32 zero bytes
//! digest(n) = SHA-256( digest(n-1) || seq as u64 BE || tag of the record )
//! ```
//!
//! The tag stands for the whole record: under one key it depends on every bit of ciphertext and AAD. Someone
//! who holds the key could make two records with one tag (GHASH is no hash function); the chain is against
//! someone who can write to the database, not against someone with the key.
//!
//! What it cannot show: a database put back as a whole to an earlier state. Only somebody who remembers a
//! later head notices that, which is why the browser keeps the last one it saw.

use sha2::{Digest, Sha256};

use super::record;

/// The sum of a conversation's records, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last record; 0 if there is none.
    pub last_seq: u64,
    /// The digest over all records up to it. Not secret.
    pub digest: [u8; 32],
}

/// A record cannot be added to a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Its number is not above that of the last one.
    #[error("record {seq} does not come after record {last}")]
    Order {
        /// The number of the record.
        seq: u64,
        /// The number of the one that was last.
        last: u64,
    },
    /// It is too short or has a header that nobody writes.
    #[error("this is not a record")]
    NotARecord,
}

impl Head {
    /// The length of [`Head::to_bytes`].
    pub const LEN: usize = 40;

    /// The head of a conversation without records. The first record has a number above 0.
    pub const EMPTY: Self = Self { last_seq: 0, digest: [0; 32] };

    /// Adds the record with the number `seq`. After an error the head is what it was.
    ///
    /// Whether numbers may be left out is for the caller to say; the digest holds them, so a gap cannot be
    /// made or closed afterwards.
    pub fn push(&mut self, seq: u64, record: &[u8]) -> Result<(), ChainError> {
        if seq <= self.last_seq {
            return Err(ChainError::Order { seq, last: self.last_seq });
        }
        let tag = record::tag(record).ok_or(ChainError::NotARecord)?;
        let hash = Sha256::new().chain_update(self.digest).chain_update(seq.to_be_bytes());
        *self = Self { last_seq: seq, digest: hash.chain_update(tag).finalize().into() };
        Ok(())
    }

    /// The head as bytes: `last_seq` as u64 BE, then the digest.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.last_seq.to_be_bytes());
        bytes[8..].copy_from_slice(&self.digest);
        bytes
    }

    /// The head that [`Head::to_bytes`] wrote; `None` if the length is another.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (last_seq, digest) = bytes.split_first_chunk()?;
        Some(Self { last_seq: u64::from_be_bytes(*last_seq), digest: digest.try_into().ok()? })
    }
}

impl Default for Head {
    fn default() -> Self {
        Self::EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::key::Key;
    use crate::vault::record::{Binding, seal};

    fn records(count: u64) -> Vec<Vec<u8>> {
        let key = Key::random().unwrap();
        let binding =
            |seq| Binding::Message { conversation: "conv", item: "item", seq, role: "user" };
        (1..=count).map(|seq| seal(&key, 1, &binding(seq), b"words").unwrap()).collect()
    }

    fn head(of: &[(u64, &Vec<u8>)]) -> Head {
        let mut head = Head::EMPTY;
        of.iter().for_each(|(seq, record)| head.push(*seq, record).unwrap());
        head
    }

    #[test]
    fn a_record_that_is_left_out_swapped_changed_or_added_changes_the_head() {
        let records = records(4);
        let [a, b, c, d] = &records[..] else { unreachable!() };
        let mut changed = b.clone();
        *changed.last_mut().unwrap() ^= 1;
        let whole = head(&[(1, a), (2, b), (3, c)]);
        for other in [
            head(&[(1, a), (3, c)]),
            head(&[(1, a), (2, c)]),
            head(&[(1, a), (2, c), (3, b)]),
            head(&[(1, a), (2, b), (4, c)]),
            head(&[(1, a), (2, &changed), (3, c)]),
            head(&[(1, a), (2, b)]),
            head(&[(1, a), (2, b), (3, c), (4, d)]),
        ] {
            assert_ne!(whole.digest, other.digest);
        }
        assert_eq!(whole, head(&[(1, a), (2, b), (3, c)]));
    }

    #[test]
    fn a_number_is_used_once_and_in_order() {
        let records = records(2);
        let mut head = head(&[(1, &records[0]), (2, &records[1])]);
        let before = head;
        for seq in [0, 1, 2] {
            assert_eq!(head.push(seq, &records[0]), Err(ChainError::Order { seq, last: 2 }));
        }
        assert_eq!(head.push(3, b"not a record"), Err(ChainError::NotARecord));
        assert_eq!(head, before);
        assert!(Head::default().push(0, &records[0]).is_err());
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let records = records(1);
        let head = head(&[(u64::MAX, &records[0])]);
        assert_eq!(Head::from_bytes(&head.to_bytes()), Some(head));
        for length in [0, 7, 8, 39, 41] {
            assert_eq!(Head::from_bytes(&vec![0; length]), None);
        }
    }
}
