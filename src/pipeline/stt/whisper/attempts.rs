//! In which ways an utterance is tried until a text can be believed.

use std::collections::VecDeque;

use super::super::{Options, Urgency};
use super::HOP;

/// Encoder frames in a second: two frames of 10 ms are one.
const FRAMES_PER_SECOND: usize = 50;
/// A trimmed context ends this long after the sound: Whisper finds the end of a text by the silence after it, and
/// starts to repeat itself when there is none.
const TRIM_MARGIN_FRAMES: usize = 3 * FRAMES_PER_SECOND / 2;
/// A trimmed context is never shorter; below it even short clips are misheard.
const TRIM_FLOOR_FRAMES: usize = 384;
/// Contexts are rounded up to this, so that few different shapes occur.
const TRIM_STEP_FRAMES: usize = 32;
/// Temperatures after 0 for somebody who waits, and for a recording (those of openai/whisper).
const FINAL_TEMPERATURES: [f32; 2] = [0.4, 0.8];
const RECORDING_TEMPERATURES: [f32; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];

/// One way to try it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Attempt {
    /// Encoder frames that are computed.
    pub context: usize,
    /// 0: the most probable text.
    pub temperature: f32,
}

/// The attempts for so many samples, the next one after each that is doubtful. `full` is the whole window.
pub(super) fn attempts(
    options: &Options,
    samples: usize,
    full: usize,
    trims: bool,
) -> VecDeque<Attempt> {
    let context = if trims { trimmed(samples).min(full) } else { full };
    if let Some(temperature) = options.temperature.filter(|t| *t > 0.0) {
        return VecDeque::from([Attempt { context: full, temperature }]);
    }
    let mut attempts = VecDeque::from([Attempt { context, temperature: 0.0 }]);
    // Captions are made again soon.
    if options.urgency == Urgency::Interim {
        return attempts;
    }
    if context < full {
        attempts.push_back(Attempt { context: full, temperature: 0.0 });
    }
    let temperatures: &[f32] = match options.urgency {
        // Somebody has asked for 0.
        _ if options.temperature.is_some() => &[],
        Urgency::Recording => &RECORDING_TEMPERATURES,
        Urgency::Final | Urgency::Interim => &FINAL_TEMPERATURES,
    };
    attempts.extend(temperatures.iter().map(|t| Attempt { context: full, temperature: *t }));
    attempts
}

/// Encoder frames for so many samples of sound, the margin included.
fn trimmed(samples: usize) -> usize {
    let sound = samples.div_ceil(2 * HOP);
    (sound + TRIM_MARGIN_FRAMES).max(TRIM_FLOOR_FRAMES).next_multiple_of(TRIM_STEP_FRAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: usize = 16_000;

    #[test]
    fn a_trimmed_context_has_a_margin_and_a_floor() {
        assert_eq!(trimmed(0), TRIM_FLOOR_FRAMES);
        assert_eq!(trimmed(5 * SECOND), 384);
        assert_eq!(trimmed(10 * SECOND), 576);
        for s in 1..28 {
            assert!(trimmed(s * SECOND) >= s * FRAMES_PER_SECOND + TRIM_MARGIN_FRAMES);
        }
    }

    #[test]
    fn what_is_doubtful_is_tried_in_full_and_then_with_chance() {
        let contexts = |urgency, trims| -> Vec<(usize, f32)> {
            let options = Options { urgency, ..Options::default() };
            let attempts = attempts(&options, SECOND, 1_500, trims);
            attempts.into_iter().map(|a| (a.context, a.temperature)).collect()
        };
        let expected = [(384, 0.0), (1_500, 0.0), (1_500, 0.4), (1_500, 0.8)];
        assert_eq!(contexts(Urgency::Final, true), expected);
        assert_eq!(contexts(Urgency::Final, false), expected[1..]);
        assert_eq!(contexts(Urgency::Interim, true), expected[..1]);
        assert_eq!(contexts(Urgency::Recording, false).len(), 6);
    }

    #[test]
    fn a_temperature_that_is_asked_for_is_the_only_one() {
        let options = |t| Options { temperature: Some(t), ..Options::default() };
        assert_eq!(attempts(&options(0.5), SECOND, 1_500, true).len(), 1);
        assert_eq!(attempts(&options(0.0), SECOND, 1_500, true).len(), 2);
    }
}
