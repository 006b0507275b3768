//! Somebody who dictates pauses where nobody else would: between the groups of a number, the letters of a name, the
//! things of a list. What was said by the pause, and what they were asked for, tell that more is to come.

use super::unfinished::{Ending, ending};

/// How long a pause may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Patience {
    /// As always.
    #[default]
    Usual,
    /// Groups of digits.
    Number,
    /// Letters, one by one.
    Spelling,
    /// The parts of an address on the internet.
    Address,
    /// A list, or a sentence, that goes on.
    Unfinished,
    /// A word was last that seldom ends a sentence.
    Dangling,
    /// They were asked for a number, an address or a spelling, and have not given all of it.
    Asked,
}

/// Of a telephone number; a complete one is answered as usual.
const DIGITS_OF_A_NUMBER: usize = 10;
/// Of a question the last words count.
const QUESTION_WORDS: usize = 40;

const DIGITS: &[&str] = &[
    "zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double",
    "triple", "null", "eins", "zwei", "zwo", "drei", "vier", "fünf", "sechs", "sieben", "acht",
    "neun", "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "cero",
    "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve",
];
const PARTS_OF_ADDRESSES: &[&str] = &[
    "at",
    "dot",
    "underscore",
    "dash",
    "hyphen",
    "slash",
    "punkt",
    "strich",
    "arobase",
    "point",
    "arroba",
    "punto",
    "@",
];
/// What people are asked for that takes them long.
const ASKED_FOR: &[&str] = &[
    "phone",
    "telephone",
    "number",
    "e-mail",
    "email",
    "mail",
    "address",
    "spell",
    "code",
    "pin",
    "postcode",
    "zip",
    "iban",
    "account",
    "card",
    "birth",
    "licence",
    "license",
    "serial",
    "reference",
    "booking",
    "telefonnummer",
    "nummer",
    "adresse",
    "buchstabieren",
    "postleitzahl",
    "geburtsdatum",
    "numéro",
    "épeler",
    "teléfono",
    "número",
    "correo",
    "dirección",
    "deletrear",
];

/// How long a pause may be after these words, in this language if one is known, which answer what was asked last.
pub fn patience(said: &str, asked: &str, language: Option<&str>) -> Patience {
    let trimmed = said.trim_end();
    let words = words(trimmed);
    let Some(last) = words.last() else { return Patience::Usual };
    let digits: usize = words.iter().map(|word| digits(word)).sum();
    let spelled = words.iter().rev().take_while(|word| is_letter(word)).count();
    let grouped = words.iter().rev().take_while(|word| self::digits(word) > 0).count();
    if spelled >= 2 || ends_as_in(&words) {
        return Patience::Spelling;
    }
    if grouped >= 2 && digits < DIGITS_OF_A_NUMBER {
        return Patience::Number;
    }
    if PARTS_OF_ADDRESSES.contains(&last.as_str()) {
        return Patience::Address;
    }
    let ending = ending(last, language);
    if trimmed.ends_with([',', ':', ';', '-', '–', '…'])
        || trimmed.ends_with("...")
        || ending == Ending::Never && !trimmed.ends_with(['?', '!'])
    {
        return Patience::Unfinished;
    }
    if asks_for_an_entity(asked) && !is_whole(trimmed, digits) {
        return Patience::Asked;
    }
    if ending == Ending::Seldom && !trimmed.ends_with(['.', '?', '!']) {
        return Patience::Dangling;
    }
    Patience::Usual
}

/// Lower-case words; a mark that means something stays a word.
fn words(text: &str) -> Vec<String> {
    let split = text.split(|letter: char| {
        !letter.is_alphanumeric() && !matches!(letter, '@' | '\'' | '.' | '-')
    });
    let split = split.map(|word| word.trim_matches(['.', '-', '\'']).to_lowercase());
    split.filter(|word| !word.is_empty()).collect()
}

/// How many digits a word stands for.
fn digits(word: &str) -> usize {
    if DIGITS.contains(&word) {
        return 1;
    }
    let digits = word.chars().filter(char::is_ascii_digit).count();
    // 3rd, 10am, or a price: not part of a number that is dictated.
    if word.chars().any(char::is_alphabetic) { 0 } else { digits }
}

