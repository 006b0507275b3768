//! The vectors. Keys and nonces are SHA-256 of their names: fixed, and of no use to anybody.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hpke::Serializable;
use hpke::kem::{Kem, X25519HkdfSha256};
use sha2::{Digest, Sha256};

use super::document::{
    Chain, Derived, Document, Hpke, HpkeMessage, Link, Padding, Params, Place, Record, Sealed,
};
use super::hex::hex;
use super::{refused, rfc9180};
use crate::vault::chain::Head;
use crate::vault::key::Key;
use crate::vault::random::NoEntropy;
use crate::vault::record::{pad, seal_from, tag};
use crate::vault::sealed::{IdentityPublic, seal_to_from};

pub(super) const CONVERSATION: &str = "conv_00112233445566778899aabbccddeeff";
pub(super) const PERSON: &str = "person_0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const SLOT: &str = "slot_7c0de5a1";

const ABOUT: &[&str] = &[
    "Records of Sotto's vault with fixed keys and nonces. Made by src/vault/vectors.rs; server and browser test against it.",
    "record = 0x53, 0x01, suite, kind, generation u32 BE; suite 1: nonce (12 bytes), suite 3: HPKE enc (32 bytes); then ciphertext || tag (16 bytes).",
    "plaintext of the cipher = length u32 BE || plaintext || zeros, up to a multiple of 256 until 4096, above that up to a power of two. No other padding is accepted.",
    "aad = 'sotto1' || kind u8 || generation u32 BE || for each field of the place: length u32 BE || bytes. seq is 8 bytes, u64 BE. params is 32 bytes.",
    "fields: message, sealed_message: conversation, item, seq, role; meta: conversation; conversation_key: owner, conversation, tier; user_key: person, kid; slot: person, slot, kind, params; settings: person; sealed_title: conversation, 'title'.",
    "kinds: 1 message, 2 meta, 4 conversation_key, 5 user_key, 6 slot, 7 settings, 8 sealed_message and sealed_title. Kind 8 has suite 3, all others suite 1.",
    "The generation of a wrapped key (kinds 4, 5, 6) is that of the key inside; of kind 8 it is 1.",
    "derived = HKDF-SHA256, no salt, info = 'sotto1/' || label, 32 bytes.",
    "sealed = HPKE mode base, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, info = 'sotto1/sealed', aad as above; ephemeral key = DeriveKeyPair(ephemeral_ikm).",
    "chain: digest = SHA-256(digest before || seq u64 BE || tag); head = last seq u64 BE || digest.",
    "refused: what must not open with the key and place that are named; `error` is what the server calls it.",
];

pub(super) fn document() -> Document {
    Document {
        about: ABOUT.iter().map(|line| (*line).to_owned()).collect(),
        padding: padding(),
        derived: derived(),
        records: records(),
        hpke_rfc9180: hpke(),
        sealed: sealed(),
        chain: chain(),
        refused: refused::refused(),
    }
}

/// `N` fixed bytes.
pub(super) fn fixed<const N: usize>(name: &str) -> [u8; N] {
    Sha256::digest(format!("sotto vectors: {name}"))[..N].try_into().unwrap()
}

pub(super) fn key(name: &str) -> Key {
    Key::from_bytes(fixed(name))
}

/// A generator that gives these bytes.
pub(super) fn given(bytes: Vec<u8>) -> impl FnOnce(&mut [u8]) -> Result<(), NoEntropy> {
    move |to| {
        to.copy_from_slice(&bytes);
        Ok(())
    }
}

pub(super) fn message(item: &str, seq: u64, role: &str) -> Place {
    Place::Message {
        conversation: CONVERSATION.to_owned(),
        item: item.to_owned(),
        seq,
        role: role.to_owned(),
    }
}

pub(super) fn sealed_message(seq: u64, role: &str) -> Place {
    let (conversation, item) = (CONVERSATION.to_owned(), format!("item_{seq:04}"));
    Place::SealedMessage { conversation, item, seq, role: role.to_owned() }
}

pub(super) fn conversation_key(owner: &str, tier: &str) -> Place {
    let (owner, conversation) = (owner.to_owned(), CONVERSATION.to_owned());
    Place::ConversationKey { owner, conversation, tier: tier.to_owned() }
}

