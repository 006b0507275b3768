//! The characters that Kokoro reads: the keys of `vocab` in its `config.json`.

/// In the order of their code points, so that they can be searched.
#[rustfmt::skip]
const CHARACTERS: [char; 114] = [
    ' ', '!', '"', '(', ')', ',', '.', ':', ';', '?', 'A', 'I', 'O', 'Q', 'S', 'T', 'W', 'Y',
    'a', 'b', 'c', 'd', 'e', 'f', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's',
    't', 'u', 'v', 'w', 'x', 'y', 'z', 'æ', 'ç', 'ð', 'ø', 'ŋ', 'œ', 'ɐ', 'ɑ', 'ɒ', 'ɔ', 'ɕ',
    'ɖ', 'ə', 'ɚ', 'ɛ', 'ɜ', 'ɟ', 'ɡ', 'ɣ', 'ɤ', 'ɥ', 'ɨ', 'ɪ', 'ɯ', 'ɰ', 'ɲ', 'ɳ', 'ɴ', 'ɸ',
    'ɹ', 'ɻ', 'ɽ', 'ɾ', 'ʁ', 'ʂ', 'ʃ', 'ʈ', 'ʊ', 'ʋ', 'ʌ', 'ʎ', 'ʒ', 'ʔ', 'ʝ', 'ʣ', 'ʤ', 'ʥ',
    'ʦ', 'ʧ', 'ʨ', 'ʰ', 'ʲ', 'ˈ', 'ˌ', 'ː', '\u{303}', 'β', 'θ', 'χ', 'ᵊ', 'ᵝ', 'ᵻ', '—', '“',
    '”', '…', '→', '↓', '↗', '↘', 'ꭧ',
];

/// Whether Kokoro has a place for `c`.
pub fn contains(c: char) -> bool {
    CHARACTERS.binary_search(&c).is_ok()
}

/// Leaves out of `phonemes` what Kokoro has no place for.
pub(crate) fn keep(phonemes: &mut String) {
    phonemes.retain(contains);
}

/// The marks that the model shapes its melody by.
pub(crate) fn is_mark(c: char) -> bool {
    matches!(c, ';' | ':' | ',' | '.' | '!' | '?' | '—' | '…' | '"' | '“' | '”' | '(' | ')')
}

/// A vowel of Kokoro's English.
pub(crate) fn is_vowel(c: char) -> bool {
    "AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻᵊɐ".contains(c)
}

#[cfg(test)]
mod tests {
    use super::{CHARACTERS, contains};

    #[test]
    fn the_characters_are_in_order_and_each_is_there_once() {
        assert!(CHARACTERS.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(contains('ʤ') && contains('ᵻ') && contains('ˈ'));
        assert!(!contains('g') && !contains('R') && !contains('\'') && !contains('-'));
    }
}
