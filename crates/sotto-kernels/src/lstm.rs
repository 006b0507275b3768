//! A recurrent layer that reads a signal in both directions, on a processor.
//!
//! What does not depend on the step before is one product for all frames. What does is a loop that reads its weights
//! once a step, and the two directions do it side by side.

use super::elementwise::{hyperbolic_tangent, sigmoid};
use super::filter::{Entry, Filter, FilterShape, Job, Onto};

/// Gates of a cell: input, forget, candidate, output.
const GATES: usize = 4;
/// Sums held in registers.
const LANES: usize = 64;

/// One direction's weights.
#[derive(Debug, Clone, Copy)]
pub struct Direction<'a> {
    /// [4 · hidden, inputs]
    pub input: &'a [f32],
    /// [4 · hidden, hidden]
    pub recurrent: &'a [f32],
    /// [4 · hidden], of the input.
    pub input_bias: &'a [f32],
    /// [4 · hidden], of the recurrence.
    pub recurrent_bias: &'a [f32],
}

/// A layer of long short-term memory in both directions.
#[derive(Debug)]
pub struct BiLstm {
    /// To the gates of both directions.
    input: Filter,
    /// Of each direction: for each group of sums, for each hidden value, its weights.
    recurrent: [Vec<f32>; 2],
    hidden: usize,
}

impl BiLstm {
    /// A layer of these weights: forward, backward.
    ///
    /// # Panics
    /// If sizes do not fit, or `4 · hidden` is not a multiple of 64.
    pub fn new(inputs: usize, hidden: usize, directions: [Direction<'_>; 2]) -> Self {
        let outputs = 2 * GATES * hidden;
        let [forward, backward] = directions;
        let weight = [forward.input, backward.input].concat();
        let bias: Vec<f32> = directions
            .iter()
            .flat_map(|direction| direction.input_bias.iter().zip(direction.recurrent_bias))
            .map(|(input, recurrent)| input + recurrent)
            .collect();
        let shape = FilterShape { inputs, outputs, taps: 1, dilation: 1, stride: 1, padding: 0 };
        let packed = |direction: Direction<'_>| {
            assert_eq!(direction.recurrent.len(), GATES * hidden * hidden);
            assert_eq!(GATES * hidden % LANES, 0);
            let mut packed = Vec::with_capacity(direction.recurrent.len());
            for group in direction.recurrent.chunks_exact(LANES * hidden) {
                for i in 0..hidden {
                    packed.extend((0..LANES).map(|lane| group[lane * hidden + i]));
                }
            }
            packed
        };
        Self {
            input: Filter::new(shape, &weight, Some(&bias)),
            recurrent: [packed(forward), packed(backward)],
            hidden,
        }
    }

    /// x [time, inputs] to [time, 2 · hidden].
    pub fn apply(&self, x: &[f32]) -> Vec<f32> {
        let job = Job {
            entry: Entry::Plain,
            onto: Onto::Nothing(Vec::new()),
            factor: 1.0,
            measured: false,
        };
        let gates = self.input.apply(x, job, &|| false).map_or_else(Vec::new, |(gates, _)| gates);
        let (forward, backward) =
            rayon::join(|| self.direction(&gates, 0), || self.direction(&gates, 1));
        let halves = forward.chunks_exact(self.hidden).zip(backward.chunks_exact(self.hidden));
        halves.flat_map(|(forward, backward)| forward.iter().chain(backward)).copied().collect()
    }

    /// The hidden values of one direction. [time, hidden]
    fn direction(&self, gates: &[f32], direction: usize) -> Vec<f32> {
        let width = GATES * self.hidden;
        let time = gates.len() / (2 * width);
        let mut out = vec![0.0; time * self.hidden];
        let mut state = State {
            hidden: vec![0.0; self.hidden],
            cell: vec![0.0; self.hidden],
            gates: vec![0.0; width],
        };
        for step in 0..time {
            let at = if direction == 0 { step } else { time - 1 - step };
            let input = &gates[(2 * at + direction) * width..][..width];
            let weights = &self.recurrent[direction];
            pulp::Arch::new().dispatch(|| state.step(input, weights));
            out[at * self.hidden..][..self.hidden].copy_from_slice(&state.hidden);
        }
        out
    }
}

