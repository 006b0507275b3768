//! The canceller of a call: what is played and what is heard come together here.

use std::collections::VecDeque;

use crate::delay::Search;
use crate::filter::Filter;
use crate::judge::{Finding, Heard, Judge, Known};
use crate::shift::{Shift, Standing};
use crate::spectrum::{
    Energies, Spectrum, Transform, WINDOW, band_sums, frame_energies, silent, window_energies,
};
use crate::timeline::Timeline;
use crate::{FRAME, RATE_HZ};

/// What was played comes back within this many samples: the longest delay and a room.
const REACH: u64 = (RATE_HZ as u64 * 1100) / 1000;
/// The filter begins this much before the delay: a peak is not always the first that arrives, and echoes move.
const HEADROOM: i64 = (RATE_HZ as i64 * 24) / 1000;
/// Frames of the microphone that are kept, for the filter to learn from once the delay is known: 1.5 s.
const HISTORY: usize = 48;
/// Frames of them that it takes at a time.
const CATCH_UP: usize = 8;
/// A filter that makes this many frames in succession louder knows nothing.
const WORSE: usize = 4;
/// A decoder may go beyond full scale; what is beyond this is no sound.
const LOUDEST: f32 = 8.0;
/// What is played at less than this is silence: -80 dB.
const SILENCE: f32 = 1e-4;

/// What a frame of the microphone was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// What was played can be heard in it. If not, the frame was left as it was.
    pub playing: bool,
    /// What is uncertain about the echo path is little beside the echo that is known, or beside the background. Before
    /// that, what is uncertain counts as echo, and before the delay is known all that any echo could be: soft
    /// speech is then missed, but no echo is taken for speech.
    pub certain: bool,
    /// How much of what is left is explained by echo and background, 0 to 1. It is the share of its energy, and near 1 if
    /// the rest is in few bands. From 0.6 on a frame is best taken for echo: see `examples/echo_cases.rs`.
    pub echo: f32,
    /// The level of what is not, in dB of full scale (a full sine is at -3); -120 for nothing.
    pub near_db: f32,
}

/// What is known of the echo path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// From what leaves the server to what comes back.
    pub delay_ms: f32,
    /// How much softer it is then, in dB.
    pub echo_return_loss_db: f32,
    /// What is uncertain about the path is little, as of the last frame in which something was played.
    pub converged: bool,
}

/// See the [crate].
pub struct EchoCanceller {
    played: Timeline,
    /// Where the next frame of the microphone begins.
    position: u64,
    /// Where what was played last ended, with which the echo is over; none if it is over.
    sounding_until: Option<u64>,
    transform: Transform,
    heard: VecDeque<[f32; FRAME]>,
    search: Search,
    filter: Filter,
    /// The frame that the filter takes next, if it is in use.
    filtered: Option<u64>,
    /// Frames in succession that the filter made louder.
    worse: usize,
    shift: Shift,
    judge: Judge,
    /// Energies of the echo and of what is played, on the long run.
    levels: (f32, f32),
    mic: Box<Spectrum>,
    reference: Box<Spectrum>,
}

impl Default for EchoCanceller {
    fn default() -> Self {
        Self::new()
    }
}

impl EchoCanceller {
    /// A canceller that knows nothing, at the beginning of a call.
    pub fn new() -> Self {
        Self {
            played: Timeline::default(),
            position: 0,
            sounding_until: None,
            transform: Transform::new(),
            heard: VecDeque::with_capacity(HISTORY),
            search: Search::new(),
            filter: Filter::new(),
            filtered: None,
            worse: 0,
            shift: Shift::new(),
            judge: Judge::new(),
            levels: (0.0, 0.0),
            mic: silent(),
            reference: silent(),
        }
    }

    /// `samples` (16 kHz, mono, ±1) go to the loudspeaker: the first leaves the server when the microphone is at `at`
    /// (samples since the call began). Where nothing is played there is silence. What is played more than a minute
    /// ahead, or has been over for three seconds, is not known.
    pub fn play(&mut self, at: u64, samples: &[f32]) {
        self.played.write(at, samples, self.position);
    }

    /// What was to be played from `at` on is not.
    pub fn cut(&mut self, at: u64) {
        self.played.cut(at);
    }

    /// What is known of the echo path.
    pub fn estimate(&self) -> Option<Estimate> {
        let delay = self.search.delay()?;
        let (echo, reference) = self.levels;
        Some(Estimate {
            delay_ms: delay as f32 * 1000.0 / RATE_HZ as f32,
            echo_return_loss_db: 10.0 * (reference.max(1e-12) / echo.max(1e-12)).log10(),
            converged: self.judge.is_certain(),
        })
    }

