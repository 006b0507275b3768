//! How long a record is says little about how much was said.
//!
//! ```text
//! length u32 BE || plaintext || zeros
//! ```
//!
//! up to a multiple of 256 bytes until 4096, above that up to a power of two. There is one padding for every
//! plaintext, and nothing else is accepted.

use super::plaintext::{Padded, Plaintext};

/// The longest plaintext of a record. With its length it fills the largest bucket, 16 MiB.
pub const MAX_PLAINTEXT: usize = (16 << 20) - PREFIX;

/// The length, before the plaintext.
pub(super) const PREFIX: usize = 4;
const STEP: usize = 256;
/// Above this the buckets double.
const STEPS_END: usize = 4096;

/// Pads a plaintext; `None` if it is longer than [`MAX_PLAINTEXT`].
pub(in crate::vault) fn pad(plaintext: &[u8]) -> Option<Padded> {
    if plaintext.len() > MAX_PLAINTEXT {
        return None;
    }
    let total = bucket(plaintext.len());
    // With its final capacity from the start, so that growing leaves no copy behind.
    let mut padded = Vec::with_capacity(total);
    padded.extend_from_slice(&(plaintext.len() as u32).to_be_bytes());
    padded.extend_from_slice(plaintext);
    padded.resize(total, 0);
    Some(Padded::new(padded))
}

/// Takes the padding off; `None` if it is not the one that [`pad`] gives.
pub(in crate::vault) fn unpad(padded: Padded) -> Option<Plaintext> {
    let (prefix, content) = padded.split_first_chunk::<PREFIX>()?;
    let length = u32::from_be_bytes(*prefix) as usize;
    let (plaintext, zeros) = content.split_at_checked(length)?;
    // Authentic by now, so what this takes tells nobody anything.
    if bucket(plaintext.len()) != padded.len() || zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(Plaintext::new(padded, length))
}

/// The padded length of a plaintext of `length` bytes, which is at most what a `u32` holds.
fn bucket(length: usize) -> usize {
    let used = length + PREFIX;
    if used <= STEPS_END { used.next_multiple_of(STEP) } else { used.next_power_of_two() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fall_into_buckets() {
        for (length, padded) in [
            (0, 256),
            (1, 256),
            (252, 256),
            (253, 512),
            (508, 512),
            (1024, 1280),
            (4092, 4096),
            (4093, 8192),
            (8188, 8192),
            (8189, 16384),
            (MAX_PLAINTEXT, 16 << 20),
        ] {
            assert_eq!(bucket(length), padded, "{length}");
        }
    }

    #[test]
    fn what_was_padded_comes_back() {
        for length in [0, 1, 251, 252, 253, 4092, 4093, 9000] {
            let plaintext: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let padded = pad(&plaintext).unwrap();
            assert_eq!(padded.len(), bucket(length));
            assert_eq!(unpad(padded).unwrap()[..], plaintext);
        }
    }

    #[test]
    fn more_than_a_record_holds_is_refused() {
        assert!(pad(&vec![0; MAX_PLAINTEXT + 1]).is_none());
    }

    #[test]
    fn only_the_one_padding_is_taken() {
        let take = |bytes: Vec<u8>| unpad(Padded::new(bytes));
        let whole = pad(b"hello").unwrap().to_vec();
        assert!(take(whole.clone()).is_some());
        for length in [0, 3, 4, 255] {
            assert!(take(whole[..length].to_vec()).is_none(), "cut to {length}");
        }
        assert!(take([&whole[..], &[0; 256]].concat()).is_none(), "a larger bucket");
        for (place, byte) in [(0, 1), (2, 1), (3, 253), (3, 4), (9, 1), (255, 1)] {
            let mut other = whole.clone();
            other[place] = byte;
            assert!(take(other).is_none(), "byte {place} is {byte}");
        }
    }
}
