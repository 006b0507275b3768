//! Tokens in stretches that the model can speak at once, and where in them the words are.

use std::ops::Range;

use sotto_phonemes::Token;

/// More phonemes than this sound hurried; the model takes 510.
const MOST: usize = 400;
/// A phrase that has to be cut is cut after a mark, if that leaves it at least so long.
const LEAST: usize = 120;

/// What is spoken at once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Phrase {
    /// The model's tokens.
    pub ids: Vec<u32>,
    pub words: Vec<Word>,
    /// The mark that it ends with.
    pub mark: Option<char>,
}

/// A word of a phrase.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    /// Bytes of the text up to its end, what belongs to it included.
    pub text_end: usize,
    /// Which of the phrase's tokens it is.
    pub phonemes: Range<usize>,
}

/// Marks of the model's vocabulary after which a voice pauses.
const MARKS: [char; 7] = ['.', '!', '?', '…', ',', ';', ':'];

/// The phrases of a text. `id` gives a phoneme's token.
pub(super) fn phrases(tokens: &[Token], id: impl Fn(char) -> Option<u32>) -> Vec<Phrase> {
    let mut phrases = Vec::new();
    let mut rest = tokens;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(cut(rest));
        rest = later;
        let phrase = phrase(now, &id);
        // Marks alone are silence.
        if !phrase.words.is_empty() {
            phrases.push(phrase);
        }
    }
    phrases
}

/// How many tokens the first phrase has.
fn cut(tokens: &[Token]) -> usize {
    let (mut length, mut after_mark) = (0, 0);
    for (at, token) in tokens.iter().enumerate() {
        length += token.phonemes.chars().count() + usize::from(token.space_after);
        if length > MOST {
            // A single token that is longer than all that is allowed is cut by the model's vocabulary.
            return if after_mark > 0 { after_mark } else { at.max(1) };
        }
        if length >= LEAST && is_mark(token) {
            after_mark = at + 1;
        }
    }
    tokens.len()
}

fn phrase(tokens: &[Token], id: &impl Fn(char) -> Option<u32>) -> Phrase {
    let mut ids = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    let mut mark = None;
    for (at, token) in tokens.iter().enumerate() {
        let start = ids.len();
        ids.extend(token.phonemes.chars().filter_map(id).take(MOST));
        if is_mark(token) {
            mark = token.phonemes.chars().next_back();
            // It is heard with the word before it.
            if let Some(word) = words.last_mut() {
                word.text_end = token.source.end;
            }
        } else if ids.len() > start {
            mark = None;
            words.push(Word { text_end: token.source.end, phonemes: start..ids.len() });
        }
        if token.space_after && at + 1 < tokens.len() {
            ids.extend(id(' '));
        }
    }
    ids.truncate(MOST + LEAST / 2);
    Phrase { ids, words, mark }
}

fn is_mark(token: &Token) -> bool {
    token.phonemes.chars().all(|phoneme| !phoneme.is_alphabetic()) && token.phonemes.contains(MARKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token for each word and mark of a text; every letter is a phoneme.
    fn tokens(text: &str) -> Vec<Token> {
        let mut tokens = Vec::new();
        let mut at = 0;
        for word in text.split_inclusive(' ') {
            let bare = word.trim_end();
            let letters = bare.trim_end_matches(MARKS).len();
            for (from, to) in [(0, letters), (letters, bare.len())] {
                if from < to {
                    tokens.push(Token {
                        source: at + from..at + to,
                        phonemes: bare[from..to].to_owned(),
                        space_after: to == bare.len() && word.ends_with(' '),
                    });
                }
            }
            at += word.len();
        }
        tokens
    }

    fn of(text: &str) -> Vec<Phrase> {
        phrases(&tokens(text), |phoneme| Some(u32::from(phoneme)))
    }

    #[test]
    fn words_know_where_they_are() {
        let all = of("so be it, then.");
        let [phrase] = all.as_slice() else { panic!("{all:?}") };
        let said: String = phrase.ids.iter().filter_map(|id| char::from_u32(*id)).collect();
        assert_eq!((said.as_str(), phrase.mark), ("so be it, then.", Some('.')));
        let words: Vec<_> = phrase.words.iter().map(|word| &said[word.phonemes.clone()]).collect();
        assert_eq!(words, ["so", "be", "it", "then"]);
        let ends: Vec<_> = phrase.words.iter().map(|word| word.text_end).collect();
        assert_eq!(ends, [2, 5, 9, 15], "a mark is heard with its word");
    }

    #[test]
    fn what_is_too_long_is_cut_after_a_mark() {
        let text = format!("{}, {}", "word ".repeat(40).trim_end(), "more ".repeat(60));
        let all = of(&text);
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].mark, all[0].words.len()), (Some(','), 40));
        let words: usize = of(&"word ".repeat(1_000)).iter().map(|phrase| phrase.words.len()).sum();
        assert_eq!(words, 1_000, "nothing is lost");
        assert!(of(&"word ".repeat(1_000)).iter().all(|phrase| phrase.ids.len() <= 510));
        assert!(of(&"x".repeat(5_000)).iter().all(|phrase| phrase.ids.len() <= 510));
    }

    #[test]
    fn marks_alone_are_not_spoken() {
        assert_eq!(of("..."), []);
        assert_eq!(of(""), []);
    }
}
