//! A convolution with half as many multiplications.
//!
//! Four frames of the result at once, out of pieces of three or four taps: the product of two polynomials is known from
//! its values at enough points (Toom 1963, Cook 1966; turned around for filters by Winograd, "Arithmetic Complexity of
//! Computations", 1980). Frames become their values at the points, which are multiplied with those of the weights, and
//! what comes out becomes frames again. The values at one point are a signal of their own, with a frame for each four of
//! the signal, and pieces of taps are the taps of a filter over it: what multiplies is the tile that others use.
//!
//! Sums of f32 lose three times as much as in the plain form: about 2e-6 of the result's size.

use super::panels::Panels;
use super::tile::{self, Block};
use super::{FilterShape, Work};

/// Frames of the result that are made together.
pub(super) const AT_ONCE: usize = 4;
/// Points for pieces of three taps and of four, besides infinity: those whose matrices have the smallest norms, of
/// fractions that f32 holds exactly or nearly so.
const THREE: &[f64] = &[0.0, 1.0, -1.0, 0.5, -0.5];
const FOUR: &[f64] = &[0.0, 1.0, 0.5, -0.75, 4.0 / 3.0, -4.0 / 3.0];

/// A filter's weights at the points.
#[derive(Debug)]
pub(super) struct Quick {
    shape: FilterShape,
    /// For each point.
    panels: Vec<Panels>,
    /// From frames to values at points. [points, points]
    inward: Vec<f32>,
    /// From values at points to frames. [frames, points]
    outward: Vec<f32>,
    zeros: Vec<f32>,
}

/// Memory of a thread: signals at all points, before and after the product.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    before: Vec<f32>,
    after: Vec<f32>,
}

impl Quick {
    /// Whether it is worth it: many taps, and channels enough that changing forms costs little.
    pub(super) fn suits(shape: &FilterShape) -> bool {
        shape.taps >= 3 && shape.stride == 1 && shape.inputs.min(shape.outputs) >= 64
    }

    /// `weight` is [outputs, inputs, taps].
    pub(super) fn new(shape: FilterShape, weight: &[f32]) -> Self {
        let points = if shape.taps.is_multiple_of(3) { THREE } else { FOUR };
        let count = points.len() + 1;
        let piece = count + 1 - AT_ONCE;
        let forms = Forms::of(points, piece);
        let pieces = FilterShape { taps: shape.taps.div_ceil(piece), padding: 0, ..shape };
        let at = |point: usize| {
            let row = &forms.weights[point * piece..][..piece];
            Panels::new(pieces, |output, input, index| {
                let taps = &weight[(output * shape.inputs + input) * shape.taps..][..shape.taps];
                let taps = &taps[index * piece..shape.taps.min((index + 1) * piece)];
                taps.iter().zip(row).map(|(tap, form)| f64::from(*tap) * form).sum::<f64>() as f32
            })
        };
        let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect();
        Self {
            shape,
            panels: (0..count).map(at).collect(),
            inward: single(&forms.inward),
            outward: single(&forms.outward),
            zeros: vec![0.0; shape.outputs.next_multiple_of(super::panels::PANEL)],
        }
    }

    /// Blocks of the result are whole multiples of this.
    pub(super) fn step(&self) -> usize {
        AT_ONCE * self.shape.dilation
    }

    /// Frames that a block of so many reads.
    pub(super) fn reach(&self, rows: usize) -> usize {
        self.positions(rows).div_ceil(self.shape.dilation) * self.step()
            + (self.panels.len() - AT_ONCE) * self.shape.dilation
    }

    /// Frames at a point that a block of so many reads: those of later taps included.
    fn positions(&self, rows: usize) -> usize {
        self.groups(rows) + (self.pieces() - 1) * self.shape.dilation
    }

    /// Frames at a point that a block of so many is made of.
    fn groups(&self, rows: usize) -> usize {
        rows.div_ceil(self.step()) * self.shape.dilation
    }

    fn pieces(&self) -> usize {
        self.panels.first().map_or(1, |panels| panels.shape().taps)
    }