fn is_letter(word: &str) -> bool {
    let mut letters = word.chars();
    // "I" and "a" are words, too, but not at the end of a sentence, and not twice.
    letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
}

/// "B as in": a name follows; "B as in Bravo": another letter does.
fn ends_as_in(words: &[String]) -> bool {
    let at = |from_end: usize| words.len().checked_sub(from_end).map(|i| words[i].as_str());
    (at(2), at(1)) == (Some("as"), Some("in"))
        || (at(3), at(2)) == (Some("as"), Some("in"))
        || (at(2), at(1)) == (Some("wie"), at(1)) && at(3).is_some_and(is_letter)
}

/// Whether the last question asks for something that takes long to say.
fn asks_for_an_entity(asked: &str) -> bool {
    let question = asked.trim_end().trim_end_matches(['"', '”']);
    let is_request = |sentence: &str| {
        let words = words(sentence);
        let tail = words.iter().rev().take(QUESTION_WORDS);
        tail.clone().any(|word| ASKED_FOR.contains(&word.as_str()))
    };
    let last = question.trim_end_matches(['?', '.', '!']);
    let begin = last.rfind(['?', '.', '!']).map_or(0, |at| at + 1);
    let is_question = question.ends_with('?')
        || ["please", "tell me", "give me", "bitte", "por favor", "s'il vous"]
            .iter()
            .any(|word| last[begin..].to_lowercase().contains(word));
    is_question && is_request(&last[begin..])
}

/// Whether all of a number or an address is there, or it is no such answer.
fn is_whole(said: &str, digits: usize) -> bool {
    let address = said.contains('@') || said.contains(" at ") || said.contains("arobase");
    let ended = said.rsplit_once(['.', '@']).is_some_and(|(_, end)| end.trim().len() >= 2)
        || said.contains(" dot ");
    digits >= DIGITS_OF_A_NUMBER || address && ended || said.split_whitespace().count() > 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dictated_is_waited_for() {
        for (said, asked, expected) in [
            ("My number is five five five", "", Patience::Number),
            ("It's 0176, 24", "", Patience::Number),
            ("0176 2439 8812 45", "", Patience::Usual),
            ("I have two", "", Patience::Usual),
            ("It is ten past five.", "", Patience::Usual),
            ("That's J O H", "", Patience::Spelling),
            ("B as in", "", Patience::Spelling),
            ("B as in Bravo", "", Patience::Spelling),
            ("john dot smith at", "", Patience::Address),
            ("I need eggs, milk,", "", Patience::Unfinished),
            ("I went there because", "", Patience::Unfinished),
            ("I was thinking...", "", Patience::Unfinished),
            ("Ich brauche Eier und", "", Patience::Unfinished),
            ("He was not an.", "", Patience::Unfinished),
            ("He bought the?", "", Patience::Usual),
            ("unless to be", "", Patience::Dangling),
            ("I want to go to", "", Patience::Dangling),
            ("Yes it is.", "", Patience::Usual),
            ("My number is", "What is your phone number?", Patience::Asked),
            ("It's 555", "What is your phone number?", Patience::Asked),
            ("Sure.", "Could you spell your name?", Patience::Asked),
            ("john.smith@mail.com", "What is your e-mail address?", Patience::Usual),
            ("Tell me a story.", "Hello there. How can I help?", Patience::Usual),
            ("What is the weather like?", "", Patience::Usual),
            ("I feel fine.", "I gave you my number. How are you?", Patience::Usual),
            ("", "What is your phone number?", Patience::Usual),
        ] {
            assert_eq!(patience(said, asked, None), expected, "{said} ({asked})");
        }
    }

    #[test]
    fn a_last_word_is_one_of_its_language() {
        for (said, language, expected) in [
            ("I do not want to die", Some("en"), Patience::Usual),
            ("Ich mag die", Some("de"), Patience::Dangling),
            ("Ruf mich bitte an", Some("de"), Patience::Usual),
            ("That is an", Some("en"), Patience::Unfinished),
        ] {
            assert_eq!(patience(said, "", language), expected, "{said} ({language:?})");
        }
    }

    #[test]
    fn no_text_is_too_strange() {
        for text in ["…", "🙂 🙂", "ß ß", "\u{0}", "a.b.c.d", "as in", "in", "wie", "?", "。"]
        {
            patience(text, text, None);
        }
    }
}
