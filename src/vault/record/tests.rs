use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// A binding with fields of its own, so that each can be changed.
#[derive(Debug, Clone)]
struct Place {
    kind: u8,
    texts: [String; 3],
    number: u64,
    params: [u8; 32],
}

impl Place {
    fn binding(&self) -> Binding<'_> {
        let [a, b, c] = &self.texts;
        match self.kind {
            1 => Binding::Message { conversation: a, item: b, seq: self.number, role: c },
            2 => Binding::Meta { conversation: a },
            4 => Binding::ConversationKey { owner: a, conversation: b, tier: c },
            5 => Binding::UserKey { person: a, kid: b },
            6 => Binding::Slot { person: a, slot: b, kind: c, params: &self.params },
            _ => Binding::Settings { person: a },
        }
    }

    /// How many of its texts the binding has.
    fn fields(&self) -> usize {
        match self.kind {
            1 | 4 | 6 => 3,
            5 => 2,
            _ => 1,
        }
    }
}

fn kinds() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![1, 2, 4, 5, 6, 7])
}

fn place() -> impl Strategy<Value = Place> {
    let texts = prop::array::uniform3("[a-z_0-9]{0,12}");
    (kinds(), texts, any::<u64>(), any::<[u8; 32]>())
        .prop_map(|(kind, texts, number, params)| Place { kind, texts, number, params })
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

fn key() -> Key {
    Key::from_bytes([0x2a; 32])
}

proptest! {
    #[test]
    fn what_was_sealed_opens_in_its_place(place in place(), generation: u32, content in content()) {
        let record = seal(&key(), generation, &place.binding(), &content).unwrap();
        prop_assert_eq!(&open(&key(), &place.binding(), &record).unwrap()[..], &content[..]);
        prop_assert_eq!(super::generation(&record), Some(generation));
        prop_assert_eq!(kind(&record).map(|kind| kind as u8), Some(place.kind));
        prop_assert_eq!(&tag(&record).unwrap()[..], &record[record.len() - TAG..]);
        prop_assert_eq!((record.len() - 8 - NONCE - TAG) % 256, 0);
    }

    #[test]
    fn any_changed_bit_of_the_record_is_noticed(place in place(), content in content(), bit: Index) {
        let mut record = seal(&key(), 3, &place.binding(), &content).unwrap();
        let bit = bit.index(record.len() * 8);
        record[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(open(&key(), &place.binding(), &record).is_err());
    }

    #[test]
    fn any_changed_bit_of_a_field_is_noticed(place in place(), field: Index, bit: Index) {
        let record = seal(&key(), 3, &place.binding(), b"words").unwrap();
        let mut other = place.clone();
        let text = &mut other.texts[field.index(place.fields())];
        // Letters and digits stay text when their lower bits change.
        let mut bytes = std::mem::take(text).into_bytes();
        if bytes.is_empty() {
            bytes.push(b'x');
        } else {
            let bit = bit.index(bytes.len() * 7);
            bytes[bit / 7] ^= 1 << (bit % 7);
        }
        *text = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(open(&key(), &other.binding(), &record), Err(OpenError::Refused));
    }

    #[test]
    fn any_changed_bit_of_a_number_or_of_params_is_noticed(place in place(), bit: Index) {
        let message = Place { kind: 1, ..place.clone() };
        let record = seal(&key(), 3, &message.binding(), b"words").unwrap();
        let other = Place { number: place.number ^ (1 << bit.index(64)), ..message };
        prop_assert_eq!(open(&key(), &other.binding(), &record), Err(OpenError::Refused));

        let slot = Place { kind: 6, ..place };
        let record = seal(&key(), 3, &slot.binding(), b"words").unwrap();
        let mut other = slot;
        other.params[bit.index(256) / 8] ^= 1 << (bit.index(256) % 8);
        prop_assert_eq!(open(&key(), &other.binding(), &record), Err(OpenError::Refused));
    }

    #[test]
    fn two_fields_that_change_places_are_noticed(place in place(), one in 0..3_usize, other in 0..3_usize) {
        let mut swapped = place.clone();
        swapped.texts.swap(one, other);
        prop_assume!(one.max(other) < place.fields() && swapped.texts != place.texts);
        let record = seal(&key(), 3, &place.binding(), b"words").unwrap();
        prop_assert_eq!(open(&key(), &swapped.binding(), &record), Err(OpenError::Refused));
    }

    #[test]
    fn a_letter_that_moves_to_the_next_field_is_noticed(place in place(), field in 0..2_usize) {
        let mut moved = place.clone();
        prop_assume!(field + 1 < place.fields() && !place.texts[field].is_empty());
        let letter = moved.texts[field].pop().unwrap();
        moved.texts[field + 1].insert(0, letter);
        let record = seal(&key(), 3, &place.binding(), b"words").unwrap();
        prop_assert_eq!(open(&key(), &moved.binding(), &record), Err(OpenError::Refused));
    }

    #[test]
    fn a_record_of_another_kind_is_refused(place in place(), kind in kinds()) {
        prop_assume!(kind != place.kind);
        let mut record = seal(&key(), 3, &place.binding(), b"words").unwrap();
        let other = Place { kind, ..place };
        prop_assert_eq!(open(&key(), &other.binding(), &record), Err(OpenError::Kind));
        // And when its header is made to say that it is of this kind.
        record[3] = kind;
        prop_assert_eq!(open(&key(), &other.binding(), &record), Err(OpenError::Refused));
    }

    #[test]
    fn another_key_or_generation_opens_nothing(place in place(), generation: u32, other: u32) {
        prop_assume!(generation != other);
        let mut record = seal(&key(), generation, &place.binding(), b"words").unwrap();
        let stranger = Key::from_bytes([0x2b; 32]);
        prop_assert_eq!(open(&stranger, &place.binding(), &record), Err(OpenError::Refused));
        record[4..8].copy_from_slice(&other.to_be_bytes());
        prop_assert_eq!(open(&key(), &place.binding(), &record), Err(OpenError::Refused));
    }

    #[test]
    fn a_record_that_is_cut_or_longer_is_refused(place in place(), content in content(), end: Index) {
        let record = seal(&key(), 3, &place.binding(), &content).unwrap();
        prop_assert!(open(&key(), &place.binding(), &record[..end.index(record.len())]).is_err());
        let longer = [&record[..], &[0]].concat();
        prop_assert_eq!(open(&key(), &place.binding(), &longer), Err(OpenError::Refused));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), place in place()) {
        let framed = [&[0x53, 1, 1, place.kind, 0, 0, 0, 3], &bytes[..]].concat();
        for bytes in [&bytes, &framed] {
            prop_assert!(open(&key(), &place.binding(), bytes).is_err());
            let _ = (generation(bytes), kind(bytes), tag(bytes));
        }
    }
}

#[test]
fn a_new_owner_tier_or_person_is_refused() {
    let wrap = |owner, tier| Binding::ConversationKey { owner, conversation: "conv", tier };
    let record = seal(&key(), 1, &wrap("ann", "private"), &[1; 32]).unwrap();
    assert!(open(&key(), &wrap("ann", "private"), &record).is_ok());
    for other in [wrap("bob", "private"), wrap("ann", "standard")] {
        assert_eq!(open(&key(), &other, &record), Err(OpenError::Refused));
    }
}

#[test]
fn a_header_that_nobody_writes_is_named() {
    let binding = Binding::Settings { person: "ann" };
    let record = seal(&key(), 1, &binding, b"words").unwrap();
    for (place, byte, error) in [
        (0, 0x54, OpenError::NotARecord),
        (1, 0, OpenError::Version(0)),
        (1, 2, OpenError::Version(2)),
        (2, 0, OpenError::Suite(0)),
        (2, 2, OpenError::Suite(2)),
        (2, 3, OpenError::Kind),
        (3, 0, OpenError::Kind),
        (3, 3, OpenError::Kind),
        (3, 8, OpenError::Kind),
        (3, 9, OpenError::Kind),
    ] {
        let mut other = record.clone();
        other[place] = byte;
        assert_eq!(open(&key(), &binding, &other), Err(error), "byte {place} is {byte}");
        assert_eq!(tag(&other), None);
    }
    for length in 0..36 {
        assert_eq!(open(&key(), &binding, &record[..length]), Err(OpenError::NotARecord));
        assert_eq!(kind(&record[..length]), None);
    }
}

#[test]
fn no_two_places_have_the_same_associated_data() {
    let params = &[0; 32];
    let places = [
        Binding::Message { conversation: "a", item: "b", seq: 1, role: "c" },
        Binding::SealedMessage { conversation: "a", item: "b", seq: 1, role: "c" },
        Binding::SealedTitle { conversation: "a" },
        Binding::Meta { conversation: "a" },
        Binding::Settings { person: "a" },
        Binding::ConversationKey { owner: "a", conversation: "b", tier: "c" },
        Binding::Slot { person: "a", slot: "b", kind: "c", params },
        Binding::UserKey { person: "a", kid: "b" },
        Binding::UserKey { person: "ab", kid: "" },
        Binding::UserKey { person: "", kid: "ab" },
        Binding::UserKey { person: "a\0\0\0\u{1}b", kid: "" },
    ];
    let distinct: HashSet<_> = places.iter().map(|place| place.aad(1)).collect();
    assert_eq!(distinct.len(), places.len());
}

#[test]
fn no_nonce_comes_again() {
    const RECORDS: usize = 100_000;
    let binding = Binding::Settings { person: "ann" };
    let mut nonces = HashSet::with_capacity(RECORDS);
    for _ in 0..RECORDS {
        let record = seal(&key(), 1, &binding, b"").unwrap();
        assert!(nonces.insert(<[u8; NONCE]>::try_from(&record[8..8 + NONCE]).unwrap()));
    }
}

#[test]
fn without_random_bytes_nothing_is_sealed() {
    let binding = Binding::Settings { person: "ann" };
    let sealed = seal_from(random::broken, &key(), 1, &binding, b"words");
    assert!(matches!(sealed, Err(SealError::NoEntropy(_))));
}

#[test]
fn what_is_too_large_is_refused() {
    let binding = Binding::Settings { person: "ann" };
    let sealed = seal(&key(), 1, &binding, &vec![0; MAX_PLAINTEXT + 1]);
    assert_eq!(sealed, Err(SealError::TooLarge));
}
