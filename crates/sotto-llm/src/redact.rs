//! Makes the words of a server safe to log.
//!
//! Servers like to quote: a validation error may hold the whole conversation, a refused login the key.

use std::collections::HashSet;

use reqwest::Url;

/// The longest message that is kept of a server, in characters.
const MAX_CHARS: usize = 300;
/// How many equal characters in a row count as a quote of the conversation.
const QUOTE_CHARS: usize = 16;
/// The same for a key; shorter, since every character of it counts.
const KEY_CHARS: usize = 8;

/// What is known of a server and must not be repeated by it.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    /// Hidden even in part.
    pub(crate) keys: Vec<String>,
    /// Where the server is. Hidden as a whole: parts of it are words like others.
    pub(crate) places: Vec<String>,
}

impl Secrets {
    /// Adds the address of a server: its host, and what of its path and query may be a key.
    pub(crate) fn add_address(&mut self, url: &Url) {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        self.places.extend([format!("{host}:{port}"), host.to_owned()]);
        let path = url.path().trim_matches('/').to_owned();
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        let long = |part: &String| part.chars().count() >= KEY_CHARS;
        self.keys.extend([path].into_iter().chain(values).filter(long));
    }
}

/// Knows what must not be repeated.
#[derive(Default)]
pub(crate) struct Redactor {
    said: Vec<String>,
    secrets: Secrets,
}

impl Redactor {
    /// Hides what was said, and secrets.
    pub(crate) fn new(said: impl IntoIterator<Item = String>, secrets: Secrets) -> Self {
        Self { said: said.into_iter().collect(), secrets }
    }

    /// Returns the text on one line, without control characters, at most 300 characters long, and with
    /// `[…]` in place of what the text has in common with a conversation, a key or an address.
    pub(crate) fn clean(&self, text: &str) -> String {
        // Twice the length is enough: a quote that begins within the limit is seen to be one.
        let text: Vec<char> = one_line(text).chars().take(2 * MAX_CHARS).collect();
        let mut hidden = vec![false; text.len()];
        for said in &self.said {
            hide(&text, &one_line(said), QUOTE_CHARS, &mut hidden);
        }
        for key in &self.secrets.keys {
            hide(&text, key, KEY_CHARS, &mut hidden);
        }
        for place in &self.secrets.places {
            hide(&text, place, usize::MAX, &mut hidden);
        }
        let mut clean = String::new();
        for (at, (&character, &hide)) in text.iter().zip(&hidden).enumerate() {
            if !hide {
                clean.push(character);
            } else if at == 0 || !hidden[at - 1] {
                clean.push_str("[…]");
            }
        }
        clean.chars().take(MAX_CHARS).collect()
    }
}

/// Marks every run of `quote` characters that also stands in `private`. A shorter private text counts
/// only as a whole and between word boundaries: otherwise a person's "no" would blacken every "not".
fn hide(text: &[char], private: &str, quote: usize, hidden: &mut [bool]) {
    let private: Vec<char> = private.chars().collect();
    let whole = private.len() < quote;
    let window = private.len().min(quote);
    if window == 0 {
        return;
    }
    // The conversation is long and the text short: each is walked once.
    let parts: HashSet<&[char]> = text.windows(window).collect();
    let quoted: HashSet<&[char]> =
        private.windows(window).filter(|part| parts.contains(part)).collect();
    for (start, part) in text.windows(window).enumerate() {
        let end = start + window;
        if quoted.contains(part) && !(whole && within_word(text, start, end)) {
            hidden[start..end].fill(true);
        }
    }
}

fn within_word(text: &[char], start: usize, end: usize) -> bool {
    let joined = |at: usize| {
        at > 0 && at < text.len() && text[at - 1].is_alphanumeric() && text[at].is_alphanumeric()
    };
    joined(start) || joined(end)
}

fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|character| if character.is_whitespace() { ' ' } else { character })
        .filter(|character| !character.is_control())
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(said: &str) -> Redactor {
        let keys = vec!["sk-proj-0123456789".to_owned()];
        Redactor::new([said.to_owned()], Secrets { keys, ..Secrets::default() })
    }

    #[test]
    fn text_is_one_short_line_without_control_characters() {
        let clean =
            Redactor::default().clean(&format!("a\r\n\tb\u{7}\u{1b}[31m{}", "x".repeat(400)));
        assert!(clean.starts_with("a b[31mxx"), "{clean}");
        assert_eq!(clean.chars().count(), 300);
    }

    #[test]
    fn a_quote_of_the_conversation_is_hidden_even_in_part() {
        let redactor = redactor("My address is\n12 Elm Street, and my doctor is Jane Roe.");
        let clean = redactor.clean("bad input: 'my doctor is Jane Ro' (truncated) is too long");
        assert_eq!(clean, "bad input: '[…]' (truncated) is too long");
        let clean =
            redactor.clean("input='My address is 12 Elm Street, and my doctor is Jane Roe.'");
        assert_eq!(clean, "input='[…]'");
    }

    #[test]
    fn a_quote_that_reaches_beyond_the_cut_is_hidden() {
        let said = "one two three four five six seven eight";
        let clean = redactor(said).clean(&format!("{}: {said}", "x".repeat(290)));
        assert_eq!(clean, format!("{}: […]", "x".repeat(290)));
    }

    #[test]
    fn short_words_are_hidden_only_as_words() {
        let clean = redactor("no").clean("model not found: no, \"no\"");
        assert_eq!(clean, "model not found: […], \"[…]\"");
    }

    #[test]
    fn the_servers_address_is_hidden_and_words_that_are_in_it_are_not() {
        let mut secrets = Secrets::default();
        secrets.add_address(
            &Url::parse("http://gpu.lan:8000/tenant-4711/v1?k=0123456789&v=1").unwrap(),
        );
        let redactor = Redactor::new([], secrets);
        for (text, expected) in [
            ("no /tenant-4711/v1/models at gpu.lan:8000", "no /[…]/models at […]"),
            ("gpu.lan: no GPU", "[…]: no GPU"),
            ("bad query k=0123456789&v=1", "bad query k=[…]&v=1"),
        ] {
            assert_eq!(redactor.clean(text), expected);
        }
    }

    #[test]
    fn keys_are_hidden_even_in_part() {
        let clean = redactor("hello")
            .clean("Incorrect key: sk-proj-01234****. You sent sk-proj-0123456789");
        assert_eq!(clean, "Incorrect key: […]****. You sent […]");
    }
}
