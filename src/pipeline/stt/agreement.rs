//! Which words of somebody who is still speaking can be relied on.
//!
//! Recognition is made again and again over sound that grows, and changes its mind about the last words. Those on
//! which two passes in a row agree from the beginning on are stable: they are shown, and never change.

use crate::pipeline::text::Text;

/// Marks at the end of a word that the next word may take away again.
const MARKS: [char; 12] = ['.', ',', ';', ':', '!', '?', '…', '。', '、', '，', '！', '？'];

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Agreement {
    /// The last pass.
    latest: Text,
    stable: Text,
    /// How many words `stable` has.
    words: usize,
}

impl Agreement {
    /// The words that will not change.
    pub fn stable(&self) -> &Text {
        &self.stable
    }

    /// What the last pass heard after them: to be appended to [`stable`](Self::stable) as it is.
    pub fn tail(&self) -> Text {
        let words = words(self.latest.as_str());
        let mut tail = self.missing_mark(&words).to_owned();
        tail.extend(words.iter().skip(self.words).copied());
        Text::from(tail)
    }

    /// Another pass, over the same sound and what followed it. Gives what has become stable: to be appended to
    /// what was before, often empty.
    pub fn hear(&mut self, hypothesis: &Text) -> Text {
        let hypothesis = Text::from(hypothesis.as_str().trim());
        let before = words(self.latest.as_str());
        let now = words(hypothesis.as_str());
        let agreed = before.iter().zip(&now).take_while(|(one, other)| same(one, other)).count();
        let mut fresh = String::new();
        if agreed > self.words {
            fresh.push_str(self.missing_mark(&now));
            fresh.extend(now[self.words..agreed].iter().copied());
            if agreed == now.len() {
                // Whisper ends every pass like a sentence.
                fresh.truncate(fresh.trim_end_matches(MARKS).len());
            }
            self.words = agreed;
            self.stable.push(&fresh);
        }
        self.latest = hypothesis;
        Text::from(fresh)
    }

    /// The mark that now stands after the last stable word, and did not when it became stable.
    fn missing_mark<'a>(&self, now: &[&'a str]) -> &'a str {
        let last = words(self.stable.as_str()).last().copied().unwrap_or_default();
        let Some(word) = self.words.checked_sub(1).and_then(|at| now.get(at)) else { return "" };
        if last.ends_with(MARKS) || !same(last, word) {
            return "";
        }
        &word[word.trim_end_matches(MARKS).len()..]
    }
}

/// Whether two words are the same, whatever their case and the punctuation around them.
fn same(one: &str, other: &str) -> bool {
    let bare = |word: &str| {
        let bare = word.trim().trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        if bare.is_empty() { word.trim().to_owned() } else { bare }
    };
    bare(one) == bare(other)
}

/// The words of a text, each with the space before it. Scripts that put no space between words are taken letter by
/// letter.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut previous = None::<char>;
    for (at, letter) in text.char_indices() {
        let begins = match previous {
            None => false,
            Some(before) if letter.is_whitespace() => !before.is_whitespace(),
            Some(before) => {
                !before.is_whitespace()
                    && (is_unspaced(letter) || is_unspaced(before) && letter.is_alphanumeric())
            }
        };
        if begins {
            words.push(&text[start..at]);
            start = at;
        }
        previous = Some(letter);
    }
    if !text[start..].trim().is_empty() {
        words.push(&text[start..]);
    }
    words
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

    /// What became stable at each pass, and what was left at the end.
    fn follow(passes: &[&str]) -> (Vec<String>, String) {
        let mut agreement = Agreement::default();
        let fresh = passes.iter().map(|pass| agreement.hear(&Text::from(*pass)).into_string());
        (fresh.collect(), agreement.tail().into_string())
    }

    #[test]
    fn what_two_passes_agree_on_is_stable() {
        let (fresh, tail) = follow(&["And so", "and so, my fell", "And so my fellow Americans"]);
        assert_eq!(fresh, ["", "and so,", " my"]);
        assert_eq!(tail, " fellow Americans");
    }

    #[test]
    fn a_mark_at_the_end_waits_for_the_next_word() {
        let (fresh, tail) = follow(&["Hello there.", "Hello there."]);
        assert_eq!((fresh[1].as_str(), tail.as_str()), ("Hello there", "."));
        let (fresh, tail) = follow(&["Hello.", "Hello.", "Hello, you.", "Hello, you two."]);
        assert_eq!(fresh, ["", "Hello", "", ", you"]);
        assert_eq!(tail, " two.");
    }

    #[test]
    fn a_stable_word_stays_whatever_comes() {
        let (fresh, tail) = follow(&["four", "four score", "for score and", "for score and seven"]);
        assert_eq!(fresh, ["", "four", "", " score and"]);
        assert_eq!(tail, " seven");
        assert_eq!(follow(&["one two three", "one two three", "one"]).1, "");
    }

    #[test]
    fn where_words_have_no_spaces_letters_are_compared() {
        let (fresh, tail) = follow(&["今日は", "今日はいい", "今日はいい天気。"]);
        assert_eq!(fresh, ["", "今日は", "いい"]);
        assert_eq!(tail, "天気。");
    }

    proptest! {
        /// Whatever is heard: what is stable only grows, by what is said to be fresh, and the same pass twice
        /// leaves nothing open.
        #[test]
        fn stable_words_never_change(passes in prop::collection::vec("([a-cA-C今]{1,2}[ ,.]{1,2}){0,5}", 0..8)) {
            let mut agreement = Agreement::default();
            let mut told = String::new();
            for pass in &passes {
                told.push_str(agreement.hear(&Text::from(pass.as_str())).as_str());
                prop_assert_eq!(agreement.stable().as_str(), told.as_str());
            }
            let all: String = words(&told).concat();
            prop_assert_eq!(all, told.as_str());
        }

        #[test]
        fn one_pass_that_grows_is_shown_whole(text in "[a-c]{1,3}( [a-c]{1,3}[,.]?){0,8}") {
            let mut agreement = Agreement::default();
            for at in 1..=text.len() {
                agreement.hear(&Text::from(&text[..at]));
                let shown = format!("{}{}", agreement.stable().as_str(), agreement.tail().as_str());
                prop_assert_eq!(shown.as_str(), text[..at].trim_end());
            }
        }

        #[test]
        fn any_text_is_borne(passes in prop::collection::vec(any::<String>(), 0..6)) {
            let mut agreement = Agreement::default();
            for pass in &passes {
                agreement.hear(&Text::from(pass.as_str()));
                let _ = agreement.tail();
            }
        }
    }
}
