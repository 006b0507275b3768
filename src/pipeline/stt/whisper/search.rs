//! One way through a text: token after token, the most probable one or one drawn by chance.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::tokens::{Prompt, Vocabulary};

/// Nobody speaks more tokens in a second than this; more is a loop.
const TOKENS_PER_SECOND: f32 = 12.0;
/// Tokens that even the shortest utterance may take.
const TOKENS_BASE: usize = 16;
/// The same sound gives the same text, also where chance is asked.
const SEED: u64 = 0x5077_0000_7e17;

/// See the module.
#[derive(Debug)]
pub(super) struct Search {
    pub prompt: Prompt,
    /// The text so far, without prompt and end.
    pub tokens: Vec<u32>,
    /// Of each token, the end included.
    pub log_probabilities: Vec<f32>,
    /// Probability that nobody speaks.
    pub no_speech: f32,
    /// Whether the model said that the text is over.
    pub ended: bool,
    pub temperature: f32,
    longest: usize,
    chance: SmallRng,
}

/// The most tokens that so many seconds of sound may give.
pub(super) fn longest_text(seconds: f32) -> usize {
    TOKENS_BASE + (seconds * TOKENS_PER_SECOND) as usize
}

impl Search {
    /// A text of at most `longest` tokens.
    pub(super) fn new(prompt: Prompt, longest: usize, temperature: f32) -> Self {
        Self {
            prompt,
            tokens: Vec::new(),
            log_probabilities: Vec::new(),
            no_speech: 0.0,
            ended: false,
            temperature,
            longest,
            chance: SmallRng::seed_from_u64(SEED),
        }
    }

    /// Chooses the next token by its scores, which are changed, and takes it. Whether the text is over.
    pub(super) fn choose(&mut self, scores: &mut [f32], vocabulary: &Vocabulary) -> bool {
        for token in vocabulary.suppressed(self.tokens.is_empty()) {
            scores[token as usize] = f32::NEG_INFINITY;
        }
        let (mut token, log_total) = best(scores);
        if self.temperature > 0.0 {
            token = self.draw(scores);
        }
        let log_probability = scores[token as usize] - log_total;
        self.take(token, log_probability, vocabulary)
    }

    /// Takes the next token. Whether the text is over.
    pub(super) fn take(
        &mut self,
        token: u32,
        log_probability: f32,
        vocabulary: &Vocabulary,
    ) -> bool {
        self.log_probabilities.push(log_probability);
        self.ended = token == vocabulary.end;
        if self.ended {
            return true;
        }
        self.tokens.push(token);
        self.tokens.len() >= self.longest
    }

    /// The token that is to be read next.
    pub(super) fn last(&self) -> u32 {
        self.tokens.last().or(self.prompt.tokens.last()).copied().unwrap_or_default()
    }

    /// Mean log-probability, the end included.
    pub(super) fn mean_log_probability(&self) -> f32 {
        let count = self.log_probabilities.len().max(1);
        self.log_probabilities.iter().sum::<f32>() / count as f32
    }

    /// A token by chance, as the temperature flattens the probabilities.
    fn draw(&mut self, scores: &[f32]) -> u32 {
        let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |score: &f32| ((score - top) / self.temperature).exp();
        let total: f32 = scores.iter().map(weight).sum();
        let mut rest = self.chance.random::<f32>() * total;
        let mut last = 0;
        for (token, score) in scores.iter().enumerate() {
            let weight = weight(score);
            if weight > 0.0 {
                last = token as u32;
                rest -= weight;
                if rest <= 0.0 {
                    break;
                }
            }
        }
        last
    }
}

/// The best token, and the logarithm of the sum over all: its score less that is its log-probability.
fn best(scores: &[f32]) -> (u32, f32) {
    let (token, top) =
        scores.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, score)| {
            if *score > best.1 { (i, *score) } else { best }
        });
    let total: f32 = scores.iter().map(|score| (score - top).exp()).sum();
    (token as u32, top + total.ln())
}

/// The probability of one token.
pub(super) fn probability(scores: &[f32], token: u32) -> f32 {
    let (_, log_total) = best(scores);
    scores.get(token as usize).map_or(0.0, |score| (score - log_total).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_token_has_its_log_probability() {
        let scores = [0.0, 2.0, f32::NEG_INFINITY, 1.0];
        let (token, log_total) = best(&scores);
        assert_eq!(token, 1);
        let expected = 2.0_f32.exp() / (1.0 + 2.0_f32.exp() + 1.0_f32.exp());
        assert!(((2.0 - log_total) - expected.ln()).abs() < 1e-6);
        assert!((probability(&scores, 1) - expected).abs() < 1e-6);
    }

    #[test]
    fn chance_prefers_what_is_probable_and_never_takes_what_is_forbidden() {
        let prompt = Prompt { tokens: vec![0], start: 0 };
        let mut search = Search::new(prompt, 10, 0.5);
        let scores = [1.0, 2.0, f32::NEG_INFINITY, 0.0];
        let mut counts = [0; 4];
        for _ in 0..2_000 {
            counts[search.draw(&scores) as usize] += 1;
        }
        assert!(counts[1] > counts[0] && counts[0] > counts[3] && counts[3] > 0);
        assert_eq!(counts[2], 0);
    }
}
