//! The echo path, followed by a Kalman filter in the frequency domain, block by block.
//!
//! The path is a long filter cut into partitions of a frame each, so that a block of echo is a sum of products of
//! spectra (the multidelay block filter of Soo & Pang, "Multidelay block frequency domain adaptive filter", IEEE
//! Trans. ASSP 38(2), 1990). Its coefficients are followed as the state of a random walk, each with a variance of its
//! own: Enzner & Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones",
//! Signal Processing 86(6), 2006, for partitions Kuech, Mabande & Enzner, "State-space architecture of the
//! partitioned-block-based acoustic echo controller", ICASSP 2014. The step is the optimal one for what is
//! uncertain about the path beside what else is heard, so that it goes to nothing by itself in double talk; this is
//! the purpose of the learning rate of Valin, "On adjusting the learning rate in frequency domain echo cancellation
//! with double-talk", IEEE Trans. ASLP 15(3), 2007. And what is uncertain says how much echo may be left.

use realfft::num_complex::Complex32;

use crate::FRAME;
use crate::spectrum::{BINS, Spectrum, Transform, WINDOW, silent};
use crate::timeline::Timeline;

/// Partitions: a path of 256 ms from the filter's offset on.
const PARTITIONS: usize = 8;
/// How much of its coefficients the path keeps from frame to frame: half of its energy is new after 28 s.
const KEPT: f32 = 0.9996;
/// The variance of a coefficient of the first partition before anything is known, ...
const UNKNOWN: f32 = 0.1;
/// ... and from partition to partition how much of it is left: a room that dies away by 60 dB in 0.5 s.
const FADING: f32 = 0.5;
/// The weight of what was heard before beside what is heard now, for what is not echo.
const STEADY: f32 = 0.8;
/// Energy of a coefficient below which nothing matters: -90 dB of a full frame.
const FLOOR: f32 = 1e-9 * (FRAME * FRAME) as f32;
/// Partitions a frame whose taps are held to their length; the others wait for their turn.
const CONSTRAINED: usize = 3;

/// What a frame turned out to be.
pub(crate) struct Parts {
    /// The microphone.
    pub(crate) mic: Box<Spectrum>,
    /// What is left of it.
    pub(crate) rest: Box<Spectrum>,
    /// The echo as the filter knows it.
    pub(crate) echo: Box<Spectrum>,
    /// How much more of it there may be, by what is uncertain about the path: energies.
    pub(crate) doubt: Box<[f32; BINS]>,
    /// What is left, in samples.
    pub(crate) samples: Box<[f32; FRAME]>,
}

/// See the module.
pub(crate) struct Filter {
    /// The reference is read this many samples before the microphone. Not below zero while in use.
    offset: i64,
    /// Windows of the reference, the newest at `newest`, older ones after it.
    reference: Vec<Box<Spectrum>>,
    /// Energies of the windows.
    energy: Vec<[f32; BINS]>,
    newest: usize,
    path: Vec<Box<Spectrum>>,
    variance: Vec<[f32; BINS]>,
    /// Energy of what is not echo.
    other: Box<[f32; BINS]>,
    turn: usize,
    pub(crate) parts: Parts,
}

impl Filter {
    pub(crate) fn new() -> Self {
        let mut filter = Self {
            offset: 0,
            reference: (0..PARTITIONS).map(|_| silent()).collect(),
            energy: vec![[0.0; BINS]; PARTITIONS],
            newest: 0,
            path: (0..PARTITIONS).map(|_| silent()).collect(),
            variance: vec![[0.0; BINS]; PARTITIONS],
            other: Box::new([0.0; BINS]),
            turn: 0,
            parts: Parts {
                mic: silent(),
                rest: silent(),
                echo: silent(),
                doubt: Box::new([0.0; BINS]),
                samples: Box::new([0.0; FRAME]),
            },
        };
        filter.forget();
        filter
    }

    /// Knows nothing of the path.
    pub(crate) fn forget(&mut self) {
        let mut variance = UNKNOWN;
        for (path, slot) in self.path.iter_mut().zip(&mut self.variance) {
            path.fill(Complex32::ZERO);
            slot.fill(variance);
            variance *= FADING;
        }
        self.other.fill(0.0);
    }

    /// Is less sure of the path: each coefficient may be off by `part` of its energy, and of its neighbours'.
    pub(crate) fn doubt(&mut self, part: f32) {
        for (path, variance) in self.path.iter().zip(&mut self.variance) {
            let mean = path.iter().map(Complex32::norm_sqr).sum::<f32>() / BINS as f32;
            for (variance, value) in variance.iter_mut().zip(path.iter()) {
                *variance += part * 0.5 * (value.norm_sqr() + mean);
            }
        }
    }

