//! Mean and variance of each channel of a signal.

use rayon::prelude::*;

/// Values of a piece that one thread measures.
const PIECE: usize = 32 * 1_024;

/// Mean and variance over time, of each channel.
#[derive(Debug, Clone, Default)]
pub struct Moments {
    count: f64,
    mean: Vec<f64>,
    /// The sum of squared distances to the mean.
    squares: Vec<f64>,
}

/// The moments of a signal [time, channels].
pub fn moments(x: &[f32], channels: usize) -> Moments {
    let rows = (PIECE / channels).max(1);
    let pieces: Vec<_> =
        x.par_chunks(rows * channels).map(|piece| Moments::of(piece, channels)).collect();
    let mut all = Moments::none(channels);
    for piece in &pieces {
        all.join(piece);
    }
    all
}

impl Moments {
    /// Of no frame.
    pub(super) fn none(channels: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; channels], squares: vec![0.0; channels] }
    }

    /// Of a few frames, which are in the cache.
    pub(super) fn of(x: &[f32], channels: usize) -> Self {
        let mut sums = vec![0.0; channels];
        let mut squares = vec![0.0; channels];
        pulp::Arch::new().dispatch(|| sum(x, &mut sums, &mut squares));
        let count = (x.len() / channels) as f64;
        let first = &x[..channels];
        let mean: Vec<f64> = sums.iter().map(|sum| f64::from(*sum) / count).collect();
        let around =
            |(squares, mean): (&f32, &f64)| (f64::from(*squares) - count * mean * mean).max(0.0);
        let squares = squares.iter().zip(&mean).map(around).collect();
        let mean = mean.iter().zip(first).map(|(mean, first)| mean + f64::from(*first)).collect();
        Self { count, mean, squares }
    }

    /// Takes more frames in.
    pub(super) fn join(&mut self, more: &Self) {
        let count = self.count + more.count;
        if more.mean.is_empty() || more.count == 0.0 {
            return;
        }
        let both = self.mean.iter_mut().zip(&mut self.squares);
        for ((mean, squares), (other_mean, other)) in both.zip(more.mean.iter().zip(&more.squares))
        {
            let distance = other_mean - *mean;
            *mean += distance * more.count / count;
            *squares += other + distance * distance * self.count * more.count / count;
        }
        self.count = count;
    }

    /// The mean of each channel.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The variance of each channel, as a part of all frames.
    pub fn variance(&self) -> impl Iterator<Item = f64> {
        self.squares.iter().map(|squares| squares / self.count.max(1.0))
    }
}

/// Sums, and sums of squares, of distances to the first frame: close enough to the mean that little is lost.
#[expect(clippy::inline_always, reason = "compiled anew for each instruction set of its callers")]
#[inline(always)]
fn sum(x: &[f32], sums: &mut [f32], squares: &mut [f32]) {
    let channels = sums.len();
    let (first, rest) = x.split_at(channels);
    for row in rest.chunks_exact(channels) {
        let pairs = row.iter().zip(first).zip(sums.iter_mut().zip(squares.iter_mut()));
        for ((x, first), (sum, squares)) in pairs {
            let distance = x - first;
            *sum += distance;
            *squares += distance * distance;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_mean_and_the_variance() {
        let channels = 7;
        let x: Vec<f32> =
            (0..channels * 20_000).map(|i| 100.0 + ((i * i) % 1_013) as f32 / 500.0).collect();
        let ours = moments(&x, channels);
        for (channel, variance) in ours.variance().enumerate() {
            let of = x.iter().skip(channel).step_by(channels).map(|x| f64::from(*x));
            let mean = of.clone().sum::<f64>() / 20_000.0;
            let theirs = of.map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((ours.mean()[channel] - mean).abs() < 1e-5);
            assert!((variance - theirs).abs() < 1e-5 * theirs);
        }
    }
}
