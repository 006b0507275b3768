use base64::Engine;
use proptest::prelude::*;

use super::*;

fn fresh() -> String {
    let entry = Keyring::generate().unwrap();
    entry.reveal().strip_prefix("k1:").unwrap().to_owned()
}

fn refused(text: &str) -> KeyringError {
    Keyring::parse(text).unwrap_err()
}

fn problem(text: &str) -> Problem {
    match refused(text) {
        KeyringError::Entry { number: 1, problem } => problem,
        other => panic!("{other}"),
    }
}

#[test]
fn the_first_key_is_active_and_all_are_there() {
    let (old, new) = (fresh(), fresh());
    let ring = Keyring::parse(&format!("k2:{new},k1:{old}")).unwrap();
    assert_eq!(ring.active(), "k2");
    assert_eq!(ring.kids().collect::<Vec<_>>(), ["k2", "k1"]);
    let before = Keyring::parse(&old).unwrap();
    assert_eq!(ring.kek("k1"), before.kek("k1"));
    assert_ne!(ring.kek("k2"), ring.kek("k1"));
    assert_eq!(ring.kek("k3"), None);
    assert_eq!(
        ring.derive_all("session-hash"),
        [ring.derive("session-hash"), before.derive("session-hash")]
    );
}

#[test]
fn a_key_for_a_purpose_is_hkdf_of_the_secret() {
    let secret = Key::from_bytes(random::bytes().unwrap());
    let ring = Keyring::parse(&STANDARD.encode(secret.reveal())).unwrap();
    assert_eq!(ring.derive("csrf"), secret.derive("csrf"));
    assert_eq!(ring.kek("k1"), Some(secret.derive("kek/k1")));
}

#[test]
fn a_key_may_be_written_in_any_usual_base64() {
    let bytes: [u8; 48] = random::bytes().unwrap();
    let plain = STANDARD.encode(bytes);
    let expected = Keyring::parse(&plain).unwrap().derive("x");
    let url_safe = plain.replace('+', "-").replace('/', "_");
    let unpadded = STANDARD.encode(&bytes[..47]);
    let unpadded = unpadded.trim_end_matches('=');
    assert_eq!(Keyring::parse(&url_safe).unwrap().derive("x"), expected);
    assert_eq!(Keyring::parse(&format!("  k1:{plain} \n")).unwrap().derive("x"), expected);
    assert!(Keyring::parse(unpadded).is_ok());
}

#[test]
fn what_is_no_ring_is_refused_with_the_reason() {
    let key = fresh();
    assert_eq!(refused(""), KeyringError::Empty);
    assert_eq!(refused(" \n"), KeyringError::Empty);
    for kid in ["", "k", "k0", "k01", "K1", "1", "key", "k-1", "k+1", "k1 ", "k4294967296"] {
        assert_eq!(problem(&format!("{kid}:{key}")), Problem::Kid, "{kid:?}");
    }
    assert_eq!(problem(&"0123456789abcdef".repeat(4)), Problem::Hexadecimal);
    for text in ["not base64 at all!", &format!("k1:{key}x"), &format!("k1:k2:{key}"), "=", "k1:*"]
    {
        assert_eq!(problem(text), Problem::Base64, "{text}");
    }
    assert_eq!(problem("k1:"), Problem::Weak(Weakness::Short));
    assert_eq!(problem(&STANDARD.encode([9; 32])), Problem::Weak(Weakness::Repeats));
    let second = refused(&format!("k2:{key},"));
    assert!(matches!(second, KeyringError::Entry { number: 2, .. }), "{second}");
}

#[test]
fn a_name_and_a_key_are_there_once() {
    let (one, other) = (fresh(), fresh());
    let twice = refused(&format!("k1:{one},k1:{other}"));
    assert_eq!(twice, KeyringError::Kid { kid: "k1".to_owned() });
    assert_eq!(refused(&format!("{one},{other}")), twice);
    let twice = refused(&format!("k2:{one},k1:{one}"));
    assert_eq!(twice, KeyringError::Entry { number: 2, problem: Problem::Twice });
}

#[test]
fn a_rotation_puts_a_new_key_in_front() {
    let old = fresh();
    let ring = Keyring::parse(&old).unwrap();
    let rotated = ring.rotated().unwrap();
    assert!(rotated.reveal().ends_with(&format!(",k1:{old}")));
    let next = Keyring::parse(rotated.reveal()).unwrap();
    assert_eq!(next.kids().collect::<Vec<_>>(), ["k2", "k1"]);
    assert_eq!(next.kek("k1"), ring.kek("k1"));
    // The number goes up from the highest, wherever it stands.
    let gap = format!("k3:{},k12:{}", fresh(), fresh());
    let next = Keyring::parse(&gap).unwrap().rotated().unwrap();
    assert!(next.reveal().starts_with("k13:") && next.reveal().ends_with(&gap));
}

#[test]
fn without_random_bytes_there_is_no_entry() {
    assert!(Keyring::generate_from(random::broken).is_err());
}

#[test]
fn nothing_shows_a_key() {
    let key = fresh();
    let ring = Keyring::parse(&format!("k7:{key}")).unwrap();
    assert_eq!(format!("{ring:?}"), r#"["k7"]"#);
    assert_eq!(format!("{:?}", ring.rotated().unwrap()), "KeyText(..)");
    for text in [format!("{key}:{key}"), format!("{key},{key}x"), format!("kid{key}:AAAA")] {
        let error = refused(&text);
        for shown in [format!("{error}"), format!("{error:?}")] {
            assert!(!shown.contains(&key[..6]), "{shown}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_is_quoted(text in "[!-~]{12,80}") {
        if let Err(error) = Keyring::parse(&text) {
            let shown = format!("{error}{error:?}");
            prop_assert!(!shown.contains(&text));
        }
    }
}