    /// The next frame of the microphone; what is left without the echo takes its place. Takes less than 0.5 ms.
    pub fn process(&mut self, frame: &mut [f32; FRAME]) -> Verdict {
        for sample in frame.iter_mut() {
            *sample = if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 };
        }
        let begin = self.position;
        self.position += FRAME as u64;
        self.played.forget(begin);
        if self.is_played(begin) {
            if self.sounding_until.is_none() {
                self.begin(begin);
            }
            self.sounding_until = Some(self.position + REACH);
        }
        self.sounding_until = self.sounding_until.filter(|end| begin < *end);
        if self.heard.len() == HISTORY {
            self.heard.pop_front();
        }
        self.heard.push_back(*frame);
        if self.sounding_until.is_some() {
            return self.listen(frame, begin);
        }
        verdict(Finding { echo: 0.0, near: power(frame), certain: true }, false)
    }

    /// Whether anything is played during the frame that begins at `begin`.
    fn is_played(&self, begin: u64) -> bool {
        let mut now = [0.0; FRAME];
        self.played.reaches(begin) && {
            self.played.read(begin as i64, &mut now);
            now.iter().any(|sample| sample.abs() > SILENCE)
        }
    }

    /// After a pause something is played again, in the frame that begins at `begin`.
    fn begin(&mut self, begin: u64) {
        self.search.pause();
        self.shift.restart();
        self.seat(begin);
        let transform = &mut self.transform;
        let frames = self.heard.iter().rev().take(16).map(|frame| {
            let mut spectrum = silent();
            transform.frame(frame, &mut spectrum);
            frame_energies(&spectrum)
        });
        self.judge.restart(frames);
    }

    fn seat(&mut self, from: u64) {
        if let Some(delay) = self.search.delay() {
            let offset = (delay - HEADROOM).max(0);
            self.filter.seat(offset, from, &self.played, &mut self.transform);
            self.filtered = Some(from);
        }
    }

    fn listen(&mut self, frame: &mut [f32; FRAME], begin: u64) -> Verdict {
        let mut window = [0.0; WINDOW];
        self.played.read(begin as i64 - FRAME as i64, &mut window);
        self.transform.window(&window, &mut self.reference);
        self.transform.frame(frame, &mut self.mic);
        let first = self.search.delay().is_none();
        if self.search.push(&self.mic, &self.reference, &mut self.transform) {
            self.filter.forget();
            let from =
                if first { self.position - (self.heard.len() * FRAME) as u64 } else { begin };
            self.seat(from);
            self.shift.restart();
        }
        let standing = self.run(begin);
        self.judge.play(&window_energies(&self.reference));
        let mic = frame_energies(&self.mic);
        let Some(standing) = standing else {
            let finding = self.judge.hear(&Heard { mic: &mic, rest: &mic, known: None });
            return verdict(finding, true);
        };
        if power(&self.filter.parts.samples) <= power(frame) {
            frame.copy_from_slice(&*self.filter.parts.samples);
        }
        let parts = &self.filter.parts;
        let (rest, echo) = (frame_energies(&parts.rest), frame_energies(&parts.echo));
        let doubt = band_sums(&parts.doubt);
        let known = Known { echo: &echo, doubt: &doubt, standing };
        let finding = self.judge.hear(&Heard { mic: &mic, rest: &rest, known: Some(known) });
        self.follow_levels(&echo);
        verdict(finding, true)
    }

    /// Lets the filter take what it has not taken yet. None if it is not there yet.
    fn run(&mut self, begin: u64) -> Option<Standing> {
        let mut next = self.filtered?;
        for _ in 0..CATCH_UP {
            if next > begin {
                break;
            }
            let age = ((begin - next) as usize) / FRAME;
            let mic = self.heard[self.heard.len() - 1 - age];
            self.filter.push(&mic, next, &self.played, &mut self.transform);
            next += FRAME as u64;
        }
        self.filtered = Some(next);
        if next <= begin {
            return None;
        }
        let parts = &self.filter.parts;
        let worse = power(&parts.samples) > 2.0 * power(self.heard.back()?);
        self.worse = if worse { self.worse + 1 } else { 0 };
        if self.worse >= WORSE {
            self.filter.forget();
            self.worse = 0;
            return None;
        }
        let standing = self.shift.push(&parts.mic, &parts.echo, &mut self.transform);
        if let Some(moved) = standing.moved {
            self.search.moved(moved);
            let offset = self.filter.offset() + moved;
            self.filter.seat(offset.max(0), self.position, &self.played, &mut self.transform);
            // With its place the path stays as it is; but no place lies before the microphone.
            self.filter.doubt(if offset < 0 { 1.0 } else { 0.1 });
            self.shift.restart();
        }
        Some(standing)
    }

    fn follow_levels(&mut self, echo: &Energies) {
        let (echo, reference) = (echo.iter().sum::<f32>(), window_energies(&self.reference));
        let reference = reference.iter().sum::<f32>();
        self.levels.0 += (echo - self.levels.0) * 0.02;
        self.levels.1 += (reference - self.levels.1) * 0.02;
    }
}

fn verdict(finding: Finding, playing: bool) -> Verdict {
    Verdict {
        playing,
        certain: finding.certain,
        echo: finding.echo,
        near_db: level_db(finding.near),
    }
}

/// The mean square.
fn power(samples: &[f32; FRAME]) -> f32 {
    samples.iter().map(|s| s * s).sum::<f32>() / FRAME as f32
}

fn level_db(power: f32) -> f32 {
    10.0 * power.max(1e-12).log10()
}
