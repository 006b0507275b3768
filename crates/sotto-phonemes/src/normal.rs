//! What is written in signs, put in words: times, money, units, addresses, code.
//!
//! A rule looks at one place and says how many bytes it takes and what is said for them. What no rule takes
//! stays as it is written.

mod abbreviation;
mod address;
mod code;
mod money;
mod name;
mod number;
pub(crate) mod numbers;
pub(crate) mod scan;
mod time;
mod unit;

use std::ops::Range;

use self::scan::Place;
use crate::Lexicon;

/// A stretch of the clean text and what is said for it, in order and without gaps but for spaces.
#[derive(Debug)]
pub(crate) struct Piece {
    pub range: Range<usize>,
    /// `None` where it is read as it is written.
    pub said: Option<Vec<Part>>,
}

/// Something said that is not written so.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// Words, to be looked up like any others.
    Words(String),
    /// A word that is never stressed.
    Weak(&'static str),
    /// Letters, said by their names.
    Letters(String),
    /// Phonemes that a person gave.
    Sounds(String),
    /// A mark of punctuation.
    Mark(char),
}

/// How many bytes a rule takes and what is said for them.
type Match = (usize, Parts);
type Rule = fn(&Place) -> Option<Match>;

/// What is said, as it is put together.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<Part>);

impl Parts {
    fn words(&mut self, words: &str) {
        for word in words.split(' ').filter(|w| !w.is_empty()) {
            self.0.push(match word {
                // As in speech, the whole part and the digits carry the stress.
                "point" => Part::Weak("point"),
                _ => Part::Words(word.to_owned()),
            });
        }
    }

    fn letters(&mut self, letters: &str) {
        self.0.push(Part::Letters(letters.to_ascii_uppercase()));
    }

    fn sounds(&mut self, sounds: &str) {
        self.0.push(Part::Sounds(sounds.to_owned()));
    }

    fn mark(&mut self, mark: char) {
        self.0.push(Part::Mark(mark));
    }

    fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}

/// In the order in which they are asked.
const RULES: [Rule; 29] = [
    name::given,
    name::owned,
    name::clipped,
    name::emoticon,
    code::operator,
    address::link,
    address::email,
    address::path,
    time::date,
    address::version,
    number::phone,
    time::time,
    number::ratio,
    time::decade,
    time::day_or_year,
    number::feet,
    money::amount,
    number::quantity,
    number::in_a_word,
    time::month_name,
    time::weekdays,
    abbreviation::abbreviation,
    abbreviation::roman,
    name::hashtag,
    code::language,
    code::letter,
    code::identifier,
    name::greek,
    code::sign,
];

/// Letters of one word at most; what is longer is no word and is read in stretches.
const LONGEST_WORD: usize = 48;

/// Puts `text` in words. `knows` tells whether a dictionary has a word.
pub(crate) fn normalise(
    text: &str,
    british: bool,
    own: &Lexicon,
    knows: &dyn Fn(&str) -> bool,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = 0;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == ' ' {
            flush(plain..at, &mut pieces);
            at += 1;
            plain = at;
            continue;
        }
        let here = Place { text, at, british, own, knows };
        let found = RULES.iter().find_map(|rule| rule(&here)).filter(|&(len, _)| len > 0);
        if let Some((len, parts)) = found {
            flush(plain..at, &mut pieces);
            pieces.push(Piece { range: at..at + len, said: Some(parts.0) });
            at += len;
            plain = at;
            continue;
        }
        // A mark is a piece of its own, also where the space behind it was forgotten.
        if matches!(c, '!' | '?' | ';' | ',' | '…' | '—' | '(' | ')' | '“' | '”') {
            flush(plain..at, &mut pieces);
            plain = at + c.len_utf8();
            flush(at..plain, &mut pieces);
            at = plain;
            continue;
        }
        let word = word_length(&text[at..]).max(c.len_utf8());
        at += word;
        if at - plain >= LONGEST_WORD {
            flush(plain..at, &mut pieces);
            plain = at;
        }
    }
    flush(plain..at, &mut pieces);
    pieces
}

fn flush(plain: Range<usize>, pieces: &mut Vec<Piece>) {
    if !plain.is_empty() {
        pieces.push(Piece { range: plain, said: None });
    }
}

/// The letters, digits and inner apostrophes that `rest` begins with.
fn word_length(rest: &str) -> usize {
    let mut len = 0;
    let mut letters = 0;
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        let inside = c == '\'' && len > 0 && chars.peek().is_some_and(|c| c.is_alphabetic());
        let sign = matches!(c, '²' | '³' | '¼'..='¾' | '⅐'..='⅞');
        if sign || !(c.is_alphanumeric() || inside) || letters == LONGEST_WORD {
            break;
        }
        letters += 1;
        len += c.len_utf8();
    }
    len
}

/// Whether a point before `after` is also the end of a sentence.
fn ends_a_sentence(after: &str) -> bool {
    let next = after.trim_start_matches(['"', '”', '\'', ')']);
    next.trim().is_empty()
        || next.starts_with(' ') && next.trim_start().starts_with(|c: char| c.is_uppercase())
}

#[cfg(test)]
mod tests;
