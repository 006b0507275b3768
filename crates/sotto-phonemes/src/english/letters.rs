//! Letters to sounds, for words that no dictionary has.
//!
//! The idea is that of Elovitz, Johnson, `McHugh` and Shore (NRL report 7948, 1976): at each place the first rule
//! whose letters and neighbours fit gives the sounds. Rules, notation and the stress that follows are ours.
//! Sounds are written as [`dialect`](super::dialect) reads them.

mod rules;
mod stress;

use self::rules::{Context, RULES};

/// How the word is said, with stress. `word` is ASCII letters, lower case.
pub(crate) fn sounds(word: &str) -> String {
    let foreign = is_foreign(word);
    let mut said = String::with_capacity(word.len() * 2);
    let bytes = word.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rules = if foreign { Context::Foreign } else { Context::English };
        let found = RULES
            .iter()
            .filter(|rule| rule.context == rules || rule.context == Context::Any)
            .find(|rule| fits(rule, bytes, at));
        match found {
            Some(rule) => {
                said.push_str(rule.sounds);
                at += rule.letters.len();
            }
            // Every letter has a rule; anything else is silent.
            None => at += 1,
        }
        // A doubled consonant is said once.
        while at < bytes.len() && at > 0 && bytes[at] == bytes[at - 1] && is_consonant(bytes[at]) {
            at += 1;
        }
    }
    stress::stressed(&said, word, foreign)
}

/// Names that end as Italian, Japanese or Finnish ones do keep the vowels of those languages.
fn is_foreign(word: &str) -> bool {
    let ending = word.ends_with(['a', 'o', 'i', 'u']) && word.len() > 3;
    let english = ["ia", "ology", "you", "ou", "eau", "ella"].iter().any(|e| word.ends_with(e));
    ending && !english
}

fn fits(rule: &rules::Rule, word: &[u8], at: usize) -> bool {
    let end = at + rule.letters.len();
    word.len() >= end
        && &word[at..end] == rule.letters.as_bytes()
        && before(rule.before.as_bytes(), &word[..at])
        && after(rule.after.as_bytes(), &word[end..])
}

/// Matches the pattern from its end against the letters before.
fn before(pattern: &[u8], word: &[u8]) -> bool {
    let Some((&last, pattern)) = pattern.split_last() else { return true };
    match last {
        b'_' => word.is_empty(),
        // Some vowel has come already.
        b'L' => word.iter().any(|&c| is_vowel(c)),
        // No vowel has come yet.
        b'N' => !word.iter().any(|&c| is_vowel(c)),
        _ => word.split_last().is_some_and(|(&c, word)| one(last, c) && before(pattern, word)),
    }
}

/// Matches the pattern against the letters that follow.
fn after(pattern: &[u8], word: &[u8]) -> bool {
    let Some((&first, pattern)) = pattern.split_first() else { return true };
    match first {
        b'_' => word.is_empty(),
        b'M' => silent_e(word),
        _ => word.split_first().is_some_and(|(&c, word)| one(first, c) && after(pattern, word)),
    }
}

fn one(class: u8, c: u8) -> bool {
    match class {
        b'V' => is_vowel(c),
        b'C' => is_consonant(c),
        b'F' => matches!(c, b'e' | b'i' | b'y'),
        // Consonants after which a long u has no glide.
        b'R' => matches!(c, b'r' | b'l' | b'j' | b's' | b't' | b'd' | b'n' | b'z' | b'h'),
        literal => literal == c,
    }
}

/// One consonant and a silent e, as in "make", "maker", "makes", "table".
fn silent_e(word: &[u8]) -> bool {
    let Some((&c, rest)) = word.split_first() else { return false };
    let ends = |rest: &[u8]| {
        let endings: [&[u8]; 9] = [b"", b"s", b"d", b"r", b"rs", b"ly", b"ment", b"less", b"ful"];
        endings.contains(&rest)
    };
    let plain = is_consonant(c)
        && c != b'x'
        && rest.split_first().is_some_and(|(&e, rest)| e == b'e' && ends(rest));
    let with_l = matches!(c, b'b' | b'd' | b'g' | b'p' | b't' | b'f' | b'c')
        && (rest == b"le" || rest == b"les" || rest == b"led");
    let with_h = word.starts_with(b"the") && ends(&word[3..]);
    plain || with_l || with_h
}

fn is_vowel(c: u8) -> bool {
    matches!(c, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

fn is_consonant(c: u8) -> bool {
    c.is_ascii_lowercase() && !is_vowel(c)
}

#[cfg(test)]
mod tests {
    use super::sounds;

    #[test]
    fn made_up_words_are_read_as_english() {
        for (word, said) in [
            ("blick", "blˈɪk"),
            ("snake", "snˈAk"),
            ("frobnicate", "fɹˈɒbnəkˌAt"),
            ("plumbation", "plʌmbˈAʃən"),
            ("kokoro", "kOkˈɔɹO"),
            ("zorp", "zˈɔɹp"),
            ("thrimble", "θɹˈɪmbᵊl"),
            ("quell", "kwˈɛl"),
            ("splology", "splˈɒləʤi"),
            ("cyberish", "sˈIbəɹɪʃ"),
            ("xander", "zˈændəɹ"),
        ] {
            assert_eq!(sounds(word), said, "{word}");
        }
    }

    #[test]
    fn every_letter_is_said_somehow() {
        for c in 'a'..='z' {
            let word = format!("{c}an");
            assert!(!sounds(&word).is_empty());
        }
    }
}
