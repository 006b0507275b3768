//! Words that say "I am listening" and not "let me speak".
//!
//! The languages share one list: which one is spoken is often not known after half a second of speech, and none of
//! these words asks for the floor in another of them. Words that do ("no", "stop", "wait") are in no list.

/// What was understood of somebody who speaks over a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// No words: a noise, a cough, a laugh.
    Nothing,
    /// Only words that say that they listen.
    Backchannel,
    /// They say something: so many words.
    Words(usize),
}

/// More words than this are a sentence, whatever they are.
const MOST_WORDS: usize = 5;

/// Single words.
const WORDS: &[&str] = &[
    // English
    "mhm",
    "mmhm",
    "mm",
    "mmm",
    "hm",
    "hmm",
    "hmmm",
    "uh",
    "huh",
    "uhhuh",
    "ah",
    "aha",
    "oh",
    "ooh",
    "ok",
    "okay",
    "yeah",
    "yep",
    "yup",
    "yes",
    "right",
    "sure",
    "cool",
    "nice",
    "great",
    "wow",
    "exactly",
    "totally",
    "indeed",
    "absolutely",
    "haha",
    "ha",
    "heh",
    "hehe",
    // German
    "ja",
    "jaja",
    "jo",
    "genau",
    "klar",
    "stimmt",
    "achso",
    "ach",
    "aso",
    "gut",
    "tja",
    // French
    "oui",
    "ouais",
    "daccord",
    "bien",
    "voilà",
    "ben",
    "exactement",
    // Spanish, Portuguese
    "sí",
    "si",
    "vale",
    "ajá",
    "claro",
    "ya",
    "exacto",
    "bueno",
    "sim",
    "tá",
    "pois",
    "certo",
    "isso",
    // Italian
    "sì",
    "certo",
    "giusto",
    "esatto",
    "va",
    "bene",
    // Dutch, Polish, Turkish, Russian
    "precies",
    "hè",
    "tak",
    "dobrze",
    "evet",
    "tamam",
    "да",
    "угу",
    "ага",
    "ну",
    "так",
    "понятно",
    // Hindi, Japanese, Korean, Chinese
    "हाँ",
    "हां",
    "अच्छा",
    "ठीक",
    "はい",
    "うん",
    "ええ",
    "そう",
    "なるほど",
    "네",
    "응",
    "그래",
    "嗯",
    "对",
    "是",
    "好",
    "好的",
    "哦",
];

/// Several words that belong together.
const PHRASES: &[&[&str]] = &[
    &["uh", "huh"],
    &["mm", "hmm"],
    &["m", "hm"],
    &["i", "see"],
    &["got", "it"],
    &["go", "on"],
    &["of", "course"],
    &["all", "right"],
    &["makes", "sense"],
    &["that", "makes", "sense"],
    &["sounds", "good"],
    &["alles", "klar"],
    &["ach", "so"],
    &["je", "vois"],
    &["d", "accord"],
    &["de", "acuerdo"],
    &["va", "bene"],
    &["ho", "capito"],
    &["ठीक", "है"],
];

/// What these words are.
pub fn hear(text: &str) -> Heard {
    let words: Vec<String> = text
        .split(|letter: char| !letter.is_alphanumeric() && !is_mark(letter))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() {
        return Heard::Nothing;
    }
    if words.len() > MOST_WORDS {
        return Heard::Words(words.len());
    }
    let mut rest = &words[..];
    while let Some(first) = rest.first() {
        let phrase = PHRASES.iter().find(|phrase| {
            rest.len() >= phrase.len() && rest.iter().zip(phrase.iter()).all(|(a, b)| a == b)
        });
        rest = match phrase {
            Some(phrase) => &rest[phrase.len()..],
            None if WORDS.contains(&first.as_str()) => &rest[1..],
            None => return Heard::Words(words.len()),
        };
    }
    Heard::Backchannel
}

/// Marks of Indian scripts that belong to the letter before them.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{0900}'..='\u{0903}' | '\u{093A}'..='\u{094F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_is_told_from_speaking() {
        for text in [
            "Mhm.",
            "uh-huh",
            "Yeah, yeah!",
            "Okay. I see.",
            "Ach so, ja.",
            "D'accord",
            "ठीक है",
            "はい。",
        ] {
            assert_eq!(hear(text), Heard::Backchannel, "{text}");
        }
        for (text, count) in [
            ("Stop.", 1),
            ("no", 1),
            ("Wait!", 1),
            ("Yeah, but what about Tuesday?", 5),
            ("yes yes yes yes yes yes", 6),
            ("Right, so I'd", 4),
        ] {
            assert_eq!(hear(text), Heard::Words(count), "{text}");
        }
        for text in ["", " … ", "!?"] {
            assert_eq!(hear(text), Heard::Nothing, "{text}");
        }
    }
}
