//! Rooms and loudspeakers.

use super::Random;

/// A direct path, then noise that dies away by 60 dB in `rt60_s`. Energy 1.
pub fn room(random: &mut Random, rt60_s: f32) -> Vec<f32> {
    let length = (rt60_s * 16_000.0) as usize;
    let direct_to_rest_db = random.between(-3.0, 9.0);
    let gap = 16 + random.below(64);
    let mut taps: Vec<f32> = (0..length)
        .map(|i| {
            let fade = (-6.9 * i as f32 / length as f32).exp();
            if i < gap { 0.0 } else { random.normal() * fade }
        })
        .collect();
    let rest: f32 = taps.iter().map(|t| t * t).sum();
    taps[0] = (rest * 10_f32.powf(direct_to_rest_db / 10.0)).sqrt();
    // A small loudspeaker has no bass, and loses some treble.
    let mut taps = high_pass(&taps, 200.0);
    let mut before = 0.0;
    for tap in &mut taps {
        before += (*tap - before) * 0.7;
        *tap = before;
    }
    let energy = taps.iter().map(|t| t * t).sum::<f32>().sqrt();
    taps.iter().map(|t| t / energy).collect()
}

fn high_pass(samples: &[f32], hz: f32) -> Vec<f32> {
    let keep = (-std::f32::consts::TAU * hz / 16_000.0).exp();
    let (mut x, mut y) = (0.0, 0.0);
    samples
        .iter()
        .map(|s| {
            y = keep * (y + s - x);
            x = *s;
            y
        })
        .collect()
}

/// `samples` through `taps`, as long as `samples`.
pub fn through(samples: &[f32], taps: &[f32]) -> Vec<f32> {
    let size = (samples.len() + taps.len()).next_power_of_two();
    let mut planner = realfft::RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |of: &[f32]| {
        let mut time = of.to_vec();
        time.resize(size, 0.0);
        let mut out = forward.make_output_vec();
        forward.process(&mut time, &mut out).unwrap();
        out
    };
    let mut product = spectrum(samples);
    for (a, b) in product.iter_mut().zip(spectrum(taps)) {
        *a *= b;
    }
    let mut time = inverse.make_output_vec();
    inverse.process(&mut product, &mut time).unwrap();
    time[..samples.len()].iter().map(|s| s / size as f32).collect()
}

/// A loudspeaker that is driven a little too hard: soft, or clipped.
pub fn driven(samples: &[f32], hard: bool) -> Vec<f32> {
    let peak = samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
    let limit = 0.7 * peak;
    samples
        .iter()
        .map(|s| if hard { s.clamp(-limit, limit) } else { limit * (s / limit).tanh() })
        .collect()
}