struct State {
    hidden: Vec<f32>,
    cell: Vec<f32>,
    gates: Vec<f32>,
}

impl State {
    #[expect(
        clippy::inline_always,
        reason = "compiled anew for each instruction set of its callers"
    )]
    #[inline(always)]
    fn step(&mut self, input: &[f32], weights: &[f32]) {
        let size = self.hidden.len();
        let groups = self.gates.chunks_exact_mut(LANES).zip(input.chunks_exact(LANES));
        for ((gates, input), weights) in groups.zip(weights.chunks_exact(LANES * size)) {
            let mut sums = [0.0_f32; LANES];
            for (weights, hidden) in weights.chunks_exact(LANES).zip(&self.hidden) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += weight * hidden;
                }
            }
            for ((gate, sum), input) in gates.iter_mut().zip(sums).zip(input) {
                *gate = sum + input;
            }
        }
        let (input, rest) = self.gates.split_at(size);
        let (forget, rest) = rest.split_at(size);
        let (candidate, output) = rest.split_at(size);
        let gates = input.iter().zip(forget).zip(candidate).zip(output);
        let state = self.cell.iter_mut().zip(&mut self.hidden);
        for ((cell, hidden), (((input, forget), candidate), output)) in state.zip(gates) {
            *cell = sigmoid(*forget) * *cell + sigmoid(*input) * hyperbolic_tangent(*candidate);
            *hidden = sigmoid(*output) * hyperbolic_tangent(*cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, one value at a time, in f64.
    fn reference(
        x: &[f32],
        inputs: usize,
        hidden: usize,
        of: Direction<'_>,
        back: bool,
    ) -> Vec<f64> {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let time = x.len() / inputs;
        let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
        let mut out = vec![0.0; time * hidden];
        let dot = |row: &[f32], x: &mut dyn Iterator<Item = f64>| -> f64 {
            row.iter().zip(x).map(|(a, b)| f64::from(*a) * b).sum()
        };
        for step in 0..time {
            let at = if back { time - 1 - step } else { step };
            let x = &x[at * inputs..][..inputs];
            let gate = |i: usize| {
                dot(&of.input[i * inputs..][..inputs], &mut x.iter().map(|x| f64::from(*x)))
                    + dot(&of.recurrent[i * hidden..][..hidden], &mut h.iter().copied())
                    + f64::from(of.input_bias[i])
                    + f64::from(of.recurrent_bias[i])
            };
            let gates: Vec<f64> = (0..4 * hidden).map(gate).collect();
            for i in 0..hidden {
                c[i] = sigmoid(gates[hidden + i]) * c[i]
                    + sigmoid(gates[i]) * gates[2 * hidden + i].tanh();
                h[i] = sigmoid(gates[3 * hidden + i]) * c[i].tanh();
            }
            out[at * hidden..][..hidden].copy_from_slice(&h);
        }
        out
    }

    #[test]
    fn it_is_the_definition() {
        let (inputs, hidden, time) = (20, 32, 40);
        let mut seed = 1_u32;
        let mut random = |count: usize| -> Vec<f32> {
            let mut next = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
            };
            (0..count).map(|_| next()).collect()
        };
        let mut weights = || {
            [
                random(4 * hidden * inputs),
                random(4 * hidden * hidden),
                random(4 * hidden),
                random(4 * hidden),
            ]
        };
        let (forward, backward) = (weights(), weights());
        let directions =
            [&forward, &backward].map(|[input, recurrent, input_bias, recurrent_bias]| Direction {
                input,
                recurrent,
                input_bias,
                recurrent_bias,
            });
        let x = random(time * inputs);
        let ours = BiLstm::new(inputs, hidden, directions).apply(&x);
        for (half, of) in directions.into_iter().enumerate() {
            let theirs = reference(&x, inputs, hidden, of, half == 1);
            for (row, theirs) in ours.chunks(2 * hidden).zip(theirs.chunks(hidden)) {
                for (a, b) in row[half * hidden..].iter().zip(theirs) {
                    assert!((f64::from(*a) - b).abs() < 1e-5, "{a} {b}");
                }
            }
        }
    }
}
