//! The names that people sign in with.

/// The longest name.
const LONGEST: usize = 64;

/// A name that may be used: 2 to 64 of `a-z 0-9 . _ - @ +`, beginning with a letter or a digit. Capitals are small
/// letters. Other alphabets are left out because different letters that look the same would make two people
/// of one name; what people are called in conversations is their own affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// A name that may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 2 to 64 letters (a to z), digits or . _ - @ + and begins with a letter or a digit"
)]
pub struct InvalidName;

impl Name {
    /// Takes a name as it was typed.
    pub fn parse(typed: &str) -> Result<Self, InvalidName> {
        let name = typed.trim().to_ascii_lowercase();
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@+".contains(&byte);
        let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if begins && (2..=LONGEST).contains(&name.len()) && name.bytes().all(known) {
            Ok(Self(name))
        } else {
            Err(InvalidName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn names_are_read_as_they_are_typed() {
        for (typed, name) in
            [("Ada", "ada"), (" ada ", "ada"), ("ada@example.org", "ada@example.org"), ("0x", "0x")]
        {
            assert_eq!(Name::parse(typed).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_could_be_taken_for_others_are_refused() {
        let long = "a".repeat(65);
        for typed in
            ["", "a", "\u{430}da", "ada lovelace", "-ada", "ada\u{200b}", "a\nb", "ada/..", &long]
        {
            assert!(Name::parse(typed).is_err(), "{typed:?}");
        }
    }
}
