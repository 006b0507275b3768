//! Words that are written alike and said differently, where the tagger's word is not enough.
//!
//! misaki chooses by part of speech. Here its choice is corrected by the words around: "lead paint", "wound
//! up", "I have read". Only what is common is here; where nothing decides, misaki's choice stands.

mod grammar;
mod senses;

use super::{Atom, How};
use crate::english::words;

/// The words around one.
struct Around<'a> {
    words: &'a [String],
    tags: &'a [&'static str],
    /// Whether a mark stands before the word, or nothing.
    starts: bool,
    at: usize,
}

/// What is decided: another tag, or sounds as [`dialect`](super::dialect) reads them.
enum Choice {
    Tag(&'static str),
    Sounds(&'static str),
}

/// Corrects tags, and gives sounds where the dictionaries have only one of two.
pub(super) fn correct(atoms: &mut [Atom]) {
    let indices: Vec<usize> = (0..atoms.len()).filter(|&at| is_word(&atoms[at])).collect();
    let lower: Vec<String> = indices.iter().map(|&at| atoms[at].text.to_lowercase()).collect();
    let mut tags: Vec<&'static str> = indices.iter().map(|&at| atoms[at].tag).collect();
    for (place, &at) in indices.iter().enumerate() {
        let starts = at == 0 || words::is_mark(&atoms[at - 1]);
        let around = Around { words: &lower, tags: &tags, starts, at: place };
        let choice = grammar::choose(&around).or_else(|| senses::choose(&around, &atoms[at].text));
        match choice {
            Some(Choice::Tag(tag)) => {
                atoms[at].tag = tag;
                tags[place] = tag;
            }
            Some(Choice::Sounds(sounds)) => atoms[at].given = Some(sounds),
            None => {}
        }
    }
}

fn is_word(atom: &Atom) -> bool {
    matches!(atom.how, How::Word | How::Weak)
        && !words::is_mark(atom)
        && atom.text.contains(char::is_alphabetic)
}

impl Around<'_> {
    /// The word so far away, or nothing.
    fn word(&self, offset: isize) -> &str {
        self.at
            .checked_add_signed(offset)
            .and_then(|at| self.words.get(at))
            .map_or("", String::as_str)
    }

    fn tag(&self, offset: isize) -> &str {
        self.at.checked_add_signed(offset).and_then(|at| self.tags.get(at)).copied().unwrap_or("")
    }

    fn next(&self, words: &[&str]) -> bool {
        words.contains(&self.word(1))
    }

    fn previous(&self, words: &[&str]) -> bool {
        words.contains(&self.word(-1))
    }

    /// Whether one of `words` is within `distance` words, before or behind.
    fn near(&self, distance: usize, words: &[&str]) -> bool {
        let from = self.at.saturating_sub(distance);
        let to = (self.at + distance + 1).min(self.words.len());
        self.words[from..to].iter().any(|word| words.contains(&word.as_str()))
    }

    /// An auxiliary before the word, adverbs and a subject between: "have you ever …".
    fn after_auxiliary(&self, auxiliaries: &[&str]) -> bool {
        for back in 1..=4 {
            let word = self.word(-back);
            if auxiliaries.contains(&word) {
                return true;
            }
            let passes = matches!(self.tag(-back), "RB" | "PRP" | "RBR")
                || matches!(
                    word,
                    "n't" | "not" | "never" | "ever" | "already" | "just" | "all" | "only" | "also"
                );
            if !passes {
                return false;
            }
        }
        false
    }
}
