use proptest::prelude::*;

use super::*;
use crate::vault::record::{generation, kind, open, seal, tag};
use crate::vault::vectors::hex::{bytes, hex};
use crate::vault::vectors::rfc9180;

const ITEM: Binding<'_> =
    Binding::SealedMessage { conversation: "conv", item: "item", seq: 4, role: "user" };
const TITLE: Binding<'_> = Binding::SealedTitle { conversation: "conv" };

fn identity() -> (Key, IdentityPublic) {
    let private = Key::random().unwrap();
    let public = IdentityPublic::of(&private).unwrap();
    (private, public)
}

#[test]
fn hpke_gives_what_rfc_9180_gives() {
    let (private, public) = X25519HkdfSha256::derive_keypair(&bytes(rfc9180::IKM_R));
    assert_eq!(hex(&private.to_bytes()), clamped(rfc9180::SK_R));
    assert_eq!(hex(&public.to_bytes()), rfc9180::PK_R);
    let fixed = |to: &mut [u8]| {
        to.copy_from_slice(&bytes(rfc9180::IKM_E));
        Ok(())
    };
    let mut ephemeral = Drawn::new(fixed).unwrap();
    let (enc, mut sender) = hpke::setup_sender_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        rfc9180::INFO,
        &mut ephemeral,
    )
    .unwrap();
    ephemeral.used_once().unwrap();
    assert_eq!(hex(&enc.to_bytes()), rfc9180::ENC);
    let mut receiver = hpke::setup_receiver::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &enc,
        rfc9180::INFO,
    )
    .unwrap();
    for (aad, expected) in rfc9180::MESSAGES {
        let sealed = sender.seal(rfc9180::PLAINTEXT, aad).unwrap();
        assert_eq!(hex(&sealed), expected);
        assert_eq!(receiver.open(&sealed, aad).unwrap(), rfc9180::PLAINTEXT);
    }
}

/// A private key as the crate writes it: RFC 7748, 5, `decodeScalar25519`.
fn clamped(private: &str) -> String {
    let mut private = bytes(private);
    private[0] &= 248;
    private[31] = private[31] & 127 | 64;
    hex(&private)
}

#[test]
fn what_is_sealed_to_somebody_is_opened_by_them_alone() {
    let (private, public) = identity();
    let (stranger, _) = identity();
    for (binding, words) in [(&ITEM, &b"what was said"[..]), (&TITLE, b""), (&ITEM, &[7; 5_000])] {
        let record = seal_to(&public, binding, words).unwrap();
        assert_eq!(&open_sealed(&private, binding, &record).unwrap()[..], words);
        assert_eq!(open_sealed(&stranger, binding, &record), Err(OpenError::Refused));
        assert_eq!(kind(&record).map(|kind| kind as u8), Some(8));
        assert_eq!(generation(&record), Some(1));
        assert_eq!(tag(&record).unwrap(), record[record.len() - 16..]);
    }
}

#[test]
fn the_same_words_are_never_sealed_alike() {
    let (_, public) = identity();
    let one = seal_to(&public, &ITEM, b"again").unwrap();
    let other = seal_to(&public, &ITEM, b"again").unwrap();
    assert_eq!(one[..8], other[..8]);
    assert_ne!(one[8..40], other[8..40]);
    assert_ne!(one[40..], other[40..]);
}

#[test]
fn a_sealed_record_opens_only_in_its_place() {
    let (private, public) = identity();
    let record = seal_to(&public, &ITEM, b"words").unwrap();
    let message =
        |conversation, item, seq, role| Binding::SealedMessage { conversation, item, seq, role };
    for elsewhere in [
        TITLE,
        message("item", "conv", 4, "user"),
        message("conv2", "item", 4, "user"),
        message("conv", "item2", 4, "user"),
        message("conv", "item", 5, "user"),
        message("conv", "item", 4, "assistant"),
    ] {
        assert_eq!(open_sealed(&private, &elsewhere, &record), Err(OpenError::Refused));
    }
    let adopted = Binding::Message { conversation: "conv", item: "item", seq: 4, role: "user" };
    assert_eq!(open_sealed(&private, &adopted, &record), Err(OpenError::Kind));
}

#[test]
fn each_kind_is_sealed_in_its_one_way() {
    let (private, public) = identity();
    let meta = Binding::Meta { conversation: "conv" };
    assert_eq!(seal_to(&public, &meta, b"x"), Err(SealError::Suite));
    assert_eq!(seal(&private, 1, &ITEM, b"x"), Err(SealError::Suite));
    let record = seal_to(&public, &ITEM, b"x").unwrap();
    assert_eq!(open(&private, &ITEM, &record), Err(OpenError::Kind));
    let record = seal(&private, 1, &meta, b"x").unwrap();
    assert_eq!(open_sealed(&private, &meta, &record), Err(OpenError::Kind));
}

#[test]
fn without_random_bytes_nothing_is_sealed() {
    let (_, public) = identity();
    let sealed = seal_to_from(random::broken, &public, &ITEM, b"words");
    assert!(matches!(sealed, Err(SealError::NoEntropy(_))));
}

#[test]
fn points_that_give_no_secret_are_refused() {
    let point = |text: &str| IdentityPublic::from_bytes(bytes(text).try_into().unwrap());
    // The points of order 1, 2, 4 and 8 (RFC 7748, 6.1 and 7), and two that are those, written above the prime.
    for weak in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        assert_eq!(point(weak), Err(WeakIdentity), "{weak}");
    }
    let (_, public) = identity();
    assert_eq!(IdentityPublic::from_bytes(public.to_bytes()), Ok(public.clone()));
    assert_eq!(format!("{public:?}"), "IdentityPublic(..)");
}

#[test]
fn the_public_half_is_that_of_rfc_7748() {
    // 6.1, Alice.
    let private = bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let public = IdentityPublic::of(&Key::try_from(&private[..]).unwrap()).unwrap();
    assert_eq!(
        hex(&public.to_bytes()),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_bit_is_noticed(words in prop::collection::vec(any::<u8>(), 0..300), place in any::<prop::sample::Index>()) {
        let (private, public) = identity();
        let mut record = seal_to(&public, &ITEM, &words).unwrap();
        let bit = place.index(record.len() * 8);
        record[bit / 8] ^= 1 << (bit % 8);
        // X25519 ignores the top bit of a public key, but `enc` as it was written goes into the derivation.
        prop_assert!(open_sealed(&private, &ITEM, &record).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let private = Key::from_bytes([5; 32]);
        prop_assert!(open_sealed(&private, &ITEM, &bytes).is_err());
        let framed = [&[0x53, 1, 3, 8, 0, 0, 0, 1], &bytes[..]].concat();
        prop_assert!(open_sealed(&private, &ITEM, &framed).is_err());
    }
}
