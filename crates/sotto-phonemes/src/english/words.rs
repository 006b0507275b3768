//! From the tagger's tokens to words, as misaki does it.

use std::ops::Range;

use misaki_rs::lexicon::TokenContext;

use super::{Atom, English, How};

/// Tags whose tokens are marks.
const MARKS: [&str; 11] = [".", ",", "-LRB-", "-RRB-", "``", "\"\"", "''", ":", "$", "#", "NFP"];

/// The tags of spaCy's English, so that a token need not own its tag.
#[rustfmt::skip]
const TAGS: [&str; 50] = [
    "$", "''", ",", "-LRB-", "-RRB-", ".", ":", "ADD", "AFX", "CC", "CD", "DT", "EX", "FW", "HYPH", "IN", "JJ", "JJR", "JJS", "LS",
    "MD", "NFP", "NN", "NNP", "NNPS", "NNS", "PDT", "POS", "PRP", "PRP$", "RB", "RBR", "RBS", "RP", "SYM", "TO", "UH", "VB", "VBD", "VBG",
    "VBN", "VBP", "VBZ", "WDT", "WP", "WP$", "WRB", "XX", "_SP", "``",
];

pub(super) fn known_tag(tag: &str) -> &'static str {
    TAGS.into_iter().find(|known| *known == tag).unwrap_or("NN")
}

/// The parts of a token that the dictionaries may know: runs of letters with their apostrophes, runs of hyphens,
/// and every other character alone.
pub(super) fn parts(token: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(c) = token[at..].chars().next() {
        let class = class(c);
        let mut len = c.len_utf8();
        if class != Class::Other {
            let mut rest = token[at + len..].chars().peekable();
            while let Some(next) = rest.next() {
                let goes_on = self::class(next) == class
                    || class == Class::Letter
                        && next == '\''
                        && rest.peek().is_some_and(|c| c.is_alphabetic());
                if !goes_on {
                    break;
                }
                len += next.len_utf8();
            }
        }
        parts.push(at..at + len);
        at += len;
    }
    // "'s" and "n't" are words of their own.
    if token.starts_with('\'') && parts.len() == 2 {
        parts.truncate(1);
        parts[0].end = token.len();
    }
    parts
}

#[derive(PartialEq)]
enum Class {
    Letter,
    Hyphen,
    Quote,
    Other,
}

fn class(c: char) -> Class {
    match c {
        '-' | '_' => Class::Hyphen,
        '\'' => Class::Quote,
        c if c.is_alphabetic() => Class::Letter,
        _ => Class::Other,
    }
}

/// Whether the atom is a mark of punctuation and not part of a word.
pub(super) fn is_mark(atom: &Atom) -> bool {
    let letters = atom.text.bytes().all(|b| b.is_ascii_alphabetic());
    MARKS.contains(&atom.tag) && !letters
        || atom.whole && atom.text.chars().all(crate::vocabulary::is_mark)
}

pub(super) fn stands_alone(atom: &Atom) -> bool {
    atom.how != How::Word || is_mark(atom)
}

/// How a mark is written for the model.
pub(super) fn mark(text: &str, tag: &str) -> String {
    match (text, tag) {
        ("-" | "–" | "—", _) => "—".into(),
        // Brackets of programs.
        ("[" | "]" | "{" | "}" | "<" | ">", _) => String::new(),
        ("“" | "”", _) => text.into(),
        (_, "-LRB-") => "(".into(),
        (_, "-RRB-") => ")".into(),
        (_, "``") => "“".into(),
        (_, "''" | "\"\"") => "”".into(),
        _ => text.chars().filter(|&c| crate::vocabulary::is_mark(c)).collect(),
    }
}

/// What the word before needs to know of this one.
pub(super) fn context(before: &TokenContext, sounds: &str, word: &Atom) -> TokenContext {
    let mut future_vowel = before.future_vowel;
    for c in sounds.chars() {
        if "!,.:;?—…".contains(c) {
            future_vowel = None;
        } else if "AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ".contains(c) {
            future_vowel = Some(true);
        } else if "bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθ".contains(c) {
            future_vowel = Some(false);
        } else {
            continue;
        }
        break;
    }
    let future_to = word.text == "to"
        || word.text == "To"
        || word.text == "TO" && matches!(word.tag, "TO" | "IN");
    TokenContext { future_vowel, future_to }
}

impl English {
    /// The sounds of a word that is made of `atoms`.
    pub(super) fn word(&self, atoms: &[Atom], context: &TokenContext) -> String {
        if let [atom] = atoms {
            if let Some(given) = atom.given.filter(|_| self.own.get(&atom.text).is_none()) {
                return super::dialect::said(given, self.british);
            }
            return self
                .look_up(&atom.text, atom.tag, context)
                .unwrap_or_else(|| self.work_out(&atom.text, atom.tag));
        }
        let whole: String = atoms.iter().map(|atom| atom.text.as_str()).collect();
        let tag = heaviest(atoms);
        if let Some(sounds) = self.look_up(&whole, tag, context) {
            return sounds;
        }
        // A possessive sounds by its stem's last sound, which the dictionaries' "'s" does not know.
        if let [stem @ .., last] = atoms
            && last.text.eq_ignore_ascii_case("'s")
        {
            let sounds = self.word(stem, &TokenContext::default());
            return self.dictionary.append_s(&sounds);
        }
        if let [stem @ .., last] = atoms
            && let Some(short) = contraction(&last.text)
        {
            let sounds = self.word(stem, &TokenContext::default());
            let murmur = short == "d" && sounds.ends_with(['t', 'd']);
            return sounds + if murmur { "əd" } else { short };
        }
        self.pieces(atoms, context)
    }

