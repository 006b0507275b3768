//! Keys that can be guessed.
//!
//! Whether bytes are random cannot be seen; whether somebody made them up often can. Each of these refuses a
//! key of 32 random bytes with a probability below 2^-45, so a good key is never refused in practice.

use super::{Engine, STANDARD};
use crate::vault::key::Key;

/// So many different values a key has at least. 32 random bytes have 30 on average, and fewer than 16 with a
/// probability of about 2^-55.
const VALUES: usize = 16;

/// Keys that are printed somewhere and copied from there, in base64.
const KNOWN: &[&str] = &[
    // The example of the Fernet specification.
    "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=",
    // Those of widely copied Airflow set-ups.
    "46BKJoQYlPPOexq0OhDZnIlNepKFf87WFwLbfzqDDho=",
    "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
    // AES-256 in NIST SP 800-38A, appendix F.
    "YD3rEBXKcb4rc67whX13gR81LAc7YQjXLZgQowkU3/Q=",
    // The private keys of RFC 7748, 6.1.
    "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=",
    "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=",
];

/// Why a key can be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// It is too short.
    #[error("it has fewer than 32 bytes")]
    Short,
    /// It was published.
    #[error("it is printed in a document, where everybody can read it")]
    Known,
    /// It is a word or a sentence, written as base64.
    #[error("it is a text; a key is random bytes")]
    Text,
    /// A part of it comes again and again.
    #[error("it repeats itself")]
    Repeats,
    /// Its bytes are too much alike, or count up or down.
    #[error("its bytes are not random")]
    Regular,
}

/// Returns why a key can be guessed, if it is plain to see.
pub(super) fn weakness(key: &[u8]) -> Option<Weakness> {
    if key.len() < Key::LEN {
        return Some(Weakness::Short);
    }
    if KNOWN.iter().any(|known| STANDARD.decode(known).is_ok_and(|known| known == key)) {
        return Some(Weakness::Known);
    }
    if repeats(key) {
        return Some(Weakness::Repeats);
    }
    if key.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return Some(Weakness::Text);
    }
    let steps = key.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    if values(key.iter().copied()) < VALUES || values(steps) < VALUES {
        return Some(Weakness::Regular);
    }
    None
}

/// Whether the key is its own first half, or a shorter part, over and over.
fn repeats(key: &[u8]) -> bool {
    (1..=key.len() / 2).any(|period| key[period..] == key[..key.len() - period])
}

fn values(bytes: impl Iterator<Item = u8>) -> usize {
    let mut seen = [false; 256];
    bytes.for_each(|byte| seen[usize::from(byte)] = true);
    seen.into_iter().filter(|seen| *seen).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::random;

    #[test]
    fn keys_that_were_made_up_are_noticed() {
        let half: [u8; 16] = random::bytes().unwrap();
        let counting: Vec<u8> = (0..32).collect();
        let by_seven: Vec<u8> = (0..40_u8).rev().map(|i| i.wrapping_mul(7)).collect();
        let few: Vec<u8> = (0..64_u8).map(|i| i.wrapping_mul(i) % 15).collect();
        for (key, weakness) in [
            (&[][..], Weakness::Short),
            (&[1, 2, 3], Weakness::Short),
            (&random::bytes::<31>().unwrap(), Weakness::Short),
            (&[0; 32], Weakness::Repeats),
            (&[0xff; 64], Weakness::Repeats),
            (&[half, half].concat(), Weakness::Repeats),
            (&b"abcdefgh".repeat(5), Weakness::Repeats),
            (b"correct horse battery staple, they said", Weakness::Text),
            (b"please-change-this-secret-key-now\n", Weakness::Text),
            (&counting, Weakness::Regular),
            (&by_seven, Weakness::Regular),
            (&few, Weakness::Regular),
        ] {
            assert_eq!(super::weakness(key), Some(weakness), "{key:?}");
        }
    }

    #[test]
    fn keys_that_were_published_are_noticed() {
        for known in KNOWN {
            let key = STANDARD.decode(known).unwrap();
            assert_eq!(key.len(), 32);
            assert_eq!(weakness(&key), Some(Weakness::Known));
        }
    }

    #[test]
    fn random_keys_are_taken() {
        for _ in 0..2_000 {
            assert_eq!(weakness(&random::bytes::<32>().unwrap()), None);
            assert_eq!(weakness(&random::bytes::<64>().unwrap()), None);
        }
    }
}
