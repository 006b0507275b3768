//! How long what is played takes to come back: the lag at which microphone and reference agree.
//!
//! Generalized cross-correlation: Knapp & Carter, "The generalized correlation method for estimation of time delay",
//! IEEE Trans. ASSP 24(4), 1976, with the smoothed coherence transform (SCOT) as its weight. The phase transform would
//! weigh pauses like speech; SCOT weighs a frequency by how much of it there was. Lags are looked through in
//! pieces of a frame, each a correlation of the newest frame with an older window of the reference.

use realfft::num_complex::Complex32;

use crate::FRAME;
use crate::spectrum::{LOW, Spectrum, Transform};

/// Pieces of lags: up to 704 ms.
const PIECES: usize = 22;
/// Frequencies that are compared.
const WIDTH: usize = LOW.end - LOW.start;
/// Lags of a piece: every second sample.
const STEPS: usize = FRAME / 2;
/// How much of what was heard is kept from frame to frame: half of it for 1.1 s.
const KEPT: f32 = 0.98;
/// A peak this many times the mean square root of all lags is no accident.
const SURE: f32 = 9.0;
/// A new delay has to agree this much better than the present one.
const BETTER: f32 = 1.5;
/// Lags closer than this, in samples, are the same: the filter follows by itself.
const SAME: i64 = 96;
/// Nothing is decided before this many frames were played ...
const ENOUGH: usize = 10;
/// ... and the same lag was the best this often.
const AGAIN: usize = 3;
/// Energy of a frequency below which nothing matters.
const FLOOR: f32 = 1e-9 * (FRAME * FRAME) as f32;

/// Nothing is divided by nothing.
const TINY: f32 = 1e-9;

/// See the module.
pub(crate) struct Search {
    /// The newest windows of the reference; the newest of all is at `newest`.
    reference: Vec<[Complex32; WIDTH]>,
    newest: usize,
    cross: Vec<[Complex32; WIDTH]>,
    mic_energy: [f32; WIDTH],
    reference_energy: [f32; WIDTH],
    agreement: Vec<f32>,
    /// The piece that is looked at next.
    piece: usize,
    /// A lag, and how often it was the best in succession.
    candidate: (i64, usize),
    /// Frames in which something was played.
    played: usize,
    found: Option<i64>,
}

impl Search {
    pub(crate) fn new() -> Self {
        Self {
            reference: vec![[Complex32::ZERO; WIDTH]; PIECES],
            newest: 0,
            cross: vec![[Complex32::ZERO; WIDTH]; PIECES],
            mic_energy: [0.0; WIDTH],
            reference_energy: [0.0; WIDTH],
            agreement: vec![0.0; PIECES * STEPS],
            piece: 0,
            candidate: (0, 0),
            played: 0,
            found: None,
        }
    }

    /// Nothing was played for so long that no window holds anything.
    pub(crate) fn pause(&mut self) {
        self.reference.fill([Complex32::ZERO; WIDTH]);
    }

    /// The delay, in samples.
    pub(crate) fn delay(&self) -> Option<i64> {
        self.found
    }

    /// The delay changed by this much, as somebody else found out.
    pub(crate) fn moved(&mut self, samples: i64) {
        self.found = self.found.map(|delay| (delay + samples).max(0));
        self.candidate = (0, 0);
        self.cross.fill([Complex32::ZERO; WIDTH]);
    }

    /// Takes a frame of the microphone and the window of the reference that ends where it ends. Says whether the
    /// delay became another.
    pub(crate) fn push(
        &mut self,
        mic: &Spectrum,
        window: &Spectrum,
        transform: &mut Transform,
    ) -> bool {
        self.newest = (self.newest + PIECES - 1) % PIECES;
        let (loud, window) = compressed(&window[LOW]);
        self.reference[self.newest] = window;
        let (_, mic) = compressed(&mic[LOW]);
        self.played = (self.played + usize::from(loud)).min(ENOUGH);
        for (energy, mic) in self.mic_energy.iter_mut().zip(&mic) {
            *energy = KEPT * *energy + mic.norm_sqr();
        }
        for (energy, window) in self.reference_energy.iter_mut().zip(&window) {
            *energy = KEPT * *energy + window.norm_sqr();
        }
        for (piece, cross) in self.cross.iter_mut().enumerate() {
            let window = &self.reference[(self.newest + piece) % PIECES];
            for ((cross, mic), window) in cross.iter_mut().zip(&mic).zip(window) {
                *cross = *cross * KEPT + mic * window.conj();
            }
        }
        // In a hurry before anything is known.
        let pieces = if self.found.is_some() { 2 } else { PIECES / 2 };
        let mut changed = false;
        let weights = self.weights();
        for _ in 0..pieces {
            self.look(&weights, transform);
            if self.piece == 0 {
                changed |= self.decide();
            }
        }
        changed
    }

    fn weights(&self) -> [f32; WIDTH] {
        std::array::from_fn(|k| {
            1.0 / ((self.mic_energy[k] + TINY) * (self.reference_energy[k] + TINY)).sqrt()
        })
    }

    fn look(&mut self, weights: &[f32; WIDTH], transform: &mut Transform) {
        let found = transform.correlation(&self.cross[self.piece], weights);
        let agreement = &mut self.agreement[self.piece * STEPS..][..STEPS];
        for (slot, value) in agreement.iter_mut().zip(found) {
            // A loudspeaker may be the wrong way round.
            *slot = value.abs() / (2 * WIDTH) as f32;
        }
        self.piece = (self.piece + 1) % PIECES;
    }

    fn decide(&mut self) -> bool {
        let squares: f32 = self.agreement.iter().map(|r| r * r).sum();
        let typical = (squares / self.agreement.len() as f32).sqrt();
        let best = (0..self.agreement.len())
            .max_by(|a, b| self.agreement[*a].total_cmp(&self.agreement[*b]))
            .unwrap_or_default();
        let peak = self.agreement[best];
        let lag = 2 * best as i64;
        if peak < SURE * typical || self.played < ENOUGH {
            self.candidate = (0, 0);
            return false;
        }
        let again = (self.candidate.0 - lag).abs() <= SAME;
        self.candidate = (lag, if again { self.candidate.1 + 1 } else { 1 });
        let better = self
            .found
            .is_none_or(|delay| (delay - lag).abs() > SAME && peak > BETTER * self.around(delay));
        let changed = better && self.candidate.1 >= AGAIN;
        if changed {
            self.found = Some(lag);
        }
        changed
    }

    /// The best agreement at about this delay.
    fn around(&self, delay: i64) -> f32 {
        // An agreement stands for two samples.
        let (first, last) = (delay / 2 - SAME / 2, delay / 2 + SAME / 2);
        let last = last.clamp(0, self.agreement.len() as i64) as usize;
        let first = (first.max(0) as usize).min(last);
        self.agreement[first..last].iter().copied().fold(0.0, f32::max)
    }
}

/// The frequencies of a frame at the square root of its level, so that no frame outweighs all others; and whether it
/// was loud at all.
fn compressed(frame: &[Complex32]) -> (bool, [Complex32; WIDTH]) {
    let energy = frame.iter().map(Complex32::norm_sqr).sum::<f32>() / WIDTH as f32;
    let scale = 1.0 / (energy + FLOOR).sqrt().sqrt();
    (energy > 10.0 * FLOOR, std::array::from_fn(|k| frame[k] * scale))
}