    /// Says a word in the longest pieces that are known, from its end.
    fn pieces(&self, atoms: &[Atom], context: &TokenContext) -> String {
        let mut said: Vec<(usize, String)> = Vec::new();
        let mut context = context.clone();
        let mut right = atoms.len();
        while right > 0 {
            let found = (0..right).find_map(|left| {
                let piece = &atoms[left..right];
                let text: String = piece.iter().map(|atom| atom.text.as_str()).collect();
                Some((left, self.look_up(&text, heaviest(piece), &context)?))
            });
            let (left, sounds) = found.unwrap_or_else(|| {
                let atom = &atoms[right - 1];
                (right - 1, self.work_out(&atom.text, atom.tag))
            });
            context = self::context(&context, &sounds, &atoms[left]);
            said.push((left, sounds));
            right = left;
        }
        said.retain(|(_, sounds)| !sounds.is_empty());
        said.reverse();
        self.level(atoms, &mut said);
        let slash = atoms.iter().any(|atom| atom.text == "/");
        let said: Vec<String> = said.into_iter().map(|(_, sounds)| sounds).collect();
        said.join(if slash { " " } else { "" })
    }

    /// Of several stressed pieces only the heavier half keep their main stress.
    fn level(&self, atoms: &[Atom], said: &mut [(usize, String)]) {
        let mut order: Vec<(bool, usize, usize)> = said
            .iter()
            .enumerate()
            .map(|(at, (_, sounds))| (sounds.contains('ˈ'), weight(sounds), at))
            .collect();
        if order.len() == 2 && atoms[said[0].0].text.chars().count() == 1 {
            said[1].1 = self.dictionary.apply_stress(&said[1].1, Some(-0.5));
            return;
        }
        let stressed = order.iter().filter(|(stressed, ..)| *stressed).count();
        if order.len() < 2 || stressed <= order.len().div_ceil(2) {
            return;
        }
        order.sort_unstable();
        order.truncate(said.len() / 2);
        for (_, _, at) in order {
            said[at].1 = self.dictionary.apply_stress(&said[at].1, Some(-0.5));
        }
    }

    /// The word in the dictionaries: the person's, ours, misaki's.
    pub(super) fn look_up(&self, word: &str, tag: &str, context: &TokenContext) -> Option<String> {
        if word.chars().all(|c| "',-._/".contains(c)) {
            return Some(String::new());
        }
        if let Some(sounds) = self.own.get(word) {
            return Some(sounds.to_owned());
        }
        if let Some(sounds) = self.name(word) {
            return Some(sounds);
        }
        if !word.is_ascii() {
            return None;
        }
        let stress = match word {
            _ if !word.bytes().any(|b| b.is_ascii_uppercase()) => None,
            _ if word.bytes().any(|b| b.is_ascii_lowercase()) => {
                Some(self.dictionary.cap_stresses.0)
            }
            _ => Some(self.dictionary.cap_stresses.1),
        };
        self.in_misaki(word, tag, stress, context)
    }

    /// misaki's own answer, unless it would spell what nobody spells.
    fn in_misaki(
        &self,
        word: &str,
        tag: &str,
        stress: Option<f64>,
        context: &TokenContext,
    ) -> Option<String> {
        let shouted = word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase());
        if shouted && !self.in_dictionary(word) && !super::unknown::is_spelled(word) {
            return None;
        }
        // A shouted word that is one is said, not spelled, even where the tagger takes it for a name.
        let tag = if shouted
            && word.len() > 3
            && tag == "NNP"
            && self.in_dictionary(&word.to_ascii_lowercase())
        {
            "NN"
        } else {
            tag
        };
        self.dictionary.get_word(word, tag, stress, Some(context)).map(|(sounds, _)| sounds)
    }

    /// Whether misaki's dictionaries have the word, in this case or in small letters.
    pub(super) fn in_dictionary(&self, word: &str) -> bool {
        let has = |word: &str| {
            self.dictionary.golds.contains_key(word) || self.dictionary.silvers.contains_key(word)
        };
        has(word) || has(&word.to_lowercase())
    }

    /// Whether anybody has an entry for the word.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.in_dictionary(word)
            || self.names.contains_key(word.to_lowercase().as_str())
            || self.own.get(word).is_some()
    }
}

/// What a contracted auxiliary adds to the word before it.
fn contraction(text: &str) -> Option<&'static str> {
    Some(match text.to_ascii_lowercase().as_str() {
        "'ve" => "əv",
        "'d" => "d",
        "'ll" => "əl",
        "'re" => "əɹ",
        _ => return None,
    })
}

/// The tag of the atom with most letters, capitals counting twice. The last of equals, as in misaki.
fn heaviest(atoms: &[Atom]) -> &'static str {
    let weight =
        |text: &str| text.chars().map(|c| if c.is_uppercase() { 2 } else { 1 }).sum::<usize>();
    let mut best = ("NN", 0);
    for atom in atoms {
        let weight = weight(&atom.text);
        if weight > best.1 {
            best = (atom.tag, weight);
        }
    }
    best.0
}

/// How much there is to say: diphthongs count twice.
fn weight(sounds: &str) -> usize {
    sounds.chars().map(|c| if "AIOQWYʤʧ".contains(c) { 2 } else { 1 }).sum()
}
