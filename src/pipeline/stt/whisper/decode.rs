//! Greedy decoding: the most probable token, again and again.

use candle_core::Result;

use super::model::{Encoded, Model};
use super::tokens::Vocabulary;
use crate::pipeline::cancel::Cancel;

/// Nobody speaks more tokens in a second than this; more is a loop.
const TOKENS_PER_SECOND: f32 = 12.0;
/// Tokens that even the shortest utterance may take.
const TOKENS_BASE: usize = 16;
/// The longest sequence of tokens looked at for repetition, and how often it may be said in a row.
const LOOP_LENGTH: usize = 8;
const LOOP_TIMES: usize = 4;

/// How much may come out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    tokens: usize,
}

impl Limits {
    /// For this many seconds of sound.
    pub(super) fn for_duration(seconds: f32) -> Self {
        Self { tokens: TOKENS_BASE + (seconds * TOKENS_PER_SECOND) as usize }
    }
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Decoding {
    /// Without prompt and end.
    pub tokens: Vec<u32>,
    /// Mean log-probability, the end included.
    pub mean_log_probability: f32,
    /// Whether the model said that the text is over.
    pub ended: bool,
    /// The language, where the checkpoint knows languages.
    pub language: Option<String>,
}

impl Decoding {
    /// Whether this is more likely the model's own invention than what was said.
    pub(super) fn looks_wrong(&self, unsure: f32) -> bool {
        !self.ended || self.mean_log_probability < unsure || is_loop(&self.tokens)
    }
}

/// Decodes an utterance; `None` when cancelled.
pub(super) fn greedy(
    model: &Model,
    encoded: &Encoded,
    vocabulary: &Vocabulary,
    language: Option<&str>,
    limits: Limits,
    cancel: &Cancel,
) -> Result<Option<Decoding>> {
    let language = choose_language(model, encoded, vocabulary, language)?;
    let prompt = vocabulary.prompt(language.as_ref().map(|(_, token)| *token));
    let limit = limits.tokens.min(model.max_tokens() - prompt.len());
    let mut decoding = Decoding { language: language.map(|(code, _)| code), ..Decoding::default() };
    let mut state = model.start()?;
    let mut scores = model.step(&mut state, encoded, &prompt)?.to_vec1::<f32>()?;
    let mut log_probabilities = 0.0;
    loop {
        if cancel.is_cancelled() {
            return Ok(None);
        }
        for token in vocabulary.suppressed(decoding.tokens.is_empty()) {
            scores[token as usize] = f32::NEG_INFINITY;
        }
        let (token, log_probability) = best(&scores);
        log_probabilities += log_probability;
        decoding.mean_log_probability = log_probabilities / (decoding.tokens.len() + 1) as f32;
        decoding.ended = token == vocabulary.end;
        if decoding.ended {
            return Ok(Some(decoding));
        }
        decoding.tokens.push(token);
        if decoding.tokens.len() >= limit {
            return Ok(Some(decoding));
        }
        scores = model.step(&mut state, encoded, &[token])?.to_vec1::<f32>()?;
    }
}

/// The language asked for, if the checkpoint knows it, or else the most probable one.
fn choose_language(
    model: &Model,
    encoded: &Encoded,
    vocabulary: &Vocabulary,
    wanted: Option<&str>,
) -> Result<Option<(String, u32)>> {
    let languages = vocabulary.languages();
    if languages.is_empty() {
        return Ok(None);
    }
    if let Some(known) = languages.iter().find(|(code, _)| Some(code.as_str()) == wanted) {
        return Ok(Some(known.clone()));
    }
    let mut state = model.start()?;
    let scores = model.step(&mut state, encoded, &[vocabulary.start])?.to_vec1::<f32>()?;
    let score = |token: u32| scores.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
    Ok(languages.iter().max_by(|a, b| score(a.1).total_cmp(&score(b.1))).cloned())
}

/// The best token and its log-probability.
fn best(scores: &[f32]) -> (u32, f32) {
    let (token, top) =
        scores.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, score)| {
            if *score > best.1 { (i, *score) } else { best }
        });
    let total: f32 = scores.iter().map(|score| (score - top).exp()).sum();
    (token as u32, -total.ln())
}

/// Whether the text ends in the same few tokens again and again.
fn is_loop(tokens: &[u32]) -> bool {
    (1..=LOOP_LENGTH).any(|length| {
        let span = length * LOOP_TIMES;
        tokens.len() >= span
            && tokens[tokens.len() - span..].windows(2 * length).all(|w| w[..length] == w[length..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_token_has_its_log_probability() {
        let (token, log_probability) = best(&[0.0, 2.0, f32::NEG_INFINITY, 1.0]);
        assert_eq!(token, 1);
        let expected = (2.0_f32.exp() / (1.0 + 2.0_f32.exp() + 1.0_f32.exp())).ln();
        assert!((log_probability - expected).abs() < 1e-6);
    }

    #[test]
    fn repetition_is_noticed() {
        assert!(is_loop(&[9, 9, 1, 2, 1, 2, 1, 2, 1, 2]));
        assert!(is_loop(&[7, 7, 7, 7]));
        assert!(!is_loop(&[7, 7, 7]));
        assert!(!is_loop(&[1, 2, 3, 1, 2, 3, 4, 1, 2, 3]));
    }
}
