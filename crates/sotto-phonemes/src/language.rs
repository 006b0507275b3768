//! The languages of Kokoro's voices.

use std::fmt;

/// A language that text can be read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// American English.
    EnglishUs,
    /// British English.
    EnglishGb,
    /// Spanish.
    Spanish,
    /// French.
    French,
    /// Hindi.
    Hindi,
    /// Italian.
    Italian,
    /// Brazilian Portuguese.
    Portuguese,
}

/// A voice whose language cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedLanguage {
    /// Kokoro has voices for it, we have no reader.
    #[error("{0} voices are not supported: there is no reader for {0} text yet")]
    NoReader(&'static str),
    /// No voice of Kokoro's is named so.
    #[error(
        "`{0}` is not the name of a Kokoro voice: it begins with one of a b e f h i p, as in `af_heart`"
    )]
    Unknown(String),
}

impl Language {
    /// The language of a voice, from the first letter of its name: `af_heart` is American.
    pub fn of_voice(name: &str) -> Result<Self, UnsupportedLanguage> {
        Ok(match name.bytes().next() {
            Some(b'a') => Self::EnglishUs,
            Some(b'b') => Self::EnglishGb,
            Some(b'e') => Self::Spanish,
            Some(b'f') => Self::French,
            Some(b'h') => Self::Hindi,
            Some(b'i') => Self::Italian,
            Some(b'p') => Self::Portuguese,
            Some(b'j') => return Err(UnsupportedLanguage::NoReader("Japanese")),
            Some(b'z') => return Err(UnsupportedLanguage::NoReader("Chinese")),
            _ => return Err(UnsupportedLanguage::Unknown(name.chars().take(32).collect())),
        })
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EnglishUs => "American English",
            Self::EnglishGb => "British English",
            Self::Spanish => "Spanish",
            Self::French => "French",
            Self::Hindi => "Hindi",
            Self::Italian => "Italian",
            Self::Portuguese => "Portuguese",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, UnsupportedLanguage};

    #[test]
    fn a_voice_tells_its_language() {
        assert_eq!(Language::of_voice("af_heart"), Ok(Language::EnglishUs));
        assert_eq!(Language::of_voice("pm_alex"), Ok(Language::Portuguese));
        assert_eq!(Language::of_voice("jf_alpha"), Err(UnsupportedLanguage::NoReader("Japanese")));
        assert_eq!(Language::of_voice("zm_yunxi"), Err(UnsupportedLanguage::NoReader("Chinese")));
        assert!(Language::of_voice("").is_err());
    }
}
