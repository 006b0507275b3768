//! A simple voice activity detector, to say what would be heard as speech.

/// Softer than this is no speech: -58 dB.
const SILENCE: f32 = 1.6e-6;
/// Speech is this much over the background: 6 dB.
const OVER: f32 = 4.0;
/// Speech is at least this periodic.
const PERIODIC: f32 = 0.4;
/// Frames after a periodic one that still count, if they are loud enough: consonants.
const HANG: usize = 3;

/// Energy over a background that is followed, and periodicity.
pub struct Voice {
    before: Vec<f32>,
    background: f32,
    hang: usize,
}

impl Voice {
    pub fn new() -> Self {
        Self { before: vec![0.0; 512], background: 1.0, hang: 0 }
    }

    pub fn hears(&mut self, frame: &[f32; 512]) -> bool {
        let mut window = std::mem::replace(&mut self.before, frame.to_vec());
        window.extend_from_slice(frame);
        let power = frame.iter().map(|s| s * s).sum::<f32>() / 512.0 + 1e-12;
        self.background = (self.background * 1.022).min(power);
        let loud = power > SILENCE && power > OVER * self.background;
        self.hang = if loud && periodicity(&window) > PERIODIC {
            HANG + 1
        } else {
            self.hang.saturating_sub(1)
        };
        loud && self.hang > 0
    }
}

/// The best normalised correlation with itself between 2.5 and 16 ms (60 to 400 Hz).
fn periodicity(window: &[f32]) -> f32 {
    let newest = &window[272..];
    let energy: f32 = newest.iter().map(|s| s * s).sum();
    (40..266)
        .map(|lag| {
            let older = &window[272 - lag..][..newest.len()];
            let cross: f32 = newest.iter().zip(older).map(|(a, b)| a * b).sum();
            let other: f32 = older.iter().map(|s| s * s).sum();
            cross / (energy * other).sqrt().max(1e-12)
        })
        .fold(0.0, f32::max)
}
