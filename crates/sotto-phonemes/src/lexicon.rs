//! A person's own pronunciations.

use std::collections::HashMap;

use crate::vocabulary;

/// Words and how a person wants them said. Letters count whatever their case, unless the same word stands there
/// in another.
#[derive(Clone, Default)]
pub struct Lexicon {
    words: HashMap<String, String>,
    /// From a word in small letters to one that stands above.
    small: HashMap<String, String>,
}

/// What is wrong with a lexicon's text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LexiconError {
    /// The line has no colon, or nothing on one of its sides.
    #[error("line {line}: expected `word: phonemes`")]
    Form {
        /// Counted from one.
        line: usize,
    },
    /// Kokoro has no such character.
    #[error("line {line}: Kokoro has no phoneme `{character}`")]
    Character {
        /// Counted from one.
        line: usize,
        /// The first that Kokoro lacks.
        character: char,
    },
    /// A word is one word.
    #[error("line {line}: a word has no spaces")]
    Spaces {
        /// Counted from one.
        line: usize,
    },
    /// The word is there already.
    #[error("line {line}: the word is there twice")]
    Twice {
        /// Counted from one.
        line: usize,
    },
}

/// A word of this many characters is none.
const LONGEST_WORD: usize = 64;

impl Lexicon {
    /// Reads lines of `word: phonemes`. Empty lines and lines that begin with `#` say nothing; the phonemes may
    /// stand between slashes or quotation marks.
    pub fn parse(text: &str) -> Result<Self, LexiconError> {
        let mut words = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, sounds) = line.split_once(':').ok_or(LexiconError::Form { line: number })?;
            let word = word.trim().trim_matches(['"', '\'']).trim();
            let sounds = sounds.trim().trim_matches(['"', '\'', '/']).trim();
            if word.is_empty() || sounds.is_empty() || word.chars().count() > LONGEST_WORD {
                return Err(LexiconError::Form { line: number });
            }
            if word.contains(char::is_whitespace) {
                return Err(LexiconError::Spaces { line: number });
            }
            if let Some(character) = sounds.chars().find(|&c| !vocabulary::contains(c)) {
                return Err(LexiconError::Character { line: number, character });
            }
            if words.insert(word.to_owned(), sounds.to_owned()).is_some() {
                return Err(LexiconError::Twice { line: number });
            }
        }
        let small = words.keys().map(|word| (word.to_lowercase(), word.clone())).collect();
        Ok(Self { words, small })
    }

    /// How `word` is said, if the person has an opinion.
    pub fn get(&self, word: &str) -> Option<&str> {
        if self.words.is_empty() {
            return None;
        }
        let small = || self.small.get(&word.to_lowercase()).and_then(|own| self.words.get(own));
        self.words.get(word).or_else(small).map(String::as_str)
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

// What people say stays out of logs, and so do their words.
impl std::fmt::Debug for Lexicon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lexicon").field("words", &self.words.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Lexicon, LexiconError};

    #[test]
    fn a_persons_words_are_read() {
        let lexicon = Lexicon::parse("# mine\nsotto: sˈɑtO\n\nKrzysztof: /kʃˈɪʃtɔf/\n").unwrap();
        assert_eq!(lexicon.get("Sotto"), Some("sˈɑtO"));
        assert_eq!(lexicon.get("krzysztof"), Some("kʃˈɪʃtɔf"));
        assert_eq!(lexicon.get("other"), None);
        assert_eq!(lexicon.len(), 2);
        assert!(!format!("{lexicon:?}").contains("sotto"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let error = |text| Lexicon::parse(text).unwrap_err();
        assert_eq!(error("sotto sɑto"), LexiconError::Form { line: 1 });
        assert_eq!(error("\nsotto: Rot"), LexiconError::Character { line: 2, character: 'R' });
        assert_eq!(error("sotto voce: o"), LexiconError::Spaces { line: 1 });
        assert_eq!(error("a: A\na: I"), LexiconError::Twice { line: 2 });
        assert_eq!(error("a:"), LexiconError::Form { line: 1 });
    }
}