pub(super) fn slot(kind: &str, params: &str) -> Place {
    let (person, slot) = (PERSON.to_owned(), SLOT.to_owned());
    Place::Slot { person, slot, kind: kind.to_owned(), params: Params(fixed(params)) }
}

pub(super) fn words(text: &str, via: &str) -> String {
    format!(
        r#"{{"v":1,"text":"{text}","status":"completed","via":"{via}","at_ms":1790000000000,"audio_ms":null,"model":null}}"#
    )
}

fn padding() -> Vec<Padding> {
    let lengths = [0, 1, 252, 253, 508, 509, 4091, 4092, 4093, 8188, 8189, 100_000];
    let padded = |plaintext_length| Padding {
        plaintext_length,
        padded_length: pad(&vec![0; plaintext_length]).unwrap().len(),
    };
    lengths.into_iter().map(padded).collect()
}

fn derived() -> Vec<Derived> {
    let derive = |label: &str| Derived {
        key_hex: hex(&fixed::<32>("root key")),
        label: label.to_owned(),
        info_text: format!("sotto1/{label}"),
        derived_hex: hex(key("root key").derive(label).reveal()),
    };
    ["kek/k1", "session-hash", "csrf", "commit", ""].map(derive).into()
}

/// Seals one record of suite 1.
fn record(name: &str, key_name: &str, generation: u32, place: Place, plaintext: &[u8]) -> Record {
    let nonce: [u8; 12] = fixed(&format!("nonce of {name}"));
    let binding = place.binding();
    let record =
        seal_from(given(nonce.to_vec()), &key(key_name), generation, &binding, plaintext).unwrap();
    Record {
        name: name.to_owned(),
        suite: record[2],
        kind: record[3],
        generation,
        key_hex: hex(key(key_name).reveal()),
        nonce_hex: hex(&nonce),
        aad_hex: hex(&binding.aad(generation)),
        plaintext_text: String::from_utf8(plaintext.to_vec()).ok(),
        plaintext_hex: hex(plaintext),
        padded_length: record.len() - 8 - 12 - 16,
        tag_hex: hex(&tag(&record).unwrap()),
        record_base64: STANDARD.encode(&record),
        place,
    }
}

