//! Recordings: cut into pieces that can be recognised at once, where nobody speaks.

use std::ops::Range;
use std::time::Duration;

use super::cancel::Cancel;
use super::failure::EngineError;
use super::frame::Samples;
use super::stt::{MAX_UTTERANCE_MS, MIN_SPEECH_MS};
use super::vad::{FRAME, VadModel};

/// A frame that is speech with this probability counts as speech.
const SPEECH: f32 = 0.5;
/// Frames on each side of a cut that are to be quiet: a third of a second in all.
const AROUND: usize = 5;

/// A stretch of a recording that can be recognised at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it is, in samples.
    pub range: Range<usize>,
    /// How much of it is speech.
    pub speech: Duration,
}

/// The pieces of `audio` (16 kHz mono) in which somebody speaks, each at most [`MAX_UTTERANCE_MS`] long.
///
/// What is short enough is one piece; the rest is cut in the longest silence, or where it is quietest. Pieces with
/// less than [`MIN_SPEECH_MS`] of speech are left out. Takes up to a hundredth of the time that the sound lasts: not
/// for the async runtime. Looks at `cancel` between frames.
pub fn pieces(
    audio: &[f32],
    vad: &dyn VadModel,
    cancel: &Cancel,
) -> Result<Vec<Piece>, EngineError> {
    let longest = Samples::from_ms(MAX_UTTERANCE_MS).0 as usize;
    let frames = Frames::of(audio, vad, cancel)?;
    let (mut pieces, mut rest) = (Vec::new(), 0);
    while audio.len() - rest > longest {
        let cut = frames.cut((rest + longest / 3) / FRAME..(rest + longest) / FRAME) * FRAME;
        pieces.push(frames.piece(rest..cut));
        rest = cut;
    }
    pieces.push(frames.piece(rest..audio.len()));
    pieces.retain(|piece| piece.speech >= Duration::from_millis(MIN_SPEECH_MS));
    Ok(pieces)
}

/// What is known of each frame.
struct Frames {
    /// The probability that it is speech.
    speech: Vec<f32>,
    power: Vec<f32>,
}

impl Frames {
    fn of(audio: &[f32], vad: &dyn VadModel, cancel: &Cancel) -> Result<Self, EngineError> {
        let mut vad = vad.open();
        let (frames, _) = audio.as_chunks::<FRAME>();
        let power = frames.iter().map(|frame| frame.iter().map(|s| s * s).sum()).collect();
        let mut is_speech = |frame| {
            if cancel.is_cancelled() { Err(EngineError::Cancelled) } else { vad.probability(frame) }
        };
        let speech = frames.iter().map(&mut is_speech).collect::<Result<_, _>>()?;
        Ok(Self { speech, power })
    }

    fn piece(&self, range: Range<usize>) -> Piece {
        let frames = &self.speech[range.start / FRAME..range.end / FRAME];
        let speech = frames.iter().filter(|probability| **probability >= SPEECH).count();
        let speech = Samples((speech * FRAME) as u64).as_ms();
        Piece { range, speech: Duration::from_millis(speech) }
    }

    /// The frame of `within` that is best to cut before.
    fn cut(&self, within: Range<usize>) -> usize {
        let silence = self.longest_silence(within.clone()).unwrap_or_else(|| within.clone());
        let around = |frame: &usize| -> f32 {
            let from = frame.saturating_sub(AROUND);
            self.power[from..(frame + AROUND).min(self.power.len())].iter().sum()
        };
        silence.min_by(|a, b| around(a).total_cmp(&around(b))).unwrap_or(within.end)
    }

