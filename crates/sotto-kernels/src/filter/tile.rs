//! The product itself: a few frames times a panel of outputs, held in registers.

use pulp::{Simd, WithSimd};

use super::panels::{PANEL, Panels};

/// The most frames that one tile holds.
pub(super) const MOST_ROWS: usize = 12;

/// A block of frames to be computed.
pub(super) struct Block<'a> {
    pub panels: &'a Panels,
    /// Of each output, and zeros up to a whole panel.
    pub bias: &'a [f32],
    /// The frames that they are made of, rows rounded up to whole tiles.
    pub window: &'a [f32],
    /// The result. [rows, outputs]
    pub y: &'a mut [f32],
    /// What is added. [rows, outputs]
    pub other: Option<&'a [f32]>,
    /// Whether what `y` holds is added.
    pub kept: bool,
    pub factor: f32,
}

impl Block<'_> {
    /// Computes it with the widest vectors that the machine has.
    pub(super) fn compute(self) {
        pulp::Arch::new().dispatch(self);
    }

    #[expect(clippy::inline_always, reason = "compiled anew for each instruction set")]
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let shape = *self.panels.shape();
        let columns = VECTORS * S::F32_LANES;
        let rows = self.y.len() / shape.outputs;
        for (panel, weights) in self.panels.iter().enumerate() {
            for first in (panel * PANEL..shape.outputs.min((panel + 1) * PANEL)).step_by(columns) {
                let bias = &self.bias[first..first + columns];
                let count = columns.min(shape.outputs - first);
                for row in (0..rows).step_by(ROWS) {
                    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
                    for sums in &mut sums {
                        sums.copy_from_slice(S::as_simd_f32s(bias).0);
                    }
                    self.tile(simd, weights, first % PANEL / S::F32_LANES, row, &mut sums);
                    for (row, sums) in (row..rows.min(row + ROWS)).zip(&sums) {
                        let at = row * shape.outputs + first;
                        let sums: &[f32] = pulp::bytemuck::cast_slice(sums);
                        let y = &mut self.y[at..at + count];
                        if let Some(other) = self.other {
                            for ((y, sum), other) in y.iter_mut().zip(sums).zip(&other[at..]) {
                                *y = (sum + other) * self.factor;
                            }
                        } else if self.kept {
                            for (y, sum) in y.iter_mut().zip(sums) {
                                *y = (sum + *y) * self.factor;
                            }
                        } else {
                            for (y, sum) in y.iter_mut().zip(sums) {
                                *y = sum * self.factor;
                            }
                        }
                    }
                }
            }
        }
    }

    /// Adds to `sums` the products of these rows with some vectors of a panel, the first of them `vector`.
    #[expect(
        unsafe_code,
        reason = "a check for each of a tile's rows costs as much as the product"
    )]
    #[expect(clippy::inline_always, reason = "compiled anew for each instruction set")]
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
        &self,
        simd: S,
        weights: &[f32],
        vector: usize,
        row: usize,
        sums: &mut [[S::f32s; VECTORS]; ROWS],
    ) {
        let shape = self.panels.shape();
        // Taps that stand together are one long one.
        let (runs, run) = match shape.dilation {
            1 => (1, shape.taps * shape.inputs),
            _ => (shape.taps, shape.inputs),
        };
        let row_step = shape.stride * shape.inputs;
        let first = row * row_step;
        let last = first + (ROWS - 1) * row_step + (runs - 1) * shape.dilation * shape.inputs + run;
        assert!(last <= self.window.len());
        let (weights, _) = S::as_simd_f32s(weights);
        let in_panel = PANEL / S::F32_LANES;
        assert!(vector + VECTORS <= in_panel);
        let mut acc = *sums;
        for (index, weights) in weights.chunks_exact(run * in_panel).enumerate() {
            let start = first + index * shape.dilation * shape.inputs;
            for (i, weights) in weights.chunks_exact(in_panel).enumerate() {
                let weights = &weights[vector..vector + VECTORS];
                for (row, acc) in acc.iter_mut().enumerate() {
                    // SAFETY: `index` is below `runs`, `i` below `run` and `row` below `ROWS`, so that this is
                    // below `last`, which was checked against the window.
                    let x = unsafe { *self.window.get_unchecked(start + row * row_step + i) };
                    let x = simd.splat_f32s(x);
                    for (acc, weight) in acc.iter_mut().zip(weights) {
                        *acc = simd.mul_add_e_f32s(x, *weight, *acc);
                    }
                }
            }
        }
        *sums = acc;
    }
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "compiled anew for each instruction set")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as there are registers, less those for the weights.
        match S::F32_LANES {
            16 => self.run::<S, 12, 2>(simd),
            8 => self.run::<S, 6, 2>(simd),
            4 => self.run::<S, 6, 4>(simd),
            _ => self.run::<S, 2, 8>(simd),
        }
    }
}
