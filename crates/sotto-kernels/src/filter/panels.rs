//! Weights in the order in which they are read.

use rayon::prelude::*;

use super::FilterShape;

/// Outputs whose weights stand together.
pub(super) const PANEL: usize = 32;
/// A cache line, in values.
const LINE: usize = 16;

/// The weights of a filter. For each panel of outputs, for each tap and input: the weights of these outputs.
#[derive(Debug)]
pub(super) struct Panels {
    shape: FilterShape,
    values: Vec<f32>,
    /// Where they begin: at the start of a cache line.
    begin: usize,
}

impl Panels {
    /// `weight` tells the weight of an output, an input and a tap.
    pub(super) fn new(
        shape: FilterShape,
        weight: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let FilterShape { inputs, outputs, taps, .. } = shape;
        let size = Self::size(&shape);
        let mut values = vec![0.0; outputs.div_ceil(PANEL) * size + LINE];
        let begin = values.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        values[begin..].par_chunks_exact_mut(size).enumerate().for_each(|(panel, packed)| {
            let first = panel * PANEL;
            for output in first..outputs.min(first + PANEL) {
                for input in 0..inputs {
                    for tap in 0..taps {
                        packed[(tap * inputs + input) * PANEL + output - first] =
                            weight(output, input, tap);
                    }
                }
            }
        });
        Self { shape, values, begin }
    }

    /// The form of the filter.
    pub(super) fn shape(&self) -> &FilterShape {
        &self.shape
    }

    /// The weights, panel by panel.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values[self.begin..].chunks_exact(Self::size(&self.shape))
    }

    fn size(shape: &FilterShape) -> usize {
        shape.taps * shape.inputs * PANEL
    }
}
