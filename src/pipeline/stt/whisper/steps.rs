//! Some tokens at once in every slot, chosen without the host: what is to be done is the same wherever the slots
//! have come to, so that a GPU can keep it as a graph and be asked for it with one call.
//!
//! A step has a size out of few. Its tokens and positions lie in a tensor that is written before it, and what it
//! chooses in one that is read after it. A graph that was recorded is believed only after it has given the same as
//! the plain way, on other inputs than it was recorded with.

use candle_core::{DType, Device, Error, Result, Tensor};

use super::graph::{self, Launch};
use super::model::{Caches, Model};
use super::sample::{self, AHEAD, Chosen, Sampler};

/// A length that most texts keep to, their prompt included, in tokens.
const USUAL_LENGTH: usize = 128;
/// Trials of each graph. A second launch has met mistakes that a first one does not.
const TRIALS: usize = 2;
/// How far log-probabilities may be apart. Both come from the same kernels.
const TOLERANCE: f32 = 1e-3;

#[cfg(test)]
mod tests;

/// How large a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// The first slots, so many.
    slots: usize,
    /// None of them comes to have more tokens.
    length: usize,
}

/// What each slot goes on with.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Inputs {
    tokens: Vec<u32>,
    /// Tokens that were read before.
    before: Vec<usize>,
}

/// See the module.
pub(super) struct Steps {
    sampler: Sampler,
    /// From the smallest to the largest.
    sizes: Vec<Size>,
    /// The last tokens, and where each of the next ones goes: [1 + AHEAD, slots], u32.
    inputs: Tensor,
    /// See [`Sampler::run`]: [slots, 2 · AHEAD], f32.
    outputs: Tensor,
    graphs: Vec<(Size, Launch)>,
}

impl Steps {
    /// For `slots` slots with at most `longest` tokens each.
    pub(super) fn new(
        sampler: Sampler,
        (slots, longest): (usize, usize),
        device: &Device,
    ) -> Result<Self> {
        Ok(Self {
            sampler,
            sizes: sizes(slots, longest),
            inputs: Tensor::zeros((1 + AHEAD, slots), DType::U32, device)?,
            outputs: Tensor::zeros((slots, 2 * AHEAD), DType::F32, device)?,
            graphs: Vec::new(),
        })
    }

    /// Writes [`AHEAD`] tokens after `tokens`, one for each of the first slots, and gives them with their
    /// log-probabilities. The caches do not count them.
    pub(super) fn write(
        &mut self,
        model: &Model,
        caches: &Caches,
        tokens: &[u32],
    ) -> Result<Chosen> {
        let before: Vec<usize> = (0..tokens.len()).map(|slot| caches.read(slot)).collect();
        let size = self.size(&before)?;
        self.put(&Inputs { tokens: tokens.to_vec(), before })?;
        if let Some((_, launch)) = self.graphs.iter().find(|(of, _)| *of == size) {
            match launch().and_then(|()| self.chosen(tokens.len())) {
                Ok(chosen) => return Ok(chosen),
                Err(error) => {
                    tracing::warn!(%error, "a CUDA graph has failed; going on without them");
                    self.graphs.clear();
                }
            }
        }
        // The same again does no harm: it writes the same to the same places.
        self.run(model, caches, size)?;
        self.chosen(tokens.len())
    }

    /// Reads `tokens`, one in each of the first slots, and gives the scores of the next ones, for the host to choose.
    /// The caches do not count them.
    pub(super) fn scores(
        &self,
        model: &Model,
        caches: &Caches,
        tokens: &[u32],
    ) -> Result<Vec<Vec<f32>>> {
        let before: Vec<usize> = (0..tokens.len()).map(|slot| caches.read(slot)).collect();
        let size = self.size(&before)?;
        self.put(&Inputs { tokens: tokens.to_vec(), before })?;
        graph::with_lasting_parameters(model.device(), || {
            let ids = self.input(0, size.slots)?.unsqueeze(1)?;
            let states = model.step(caches, &ids, &self.input(1, size.slots)?, size.length)?;
            model.scores(&states)?.squeeze(1)?.narrow(0, 0, tokens.len())?.to_vec2()
        })
    }

    /// Records a graph for each size with `record`, and tries them all: how many there are. Where anything fails
    /// none is used.
    pub(super) fn record(
        &mut self,
        model: &Model,
        caches: &Caches,
        record: impl Fn(&Device, &dyn Fn() -> Result<()>) -> Result<Launch>,
    ) -> Result<usize> {
        self.graphs = self.recorded(model, caches, record)?;
        Ok(self.graphs.len())
    }

    #[cfg(test)]
    pub(super) fn has_graphs(&self) -> bool {
        !self.graphs.is_empty()
    }

