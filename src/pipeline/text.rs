//! What people and models say. It cannot be logged by accident: `Debug` shows a length, and there is no `Display`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Words of a conversation.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// The words themselves, for those who must have them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The words themselves, owned.
    pub fn into_string(self) -> String {
        self.0
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// Appends words.
    pub fn push(&mut self, more: &str) {
        self.0.push_str(more);
    }

    /// Appends a stretch of speech, with one space between it and what came before.
    pub fn push_phrase(&mut self, phrase: &str) {
        let phrase = phrase.trim();
        if !self.0.is_empty() && !phrase.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(phrase);
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self(words)
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self(words.to_owned())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_words() {
        assert_eq!(format!("{:?}", Text::from("secret")), "Text(6 bytes)");
    }

    #[test]
    fn phrases_are_joined_with_one_space() {
        let mut text = Text::default();
        for phrase in [" and so ", "", "my fellow"] {
            text.push_phrase(phrase);
        }
        assert_eq!(text.as_str(), "and so my fellow");
    }
}
