//! API tokens: what programs show instead of a cookie. `sotto_` and 43 letters; only the sum is stored.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::token::{Hash, Token};

/// How API tokens begin, so that people, and scanners of source code, know one.
const PREFIX: &str = "sotto_";

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Calling.
    #[serde(rename = "calls")]
    Calls,
    /// Reading and writing conversations.
    #[serde(rename = "chats")]
    Chats,
    /// Reading conversations.
    #[serde(rename = "chats:read")]
    ChatsRead,
}

/// What a token may be used for, all in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These; each counts once.
    pub fn new(mut scopes: Vec<Scope>) -> Self {
        scopes.sort();
        scopes.dedup();
        Self(scopes)
    }

    /// As they are stored. What a newer program has written there is not allowed here.
    pub fn stored(text: &str) -> Self {
        let scope = |word| match word {
            "calls" => Some(Scope::Calls),
            "chats" => Some(Scope::Chats),
            "chats:read" => Some(Scope::ChatsRead),
            _ => None,
        };
        Self::new(text.split(' ').filter_map(scope).collect())
    }

    /// As they are stored.
    pub fn to_text(&self) -> String {
        let word = |scope: &Scope| match scope {
            Scope::Calls => "calls",
            Scope::Chats => "chats",
            Scope::ChatsRead => "chats:read",
        };
        self.0.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is allowed. Who may write conversations may read them.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope) || (scope == Scope::ChatsRead && self.0.contains(&Scope::Chats))
    }
}

/// A new token as it is shown, once, and its sum.
pub fn make() -> Result<(Zeroizing<String>, Hash), crate::vault::random::NoEntropy> {
    let token = Token::random()?;
    let shown = Zeroizing::new(format!("{PREFIX}{}", &*token.reveal()));
    Ok((shown, token.sum()))
}

/// The sum of a token that was shown; `None` if it has not the form of one of ours.
pub fn sum(shown: &str) -> Option<Hash> {
    shown.strip_prefix(PREFIX).and_then(Token::parse).map(|token| token.sum())
}

/// Whether a credential means to be one of ours.
pub fn is_ours(shown: &str) -> bool {
    shown.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again() {
        let (shown, hash) = make().unwrap();
        assert_eq!(shown.len(), PREFIX.len() + 43);
        assert_eq!(sum(&shown), Some(hash));
        for wrong in ["", "sotto_", "sk-12345", &shown[1..], &format!("{}x", &*shown)] {
            assert_eq!(sum(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn scopes_allow_what_they_name() {
        let scopes = Scopes::stored("chats calls chats admin");
        assert_eq!(scopes.to_text(), "calls chats");
        assert!(scopes.allow(Scope::Calls) && scopes.allow(Scope::ChatsRead));
        let reading = Scopes::stored("chats:read");
        assert!(reading.allow(Scope::ChatsRead));
        assert!(!reading.allow(Scope::Chats) && !reading.allow(Scope::Calls));
        assert!(Scopes::stored("").is_empty());
    }
}