    /// The longest run of frames without speech that a cut fits into; of those as long, the last one.
    fn longest_silence(&self, within: Range<usize>) -> Option<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for frame in within.filter(|frame| self.speech[*frame] < SPEECH) {
            match runs.last_mut() {
                Some(run) if run.end == frame => run.end += 1,
                _ => runs.push(frame..frame + 1),
            }
        }
        runs.into_iter().max_by_key(Range::len).filter(|run| run.len() >= AROUND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::frame::MIC_RATE_HZ;
    use crate::pipeline::vad::Energy;

    const SECOND: usize = MIC_RATE_HZ as usize;

    /// Sound and silence in turn, in seconds, beginning with sound.
    fn sound(seconds: &[f32]) -> Vec<f32> {
        let mut audio = Vec::new();
        for (i, length) in seconds.iter().enumerate() {
            let samples = 0..(length * SECOND as f32) as usize;
            let loud = if i % 2 == 0 { 0.5 } else { 0.0 };
            audio.extend(samples.map(|i| (i as f32 * 0.1).sin() * loud));
        }
        audio
    }

    fn seconds(piece: &Piece) -> (f32, f32) {
        let at = |sample: usize| sample as f32 / SECOND as f32;
        (at(piece.range.start), at(piece.range.end))
    }

    #[test]
    fn a_short_recording_is_one_piece_from_its_beginning() {
        let audio = sound(&[0.0, 2.0, 1.0, 3.0]);
        let cut = pieces(&audio, &Energy, &Cancel::default()).unwrap();
        assert_eq!(cut.len(), 1);
        assert_eq!(cut[0].range, 0..audio.len());
        assert!((900..1_100).contains(&cut[0].speech.as_millis()), "{:?}", cut[0].speech);
    }

    #[test]
    fn long_recordings_are_cut_in_the_longest_silence() {
        // Speech for 20 s with one short breath, a second of silence, and more speech.
        let audio = sound(&[10.0, 0.4, 9.6, 1.0, 10.0, 0.5, 9.5]);
        let cut = pieces(&audio, &Energy, &Cancel::default()).unwrap();
        assert_eq!(cut.len(), 2);
        assert_eq!((cut[0].range.start, cut[1].range.end), (0, audio.len()));
        assert_eq!(cut[0].range.end, cut[1].range.start);
        let (_, first) = seconds(&cut[0]);
        assert!((20.0..21.0).contains(&first), "{first}");
    }

    #[test]
    fn sound_without_a_silence_is_cut_where_it_is_quietest() {
        let mut audio = sound(&[40.0]);
        audio[18 * SECOND..18 * SECOND + SECOND / 2].iter_mut().for_each(|s| *s *= 0.8);
        let frames = audio.len() / FRAME;
        let power: Vec<f32> =
            audio.chunks_exact(FRAME).map(|f| f.iter().map(|s| s * s).sum()).collect();
        let all_speech = Frames { speech: vec![1.0; frames], power };
        let cut = all_speech.cut(10 * SECOND / FRAME..28 * SECOND / FRAME) * FRAME;
        assert!((18 * SECOND..19 * SECOND).contains(&cut), "{cut}");
    }

    #[test]
    fn no_piece_is_too_long_and_nothing_is_said_twice() {
        let audio = sound(&[2.0, 0.7].repeat(60));
        let cut = pieces(&audio, &Energy, &Cancel::default()).unwrap();
        assert!(cut.iter().all(|piece| piece.range.len() <= 28 * SECOND));
        assert!(cut.windows(2).all(|pair| pair[0].range.end == pair[1].range.start));
        assert_eq!(cut.iter().map(|piece| piece.range.len()).sum::<usize>(), audio.len());
    }

    #[test]
    fn what_nobody_waits_for_is_given_up() {
        let token = tokio_util::sync::CancellationToken::new();
        token.cancel();
        let given_up = pieces(&sound(&[2.0]), &Energy, &Cancel::new(token));
        assert!(matches!(given_up, Err(EngineError::Cancelled)));
    }

    #[test]
    fn where_nobody_speaks_there_is_no_piece() {
        for audio in [vec![], vec![0.0; 100], vec![0.0; 50 * SECOND], sound(&[0.0, 1.0, 0.1, 1.0])]
        {
            assert_eq!(pieces(&audio, &Energy, &Cancel::default()).unwrap(), [], "{}", audio.len());
        }
        // A minute of silence, then speech.
        let cut = pieces(&sound(&[0.0, 60.0, 2.0]), &Energy, &Cancel::default()).unwrap();
        assert_eq!(cut.len(), 1);
        let (from, to) = seconds(&cut[0]);
        assert!(from > 9.0 && to > 61.9, "{from} to {to}");
    }
}