fn records() -> Vec<Record> {
    let user = words("Wann ist morgen Flut? 🌊", "voice");
    let reply = words("At ten past six, fifty minutes later than today.", "voice");
    let long = words(&"high water ".repeat(400), "text");
    let meta = r#"{"v":1,"title":"Ebb und Flut","title_by":"model","instructions":null,"model":null,"voice":null,"last_seq":0,"digest":"0000000000000000000000000000000000000000000000000000000000000000"}"#;
    let (ck, new_ck) = ("conversation key", "conversation key, generation 2");
    let user_key = Place::UserKey { person: PERSON.to_owned(), kid: "k1".to_owned() };
    let meta_place = Place::Meta { conversation: CONVERSATION.to_owned() };
    let settings = Place::Settings { person: PERSON.to_owned() };
    let standard = conversation_key(PERSON, "standard");
    let private = conversation_key(PERSON, "private");
    vec![
        record("message of a person", ck, 1, message("item_0001", 1, "user"), user.as_bytes()),
        record(
            "message of the assistant",
            ck,
            1,
            message("item_0002", 2, "assistant"),
            reply.as_bytes(),
        ),
        record(
            "message under a later key",
            new_ck,
            2,
            message("item_0900", 900, "system"),
            reply.as_bytes(),
        ),
        record("message that is long", ck, 1, message("item_0003", 3, "user"), long.as_bytes()),
        record(
            "message that fills its bucket",
            ck,
            1,
            message("item_0004", 4, "user"),
            &[b'x'; 252],
        ),
        record("message one byte longer", ck, 1, message("item_0005", 5, "user"), &[b'x'; 253]),
        record("message without content", ck, 1, message("item_0006", 6, "user"), b""),
        record("meta", ck, 1, meta_place, meta.as_bytes()),
        record("conversation key, standard", "user key", 1, standard, key(ck).reveal()),
        record("conversation key, private", "master key", 1, private.clone(), key(ck).reveal()),
        record(
            "conversation key, private, generation 2",
            "master key",
            2,
            private,
            key(new_ck).reveal(),
        ),
        record("user key", "kek of k1", 1, user_key, key("user key").reveal()),
        record(
            "slot, passphrase",
            "kek of the passphrase",
            1,
            slot("passphrase", "argon2id"),
            key("master key").reveal(),
        ),
        record(
            "slot, recovery",
            "kek of the recovery key",
            1,
            slot("recovery", "hkdf"),
            key("master key").reveal(),
        ),
        record("settings", "master key", 1, settings, br#"{"v":1,"voice":"slow"}"#),
    ]
}

fn hpke() -> Hpke {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let message = |(sequence, (aad, ciphertext)): (usize, &(&[u8], &str))| HpkeMessage {
        sequence: sequence as u64,
        aad_text: text(aad),
        ciphertext_hex: (*ciphertext).to_owned(),
    };
    Hpke {
        info_text: text(rfc9180::INFO),
        ikm_e_hex: rfc9180::IKM_E.to_owned(),
        ikm_r_hex: rfc9180::IKM_R.to_owned(),
        sk_r_hex: rfc9180::SK_R.to_owned(),
        pk_r_hex: rfc9180::PK_R.to_owned(),
        enc_hex: rfc9180::ENC.to_owned(),
        shared_secret_hex: rfc9180::SHARED_SECRET.to_owned(),
        key_hex: rfc9180::KEY.to_owned(),
        base_nonce_hex: rfc9180::BASE_NONCE.to_owned(),
        plaintext_text: text(rfc9180::PLAINTEXT),
        messages: rfc9180::MESSAGES.iter().enumerate().map(message).collect(),
    }
}

fn seal_one(name: &str, place: Place, plaintext: &str) -> Sealed {
    let ikm: [u8; 32] = fixed(&format!("ephemeral of {name}"));
    let (ephemeral, enc) = X25519HkdfSha256::derive_keypair(&ikm);
    let private = key("identity");
    let public = IdentityPublic::of(&private).unwrap();
    let (binding, draw) = (place.binding(), given(ikm.to_vec()));
    let record = seal_to_from(draw, &public, &binding, plaintext.as_bytes()).unwrap();
    Sealed {
        name: name.to_owned(),
        suite: record[2],
        kind: record[3],
        generation: 1,
        identity_private_hex: hex(private.reveal()),
        identity_public_hex: hex(&public.to_bytes()),
        ephemeral_ikm_hex: hex(&ikm),
        ephemeral_private_hex: hex(&ephemeral.to_bytes()),
        enc_hex: hex(&enc.to_bytes()),
        info_text: "sotto1/sealed".to_owned(),
        aad_hex: hex(&binding.aad(1)),
        plaintext_text: plaintext.to_owned(),
        plaintext_hex: hex(plaintext.as_bytes()),
        padded_length: record.len() - 8 - 32 - 16,
        record_base64: STANDARD.encode(&record),
        place,
    }
}

fn sealed() -> Vec<Sealed> {
    let title = Place::SealedTitle { conversation: CONVERSATION.to_owned() };
    let (question, reply) = (words("Und übermorgen?", "voice"), words("At seven. ", "voice"));
    let long = words(&"low water ".repeat(500), "text");
    vec![
        seal_one("sealed message of a person", sealed_message(7, "user"), &question),
        seal_one("sealed message of the assistant", sealed_message(8, "assistant"), &reply),
        seal_one("sealed message that is long", sealed_message(9, "assistant"), &long),
        seal_one("sealed title", title, r#"{"v":1,"title":"Ebb und Flut"}"#),
    ]
}

fn chain() -> Chain {
    let mut head = Head::EMPTY;
    let mut link = |seq: u64| {
        let role = if seq % 2 == 1 { "user" } else { "assistant" };
        let place = message(&format!("item_{seq:04}"), seq, role);
        let content = words(&format!("turn {seq}"), "text");
        let nonce = given(fixed::<12>(&format!("nonce of link {seq}")).to_vec());
        let key = key("conversation key");
        let record = seal_from(nonce, &key, 1, &place.binding(), content.as_bytes()).unwrap();
        head.push(seq, &record).unwrap();
        Link {
            seq,
            tag_hex: hex(&tag(&record).unwrap()),
            digest_hex: hex(&head.digest),
            head_hex: hex(&head.to_bytes()),
            record_base64: STANDARD.encode(&record),
        }
    };
    let links = (1..=3).map(&mut link).collect();
    Chain {
        about: "The records are messages of the first conversation above, under its key."
            .to_owned(),
        start_digest_hex: hex(&Head::EMPTY.digest),
        links,
    }
}
