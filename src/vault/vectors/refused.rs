//! Records that must not open.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::document::{Place, Refused};
use super::hex::hex;
use super::make::{
    CONVERSATION, PERSON, conversation_key, fixed, given, key, message, sealed_message, slot, words,
};
use crate::vault::record::{OpenError, pad, seal_from};
use crate::vault::sealed::{IdentityPublic, seal_to_from};

const OTHER: &str = "somebody else";

pub(super) fn refused() -> Vec<Refused> {
    let mut all = changed();
    all.extend(moved());
    all.extend(padded());
    all.extend(sealed());
    all
}

fn refuse(name: &str, key_name: &str, place: &Place, record: &[u8], error: OpenError) -> Refused {
    Refused {
        name: name.to_owned(),
        error: error.to_string(),
        key_hex: Some(hex(key(key_name).reveal())),
        identity_private_hex: None,
        place: place.clone(),
        record_base64: STANDARD.encode(record),
    }
}

fn record(key_name: &str, place: &Place, plaintext: &[u8]) -> Vec<u8> {
    let nonce = given(fixed::<12>("nonce of what is refused").to_vec());
    seal_from(nonce, &key(key_name), 1, &place.binding(), plaintext).unwrap()
}

fn with(mut record: Vec<u8>, place: usize, change: impl Fn(u8) -> u8) -> Vec<u8> {
    record[place] = change(record[place]);
    record
}

/// Bytes of the record that were changed.
fn changed() -> Vec<Refused> {
    let place = message("item_0001", 1, "user");
    let good = record("conversation key", &place, words("no", "text").as_bytes());
    let last = good.len() - 1;
    let flip = |at: usize| with(good.clone(), at, |byte| byte ^ 1);
    let set = |at: usize, to: u8| with(good.clone(), at, |_| to);
    let refuse =
        |name, record: &[u8], error| refuse(name, "conversation key", &place, record, error);
    vec![
        refuse("another magic", &flip(0), OpenError::NotARecord),
        refuse("a later version", &set(1, 2), OpenError::Version(2)),
        refuse("a suite that is kept", &set(2, 2), OpenError::Suite(2)),
        refuse("the other suite", &set(2, 3), OpenError::Kind),
        refuse("a kind that is kept", &set(3, 3), OpenError::Kind),
        refuse("another generation", &flip(7), OpenError::Refused),
        refuse("another nonce", &flip(8), OpenError::Refused),
        refuse("another ciphertext", &flip(20), OpenError::Refused),
        refuse("the last bit of the tag", &flip(last), OpenError::Refused),
        refuse("cut by a byte", &good[..last], OpenError::Refused),
        refuse("longer by a byte", &[&good[..], &[0]].concat(), OpenError::Refused),
        refuse("too short for a tag", &good[..35], OpenError::NotARecord),
        refuse("nothing", &[], OpenError::NotARecord),
        super::refused::refuse("under another key", OTHER, &place, &good, OpenError::Refused),
    ]
}

/// Good records in the wrong place.
fn moved() -> Vec<Refused> {
    let (ck, user_key) = ("conversation key", "user key");
    let good = record(ck, &message("item_0001", 1, "user"), b"words");
    let wrap = record(user_key, &conversation_key(PERSON, "private"), key(ck).reveal());
    let slot_kek = "kek of the passphrase";
    let of_slot = record(slot_kek, &slot("passphrase", "argon2id"), key("master key").reveal());
    let meta = Place::Meta { conversation: CONVERSATION.to_owned() };
    let elsewhere = |conversation: &str, item: &str| Place::Message {
        conversation: conversation.to_owned(),
        item: item.to_owned(),
        seq: 1,
        role: "user".to_owned(),
    };
    let failed = OpenError::Refused;
    vec![
        refuse("another number", ck, &message("item_0001", 2, "user"), &good, failed),
        refuse("another item", ck, &message("item_0002", 1, "user"), &good, failed),
        refuse("another role", ck, &message("item_0001", 1, "assistant"), &good, failed),
        refuse("another conversation", ck, &elsewhere("conv_0", "item_0001"), &good, failed),
        refuse("two fields swapped", ck, &elsewhere("item_0001", CONVERSATION), &good, failed),
        refuse(
            "a letter in the field before",
            ck,
            &elsewhere(&format!("{CONVERSATION}i"), "tem_0001"),
            &good,
            failed,
        ),
        refuse("a message as meta", ck, &meta, &good, OpenError::Kind),
        refuse("a message that says it is meta", ck, &meta, &with(good.clone(), 3, |_| 2), failed),
        refuse("another owner", user_key, &conversation_key(OTHER, "private"), &wrap, failed),
        refuse("another tier", user_key, &conversation_key(PERSON, "standard"), &wrap, failed),
        refuse("another kind of slot", slot_kek, &slot("recovery", "argon2id"), &of_slot, failed),
        refuse("other parameters", slot_kek, &slot("passphrase", "weaker"), &of_slot, failed),
    ]
}

