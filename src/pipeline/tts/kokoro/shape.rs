//! From the model's sound to a piece that joins others: without the silence around it but for a pause, without clicks,
//! and as loud as the others.

use sotto_kokoro::FRAME;

use crate::pipeline::frame::SPEECH_RATE_HZ;

const MS: usize = SPEECH_RATE_HZ as usize / 1_000;
/// Quieter than this is silence: 54 dB below full scale.
const QUIET: f32 = 0.002;
/// Of the silence before the first phoneme so much stays.
const BEFORE: usize = 20 * MS;
/// Both ends rise and fall over this.
const FADE: usize = 5 * MS;
/// How loud speech is: the level of the frames that are speech, 20 dB below full scale.
const LEVEL: f32 = 0.1;
/// A piece is made no more than twice as loud or half as loud: a whisper stays one.
const GAIN: std::ops::RangeInclusive<f32> = 0.5..=2.0;
/// No sample is louder.
const PEAK: f32 = 0.95;

/// The silence around a piece.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Silence {
    /// Samples before the first phoneme, as planned.
    before: usize,
    /// Samples from the last phoneme that is a sound on, as planned.
    after: usize,
    /// Samples that stay after the last sound.
    pause: usize,
}

impl Silence {
    /// By the durations of the plan and the mark at the end.
    pub(super) fn of(durations: &[u32], mark: Option<char>, speed: f32) -> Self {
        let samples = |frames: u32| frames as usize * FRAME;
        // The mark itself is silence, too.
        let last = if mark.is_some() { 2 } else { 1 };
        let after = durations.iter().rev().take(last).copied().sum();
        let pause_ms = match mark {
            Some('.' | '!' | '?' | '…') => 280.0,
            Some(_) => 120.0,
            None => 60.0,
        };
        Self {
            before: samples(durations.first().copied().unwrap_or_default()),
            after: samples(after),
            pause: (pause_ms / speed) as usize * MS,
        }
    }
}

/// The piece, and how many samples of its beginning were cut off.
pub(super) fn shape(mut samples: Vec<f32>, silence: &Silence) -> (Vec<f32>, usize) {
    let all = samples.len();
    let loud = |sample: &f32| sample.abs() > QUIET;
    // Only what was planned as silence is looked at: a word that begins softly is not cut.
    let head = silence.before.min(all);
    let first = samples[..head].iter().position(loud).unwrap_or(head);
    let cut = first.saturating_sub(BEFORE);
    let tail = all.saturating_sub(silence.after).max(head);
    let last = samples[tail..].iter().rposition(loud).map_or(tail, |at| tail + at + 1);
    samples.resize(all.min(last + silence.pause).max(last), 0.0);
    // A plan may have less silence than the pause.
    samples.resize(last + silence.pause, 0.0);
    samples.drain(..cut);
    level(&mut samples);
    fade(&mut samples);
    (samples, cut)
}

/// Makes the speech as loud as [`LEVEL`], within [`GAIN`].
fn level(samples: &mut [f32]) {
    let power = |frame: &[f32]| frame.iter().map(|s| s * s).sum::<f32>() / frame.len() as f32;
    let powers: Vec<f32> = samples.chunks(FRAME).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    // Frames within 20 dB of the loudest one are speech.
    let (count, sum) = powers
        .iter()
        .filter(|power| **power > loudest / 100.0)
        .fold((0, 0.0), |(count, sum), power| (count + 1, sum + power));
    if count == 0 {
        return;
    }
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let gain = (LEVEL / (sum / count as f32).sqrt()).clamp(*GAIN.start(), *GAIN.end());
    let gain = gain.min(PEAK / peak.max(1e-6));
    for sample in samples {
        *sample *= gain;
    }
}

/// Raised cosines at both ends.
fn fade(samples: &mut [f32]) {
    let length = FADE.min(samples.len() / 2);
    let weight = |at: usize| 0.5 - 0.5 * (std::f32::consts::PI * at as f32 / length as f32).cos();
    for at in 0..length {
        samples[at] *= weight(at);
        let end = samples.len() - 1 - at;
        samples[end] *= weight(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Silence, a tone and silence, in frames.
    fn sound(before: usize, tone: usize, after: usize, loudness: f32) -> Vec<f32> {
        let tone = (0..tone * FRAME).map(|at| (at as f32 * 0.2).sin() * loudness);
        let silence = |frames: usize| std::iter::repeat_n(0.0001, frames * FRAME);
        silence(before).chain(tone).chain(silence(after)).collect()
    }

    fn shaped(before: usize, tone: usize, after: usize, mark: Option<char>) -> (Vec<f32>, usize) {
        let (before_frames, tone_frames, half) = (before as u32, tone as u32, after as u32 / 2);
        // A mark is a phoneme, and silent.
        let durations = match mark {
            Some(_) => vec![before_frames, tone_frames, half, half],
            None => vec![before_frames, tone_frames, 2 * half],
        };
        let silence = Silence::of(&durations, mark, 1.0);
        shape(sound(before, tone, after, 0.2), &silence)
    }

    #[test]
    fn the_silence_around_becomes_a_pause() {
        for (mark, pause) in [(Some('.'), 280), (Some(','), 120), (None, 60)] {
            let (samples, cut) = shaped(20, 40, 40, mark);
            assert_eq!(cut, 20 * FRAME - BEFORE);
            let expected = BEFORE + 40 * FRAME + pause * MS;
            assert!(samples.len().abs_diff(expected) < 2 * MS, "{mark:?}: {}", samples.len());
        }
        // Where there was little, there is as much in the end.
        let (samples, _) = shaped(0, 40, 2, Some('.'));
        assert!(samples.len().abs_diff(40 * FRAME + 280 * MS) < 2 * MS);
    }

    #[test]
    fn sound_that_reaches_into_planned_silence_stays() {
        let durations = [10, 40, 4, 4];
        let silence = Silence::of(&durations, Some('.'), 1.0);
        let (samples, cut) = shape(sound(2, 54, 2, 0.2), &silence);
        assert!(cut.abs_diff(2 * FRAME - BEFORE) <= 1, "{cut}");
        assert!(samples.len() >= BEFORE + 54 * FRAME);
    }

    #[test]
    fn pieces_are_equally_loud_and_nothing_clips() {
        let level_of = |loudness: f32| {
            let silence = Silence::of(&[0, 40, 0], None, 1.0);
            let (samples, _) = shape(sound(0, 40, 0, loudness), &silence);
            assert!(samples.iter().all(|sample| sample.abs() <= PEAK));
            let middle = &samples[FRAME * 10..FRAME * 30];
            (middle.iter().map(|s| s * s).sum::<f32>() / middle.len() as f32).sqrt()
        };
        assert!((level_of(0.1) - LEVEL).abs() < 0.01 && (level_of(0.25) - LEVEL).abs() < 0.01);
        assert!(level_of(0.01) < LEVEL / 5.0, "a whisper stays one");
        assert!(level_of(1.0) > LEVEL);
    }

    #[test]
    fn ends_do_not_click() {
        let (samples, _) = shaped(0, 40, 0, None);
        assert!(samples[0].abs() < 1e-6 && samples[samples.len() - 1].abs() < 1e-6);
        let step = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(step < 0.1, "{step}");
    }

    #[test]
    fn nothing_stays_nothing() {
        let silence = Silence::of(&[], None, 1.0);
        assert!(shape(Vec::new(), &silence).0.iter().all(|sample| *sample == 0.0));
    }
}
