//! `tests/vectors/vault.json`: records with fixed keys and nonces, which the server and the browser both open and,
//! where they can, make. Written by `SOTTO_WRITE_VECTORS=1 cargo test --lib vault::vectors`.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::chain::Head;
use super::key::Key;
use super::record::{OpenError, Plaintext, generation, kind, open, tag};
use super::sealed::{IdentityPublic, open_sealed};

pub(super) mod hex;

pub(super) mod rfc9180;

mod document;
mod make;
mod refused;

use document::{Document, Refused};
use hex::bytes;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/vault.json");

fn committed() -> Document {
    serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap()
}

fn key(hex: &str) -> Key {
    Key::try_from(&bytes(hex)[..]).unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

#[test]
fn the_file_is_what_this_code_writes() {
    let made = serde_json::to_string_pretty(&make::document()).unwrap() + "\n";
    if std::env::var_os("SOTTO_WRITE_VECTORS").is_some() {
        fs::write(FILE, &made).unwrap();
    }
    assert!(
        fs::read_to_string(FILE).is_ok_and(|file| file == made),
        "tests/vectors/vault.json differs; if the format was meant to change, the browser has to follow"
    );
}

#[test]
fn what_the_file_holds_opens() {
    for vector in committed().records {
        let record = base64(&vector.record_base64);
        let opened = open(&key(&vector.key_hex), &vector.place.binding(), &record).unwrap();
        assert_eq!(&opened[..], bytes(&vector.plaintext_hex), "{}", vector.name);
        assert_eq!(generation(&record), Some(vector.generation));
        assert_eq!(kind(&record).map(|kind| kind as u8), Some(vector.kind));
        assert_eq!(tag(&record).unwrap()[..], bytes(&vector.tag_hex));
    }
    for vector in committed().sealed {
        let private = key(&vector.identity_private_hex);
        let record = base64(&vector.record_base64);
        let opened = open_sealed(&private, &vector.place.binding(), &record).unwrap();
        assert_eq!(&opened[..], bytes(&vector.plaintext_hex), "{}", vector.name);
        let public = IdentityPublic::of(&private).unwrap();
        assert_eq!(public.to_bytes()[..], bytes(&vector.identity_public_hex));
    }
    for vector in committed().derived {
        let derived = key(&vector.key_hex).derive(&vector.label);
        assert_eq!(derived.reveal()[..], bytes(&vector.derived_hex));
    }
}

#[test]
fn what_the_file_says_must_be_refused_is_refused() {
    let open = |vector: &Refused| -> Result<Plaintext, OpenError> {
        let (binding, record) = (vector.place.binding(), base64(&vector.record_base64));
        match (&vector.key_hex, &vector.identity_private_hex) {
            (Some(text), None) => open(&key(text), &binding, &record),
            (None, Some(text)) => open_sealed(&key(text), &binding, &record),
            _ => panic!("{} has one key", vector.name),
        }
    };
    for vector in committed().refused {
        let error = open(&vector).expect_err(&vector.name).to_string();
        assert_eq!(error, vector.error, "{}", vector.name);
    }
}

#[test]
fn the_chain_of_the_file_holds() {
    let mut head = Head::EMPTY;
    for link in committed().chain.links {
        head.push(link.seq, &base64(&link.record_base64)).unwrap();
        assert_eq!(head.to_bytes()[..], bytes(&link.head_hex));
        assert_eq!(head.digest[..], bytes(&link.digest_hex));
    }
    assert_eq!(head.last_seq, 3);
}