/// Authentic records, but not padded as records are.
fn padded() -> Vec<Refused> {
    let place = message("item_0001", 1, "user");
    let good = pad(b"words").unwrap();
    let seal = |padded: &[u8]| {
        let nonce: [u8; 12] = fixed("nonce of padding");
        let (header, aad) = ([0x53, 1, 1, 1, 0, 0, 0, 1], place.binding().aad(1));
        let cipher = Aes256Gcm::new(key("conversation key").reveal().into());
        let sealed = cipher.encrypt((&nonce).into(), Payload { msg: padded, aad: &aad }).unwrap();
        [&header[..], &nonce, &sealed].concat()
    };
    let refuse = |name, padded: &[u8]| {
        refuse(name, "conversation key", &place, &seal(padded), OpenError::Padding)
    };
    let set = |at: usize, to: u8| with(good.to_vec(), at, |_| to);
    vec![
        refuse("padding with a bit in it", &set(255, 1)),
        refuse("a length beyond the end", &set(2, 1)),
        refuse("a huge length", &set(0, 0xff)),
        refuse("a bucket too large", &[&good[..], &[0; 256]].concat()),
        refuse("no padding", b"\0\0\0\x05words"),
        refuse("no length", b"\0\0\0"),
        refuse("nothing sealed", b""),
    ]
}

/// Records that are sealed to an identity.
fn sealed() -> Vec<Refused> {
    let place = sealed_message(7, "user");
    let identity = IdentityPublic::of(&key("identity")).unwrap();
    let ikm = given(fixed::<32>("ephemeral of what is refused").to_vec());
    let good = seal_to_from(ikm, &identity, &place.binding(), b"words").unwrap();
    let title = Place::SealedTitle { conversation: CONVERSATION.to_owned() };
    let refuse =
        |name: &str, private: &str, place: &Place, record: &[u8], error: OpenError| Refused {
            key_hex: None,
            identity_private_hex: Some(hex(key(private).reveal())),
            ..refuse(name, private, place, record, error)
        };
    let mine = "identity";
    let low_order = [&good[..8], &[0; 32], &good[40..]].concat();
    let failed = OpenError::Refused;
    vec![
        refuse("sealed to another identity", OTHER, &place, &good, failed),
        refuse("sealed, another number", mine, &sealed_message(8, "user"), &good, failed),
        refuse("sealed, another role", mine, &sealed_message(7, "assistant"), &good, failed),
        refuse("a sealed message as a title", mine, &title, &good, failed),
        refuse("sealed, another generation", mine, &place, &with(good.clone(), 7, |_| 2), failed),
        refuse(
            "sealed, enc with another first bit",
            mine,
            &place,
            &with(good.clone(), 8, |b| b ^ 1),
            failed,
        ),
        refuse(
            "sealed, enc with another top bit",
            mine,
            &place,
            &with(good.clone(), 39, |b| b ^ 0x80),
            failed,
        ),
        refuse("sealed, enc that gives no secret", mine, &place, &low_order, failed),
        refuse("sealed, cut by a byte", mine, &place, &good[..good.len() - 1], failed),
        refuse("sealed, too short for a tag", mine, &place, &good[..55], OpenError::NotARecord),
        refuse(
            "sealed, but of kind 1",
            mine,
            &place,
            &with(good.clone(), 3, |_| 1),
            OpenError::Kind,
        ),
    ]
}
