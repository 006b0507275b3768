//! Names of people, logins and tokens: 128 random bits, so that nobody guesses one.

use std::fmt;

use serde::Serialize;

use crate::vault::random::{self, NoEntropy};

/// Who somebody is, for good: it stays when a guest makes an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PersonId(String);

impl PersonId {
    /// A new one.
    pub fn random() -> Result<Self, NoEntropy> {
        random::id("person").map(Self)
    }

    /// One that was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// As it is stored and sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::PersonId;

    #[test]
    fn ids_differ_and_have_their_shape() {
        let [a, b] = [(); 2].map(|()| PersonId::random().unwrap());
        assert_ne!(a, b);
        let digits = a.as_str().strip_prefix("person_").unwrap();
        assert!(digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