    fn recorded(
        &self,
        model: &Model,
        caches: &Caches,
        record: impl Fn(&Device, &dyn Fn() -> Result<()>) -> Result<Launch>,
    ) -> Result<Vec<(Size, Launch)>> {
        caches.scramble()?;
        let mut graphs = Vec::with_capacity(self.sizes.len());
        for size in &self.sizes {
            self.put(&trial(0, *size, self.sampler.vocabulary()))?;
            // Once the plain way: kernels are loaded, and parameters copied, when they are first used.
            self.run(model, caches, *size)?;
            graphs.push((*size, record(model.device(), &|| self.run(model, caches, *size))?));
        }
        // With all of them there: the later ones must not have harmed the first.
        for round in 1..=TRIALS {
            for (size, launch) in &graphs {
                self.put(&trial(round, *size, self.sampler.vocabulary()))?;
                self.run(model, caches, *size)?;
                let plain = self.chosen(size.slots)?;
                self.outputs.zero_set()?;
                launch()?;
                agree(&plain, &self.chosen(size.slots)?)
                    .map_err(|problem| Error::msg(format!("{problem} ({size:?})")))?;
            }
        }
        Ok(graphs)
    }

    /// What a graph holds: from the inputs to the outputs.
    fn run(&self, model: &Model, caches: &Caches, Size { slots, length }: Size) -> Result<()> {
        graph::with_lasting_parameters(model.device(), || {
            let chosen =
                self.sampler.run(self.input(0, slots)?.unsqueeze(1)?, |step, tokens| {
                    let positions = self.input(1 + step, slots)?;
                    model.scores(&model.step(caches, tokens, &positions, length)?)?.squeeze(1)
                })?;
            self.outputs.narrow(0, 0, slots)?.slice_set(&chosen, 0, 0)
        })
    }

    fn put(&self, inputs: &Inputs) -> Result<()> {
        let (rows, slots) = self.inputs.dims2()?;
        let values = Tensor::from_vec(inputs.rows(slots), (rows, slots), self.inputs.device())?;
        self.inputs.slice_set(&values, 0, 0)
    }

    /// A row of the inputs, of the first slots: [slots].
    fn input(&self, row: usize, slots: usize) -> Result<Tensor> {
        self.inputs.narrow(0, row, 1)?.squeeze(0)?.narrow(0, 0, slots)
    }

    fn chosen(&self, slots: usize) -> Result<Chosen> {
        sample::pairs(&self.outputs.narrow(0, 0, slots)?)
    }

    fn size(&self, before: &[usize]) -> Result<Size> {
        let length = before.iter().max().map_or(0, |before| before + AHEAD);
        let found = fitting(&self.sizes, Size { slots: before.len(), length });
        found.ok_or_else(|| Error::msg("a text is longer than the model can read"))
    }
}

impl Inputs {
    /// The rows of the tensor. Slots of which nothing is said write at the beginning; nobody reads it.
    fn rows(&self, slots: usize) -> Vec<u32> {
        let row = |of: &dyn Fn(usize) -> Option<u32>| -> Vec<u32> {
            (0..slots).map(|slot| of(slot).unwrap_or_default()).collect()
        };
        let mut rows = row(&|slot| self.tokens.get(slot).copied());
        for step in 0..AHEAD {
            rows.extend(row(&|slot| Some((self.before.get(slot)? + step) as u32)));
        }
        rows
    }
}

/// The sizes of steps: powers of two of slots, and all; usual lengths, and all.
fn sizes(slots: usize, longest: usize) -> Vec<Size> {
    let powers = std::iter::successors(Some(1), |power| Some(2 * power));
    let counts = powers.take_while(|power| *power < slots).chain([slots]);
    let lengths: Vec<usize> =
        [USUAL_LENGTH, longest].into_iter().filter(|length| *length <= longest).collect();
    let mut sizes: Vec<Size> = counts
        .flat_map(|slots| lengths.iter().map(move |length| Size { slots, length: *length }))
        .collect();
    sizes.dedup();
    sizes
}

/// The smallest size that holds another one.
fn fitting(sizes: &[Size], wanted: Size) -> Option<Size> {
    sizes.iter().find(|size| size.slots >= wanted.slots && size.length >= wanted.length).copied()
}

/// Inputs to try a size with: other ones in each round, each slot somewhere else, one of them at the very end.
fn trial(round: usize, Size { slots, length }: Size, vocabulary: usize) -> Inputs {
    let last = length.saturating_sub(AHEAD);
    let token = |slot| ((7_919 * slot + 104_729 * round + 1) % vocabulary) as u32;
    Inputs {
        tokens: (0..slots).map(token).collect(),
        before: (0..slots).map(|slot| last - (37 * slot + 11 * round) % (last + 1)).collect(),
    }
}

/// Whether two ways have chosen the same, and why not.
fn agree(plain: &Chosen, graph: &Chosen) -> std::result::Result<(), &'static str> {
    let pairs = || plain.iter().flatten().zip(graph.iter().flatten());
    if plain.len() != graph.len() || pairs().any(|(a, b)| a.0 != b.0) {
        return Err("a graph has chosen other tokens than the plain way");
    }
    // So written that what is no number agrees with nothing.
    if !pairs().all(|(a, b)| (a.1 - b.1).abs() <= TOLERANCE) {
        return Err("a graph has found other probabilities than the plain way");
    }
    Ok(())
}
