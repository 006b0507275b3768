//! Text in words.

/// The words of a text, each with the space before it; together they are the text up to the end of the last one.
/// Punctuation that stands alone belongs to the word before it, or at the beginning to the first one. Scripts that put
/// no space between words are taken letter by letter.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    // Where the word would end if another began, and what was before.
    let mut gap = None;
    let mut previous = None::<char>;
    let mut has_letter = false;
    for (at, letter) in text.char_indices() {
        if letter.is_whitespace() && !previous.is_some_and(char::is_whitespace) {
            gap = Some(at);
        }
        if letter.is_alphanumeric() {
            let unspaced =
                previous.is_some_and(|before| is_unspaced(before) || is_unspaced(letter));
            let end =
                gap.take().or(Some(at).filter(|_| unspaced || has_letter && is_unspaced(letter)));
            if let Some(end) = end.filter(|_| has_letter) {
                words.push(&text[start..end]);
                start = end;
            }
            has_letter = true;
        }
        previous = Some(letter);
    }
    if has_letter {
        words.push(text[start..].trim_end());
    }
    words
}

/// Whether two words are the same, whatever their case and the punctuation around them.
pub(super) fn same(one: &str, other: &str) -> bool {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    bare(one) == bare(other)
}

/// Whether a space belongs between two texts.
pub(super) fn are_spaced(before: &str, after: &str) -> bool {
    let (Some(last), Some(first)) = (before.chars().last(), after.chars().next()) else {
        return false;
    };
    !last.is_whitespace() && first.is_alphanumeric() && !is_unspaced(last) && !is_unspaced(first)
}

/// Whether a letter belongs to a script without spaces between words.
fn is_unspaced(letter: char) -> bool {
    matches!(
        u32::from(letter),
        0x0e00..=0x0eff // Thai, Lao
            | 0x1000..=0x109f // Burmese
            | 0x1780..=0x17ff // Khmer
            | 0x3040..=0x30ff // Kana
            | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff // Han
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_has_the_space_before_it() {
        assert_eq!(words("And so, my  fellow."), ["And", " so,", " my", "  fellow."]);
        assert_eq!(words("今日は、いい day 1。"), ["今", "日", "は、", "い", "い", " day", " 1。"]);
        assert_eq!(words(" don't e.g. x"), [" don't", " e.g.", " x"]);
    }

    #[test]
    fn punctuation_alone_belongs_to_the_word_before() {
        assert_eq!(words("b . c – d"), ["b .", " c –", " d"]);
        assert_eq!(words("- yes ♪"), ["- yes ♪"]);
        assert_eq!(words("... ♪ ").len(), 0);
    }

    proptest! {
        #[test]
        fn together_they_are_the_text(text in any::<String>()) {
            let all = words(&text);
            prop_assert!(all.is_empty() || all.concat() == text.trim_end());
            prop_assert!(all.iter().all(|word| word.contains(char::is_alphanumeric)));
        }
    }
}
