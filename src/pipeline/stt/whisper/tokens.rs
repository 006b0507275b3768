//! The vocabulary: tokens with a meaning of their own, and text from tokens.

use std::path::Path;

use tokenizers::Tokenizer;

use super::config::{Generation, LoadError, ModelConfig};

/// English-only checkpoints have one token less than this, and no languages. For those that do not say.
const MULTILINGUAL_VOCABULARY: usize = 51_865;

/// See the module.
pub(super) struct Vocabulary {
    tokenizer: Tokenizer,
    /// `<|startoftranscript|>`.
    pub start: u32,
    /// `<|endoftext|>`.
    pub end: u32,
    /// `<|transcribe|>` and the languages with their tokens; empty for English-only checkpoints.
    languages: Vec<(String, u32)>,
    transcribe: u32,
    /// `<|notimestamps|>`; every token after it is a timestamp.
    no_timestamps: u32,
    never: Vec<u32>,
    never_first: Vec<u32>,
}

impl Vocabulary {
    pub(super) fn read(
        folder: &Path,
        config: &ModelConfig,
        generation: Generation,
    ) -> Result<Self, LoadError> {
        let path = folder.join("tokenizer.json");
        let problem = |problem: String| LoadError::Content { path: path.clone(), problem };
        if !path.exists() {
            let source = std::io::ErrorKind::NotFound.into();
            return Err(LoadError::Read { path, source });
        }
        let tokenizer = Tokenizer::from_file(&path).map_err(|error| problem(error.to_string()))?;
        let token = |text: &str| {
            tokenizer.token_to_id(text).ok_or_else(|| problem(format!("has no token {text}")))
        };
        let start = token("<|startoftranscript|>")?;
        let end = token("<|endoftext|>")?;
        let no_timestamps = token("<|notimestamps|>")?;
        let transcribe = token("<|transcribe|>")?;
        let translate = token("<|translate|>")?;
        let is_multilingual =
            generation.is_multilingual.unwrap_or(config.vocab_size >= MULTILINGUAL_VOCABULARY);
        // Languages stand between the start and the tasks.
        let languages = (start + 1..translate.min(transcribe))
            .filter(|_| is_multilingual)
            .filter_map(|id| {
                let text = tokenizer.id_to_token(id)?;
                let code = text.strip_prefix("<|")?.strip_suffix("|>")?;
                Some((code.to_owned(), id))
            })
            .collect();
        let in_range = |tokens: Option<Vec<u32>>| -> Vec<u32> {
            let tokens = tokens.unwrap_or_default();
            tokens.into_iter().filter(|id| (*id as usize) < config.vocab_size).collect()
        };
        let mut never = in_range(generation.suppress_tokens);
        never.extend(no_timestamps + 1..config.vocab_size as u32);
        let never_first = in_range(generation.begin_suppress_tokens);
        Ok(Self { tokenizer, start, end, languages, transcribe, no_timestamps, never, never_first })
    }

    /// Whether the checkpoint knows languages, and the tokens of those it knows.
    pub(super) fn languages(&self) -> &[(String, u32)] {
        &self.languages
    }

    /// What the decoder is told before it begins: for `language` (a token of [`Self::languages`]) or, in
    /// English-only checkpoints, without.
    pub(super) fn prompt(&self, language: Option<u32>) -> Vec<u32> {
        match language {
            Some(language) => vec![self.start, language, self.transcribe, self.no_timestamps],
            None => vec![self.start, self.no_timestamps],
        }
    }

    /// Tokens that must not come next.
    pub(super) fn suppressed(&self, first: bool) -> impl Iterator<Item = u32> + '_ {
        let first = if first { self.never_first.as_slice() } else { &[] };
        self.never.iter().chain(first).copied()
    }

    /// The text of tokens, special ones left out.
    pub(super) fn text(&self, tokens: &[u32]) -> Result<String, tokenizers::Error> {
        self.tokenizer.decode(tokens, true)
    }
}
