//! English: words to phonemes as misaki 0.9.4 does it, and what it cannot do.
//!
//! Of the crate misaki-rs we use the parts, the tokenizer and tagger that are spaCy's and the dictionaries that
//! are misaki's, but not its pipeline: that one loses where in the text a word stands, and logs what is said.
//! The order is misaki's: a sentence is tagged, its tokens are joined to words, and the words are looked up from
//! the last to the first, because "the" and "to" depend on the sound that follows.

mod cache;
mod dialect;
mod heteronyms;
mod letters;
mod names;
mod unknown;
mod words;

use std::collections::HashMap;
use std::ops::Range;

use misaki_rs::lexicon::TokenContext;
use misaki_rs::spacy_tagger::{Tagger, hash_string};
use misaki_rs::spacy_tokenizer::SpacyTokenizer;

use self::cache::Cache;
use crate::clean::Clean;
use crate::normal::{Part, Piece, normalise};
use crate::{Lexicon, Token, vocabulary};

/// Words that were worked out and are remembered.
const REMEMBERED: usize = 2048;
/// Tokens that are tagged together. Sentences are shorter; what is longer is no sentence.
const TAGGED_TOGETHER: usize = 256;

/// See the module.
pub(crate) struct English {
    british: bool,
    tokenizer: SpacyTokenizer,
    tagger: Tagger,
    dictionary: misaki_rs::Lexicon,
    names: HashMap<&'static str, &'static str>,
    own: Lexicon,
    worked_out: Cache,
}

/// A token of the tagger's, or a part of one.
struct Atom {
    text: String,
    tag: &'static str,
    /// Its sounds, where its neighbours decide them.
    given: Option<&'static str>,
    /// Where it stands in the clean text.
    range: Range<usize>,
    how: How,
    /// Whether it is all of its token.
    whole: bool,
    /// Whether the next atom belongs to the same word.
    joined: bool,
}

/// How an atom is said.
#[derive(Clone, PartialEq)]
enum How {
    Word,
    /// A word that is never stressed.
    Weak,
    /// Letters by their names.
    Letters,
    /// As given.
    Sounds,
    Mark(char),
}

impl English {
    /// Unpacks the dictionaries and the tagger. Takes a good part of a second.
    pub fn load(british: bool, own: Lexicon) -> Self {
        let language =
            if british { misaki_rs::Language::EnglishGB } else { misaki_rs::Language::EnglishUS };
        Self {
            british,
            tokenizer: SpacyTokenizer::new(),
            tagger: Tagger::load(),
            dictionary: misaki_rs::Lexicon::new(language),
            names: names::table(),
            own,
            worked_out: Cache::new(REMEMBERED),
        }
    }

    /// See [`FrontEnd::phonemes`](crate::FrontEnd::phonemes).
    pub fn phonemes(&self, text: &str) -> Vec<Token> {
        let clean = Clean::new(text);
        let knows = |word: &str| self.knows(word);
        let pieces = normalise(&clean.text, self.british, &self.own, &knows);
        let atoms = self.atoms(&clean.text, pieces);
        let said = self.say(&atoms);
        tokens(text, &clean, &said)
    }

    /// Cuts the pieces into tokens and tags them.
    fn atoms(&self, text: &str, pieces: Vec<Piece>) -> Vec<Atom> {
        let mut atoms: Vec<Atom> = Vec::new();
        // For the tagger: each token, its norm, whether a space follows; and its atoms.
        let mut tagged: Vec<(String, String, bool)> = Vec::new();
        let mut atoms_of: Vec<Range<usize>> = Vec::new();
        for piece in pieces {
            let spaced = text[piece.range.end..].starts_with(' ');
            match piece.said {
                None => {
                    let mut at = piece.range.start;
                    for token in self.tokenizer.tokenize(&text[piece.range.clone()]) {
                        let first = atoms.len();
                        let end = (at + token.text.len()).min(piece.range.end);
                        let parts = words::parts(&token.text);
                        let whole = parts.len() == 1;
                        for range in parts {
                            atoms.push(Atom {
                                text: token.text[range.clone()].to_owned(),
                                tag: "",
                                given: None,
                                range: (at + range.start).min(end)..(at + range.end).min(end),
                                how: How::Word,
                                whole,
                                joined: true,
                            });
                        }
                        at = end;
                        let norm = token
                            .norm
                            .unwrap_or_else(|| misaki_rs::norms::norm_of(&token.text, hash_string));
                        tagged.push((token.text, norm, false));
                        atoms_of.push(first..atoms.len());
                    }
                    if let Some(last) = atoms.last_mut() {
                        last.joined = false;
                    }
                }
                Some(parts) => {
                    for part in parts {
                        let (text, how) = match part {
                            Part::Words(word) => (word, How::Word),
                            Part::Weak(word) => (word.to_owned(), How::Weak),
                            Part::Letters(letters) => (letters, How::Letters),
                            Part::Sounds(sounds) => (sounds, How::Sounds),
                            Part::Mark(mark) => (mark.to_string(), How::Mark(mark)),
                        };
                        let norm = misaki_rs::norms::norm_of(&text, hash_string);
                        tagged.push((text.clone(), norm, true));
                        atoms_of.push(atoms.len()..atoms.len() + 1);
                        atoms.push(Atom {
                            text,
                            tag: "",
                            given: None,
                            range: piece.range.clone(),
                            how,
                            whole: true,
                            joined: false,
                        });
                    }
                }
            }
            if let Some(last) = tagged.last_mut() {
                last.2 = spaced;
            }
        }
        for (batch, of) in tagged.chunks(TAGGED_TOGETHER).zip(atoms_of.chunks(TAGGED_TOGETHER)) {
            for (tag, of) in self.tagger.tag(batch).into_iter().zip(of) {
                for atom in &mut atoms[of.clone()] {
                    atom.tag = words::known_tag(tag);
                }
            }
        }
        heteronyms::correct(&mut atoms);
        atoms
    }

