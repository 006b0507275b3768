//! What of a frame the echo explains, band by band: what the filter left, beside what it may have left.
//!
//! What it may have left is what is uncertain about the path, and the part of the echo that, as was seen, does not go
//! away (nonlinear loudspeakers, rooms longer than the filter). Before the path is known it is what was played
//! within the longest delay, times the least gain that was seen between the two.

use crate::shift::Standing;
use crate::spectrum::{BANDS, Energies};
use crate::{FRAME, RATE_HZ};

/// Bands of the reference that the longest delay, and a room, may bring back: 26 frames.
const REACH: usize = 26;
/// How much of an echo is there a frame later, at most: a room that dies away by 60 dB in 0.4 s.
const FADING: f32 = 0.33;
/// A band's energy has to be over what the echo explains by this factor ...
const ECHO_MARGIN: f32 = 2.0;
/// ... and over the background by this one, of which the least that was heard is known.
const NOISE_MARGIN: f32 = 4.0;
/// Somebody else is heard for certain if the bands are over by this much on the average.
const CLEAR_DB: f32 = 1.0;
/// Below this nothing is heard: -85 dB.
const FLOOR: f32 = 3e-9 / BANDS as f32;
/// The background may rise by 3 dB in a second.
const NOISE_RISE: f32 = 1.022;
/// Frames in a second.
const SECOND: f32 = (RATE_HZ / FRAME) as f32;

/// What was heard in a frame.
pub(crate) struct Heard<'a> {
    pub(crate) mic: &'a Energies,
    /// What the filter left, or the microphone.
    pub(crate) rest: &'a Energies,
    /// If the path is known.
    pub(crate) known: Option<Known<'a>>,
}

/// What the filter knows.
pub(crate) struct Known<'a> {
    pub(crate) echo: &'a Energies,
    pub(crate) doubt: &'a Energies,
    pub(crate) standing: Standing,
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finding {
    /// The part of the frame's energy that is explained.
    pub(crate) echo: f32,
    /// The energy that is not.
    pub(crate) near: f32,
    /// The path is known well enough to say so.
    pub(crate) certain: bool,
}

