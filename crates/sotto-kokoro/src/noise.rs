//! Noise that is the same whenever the seed is.

use rayon::prelude::*;

/// Values that one thread makes at a time.
const PIECE: usize = 4_096;

/// `count` values of the normal distribution.
///
/// The values 2i and 2i + 1 come from the numbers 2i and 2i + 1 of splitmix64 that starts at `seed`, by the method of
/// Box and Muller: with a of (0, 1] and b of [0, 1) in steps of 2⁻²⁴, `√(−2 ln a)` times the cosine and the sine of
/// 2πb. Each pair stands for itself, so that threads need not wait for each other.
pub(crate) fn gaussian(seed: u64, count: usize) -> Vec<f32> {
    let mut values = vec![0.0; count];
    values.par_chunks_mut(PIECE).enumerate().for_each(|(piece, values)| {
        for (i, pair) in values.chunks_mut(2).enumerate() {
            let number = (piece * PIECE + 2 * i) as u64;
            let unit = 1.0 / (1_u32 << 24) as f32;
            let a = ((splitmix(seed, number) >> 40) + 1) as f32 * unit;
            let b = (splitmix(seed, number + 1) >> 40) as f32 * unit;
            let (sine, cosine) = (std::f32::consts::TAU * b).sin_cos();
            let radius = (-2.0 * a.ln()).sqrt();
            for (value, of_angle) in pair.iter_mut().zip([cosine, sine]) {
                *value = radius * of_angle;
            }
        }
    });
    values
}

/// The number `index` of splitmix64 that starts at `seed`.
fn splitmix(seed: u64, index: u64) -> u64 {
    let z = seed.wrapping_add((index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_is_the_published_one() {
        let published = [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F];
        assert_eq!([0, 1, 2].map(|index| splitmix(0, index)), published);
    }

    #[test]
    fn it_is_normal_and_repeats_itself() {
        let values = gaussian(7, 100_001);
        let moment = |power: i32| {
            values.iter().map(|value| f64::from(*value).powi(power)).sum::<f64>()
                / values.len() as f64
        };
        assert!(moment(1).abs() < 0.01 && (moment(2) - 1.0).abs() < 0.02);
        assert!(moment(3).abs() < 0.05 && (moment(4) - 3.0).abs() < 0.15);
        assert_eq!(values[..999], gaussian(7, 999));
        assert_ne!(values[..9], gaussian(8, 9));
    }
}
