//! Whether the echo still comes when the filter expects it: a playback that skips, or waits, moves it by some
//! milliseconds, and a filter that is right but late takes nothing away.
//!
//! The microphone is compared with the echo that the filter made, which knows the room already: at lag 0 the best
//! gain for it is about 1, whoever else speaks; if it is not, and it is at another lag, the echo moved there.

use realfft::num_complex::Complex32;

use crate::FRAME;
use crate::spectrum::{BINS, LOW, Spectrum, Transform, silent};

/// Frequencies that are compared.
const WIDTH: usize = LOW.end - LOW.start;
/// How much of what was compared is kept from frame to frame.
const KEPT: f32 = 0.7;
/// Energy below which nothing matters.
const FLOOR: f32 = 1e-8 * (FRAME * FRAME) as f32;
/// An echo whose gain is less than this at lag 0 ...
const LOST: f32 = 0.4;
/// ... and at least this at another moved.
const FOUND: f32 = 0.6;

/// How the echo stands to the one that is expected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// The best gain at lag 0; 1 if nothing can be said.
    pub(crate) gain: f32,
    /// It stands this many samples later, or earlier, than expected.
    pub(crate) moved: Option<i64>,
}

/// See the module.
pub(crate) struct Shift {
    mic: Box<Spectrum>,
    echo: Box<Spectrum>,
    later: [Complex32; WIDTH],
    earlier: [Complex32; WIDTH],
    mic_energy: [f32; WIDTH],
    echo_energy: [f32; WIDTH],
}

impl Shift {
    pub(crate) fn new() -> Self {
        Self {
            mic: silent(),
            echo: silent(),
            later: [Complex32::ZERO; WIDTH],
            earlier: [Complex32::ZERO; WIDTH],
            mic_energy: [0.0; WIDTH],
            echo_energy: [0.0; WIDTH],
        }
    }

    /// Forgets what was compared.
    pub(crate) fn restart(&mut self) {
        *self = Self::new();
    }

    /// Takes a frame of the microphone and what of it is echo by the filter.
    pub(crate) fn push(
        &mut self,
        mic: &Spectrum,
        echo: &Spectrum,
        transform: &mut Transform,
    ) -> Standing {
        for k in 0..WIDTH {
            let bin = k + LOW.start;
            // From a frame after silence to one before silence, and with the newest to a whole window.
            let sign = if bin.is_multiple_of(2) { 1.0 } else { -1.0 };
            let (m, e) = (mic[bin], echo[bin]);
            let whole_echo = self.echo[bin] * sign + e;
            let whole_mic = self.mic[bin] * sign + m;
            self.later[k] = self.later[k] * KEPT + m * whole_echo.conj();
            self.earlier[k] = self.earlier[k] * KEPT + e * whole_mic.conj();
            self.mic_energy[k] = KEPT * self.mic_energy[k] + m.norm_sqr();
            self.echo_energy[k] = KEPT * self.echo_energy[k] + e.norm_sqr();
        }
        self.mic.copy_from_slice(&mic[..BINS]);
        self.echo.copy_from_slice(&echo[..BINS]);
        self.judge(transform)
    }

    fn judge(&self, transform: &mut Transform) -> Standing {
        let weights: [f32; WIDTH] =
            std::array::from_fn(|k| 1.0 / (self.mic_energy[k] + self.echo_energy[k] + FLOOR));
        let weighted = |values: &[f32; WIDTH]| -> f32 {
            values.iter().zip(&weights).map(|(value, weight)| value * weight).sum()
        };
        let echo = weighted(&self.echo_energy);
        // Too little of what is heard to say anything about it.
        if echo < 0.05 * WIDTH as f32 {
            return Standing { gain: 1.0, moved: None };
        }
        let there: f32 = self.later.iter().zip(&weights).map(|(c, weight)| c.re * weight).sum();
        let gain = there / echo;
        let mut best = (LOST, None);
        if gain < LOST {
            // The sum that a correlation gives counts both sides of 0 Hz.
            for (cross, sign) in [(&self.later, 1), (&self.earlier, -1)] {
                let found = transform.correlation(cross, &weights);
                for (step, value) in found[..FRAME / 2].iter().enumerate() {
                    let other = value / (2.0 * echo);
                    if other > best.0 {
                        best = (other, Some(sign * 2 * step as i64));
                    }
                }
            }
        }
        let moved = if best.0 > FOUND.max(gain + 0.3) { best.1 } else { None };
        Standing { gain, moved }
    }
}