    /// A block of the result out of a window of frames.
    pub(super) fn compute<'a>(
        &self,
        window: &[f32],
        work: Work<'a>,
        scratch: &mut Scratch,
    ) -> &'a [f32] {
        let FilterShape { inputs, outputs, dilation, .. } = self.shape;
        let rows = work.y.len() / outputs;
        let (groups, positions) = (self.groups(rows), self.positions(rows));
        let whole = groups.next_multiple_of(tile::MOST_ROWS) + positions - groups;
        let points = self.panels.len();
        scratch.before.resize(points * whole * inputs, 0.0);
        scratch.after.resize(points * groups * outputs, 0.0);
        for position in 0..positions {
            let first = position / dilation * self.step() + position % dilation;
            let frame = |i: usize| &window[(first + i * dilation) * inputs..][..inputs];
            let mut at = scratch.before[position * inputs..].chunks_mut(whole * inputs);
            for row in self.inward.chunks_exact(points) {
                // There is one for each point.
                if let Some(at) = at.next() {
                    combine(row, frame, &mut at[..inputs]);
                }
            }
        }
        let signals = scratch.before.chunks_exact(whole * inputs);
        let results = scratch.after.chunks_exact_mut(groups * outputs);
        for ((panels, window), y) in self.panels.iter().zip(signals).zip(results) {
            let bias = &self.zeros;
            Block { panels, bias, window, y, other: None, kept: false, factor: 1.0 }.compute();
        }
        self.outward(&scratch.after, groups, work)
    }

    /// From values at points to frames of the result.
    fn outward<'a>(&self, after: &[f32], groups: usize, work: Work<'a>) -> &'a [f32] {
        let FilterShape { outputs, dilation, .. } = self.shape;
        let points = self.panels.len();
        let Work { bias, y, other, kept, factor } = work;
        let mut made = vec![0.0; outputs];
        for (row, y) in y.chunks_exact_mut(outputs).enumerate() {
            let (group, within) = (row / self.step(), row % self.step());
            let at = group * dilation + within % dilation;
            let form = &self.outward[within / dilation * points..][..points];
            combine(form, |i| &after[(i * groups + at) * outputs..][..outputs], &mut made);
            let sums = made.iter().zip(bias);
            if let Some(other) = other {
                let other = &other[row * outputs..][..outputs];
                for ((y, (sum, bias)), other) in y.iter_mut().zip(sums).zip(other) {
                    *y = (sum + bias + other) * factor;
                }
            } else if kept {
                for (y, (sum, bias)) in y.iter_mut().zip(sums) {
                    *y = (sum + bias + *y) * factor;
                }
            } else {
                for (y, (sum, bias)) in y.iter_mut().zip(sums) {
                    *y = (sum + bias) * factor;
                }
            }
        }
        y
    }
}

/// The sum of signals, each times its factor.
fn combine<'a>(factors: &[f32], signal: impl Fn(usize) -> &'a [f32], sum: &mut [f32]) {
    pulp::Arch::new().dispatch(|| {
        sum.fill(0.0);
        for (i, factor) in factors.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
            for (sum, x) in sum.iter_mut().zip(signal(i)) {
                *sum += factor * x;
            }
        }
    });
}

/// The three matrices of a set of points and infinity.
struct Forms {
    /// [points, piece]
    weights: Vec<f64>,
    /// [points, points]
    inward: Vec<f64>,
    /// [frames, points]
    outward: Vec<f64>,
}

impl Forms {
    /// With V the powers of the points: weights become V·w, frames V⁻ᵀ·x, and the result is Vᵀ of their product.
    fn of(points: &[f64], piece: usize) -> Self {
        let count = points.len() + 1;
        let powers = |width: usize| -> Vec<f64> {
            let finite = points.iter().flat_map(|point| (0..width).map(|i| point.powi(i as i32)));
            // The value at infinity is the highest coefficient.
            let infinite = (0..width).map(|i| f64::from(u8::from(i + 1 == width)));
            finite.chain(infinite).collect()
        };
        let mut weights = powers(piece);
        let mut inward = transposed(&inverse(powers(count), count), count);
        let outward = transposed(&powers(AT_ONCE), AT_ONCE);
        // Neither side of a product should be much larger than the other.
        for (weights, inward) in weights.chunks_mut(piece).zip(inward.chunks_mut(count)) {
            let size = |row: &[f64]| row.iter().map(|value| value.abs()).sum::<f64>();
            let factor = (size(inward) / size(weights)).sqrt().log2().round().exp2();
            for value in weights {
                *value *= factor;
            }
            for value in inward {
                *value /= factor;
            }
        }
        Self { weights, inward, outward }
    }
}

/// Columns as rows. `width` is the number of columns.
fn transposed(matrix: &[f64], width: usize) -> Vec<f64> {
    (0..width).flat_map(|i| matrix.iter().skip(i).step_by(width)).copied().collect()
}

/// The inverse of a square matrix, by elimination.
fn inverse(mut matrix: Vec<f64>, size: usize) -> Vec<f64> {
    let mut inverse: Vec<f64> =
        (0..size * size).map(|i| f64::from(u8::from(i / size == i % size))).collect();
    for column in 0..size {
        let value = |row: &usize| matrix[row * size + column].abs();
        let pivot = (column..size).max_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or(column);
        for matrix in [&mut matrix, &mut inverse] {
            for i in 0..size {
                matrix.swap(column * size + i, pivot * size + i);
            }
        }
        let scale = matrix[column * size + column].recip();
        for matrix in [&mut matrix, &mut inverse] {
            for value in &mut matrix[column * size..][..size] {
                *value *= scale;
            }
        }
        for row in (0..size).filter(|row| *row != column) {
            let factor = matrix[row * size + column];
            for matrix in [&mut matrix, &mut inverse] {
                for i in 0..size {
                    matrix[row * size + i] -= factor * matrix[column * size + i];
                }
            }
        }
    }
    inverse
}
