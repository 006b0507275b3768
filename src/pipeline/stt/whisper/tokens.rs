//! The vocabulary: tokens with a meaning of their own, and text from tokens.

use std::path::Path;

use tokenizers::Tokenizer;

use super::config::{Generation, LoadError, ModelConfig};

/// English-only checkpoints have one token less than this, and no languages. For those that do not say.
const MULTILINGUAL_VOCABULARY: usize = 51_865;

/// What the decoder is told before it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prompt {
    pub tokens: Vec<u32>,
    /// Where `<|startoftranscript|>` stands.
    pub start: usize,
}

/// See the module.
pub(super) struct Vocabulary {
    tokenizer: Tokenizer,
    size: usize,
    /// `<|startoftranscript|>`.
    pub start: u32,
    /// `<|endoftext|>`.
    pub end: u32,
    /// `<|transcribe|>` and the languages with their tokens; empty for English-only checkpoints.
    languages: Vec<(String, u32)>,
    transcribe: u32,
    /// `<|notimestamps|>`; every token after it is a timestamp.
    no_timestamps: u32,
    /// `<|nospeech|>`, by either of its names.
    no_speech: Option<u32>,
    /// `<|startofprev|>`: what comes before the text.
    previous: Option<u32>,
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
        let known = |text: &str| {
            tokenizer.token_to_id(text).filter(|id| (*id as usize) < config.vocab_size)
        };
        let no_speech = known("<|nospeech|>").or_else(|| known("<|nocaptions|>"));
        let previous = known("<|startofprev|>");
        Ok(Self {
            tokenizer,
            size: config.vocab_size,
            start,
            end,
            languages,
            transcribe,
            no_timestamps,
            no_speech,
            previous,
            never,
            never_first,
        })
    }

    /// How many tokens there are.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The token of a language, if the checkpoint knows it.
    pub(super) fn language(&self, code: &str) -> Option<u32> {
        self.languages.iter().find(|(known, _)| known == code).map(|(_, token)| *token)
    }

    /// Whether the checkpoint knows languages, and the tokens of those it knows.
    pub(super) fn languages(&self) -> &[(String, u32)] {
        &self.languages
    }

    /// What the decoder is told before it begins: likely words, then the task, for `language` (a token of
    /// [`Self::languages`]) or, in English-only checkpoints, without. Of the words at most `longest` tokens are
    /// kept, the last ones.
    pub(super) fn prompt(&self, words: &str, language: Option<u32>, longest: usize) -> Prompt {
        let mut tokens = Vec::new();
        let words = words.trim();
        if let Some(previous) = self.previous.filter(|_| !words.is_empty())
            && let Ok(encoded) = self.tokenizer.encode_fast(format!(" {words}"), false)
        {
            let ids = encoded.get_ids();
            tokens.push(previous);
            tokens.extend(&ids[ids.len().saturating_sub(longest)..]);
        }
        let start = tokens.len();
        match language {
            Some(language) => {
                tokens.extend([self.start, language, self.transcribe, self.no_timestamps]);
            }
            None => tokens.extend([self.start, self.no_timestamps]),
        }
        Prompt { tokens, start }
    }

    /// The token that says that nobody speaks, and is looked for after the start.
    pub(super) fn no_speech(&self) -> Option<u32> {
        self.no_speech
    }

    /// Tokens that are never to come, for a mask.
    pub(super) fn never(&self) -> &[u32] {
        &self.never
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
