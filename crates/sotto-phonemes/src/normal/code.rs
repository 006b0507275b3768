//! Words and signs of programs.

use super::scan::{Place, digits, ends, letters};
use super::{Match, Parts};

/// `->`, `==`, `&&` and their like, longest first. They are said only where they stand alone or in code.
const OPERATORS: [(&str, &str); 18] = [
    ("===", "triple equals"),
    ("!==", "not triple equals"),
    ("<=>", "spaceship"),
    ("->", "arrow"),
    ("=>", "arrow"),
    ("<-", "left arrow"),
    ("==", "equals"),
    ("!=", "not equals"),
    (">=", "greater than or equal to"),
    ("<=", "less than or equal to"),
    ("&&", "and"),
    ("||", "or"),
    ("+=", "plus equals"),
    ("-=", "minus equals"),
    ("::", ""),
    ("<<", "left shift"),
    (">>", "right shift"),
    (":=", "gets"),
];

/// Signs of more than one character.
pub(super) fn operator(here: &Place) -> Option<Match> {
    let (sign, words) = OPERATORS.iter().find(|(sign, _)| here.rest().starts_with(sign))?;
    let after = &here.rest()[sign.len()..];
    // The end of `Vec<Vec<u8>>` shifts nothing.
    let spaced = here.before().ends_with(' ') && after.starts_with(' ');
    let shift = matches!(*sign, "<<" | ">>") && !spaced;
    if shift || after.starts_with(['=', '<', '>', '&', '|']) {
        return None;
    }
    let mut parts = Parts::default();
    parts.words(words);
    Some((sign.len(), parts))
}

/// `C++`, `C#`, `F#`, `.NET`, `node.js`, `--flag`, `-v`.
pub(super) fn language(here: &Place) -> Option<Match> {
    let rest = here.rest();
    if here.before().ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let mut parts = Parts::default();
    for (written, letter, words) in [
        ("C++", "C", "plus plus"),
        ("c++", "C", "plus plus"),
        ("g++", "G", "plus plus"),
        ("C#", "C", "sharp"),
        ("F#", "F", "sharp"),
        (".NET", "", "dot net"),
    ] {
        let Some(after) = rest.strip_prefix(written) else { continue };
        if ends(after) || written == "C++" && after.starts_with(|c: char| c.is_ascii_digit()) {
            if !letter.is_empty() {
                parts.letters(letter);
            }
            parts.words(words);
            return Some((written.len(), parts));
        }
    }
    let name = letters(rest);
    if let Some(after) = rest[name.len()..].strip_prefix(".js").filter(|after| ends(after))
        && !name.is_empty()
    {
        say_word(name, here, &mut parts);
        parts.letters("JS");
        return Some((rest.len() - after.len(), parts));
    }
    flag(here)
}

