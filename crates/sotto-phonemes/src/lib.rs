//! The text front end of Kokoro: plain text to the phonemes that the model reads, word by word.
//!
//! ```no_run
//! use sotto_phonemes::{FrontEnd, Language, Lexicon};
//!
//! let front_end = FrontEnd::load(Language::EnglishUs, Lexicon::default(), None)?;
//! for token in front_end.phonemes("It's 3:45, and $5 is enough.")? {
//!     println!("{:?} {}", token.source, token.phonemes);
//! }
//! # Ok::<(), sotto_phonemes::Error>(())
//! ```
//!
//! ```text
//! text ─▶ clean ─▶ normal ─▶ english: tag, look up, work out ─▶ tokens
//!                        └─▶ espeak: another program, for the other languages
//! ```
//!
//! * `clean`: one form for quotes, dashes and letters; every byte knows its source.
//! * `normal`: times, money, addresses and code in words, by rules that keep their spans.
//! * `english`: the tagger and dictionaries of misaki-rs, corrected where two words are written alike; and for
//!   words that no dictionary has, stems, compounds and rules of our own.
//! * `espeak`: Spanish, French, Hindi, Italian and Portuguese through the program espeak-ng, if it is there.
//!
//! What comes out is made of Kokoro's characters only ([`vocabulary`]), whatever goes in.

mod clean;
mod english;
mod espeak;
mod language;
mod lexicon;
mod normal;
pub mod vocabulary;

use std::ops::Range;
use std::path::PathBuf;

pub use self::language::{Language, UnsupportedLanguage};
pub use self::lexicon::{Lexicon, LexiconError};

/// Turns text of one language into phonemes. Loaded once, shared by all.
pub struct FrontEnd(Engine);

enum Engine {
    English(Box<english::English>),
    Espeak(espeak::Espeak),
}

/// A stretch of the text and how it is said. The phonemes of all tokens, joined, are what the model reads.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Bytes of the text: whole words, or a mark of punctuation. In order, never overlapping.
    pub source: Range<usize>,
    /// Only characters of Kokoro's vocabulary, and never none.
    pub phonemes: String,
    /// Whether a space follows in what the model reads.
    pub space_after: bool,
}

/// Why there are no phonemes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The language needs a program that is not there.
    #[error(
        "{language} is read by the program espeak-ng, which was not found at `{program}`: install the package \
         `espeak-ng`, or name the program in the configuration"
    )]
    NoProgram {
        /// Which language.
        language: Language,
        /// Where the program was looked for.
        program: PathBuf,
    },
    /// The program was started and failed.
    #[error("espeak-ng failed: {0}")]
    Program(#[from] std::io::Error),
    /// The program did not answer in time.
    #[error("espeak-ng did not answer within {seconds} s")]
    Timeout {
        /// How long it had.
        seconds: u64,
    },
    /// The text is longer than is read at once.
    #[error("a text of {bytes} bytes is too long: at most {most} are read at once")]
    TooLong {
        /// How long the text is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
}

/// A text of more bytes is refused: it is no clause, and would keep a processor busy for seconds.
pub const MOST_BYTES: usize = 64 * 1024;

impl FrontEnd {
    /// Loads what `language` needs. `espeak` is where the program espeak-ng lies; without one it is looked for on
    /// the search path. English never needs it.
    pub fn load(language: Language, own: Lexicon, espeak: Option<PathBuf>) -> Result<Self, Error> {
        Ok(Self(match language {
            Language::EnglishUs => Engine::English(Box::new(english::English::load(false, own))),
            Language::EnglishGb => Engine::English(Box::new(english::English::load(true, own))),
            other => Engine::Espeak(espeak::Espeak::load(other, own, espeak)?),
        }))
    }

    /// The words of `text` and how they are said. English takes a millisecond or so for each word, on the thread
    /// that calls; other languages wait for a process.
    pub fn phonemes(&self, text: &str) -> Result<Vec<Token>, Error> {
        if text.len() > MOST_BYTES {
            return Err(Error::TooLong { bytes: text.len(), most: MOST_BYTES });
        }
        match &self.0 {
            Engine::English(english) => Ok(english.phonemes(text)),
            Engine::Espeak(espeak) => espeak.phonemes(text),
        }
    }
}

/// What the model reads.
pub fn joined(tokens: &[Token]) -> String {
    let mut joined = String::new();
    for token in tokens {
        joined.push_str(&token.phonemes);
        if token.space_after {
            joined.push(' ');
        }
    }
    joined
}

impl std::fmt::Debug for FrontEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Engine::English(_) => "FrontEnd(English)",
            Engine::Espeak(_) => "FrontEnd(espeak-ng)",
        })
    }
}

// What people say stays out of logs, in phonemes too.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("source", &self.source).finish_non_exhaustive()
    }
}
