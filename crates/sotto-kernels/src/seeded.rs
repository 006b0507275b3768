//! Weights from a formula, for tests that cannot have the published ones: `tests/reference/whisper_shapes.py` describes it.

use rayon::prelude::*;

/// u of the formula: `count` values from -1 to 1 for what is called `name`.
pub fn uniform(name: &str, count: usize) -> Vec<f32> {
    let key = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |key, byte| {
        (key ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let value = |i: usize| {
        let z = key.wrapping_add((i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    };
    (0..count).into_par_iter().with_min_len(1 << 16).map(value).collect()
}

/// `shift + scale · u`.
pub fn scaled(name: &str, count: usize, scale: f32, shift: f32) -> Vec<f32> {
    let mut values = uniform(name, count);
    values.par_iter_mut().for_each(|value| *value = shift + *value * scale);
    values
}