fn flag(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let spaced = here.at == 0 || here.before().ends_with([' ', '(', '"', '“']);
    let dashes = rest.len() - rest.trim_start_matches('-').len();
    let name = rest[dashes..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let name = &rest[dashes..name.map_or(rest.len(), |end| end + dashes)];
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !spaced || !starts || !(dashes == 2 && name.len() > 1 || dashes == 1 && name.len() == 1) {
        return None;
    }
    let mut parts = Parts::default();
    parts.words(if dashes == 2 { "dash dash" } else { "dash" });
    for word in name.trim_end_matches('-').split('-') {
        if word.len() == 1 {
            parts.letters(word);
        } else {
            super::number::runs(word, here, &mut parts);
        }
    }
    Some((dashes + name.trim_end_matches('-').len(), parts))
}

/// `snake_case`, `camelCase`, `foo()`, `std::vec`: names of a program, word by word.
pub(super) fn identifier(here: &Place) -> Option<Match> {
    let rest = here.rest();
    if here.before().ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let name = &rest[..len];
    if !name.bytes().any(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    // A name that goes on in another alphabet is no name of a program.
    let after = &rest[len..];
    if after.starts_with(char::is_alphanumeric) {
        return None;
    }
    let call = if after.starts_with("()") { 2 } else { 0 };
    let snake = name.trim_matches('_').contains('_');
    let humps = humps(name);
    let camel = humps.len() > 1 && !(here.knows)(name) && !is_plural_acronym(name);
    if !snake && !camel && call == 0 && name.trim_matches('_') == name {
        return None;
    }
    let mut parts = Parts::default();
    for word in name.split('_').filter(|word| !word.is_empty()) {
        super::number::runs(word, here, &mut parts);
    }
    (!parts.0.is_empty()).then_some((len + call, parts))
}

/// `GPUs`, `URLs`: letters with an ending, no camel.
fn is_plural_acronym(name: &str) -> bool {
    name.strip_suffix('s')
        .is_some_and(|stem| stem.len() > 1 && stem.bytes().all(|b| b.is_ascii_uppercase()))
}

/// Where the case turns: `parseHTTPRequest` is parse, HTTP, Request.
pub(super) fn humps(name: &str) -> Vec<&str> {
    let bytes = name.as_bytes();
    let mut humps = Vec::new();
    let mut start = 0;
    for at in 1..bytes.len() {
        let rises = bytes[at].is_ascii_uppercase() && bytes[at - 1].is_ascii_lowercase();
        let falls = bytes[at].is_ascii_uppercase()
            && bytes[at - 1].is_ascii_uppercase()
            && bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase)
            && !(bytes[at + 1] == b's' && at + 2 == bytes.len());
        if rises || falls {
            humps.push(&name[start..at]);
            start = at;
        }
    }
    humps.push(&name[start..]);
    humps
}

/// Says a run of letters, which may have humps.
pub(super) fn say_run(run: &str, here: &Place, parts: &mut Parts) {
    if (here.knows)(run) && run.len() > 2 || is_plural_acronym(run) {
        return say_word(run, here, parts);
    }
    for hump in humps(run) {
        say_word(hump, here, parts);
    }
}

/// Says one word of a name: by its letters if nobody could read it.
pub(super) fn say_word(word: &str, here: &Place, parts: &mut Parts) {
    let vowels = word.bytes().filter(|b| b"aeiouyAEIOUY".contains(b)).count();
    let known = (here.knows)(word);
    let short = match word.len() {
        1 => true,
        2 => ![
            "is", "as", "in", "on", "of", "to", "by", "my", "at", "or", "if", "it", "no", "go",
            "do", "we", "me", "be", "up", "an", "us", "so",
        ]
        .contains(&word.to_ascii_lowercase().as_str()),
        3 => !known && (vowels == 0 || word.bytes().all(|b| b.is_ascii_uppercase())),
        _ => !known && vowels == 0 && word.len() < 6,
    };
    if short && word.is_ascii() {
        parts.letters(word);
    } else {
        parts.words(word);
    }
}

/// `A/B`: letters, no articles.
pub(super) fn letter(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let [a @ b'A'..=b'Z', b'/', b @ b'A'..=b'Z', ..] = *rest.as_bytes() else { return None };
    if here.before().ends_with(char::is_alphanumeric) || !ends(&rest[3..]) {
        return None;
    }
    let mut parts = Parts::default();
    parts.letters(&char::from(a).to_string());
    parts.letters(&char::from(b).to_string());
    Some((3, parts))
}

/// Whether an opening bracket here would belong to the word before it.
fn is_glued(before: &str) -> bool {
    before.ends_with(char::is_alphanumeric)
}

/// What stands before the bracket that is still open at the end of `before`. Looks back over one line at most.
fn opening(before: &str) -> Option<&str> {
    let mut closed = 0;
    for (at, c) in before.char_indices().rev().take(80) {
        match c {
            ')' => closed += 1,
            '(' if closed == 0 => return Some(&before[..at]),
            '(' => closed -= 1,
            _ => {}
        }
    }
    None
}

fn between_numbers(here: &Place, after: &str) -> bool {
    let last = here.before().trim_end();
    let number = last.ends_with(|c: char| c.is_ascii_digit())
        || here.previous_word().chars().any(|c| c.is_ascii_digit());
    number && !digits(after.trim_start()).is_empty()
}

/// Single signs between words: `+`, `=`, `<`, `%`, `×`.
pub(super) fn sign(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let c = rest.chars().next()?;
    let after = &rest[c.len_utf8()..];
    let alone = (here.at == 0 || here.before().ends_with(' '))
        && (after.starts_with(' ') || after.is_empty());
    let tight = here.before().ends_with(|c: char| c.is_alphanumeric() || c == ')')
        && after.starts_with(|c: char| c.is_alphanumeric() || c == '(');
    let words = match c {
        '+' if alone || tight => "plus",
        '=' => "equals",
        // `Vec<u8>` is a "Vec of u8".
        '<' if tight && digits(after).is_empty() => "of",
        '<' if alone || tight => "less than",
        // "Settings > Privacy".
        '>' if alone
            && here.previous_word().starts_with(char::is_uppercase)
            && after.trim_start().starts_with(char::is_uppercase) =>
        {
            let mut parts = Parts::default();
            parts.mark(',');
            return Some((1, parts));
        }
        '>' if alone || tight && !digits(after).is_empty() => "greater than",
        '*' if tight => "times",
        '*' if alone && !digits(after.trim_start()).is_empty() => "times",
        // "2 - 1", which the cleaning took for a dash, and "2020 - 2024".
        '—' if alone && between_numbers(here, after) => {
            let year = |text: &str| super::numbers::like_a_year(text).is_some();
            if year(here.previous_word()) && year(digits(after.trim_start())) {
                "to"
            } else {
                "minus"
            }
        }
        '/' if alone && between_numbers(here, after) => "divided by",
        '<' if !digits(after).is_empty() => "less than",
        '>' if !digits(after).is_empty() => "more than",
        '/' if alone => "slash",
        // "f(x)" is "f of x"; other brackets within a word are not said.
        '(' if is_glued(here.before()) => {
            if here.previous_word().chars().count() == 1 {
                "of"
            } else {
                ""
            }
        }
        ')' if opening(here.before()).is_some_and(is_glued) => "",
        '^' if tight => "to the power of",
        '×' => "times",
        '÷' => "divided by",
        '±' => "plus or minus",
        '≈' => "is about",
        '≠' => "is not equal to",
        '≤' => "is at most",
        '≥' => "is at least",
        '√' => "the square root of",
        '∞' => "infinity",
        '∑' => "the sum of",
        '∂' => "partial",
        '∫' => "the integral of",
        '²' => "squared",
        '³' => "cubed",
        '§' => "section",
        '%' => "percent",
        '&' => "and",
        '@' => "at",
        '°' => "degrees",
        '#' if alone => "hash",
        '$' if alone => "dollars",
        '€' => "euros",
        '£' => "pounds",
        '¥' => "yen",
        '₹' => "rupees",
        // "and/or", "he/she": two words.
        '/' | '\\' | '_' | '~' | '|' | '*' | '^' => "",
        _ => return None,
    };
    let mut parts = Parts::default();
    parts.words(words);
    Some((c.len_utf8(), parts))
}
