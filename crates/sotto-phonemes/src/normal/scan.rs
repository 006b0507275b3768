//! Reading a text at one place.

/// A place in the clean text, and what rules ask about it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub text: &'a str,
    pub at: usize,
    pub british: bool,
    /// The person's own words.
    pub own: &'a crate::Lexicon,
    /// Whether a dictionary has the word.
    pub knows: &'a dyn Fn(&str) -> bool,
}

impl<'a> Place<'a> {
    /// What is still to be read.
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// What has been read.
    pub fn before(&self) -> &'a str {
        &self.text[..self.at]
    }

    /// The same text further on.
    pub fn skip(&self, bytes: usize) -> Self {
        Self { at: self.at + bytes, ..*self }
    }

    /// The word before this place, without its marks. Empty where a sentence ended between.
    pub fn previous_word(&self) -> &'a str {
        let before = self.before().trim_end_matches(' ');
        let before = before.trim_end_matches(['.', ',', '(', '"', '“', '\'']);
        let start = before.char_indices().rev().take(40).take_while(|(_, c)| c.is_alphanumeric());
        start.last().map_or("", |(start, _)| &before[start..])
    }

    /// Up to the next space.
    pub fn chunk(&self) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find(' ').unwrap_or(rest.len())]
    }
}

/// A number as written: `1,234.50`.
pub(crate) struct Number {
    pub whole: String,
    /// Empty where there is none.
    pub fraction: String,
    /// How many bytes it takes.
    pub len: usize,
    pub grouped: bool,
}

/// The number that `text` begins with. `.5` is one too.
pub(crate) fn number(text: &str) -> Option<Number> {
    let first = digits(text);
    let mut whole = first.to_owned();
    let mut len = first.len();
    let mut grouped = false;
    if (1..=3).contains(&len) {
        while text[len..].starts_with(',') && digits(&text[len + 1..]).len() == 3 {
            whole.push_str(&text[len + 1..len + 4]);
            len += 4;
            grouped = true;
        }
    }
    let mut fraction = String::new();
    if text[len..].starts_with('.') {
        let after = digits(&text[len + 1..]);
        if !after.is_empty() {
            after.clone_into(&mut fraction);
            len += 1 + after.len();
        }
    }
    (!whole.is_empty() || !fraction.is_empty()).then_some(Number { whole, fraction, len, grouped })
}

/// The ASCII digits that `text` begins with.
pub(crate) fn digits(text: &str) -> &str {
    &text[..text.bytes().take_while(u8::is_ascii_digit).count()]
}

/// The letters that `text` begins with.
pub(crate) fn letters(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())]
}

/// Whether no word goes on here.
pub(crate) fn ends(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// `text` without `prefix`, whatever the case of its ASCII letters.
pub(crate) fn strip_caseless<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// A month's full name, from its name or its abbreviation.
pub(crate) fn month(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let known = lower.len() >= 3 && word.starts_with(|c: char| c.is_ascii_uppercase());
    let index = MONTHS.iter().position(|month| {
        let month = month.to_ascii_lowercase();
        month == lower || month[..3] == lower || lower == "sept" && month == "september"
    });
    known.then_some(MONTHS[index?])
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
