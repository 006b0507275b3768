//! One notation for both Englishes.
//!
//! Our own entries and rules are written once: American phonemes of misaki, but with `ɒ` in "lot" and every r
//! written. Each dialect is made from that.

use crate::vocabulary::is_vowel;

/// `sounds` as misaki writes them in one of the dialects.
pub(crate) fn said(sounds: &str, british: bool) -> String {
    if british { in_britain(sounds) } else { in_america(sounds) }
}

fn in_america(sounds: &str) -> String {
    let sounds: Vec<char> = sounds.chars().collect();
    let mut said = String::with_capacity(sounds.len() * 2);
    for (at, &c) in sounds.iter().enumerate() {
        said.push(match c {
            'ɒ' => 'ɑ',
            // A t between vowels of which the second is not stressed is a tap.
            't' if at > 0
                && is_vowel(sounds[at - 1])
                && sounds.get(at + 1).is_some_and(|&next| is_vowel(next) && next != 'ᵊ') =>
            {
                'T'
            }
            c => c,
        });
    }
    said
}

fn in_britain(sounds: &str) -> String {
    let sounds: Vec<char> = sounds.chars().collect();
    let mut said = String::with_capacity(sounds.len() * 2);
    let mut stressed = false;
    let mut at = 0;
    while at < sounds.len() {
        let c = sounds[at];
        let next = sounds.get(at + 1).copied();
        let after = sounds.get(at + 2).copied();
        // An r that no vowel follows is not said, and lengthens the vowel before it.
        let silent_r =
            next == Some('ɹ') && !after.is_some_and(|c| is_vowel(c) || matches!(c, 'ˈ' | 'ˌ'));
        let word_end = next.is_none();
        match c {
            'ɑ' => said.push_str("ɑː"),
            'ɔ' => said.push_str("ɔː"),
            'ɜ' => said.push_str("ɜː"),
            'ɛ' if silent_r => said.push_str("ɛː"),
            'ɪ' if silent_r => said.push_str("ɪə"),
            'ʊ' if silent_r => said.push_str("ʊə"),
            'O' => said.push('Q'),
            'æ' => said.push('a'),
            'ᵻ' => said.push('ɪ'),
            'T' => said.push('t'),
            'i' if stressed || !(word_end || next.is_some_and(is_vowel)) => said.push_str("iː"),
            'u' => said.push_str("uː"),
            c => said.push(c),
        }
        stressed = matches!(c, 'ˈ' | 'ˌ');
        at += if silent_r { 2 } else { 1 };
    }
    said
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn each_dialect_has_its_own_vowels() {
        for (sounds, american, british) in [
            ("stˈɒp", "stˈɑp", "stˈɒp"),
            ("kˈɑɹ", "kˈɑɹ", "kˈɑː"),
            ("nˈɔɹθ", "nˈɔɹθ", "nˈɔːθ"),
            ("bˈɜɹd", "bˈɜɹd", "bˈɜːd"),
            ("sˈɒti", "sˈɑTi", "sˈɒti"),
            ("ɡˈO", "ɡˈO", "ɡˈQ"),
            ("sˈin", "sˈin", "sˈiːn"),
            ("tˈitəɹ", "tˈiTəɹ", "tˈiːtə"),
        ] {
            assert_eq!(said(sounds, false), american);
            assert_eq!(said(sounds, true), british);
        }
    }
}
