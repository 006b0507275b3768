//! Voice activity from loudness alone: the fallback on a machine without onnxruntime.
//!
//! It follows the noise floor and calls speech what is clearly louder. It cannot tell a voice from music.

use super::{FRAME, Vad, VadModel};
use crate::pipeline::failure::EngineError;

/// A frame this much louder than the floor is as likely speech as not, in dB.
const HALF_WAY_DB: f32 = 12.0;
/// How quickly the probability changes around that, per dB.
const STEEPNESS: f32 = 0.5;
/// The floor rises by this much a frame while it is louder: 3 dB in a second.
const RISE_DB: f32 = 0.1;
/// Quieter than this is silence whatever the floor, in dB of full scale.
const SILENCE_DB: f32 = -60.0;

/// See the module.
#[derive(Debug, Default)]
pub struct Energy;

struct Floor {
    floor_db: f32,
}

impl VadModel for Energy {
    fn name(&self) -> &'static str {
        "energy"
    }

    fn open(&self) -> Box<dyn Vad> {
        Box::new(Floor { floor_db: SILENCE_DB })
    }
}

impl Vad for Floor {
    fn probability(&mut self, frame: &[f32; FRAME]) -> Result<f32, EngineError> {
        let power = frame.iter().map(|s| s * s).sum::<f32>() / FRAME as f32;
        let level_db = (10.0 * power.max(1e-12).log10()).max(SILENCE_DB);
        let over_db = level_db - self.floor_db;
        self.floor_db =
            if over_db < 0.0 { level_db } else { (self.floor_db + RISE_DB).min(level_db) };
        Ok(1.0 / (1.0 + (-(over_db - HALF_WAY_DB) * STEEPNESS).exp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_louder_than_the_floor_is_speech() {
        let mut vad = Energy.open();
        let quiet = [0.002; FRAME];
        let loud = [0.2; FRAME];
        for _ in 0..50 {
            vad.probability(&quiet).unwrap();
        }
        assert!(vad.probability(&quiet).unwrap() < 0.35);
        assert!(vad.probability(&loud).unwrap() > 0.9);
        assert!(vad.probability(&[0.0; FRAME]).unwrap() < 0.1);
    }
}
