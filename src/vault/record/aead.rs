//! AES-256-GCM (NIST SP 800-38D) with nonces of 96 bits and tags of 128.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};

use super::NONCE;
use super::error::{OpenError, SealError};
use super::plaintext::Padded;
use crate::vault::key::Key;

/// Returns ciphertext and tag.
pub(super) fn seal(
    key: &Key,
    nonce: &[u8; NONCE],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let cipher = Aes256Gcm::new(key.reveal().into());
    let payload = Payload { msg: plaintext, aad };
    cipher.encrypt(nonce.into(), payload).map_err(|_| SealError::Cipher)
}

/// Returns the plaintext of ciphertext and tag. The tag is compared in constant time, before anything is decrypted.
pub(super) fn open(
    key: &Key,
    nonce: &[u8; NONCE],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Padded, OpenError> {
    let cipher = Aes256Gcm::new(key.reveal().into());
    let payload = Payload { msg: sealed, aad };
    cipher.decrypt(nonce.into(), payload).map(Padded::new).map_err(|_| OpenError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::vectors::hex::{bytes, hex};

    const PLAINTEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    const KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";

    /// Test cases 13 to 16 of `McGrew` and Viega, "The Galois/Counter Mode of Operation", which NIST's validation
    /// of SP 800-38D grew from: key, nonce, AAD, plaintext; ciphertext, tag.
    fn cases() -> [[String; 6]; 4] {
        let zero = |bytes: usize| "00".repeat(bytes);
        let longer = format!("{PLAINTEXT}1aafd255");
        let ciphertext = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                          8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
        let nonce = "cafebabefacedbaddecaf888";
        let case = |case: [&str; 6]| case.map(str::to_owned);
        [
            case([&zero(32), &zero(12), "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"]),
            case([
                &zero(32),
                &zero(12),
                "",
                &zero(16),
                "cea7403d4d606b6e074ec5d3baf39d18",
                "d0d1c8a799996bf0265b98b5d48ab919",
            ]),
            case([
                KEY,
                nonce,
                "",
                &longer,
                &format!("{ciphertext}898015ad"),
                "b094dac5d93471bdec1a502270e3cc6c",
            ]),
            case([
                KEY,
                nonce,
                "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                PLAINTEXT,
                ciphertext,
                "76fc6ece0f4e1768cddf8853bb2d551b",
            ]),
        ]
    }

    #[test]
    fn it_gives_what_the_authors_of_gcm_give() {
        for [key, nonce, aad, plaintext, ciphertext, tag] in cases() {
            let key = Key::try_from(&bytes(&key)[..]).unwrap();
            let nonce = bytes(&nonce).try_into().unwrap();
            let sealed = seal(&key, &nonce, &bytes(&aad), &bytes(&plaintext)).unwrap();
            assert_eq!(hex(&sealed), format!("{ciphertext}{tag}"));
            assert_eq!(open(&key, &nonce, &bytes(&aad), &sealed).unwrap()[..], bytes(&plaintext));
        }
    }

    #[test]
    fn what_is_shorter_than_a_tag_is_refused() {
        let key = Key::from_bytes([1; 32]);
        for length in 0..16 {
            assert!(open(&key, &[0; NONCE], b"", &vec![0; length]).is_err());
        }
    }
}
