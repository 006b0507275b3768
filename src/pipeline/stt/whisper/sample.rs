//! Choosing tokens where the scores are: on a GPU some tokens are written before the host looks at any.

use candle_core::{D, Device, Result, Tensor};

use super::tokens::Vocabulary;

/// Tokens that are written before the host looks. What comes after the end of a text is thrown away.
pub(super) const AHEAD: usize = 4;

/// For each slot tokens and their log-probabilities.
pub(super) type Chosen = Vec<Vec<(u32, f32)>>;

/// See the module.
pub(super) struct Sampler {
    /// Zero, or minus infinity for tokens that are never to come: [1, vocabulary], f32.
    mask: Tensor,
}

impl Sampler {
    pub(super) fn new(vocabulary: &Vocabulary, device: &Device) -> Result<Self> {
        let mut mask = vec![0.0_f32; vocabulary.size()];
        for token in vocabulary.never() {
            mask[*token as usize] = f32::NEG_INFINITY;
        }
        Self::of(&mask, device)
    }

    /// Of what is added to the scores of all tokens.
    pub(super) fn of(mask: &[f32], device: &Device) -> Result<Self> {
        Ok(Self { mask: Tensor::from_slice(mask, (1, mask.len()), device)? })
    }

    /// How many tokens there are.
    pub(super) fn vocabulary(&self) -> usize {
        self.mask.dims()[1]
    }

    /// Writes [`AHEAD`] tokens after `tokens` [slots, 1]: `scores` gives those of the next one [slots, vocabulary],
    /// f32, and is told how many there were before. [slots, 2 · AHEAD], see [`pairs`].
    pub(super) fn run(
        &self,
        mut tokens: Tensor,
        mut scores: impl FnMut(usize, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let mut chosen = Vec::with_capacity(2 * AHEAD);
        for step in 0..AHEAD {
            let scores = scores(step, &tokens)?.broadcast_add(&self.mask)?;
            tokens = scores.argmax_keepdim(D::Minus1)?;
            let best = scores.max_keepdim(D::Minus1)?;
            chosen.push(tokens.to_dtype(best.dtype())?);
            // Of all the scores less the best one's: what is left is the logarithm of one over its probability.
            chosen.push(scores.broadcast_sub(&best)?.exp()?.sum_keepdim(D::Minus1)?.log()?.neg()?);
        }
        // Every number of a token fits an f32 exactly.
        Tensor::cat(&chosen, 1)
    }
}

/// Reads back what [`Sampler::run`] gives.
pub(super) fn pairs(chosen: &Tensor) -> Result<Chosen> {
    let rows: Vec<Vec<f32>> = chosen.to_vec2()?;
    let pairs = |row: Vec<f32>| row.chunks_exact(2).map(|p| (p[0] as u32, p[1])).collect();
    Ok(rows.into_iter().map(pairs).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_allowed_tokens_and_their_log_probabilities() {
        let sampler = Sampler::of(&[0.0, 0.0, f32::NEG_INFINITY, 0.0], &Device::Cpu).unwrap();
        let start = Tensor::new(&[[0_u32], [1]], &Device::Cpu).unwrap();
        let mut asked = Vec::new();
        let chosen = sampler
            .run(start, |step, tokens| {
                assert_eq!(step, asked.len());
                asked.push(tokens.flatten_all()?.to_vec1::<u32>()?);
                Tensor::new(&[[0.0_f32, 1.0, 9.0, -1.0], [3.0, 0.0, 9.0, 0.0]], &Device::Cpu)
            })
            .unwrap();
        let chosen = pairs(&chosen).unwrap();
        assert_eq!(asked[..2], [[0, 1], [1, 0]]);
        assert_eq!(chosen[0].len(), AHEAD);
        let (token, log_probability) = chosen[0][0];
        let expected = 1.0_f32 - (1.0_f32 + 1.0_f32.exp() + (-1.0_f32).exp()).ln();
        assert!(token == 1 && (log_probability - expected).abs() < 1e-6);
        assert_eq!(chosen[1][0].0, 0);
    }
}
