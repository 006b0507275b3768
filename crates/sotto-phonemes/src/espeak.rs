//! Other languages, by the program espeak-ng.
//!
//! The program is started for each text and spoken to through its standard input; nothing of it is linked. It
//! gives no places: which of its words belongs to which of the text's is found by
//! [`alignment`].

mod alignment;
mod process;

use std::ops::Range;
use std::path::PathBuf;

use crate::clean::Clean;
use crate::{Error, Language, Lexicon, Token, vocabulary};

/// A stretch without marks is no longer than this, in bytes: the program reads lines into a small buffer.
const LONGEST_LINE: usize = 240;

/// See the module.
pub(crate) struct Espeak {
    program: process::Program,
    own: Lexicon,
}

/// What the text is made of.
enum Part {
    /// Words that are said in one breath.
    Words(Vec<Range<usize>>),
    /// A word that the person gave the sounds of.
    Given(Range<usize>, String),
    Mark(Range<usize>, char),
}

impl Espeak {
    /// Looks for the program; fails if it is not there.
    pub fn load(language: Language, own: Lexicon, program: Option<PathBuf>) -> Result<Self, Error> {
        Ok(Self { program: process::Program::find(language, program)?, own })
    }

    /// See [`FrontEnd::phonemes`](crate::FrontEnd::phonemes).
    pub fn phonemes(&self, text: &str) -> Result<Vec<Token>, Error> {
        let clean = Clean::new(text);
        let parts = self.parts(&clean.text);
        let lines: Vec<String> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Words(words) => Some(line(&clean.text, words)),
                _ => None,
            })
            .collect();
        let mut answers = self.program.ask(&lines)?.into_iter();
        let mut said: Vec<(Range<usize>, String)> = Vec::new();
        for part in parts {
            match part {
                Part::Mark(range, mark) => said.push((range, mark.to_string())),
                Part::Given(range, sounds) => said.push((range, sounds)),
                Part::Words(words) => {
                    let answer = answers.next().unwrap_or_default();
                    self.assign(&clean.text, &words, &answer, &mut said)?;
                }
            }
        }
        Ok(tokens(text, &clean, said))
    }

    /// Gives each word of the answer to the word of the text it belongs to.
    fn assign(
        &self,
        text: &str,
        words: &[Range<usize>],
        answer: &str,
        said: &mut Vec<(Range<usize>, String)>,
    ) -> Result<(), Error> {
        let sounds: Vec<&str> = answer.split_whitespace().collect();
        if sounds.len() == words.len() {
            said.extend(words.iter().cloned().zip(sounds.into_iter().map(str::to_owned)));
            return Ok(());
        }
        let alone: Vec<String> = words.iter().map(|word| text[word.clone()].to_owned()).collect();
        let alone = self.program.ask(&alone)?;
        for (range, sounds) in alignment::align(&alone, &sounds) {
            said.push((words[range.start].start..words[range.end - 1].end, sounds));
        }
        Ok(())
    }

    fn parts(&self, text: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut words: Vec<Range<usize>> = Vec::new();
        let flush = |words: &mut Vec<Range<usize>>, parts: &mut Vec<Part>| {
            if !words.is_empty() {
                parts.push(Part::Words(std::mem::take(words)));
            }
        };
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let len = word_length(text, at);
            if len == 0 {
                if vocabulary::is_mark(c) {
                    flush(&mut words, &mut parts);
                    parts.push(Part::Mark(at..at + c.len_utf8(), c));
                }
                at += c.len_utf8();
                continue;
            }
            let range = at..at + len;
            at = range.end;
            if let Some(sounds) = self.own.get(&text[range.clone()]) {
                flush(&mut words, &mut parts);
                parts.push(Part::Given(range, sounds.to_owned()));
                continue;
            }
            let length: usize = words.iter().map(|word| word.len() + 1).sum();
            if length + len > LONGEST_LINE {
                flush(&mut words, &mut parts);
            }
            words.push(range);
        }
        flush(&mut words, &mut parts);
        parts
    }
}

/// How many bytes the word at this place takes: letters, digits, and signs within or before them. Zero at a mark.
fn word_length(text: &str, at: usize) -> usize {
    const LONGEST_WORD: usize = 120;
    let rest = &text[at..];
    let inside = |c: char| !c.is_whitespace() && !vocabulary::is_mark(c);
    let mut len = 0;
    let mut chars = rest.chars().peekable();
    let mut spoken = false;
    while let Some(c) = chars.next() {
        // "3.14", "1,5", "10:30": a mark between digits is part of the number.
        let digit = |c: char| c.is_ascii_digit();
        let within = matches!(c, '.' | ',' | ':')
            && rest[..len].ends_with(digit)
            && chars.peek().is_some_and(|&c| digit(c));
        if !(inside(c) || within) || len > LONGEST_WORD {
            break;
        }
        spoken |= c.is_alphanumeric() || matches!(c, '%' | '€' | '$' | '£' | '&' | '+' | '=' | '@');
        len += c.len_utf8();
    }
    if spoken { len } else { 0 }
}

fn line(text: &str, words: &[Range<usize>]) -> String {
    words.iter().map(|word| &text[word.clone()]).collect::<Vec<_>>().join(" ")
}

fn tokens(text: &str, clean: &Clean, said: Vec<(Range<usize>, String)>) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::with_capacity(said.len());
    for (range, sounds) in said {
        let mut phonemes = sounds;
        vocabulary::keep(&mut phonemes);
        let source = clean.source(range);
        let free = tokens.last().is_none_or(|token| token.source.end <= source.start);
        if phonemes.is_empty() || !free {
            continue;
        }
        let closes = phonemes.starts_with(['.', ',', '!', '?', ';', ':', '…', ')', '”']);
        if let Some(last) = tokens.last_mut() {
            last.space_after =
                !closes && text[last.source.end..source.start].contains(char::is_whitespace);
        }
        tokens.push(Token { source, phonemes, space_after: false });
    }
    tokens
}
