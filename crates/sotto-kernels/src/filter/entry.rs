//! What happens to a signal's values on their way into a filter.

use crate::elementwise::gelu;

/// A function of each value.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    /// Nothing.
    Plain,
    /// Values below zero are multiplied by this.
    Leaky(f32),
    /// `scale · x + shift` of each channel, and then values below zero are multiplied by `slope`.
    Scaled {
        /// For each channel.
        scale: &'a [f32],
        /// For each channel.
        shift: &'a [f32],
        /// 1 leaves all values as they are.
        slope: f32,
    },
    /// `z + sin²(alpha · z) / alpha` of `z = scale · x + shift`, each by channel.
    Snake {
        /// For each channel.
        scale: &'a [f32],
        /// For each channel.
        shift: &'a [f32],
        /// For each channel.
        alpha: &'a [f32],
    },
    /// The exact GELU.
    Gelu,
    /// The exact GELU of `scale · x + shift` of each channel.
    ScaledGelu {
        /// For each channel.
        scale: &'a [f32],
        /// For each channel.
        shift: &'a [f32],
    },
}

impl Entry<'_> {
    /// Writes the function of x [frames, channels] to `y`.
    pub(super) fn apply(&self, x: &[f32], y: &mut [f32], channels: usize) {
        match *self {
            Entry::Plain => y.copy_from_slice(x),
            Entry::Leaky(slope) => pulp::Arch::new().dispatch(|| {
                for (y, x) in y.iter_mut().zip(x) {
                    *y = leaky(*x, slope);
                }
            }),
            Entry::Scaled { scale, shift, slope } => pulp::Arch::new().dispatch(|| {
                for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                    for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                        *y = leaky(x * scale + shift, slope);
                    }
                }
            }),
            Entry::Snake { scale, shift, alpha } => {
                let inverse: Vec<f32> = alpha.iter().map(|alpha| 1.0 / alpha).collect();
                pulp::Arch::new().dispatch(|| {
                    for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                        let by_channel = scale.iter().zip(shift).zip(alpha.iter().zip(&inverse));
                        for ((y, x), ((scale, shift), (alpha, inverse))) in
                            y.iter_mut().zip(x).zip(by_channel)
                        {
                            let z = x * scale + shift;
                            *y = z + squared_sine(alpha * z) * inverse;
                        }
                    }
                });
            }
            Entry::Gelu => pulp::Arch::new().dispatch(|| {
                for (y, x) in y.iter_mut().zip(x) {
                    *y = gelu(*x);
                }
            }),
            Entry::ScaledGelu { scale, shift } => pulp::Arch::new().dispatch(|| {
                for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                    for (((y, x), scale), shift) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                        *y = gelu(x * scale + shift);
                    }
                }
            }),
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn leaky(x: f32, slope: f32) -> f32 {
    if x < 0.0 { x * slope } else { x }
}

/// sin² x, which repeats after π: the sine's series on ±π/2. Good to 1e-6 while |x| is below 10,000.
#[inline(always)]
fn squared_sine(x: f32) -> f32 {
    /// Adding and taking away this rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    // π in three parts: the product of a small whole number with each of the first two is exact.
    const PI: [f32; 3] = [3.140_625, 9.670_257_6e-4, 6.277_114e-7];
    let n = (x * std::f32::consts::FRAC_1_PI + ROUND) - ROUND;
    let r = ((x - n * PI[0]) - n * PI[1]) - n * PI[2];
    let square = r * r;
    let mut series = -2.505_210_8e-8;
    for coefficient in [2.755_731_9e-6, -1.984_127e-4, 8.333_334e-3, -1.666_666_7e-1, 1.0] {
        series = series * square + coefficient;
    }
    let sine = r * series;
    sine * sine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_squared_sine_is_the_reference() {
        for i in -400_000..400_000 {
            let x = i as f32 * 0.001_7;
            let theirs = f64::from(x).sin().powi(2);
            let ours = f64::from(squared_sine(x));
            assert!((ours - theirs).abs() < 1e-6, "{x}: {ours} {theirs}");
        }
    }

    #[test]
    fn each_function_is_by_channel() {
        let (scale, shift, alpha) = ([2.0, 3.0], [0.5, -0.5], [1.0, 0.25]);
        let x = [1.0, -1.0, -2.0, 2.0];
        let mut y = [0.0; 4];
        Entry::Scaled { scale: &scale, shift: &shift, slope: 0.5 }.apply(&x, &mut y, 2);
        assert_eq!(y.map(f32::to_bits), [2.5_f32, -1.75, -1.75, 5.5].map(f32::to_bits));
        Entry::Snake { scale: &scale, shift: &shift, alpha: &alpha }.apply(&x, &mut y, 2);
        let snake = |z: f32, alpha: f32| z + (alpha * z).sin().powi(2) / alpha;
        let theirs = [snake(2.5, 1.0), snake(-3.5, 0.25), snake(-3.5, 1.0), snake(5.5, 0.25)];
        assert!(y.iter().zip(theirs).all(|(y, theirs)| (y - theirs).abs() < 1e-6));
        Entry::ScaledGelu { scale: &scale, shift: &shift }.apply(&x, &mut y, 2);
        let theirs = [2.484_475_8, -8.142_019e-4, -8.142_019e-4, 5.5];
        assert!(y.iter().zip(theirs).all(|(y, theirs)| (y - theirs).abs() < 1e-5), "{y:?}");
        Entry::Gelu.apply(&x, &mut y, 2);
        let theirs = [0.841_344_7, -0.158_655_3, -0.045_500_26, 1.954_499_7];
        assert!(y.iter().zip(theirs).all(|(y, theirs)| (y - theirs).abs() < 1e-6), "{y:?}");
    }
}
