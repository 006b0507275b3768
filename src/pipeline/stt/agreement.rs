//! Which words of somebody who is still speaking can be relied on.
//!
//! Recognition is made again and again over sound that grows, and changes its mind about the last words. Those on
//! which two passes in a row agree, after the words that are stable already, are stable: they are shown, and never
//! change (local agreement: Macháček, Dabre, Bojar, "Turning Whisper into Real-Time Transcription System", 2023).

mod alignment;
mod words;

use self::words::{are_spaced, same, words};
use crate::pipeline::text::Text;

/// Marks at the end of a word that the next word may take away again.
const MARKS: [char; 12] = ['.', ',', ';', ':', '!', '?', '…', '。', '、', '，', '！', '？'];

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Agreement {
    /// The last pass.
    latest: Text,
    /// Where the stable words end in it, in bytes.
    open: usize,
    stable: Text,
}

impl Agreement {
    /// The words that will not change.
    pub fn stable(&self) -> &Text {
        &self.stable
    }

    /// What the last pass heard after them: to be appended to [`stable`](Self::stable) as it is.
    pub fn tail(&self) -> Text {
        let mut tail = self.joint(self.latest.as_str(), self.open).to_owned();
        tail.push_str(&self.latest.as_str()[self.open..]);
        Text::from(tail)
    }

    /// Another pass, over the same sound and what followed it. Gives what has become stable: to be appended to
    /// what was before, often empty.
    pub fn hear(&mut self, hypothesis: &Text) -> Text {
        let now = hypothesis.as_str().trim();
        let begin = alignment::end_of(self.stable.as_str(), now);
        let before = words(&self.latest.as_str()[self.open..]);
        let after = words(&now[begin..]);
        let agreed = before.iter().zip(&after).take_while(|(one, other)| same(one, other)).count();
        let end = begin + after[..agreed].iter().map(|word| word.len()).sum::<usize>();
        let mut fresh = String::new();
        if agreed > 0 {
            fresh.push_str(self.joint(now, begin));
            fresh.push_str(&now[begin..end]);
            if end == now.len() {
                // Whisper ends every pass like a sentence.
                fresh.truncate(fresh.trim_end_matches(is_mark).len());
            }
            self.stable.push(&fresh);
        }
        self.latest = Text::from(now);
        self.open = end;
        Text::from(fresh)
    }

    /// What stands between the stable words and what follows them in `now`, from `open` on: the mark that was not
    /// there when they became stable, or a space where the pass has none.
    fn joint<'a>(&self, now: &'a str, open: usize) -> &'a str {
        let stable = self.stable.as_str();
        let (past, rest) = now.split_at(open);
        let bare = past.trim_end_matches(is_mark).len();
        let last = words(stable).pop().unwrap_or_default();
        let is_last = words(past).pop().is_some_and(|word| same(word, last));
        if is_last && bare < past.len() && !stable.ends_with(is_mark) {
            &past[bare..]
        } else if are_spaced(stable, rest) {
            " "
        } else {
            ""
        }
    }
}

fn is_mark(letter: char) -> bool {
    letter.is_whitespace() || MARKS.contains(&letter)
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
        assert_eq!(fresh, ["", "four", " score", " and"]);
        assert_eq!(tail, " seven");
        assert_eq!(follow(&["one two three", "one two three", "one"]).1, "");
    }

    #[test]
    fn words_joined_or_split_later_are_neither_lost_nor_repeated() {
        let (fresh, tail) = follow(&[
            "my ice cream",
            "My ice cream is",
            "my icecream is so",
            "my icecream is so cold",
        ]);
        assert_eq!(fresh, ["", "My ice cream", " is", " so"]);
        assert_eq!(tail, " cold");
        let (fresh, tail) =
            follow(&["an other", "an other", "another", "another one", "another one here"]);
        assert_eq!(fresh, ["", "an other", "", "", " one"]);
        assert_eq!(tail, " here");
    }

    #[test]
    fn a_first_word_that_goes_away_leaves_a_space() {
        let (fresh, tail) = follow(&["I", "I", "zebras run", "zebras run"]);
        assert_eq!((fresh[3].as_str(), tail.as_str()), (" zebras run", ""));
    }

    #[test]
    fn a_mark_alone_is_no_word() {
        let (fresh, tail) = follow(&["B .", "b ."]);
        assert_eq!((fresh[1].as_str(), tail.as_str()), ("b", " ."));
        assert_eq!(follow(&["...", "...", "♪"]), (vec![String::new(); 3], "♪".to_owned()));
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