/// See the module.
pub(crate) struct Judge {
    noise: Energies,
    smooth: Energies,
    fading: Energies,
    /// The part of the echo that the filter leaves.
    leak: Energies,
    /// Energies of the reference, the newest frame at `newest`.
    reference: [Energies; REACH],
    /// The same, smoothed.
    level: [Energies; REACH],
    newest: usize,
    mic_level: Energies,
    /// The most that comes back.
    gain: Energies,
    echo_level: f32,
    doubt_level: f32,
    certain: bool,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self {
            noise: [1.0; BANDS],
            smooth: [0.0; BANDS],
            fading: [0.0; BANDS],
            leak: [0.1; BANDS],
            reference: [[0.0; BANDS]; REACH],
            level: [[0.0; BANDS]; REACH],
            newest: 0,
            mic_level: [0.0; BANDS],
            gain: [1.0; BANDS],
            echo_level: 0.0,
            doubt_level: 0.0,
            certain: false,
        }
    }

    /// Nothing was played for a while. `background` are frames that were heard since.
    pub(crate) fn restart(&mut self, background: impl Iterator<Item = Energies>) {
        self.reference = [[0.0; BANDS]; REACH];
        self.level = [[0.0; BANDS]; REACH];
        self.fading = [0.0; BANDS];
        self.mic_level = [0.0; BANDS];
        self.noise = [1.0; BANDS];
        for (i, frame) in background.enumerate() {
            if i == 0 {
                self.smooth = frame;
            }
            self.hear_background(&frame);
        }
    }

    /// Takes the energies of the newest window of the reference.
    pub(crate) fn play(&mut self, reference: &Energies) {
        let before = self.level[self.newest];
        self.newest = (self.newest + REACH - 1) % REACH;
        self.reference[self.newest] = *reference;
        self.level[self.newest] =
            std::array::from_fn(|b| before[b] + (reference[b] - before[b]) * (4.0 / SECOND));
    }

    /// Whether the path is known well enough, as of the last frame.
    pub(crate) fn is_certain(&self) -> bool {
        self.certain
    }

    /// Judges a frame.
    pub(crate) fn hear(&mut self, heard: &Heard) -> Finding {
        self.learn_gain(heard.mic);
        self.certain = heard.known.as_ref().is_some_and(|known| self.is_little(known));
        let explained = match &heard.known {
            Some(known) => self.left(known),
            None => std::array::from_fn(|b| {
                self.reference.iter().map(|r| r[b]).fold(0.0, f32::max) * self.gain[b]
            }),
        };
        let finding = self.find(heard.rest, &explained);
        if let Some(known) = &heard.known {
            self.learn_leak(heard.rest, known, finding.echo);
        }
        self.hear_background(heard.rest);
        finding
    }

    /// Whether what is uncertain is little, beside the echo that is known or beside what is heard anyway.
    fn is_little(&mut self, known: &Known) -> bool {
        let sum = |energies: &Energies| energies.iter().sum::<f32>();
        let now = (sum(known.echo), sum(known.doubt));
        self.echo_level += (now.0 - self.echo_level) * 0.1;
        self.doubt_level += (now.1 - self.doubt_level) * 0.1;
        // Once it is certain, it takes more doubt to change that.
        let part = if self.certain { 1.0 } else { 0.25 };
        self.doubt_level < part * (self.echo_level + sum(&self.noise))
    }

    fn find(&self, rest: &Energies, explained: &Energies) -> Finding {
        let (mut near, mut all, mut excess_db) = (0.0, 0.0, 0.0);
        for (b, rest) in rest.iter().enumerate() {
            let known = ECHO_MARGIN * explained[b] + NOISE_MARGIN * self.noise[b] + FLOOR;
            near += (rest - known).max(0.0);
            all += rest;
            excess_db += (10.0 * (rest / known).log10()).clamp(0.0, 20.0);
        }
        // One band that is a little over says nothing, however much of the energy it holds.
        let clear = (excess_db / (CLEAR_DB * BANDS as f32)).min(1.0);
        Finding {
            echo: 1.0 - clear * (near / all.max(FLOOR)).min(1.0),
            near,
            certain: self.certain,
        }
    }

    /// What the filter may have left.
    fn left(&mut self, known: &Known) -> Energies {
        let off = (1.0 - known.standing.gain.clamp(0.0, 1.0)).powi(2);
        std::array::from_fn(|b| {
            self.fading[b] = known.echo[b].max(self.fading[b] * FADING);
            known.doubt[b] + self.fading[b] * (self.leak[b] + off)
        })
    }

    /// The part that stays, of which most frames have less: quick to fall, slow to rise, slower while somebody speaks.
    fn learn_leak(&mut self, rest: &Energies, known: &Known, echo: f32) {
        for (b, rest) in rest.iter().enumerate() {
            // Only an echo that stands out of the background tells.
            if known.echo[b] < 10.0 * (self.noise[b] + FLOOR) {
                continue;
            }
            let leak = rest / self.fading[b];
            let rise = if echo < 0.5 { 1.01 } else { 1.06 };
            self.leak[b] *= if leak > self.leak[b] { rise } else { 0.98 };
            self.leak[b] = self.leak[b].clamp(1e-3, 1.0);
        }
    }

    /// No more can come back than is heard; at an unknown delay it is compared with the least that was played.
    fn learn_gain(&mut self, mic: &Energies) {
        for b in 0..BANDS {
            self.mic_level[b] += (mic[b] - self.mic_level[b]) * (4.0 / SECOND);
            let least = self.level.iter().map(|level| level[b]).fold(f32::MAX, f32::min);
            if least > 1e-7 {
                self.gain[b] = self.gain[b].min(2.0 * (self.mic_level[b] + FLOOR) / least);
            }
        }
    }

    fn hear_background(&mut self, rest: &Energies) {
        for (b, rest) in rest.iter().enumerate() {
            self.smooth[b] += (rest - self.smooth[b]) * 0.3;
            self.noise[b] = (self.noise[b] * NOISE_RISE).min(self.smooth[b]);
        }
    }
}