    /// Says the atoms, from the last to the first. What is said of a word is joined in one entry.
    fn say(&self, atoms: &[Atom]) -> Vec<(Range<usize>, String)> {
        let mut said = Vec::new();
        let mut context = TokenContext::default();
        let mut end = atoms.len();
        while end > 0 {
            let mut start = end - 1;
            while start > 0
                && atoms[start - 1].joined
                && !words::stands_alone(&atoms[start - 1])
                && !words::stands_alone(&atoms[start])
            {
                start -= 1;
            }
            let word = &atoms[start..end];
            let sounds = match &word[0].how {
                How::Sounds => word[0].text.clone(),
                How::Mark(mark) => mark.to_string(),
                How::Letters => self.spell(&word[0].text),
                How::Weak => {
                    let sounds = self.word(word, &context);
                    sounds.replace(['ˈ', 'ˌ'], "")
                }
                How::Word if words::is_mark(&word[0]) => words::mark(&word[0].text, word[0].tag),
                How::Word => self.word(word, &context),
            };
            context = words::context(&context, &sounds, &word[0]);
            let mut sounds = sounds.replace('ɾ', "T").replace('ʔ', "t");
            vocabulary::keep(&mut sounds);
            said.push((word[0].range.start..word[word.len() - 1].range.end, sounds));
            end = start;
        }
        said.reverse();
        self.possessives(atoms, &mut said);
        said
    }
}

impl English {
    /// "GPT-4's", "2's": the ending sounds by what was said before it.
    fn possessives(&self, atoms: &[Atom], said: &mut [(Range<usize>, String)]) {
        for atom in atoms.iter().filter(|atom| atom.text == "'s" && atom.how == How::Word) {
            let Some(at) =
                said.iter().position(|(range, _)| *range == atom.range).filter(|at| *at > 0)
            else {
                continue;
            };
            let (before, sounds) = &said[at - 1];
            if before.end == atom.range.start && !is_mark(sounds) {
                let (start, sounds) = (before.start, self.dictionary.append_s(sounds));
                said[at - 1] = (start..before.end, sounds);
                said[at].1.clear();
            }
        }
    }
}

/// Joins what is said to tokens of the person's text: one for each of its words and marks.
fn tokens(text: &str, clean: &Clean, said: &[(Range<usize>, String)]) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::with_capacity(said.len());
    let mut last: Option<Range<usize>> = None;
    for (range, sounds) in said {
        let sounds = sounds.split(' ').filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ");
        let source = clean.source(range.clone());
        let source = snug(text, source);
        if sounds.is_empty() {
            // An ending that was said with the word before it.
            if let Some(token) = tokens.last_mut().filter(|t| {
                t.source.end == source.start && text[source.clone()].starts_with(['\'', '’'])
            }) {
                token.source.end = source.end;
            }
            continue;
        }
        let mark = sounds.chars().all(vocabulary::is_mark);
        let begins_free = source.start >= tokens.last().map_or(0, |t: &Token| t.source.end);
        match tokens.last_mut() {
            // What is said of one stretch of the text is one token, and so are neighbours without a space.
            Some(token)
                if last.as_ref() == Some(range)
                    || !begins_free
                    || token.source.end == source.start && !mark && !is_mark(&token.phonemes) =>
            {
                let space = !mark && !token.phonemes.is_empty();
                if space {
                    token.phonemes.push(' ');
                }
                token.phonemes.push_str(&sounds);
                token.source.end = token.source.end.max(source.end);
            }
            _ => tokens.push(Token { source, phonemes: sounds, space_after: false }),
        }
        last = Some(range.clone());
    }
    // A space goes where the text has one, or has something that is not said; never before a closing mark.
    let next: Vec<(usize, bool)> = tokens
        .iter()
        .skip(1)
        .map(|token| {
            (
                token.source.start,
                token.phonemes.starts_with(['.', ',', '!', '?', ';', ':', '…', ')']),
            )
        })
        .collect();
    for (token, (next, closes)) in tokens.iter_mut().zip(next) {
        token.space_after = token.source.end < next && !closes;
    }
    tokens
}

fn is_mark(phonemes: &str) -> bool {
    phonemes.chars().all(vocabulary::is_mark)
}

/// The stretch without spaces at its edges.
fn snug(text: &str, source: Range<usize>) -> Range<usize> {
    let inner = &text[source.clone()];
    let start = source.start + (inner.len() - inner.trim_start().len());
    start..(start + inner.trim().len())
}
