//! Something that may become speech over a reply: a breath, the first consonant of a word. Voice activity is sure of a
//! sentence that begins softly only after a quarter of a second; until then the reply is quieter already. If nothing
//! comes of it, nobody hears more than that.

use crate::pipeline::frame::Samples;

/// After so much silence nothing came of it.
const ALONE: Samples = Samples::from_ms(250);
/// What stirs for longer and is no speech is a noise, which a reply need not respect.
const LONGEST: Samples = Samples::from_ms(1_000);

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Make the reply quiet.
    Duck,
    /// Make it as loud as before.
    Calm,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Stir {
    current: Option<Current>,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    since: Samples,
    last: Samples,
    ducked: bool,
}

impl Stir {
    /// Another frame, which ends at `at`.
    pub(super) fn frame(&mut self, stirs: bool, at: Samples) -> Option<Change> {
        let Some(current) = &mut self.current else {
            self.current = stirs.then_some(Current { since: at, last: at, ducked: true });
            return stirs.then_some(Change::Duck);
        };
        if stirs {
            current.last = at;
        }
        let over = at.saturating_sub(current.last) >= ALONE;
        let calms = current.ducked && (over || at.saturating_sub(current.since) >= LONGEST);
        current.ducked &= !calms;
        if over {
            self.current = None;
        }
        calms.then_some(Change::Calm)
    }

    /// It is speech, or there is no reply any more. Whether the reply was quiet.
    pub(super) fn take(&mut self) -> bool {
        self.current.take().is_some_and(|current| current.ducked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What changes, and after how many frames of 32 ms.
    fn run(stirs: &[bool]) -> Vec<(usize, Change)> {
        let mut stir = Stir::default();
        let frames = stirs.iter().enumerate();
        frames
            .filter_map(|(i, stirs)| {
                Some((i, stir.frame(*stirs, Samples::from_ms(32 * i as u64 + 32))?))
            })
            .collect()
    }

    #[test]
    fn a_breath_makes_it_quiet_for_a_moment() {
        let mut frames = [false; 20];
        (frames[2], frames[4]) = (true, true);
        assert_eq!(run(&frames), [(2, Change::Duck), (12, Change::Calm)]);
    }

    #[test]
    fn a_noise_that_goes_on_is_not_respected_until_it_was_over_once() {
        let mut frames = vec![true; 60];
        assert_eq!(run(&frames), [(0, Change::Duck), (32, Change::Calm)]);
        frames.extend([false; 8]);
        frames.push(true);
        assert_eq!(run(&frames)[2], (68, Change::Duck));
    }

    #[test]
    fn what_becomes_speech_was_quiet_already() {
        let mut stir = Stir::default();
        assert!(!stir.take());
        stir.frame(true, Samples::from_ms(32));
        assert!(stir.take() && !stir.take());
    }
}