    /// The reference is read `offset` samples before the microphone from now on. `now` is where the next frame begins.
    pub(crate) fn seat(
        &mut self,
        offset: i64,
        now: u64,
        reference: &Timeline,
        transform: &mut Transform,
    ) {
        self.offset = offset;
        self.newest = 0;
        let mut window = [0.0; WINDOW];
        for age in 0..PARTITIONS {
            // As if the frame before had just been taken.
            let start = now as i64 - offset - WINDOW as i64 - (age * FRAME) as i64;
            reference.read(start, &mut window);
            self.put(age, &window, transform);
        }
    }

    pub(crate) fn offset(&self) -> i64 {
        self.offset
    }

    /// Takes the frame of the microphone that begins at `at` apart, and learns from it. Frames come in order.
    pub(crate) fn push(
        &mut self,
        mic: &[f32; FRAME],
        at: u64,
        reference: &Timeline,
        transform: &mut Transform,
    ) {
        self.listen(at, reference, transform);
        self.take_apart(mic, transform);
        self.learn();
        for _ in 0..CONSTRAINED {
            transform.constrain(&mut self.path[self.turn]);
            self.turn = (self.turn + 1) % PARTITIONS;
        }
    }

    fn listen(&mut self, at: u64, reference: &Timeline, transform: &mut Transform) {
        let mut window = [0.0; WINDOW];
        reference.read(at as i64 - self.offset - FRAME as i64, &mut window);
        self.newest = (self.newest + PARTITIONS - 1) % PARTITIONS;
        self.put(self.newest, &window, transform);
    }

    fn put(&mut self, slot: usize, window: &[f32; WINDOW], transform: &mut Transform) {
        transform.window(window, &mut self.reference[slot]);
        for (energy, value) in self.energy[slot].iter_mut().zip(self.reference[slot].iter()) {
            *energy = value.norm_sqr();
        }
    }

    /// The window of the reference that belongs to a partition.
    fn window(&self, partition: usize) -> &Spectrum {
        &self.reference[(self.newest + partition) % PARTITIONS]
    }

    fn take_apart(&mut self, mic: &[f32; FRAME], transform: &mut Transform) {
        let mut echo = silent();
        for (partition, path) in self.path.iter().enumerate() {
            let window = self.window(partition);
            for ((sum, path), window) in echo.iter_mut().zip(path.iter()).zip(window) {
                *sum += path * window;
            }
        }
        let parts = &mut self.parts;
        let echo = &transform.back(&echo)[FRAME..];
        for ((rest, mic), echo) in parts.samples.iter_mut().zip(mic).zip(echo) {
            *rest = mic - echo;
        }
        transform.frame(mic, &mut parts.mic);
        transform.frame(&parts.samples, &mut parts.rest);
        for ((echo, mic), rest) in
            parts.echo.iter_mut().zip(parts.mic.iter()).zip(parts.rest.iter())
        {
            *echo = mic - rest;
        }
    }

    fn learn(&mut self) {
        // Half of a window is a frame.
        let doubt = &mut *self.parts.doubt;
        doubt.fill(0.0);
        for (partition, variance) in self.variance.iter().enumerate() {
            let energy = &self.energy[(self.newest + partition) % PARTITIONS];
            for ((sum, variance), energy) in doubt.iter_mut().zip(variance).zip(energy) {
                *sum += 0.5 * variance * energy;
            }
        }
        let mut step = [0.0; BINS];
        let rests = self.parts.rest.iter().zip(&mut *self.other);
        for ((step, doubt), (rest, other)) in step.iter_mut().zip(doubt).zip(rests) {
            let energy = rest.norm_sqr();
            *other = STEADY * *other + (1.0 - STEADY) * energy;
            // What begins just now counts at once, so that the first frame of double talk teaches nothing wrong.
            *step = 0.5 / (*doubt + other.max(0.25 * energy) + FLOOR);
        }
        for partition in 0..PARTITIONS {
            let slot = (self.newest + partition) % PARTITIONS;
            let heard = self.reference[slot].iter().zip(&self.energy[slot]);
            let heard = heard.zip(self.parts.rest.iter().zip(&step));
            let known = self.path[partition].iter_mut().zip(&mut self.variance[partition]);
            for ((path, variance), ((window, energy), (rest, step))) in known.zip(heard) {
                let gain = *variance * step;
                *path = (*path + window.conj() * rest * gain) * KEPT;
                let learnt = (0.5 * gain * energy).min(1.0);
                *variance = KEPT * KEPT * (1.0 - learnt) * *variance
                    + (1.0 - KEPT * KEPT) * path.norm_sqr();
            }
        }
    }
}
