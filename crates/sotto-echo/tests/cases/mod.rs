//! Scripted calls with an open loudspeaker: real speech as the reply and as the person, rooms, noise, all from seeds.

#![expect(clippy::unwrap_used, reason = "recordings that cannot be read end the run")]

pub mod call;
pub mod room;
pub mod voice;

use std::path::PathBuf;

/// The folder with recordings, if there is one.
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("SOTTO_SHARED")
        .map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            Into::into,
        )
        .join("audio");
    folder.is_dir().then_some(folder)
}

/// Random numbers that are the same everywhere (Vigna's splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Normal, by twelve uniform ones.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }
}
