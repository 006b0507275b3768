//! What the stages need on this machine, measured when they are loaded. How many calls that carries is worked out from it
//! (`call/admission/estimate`).

use std::time::{Duration, Instant};

use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::MIC_RATE_HZ;
use crate::pipeline::vad::{FRAME, VadModel};

/// How long people usually speak until they are answered: that much sound is what recognition and end of turn are
/// measured with.
pub const UTTERANCE: Duration = Duration::from_secs(4);

/// What one piece of work takes: a frame of 32 ms (voice activity), the sound of [`UTTERANCE`] (end of turn,
/// recognition), a second of speech (speech).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// How long it takes.
    pub took: Duration,
    /// Pieces that are worked on side by side meanwhile.
    pub side_by_side: usize,
    /// Cores that are busy meanwhile; none if it is done on a GPU.
    pub cores: usize,
}

/// As much of `sound`, again and again, as somebody usually says.
pub(super) fn utterance(sound: &[f32]) -> Vec<f32> {
    let samples = UTTERANCE.as_secs() as usize * MIC_RATE_HZ as usize;
    sound.iter().copied().cycle().take(samples).collect()
}

/// How long it takes. The first run of an engine, which fills caches, is not to be measured.
pub(super) fn time<T>(
    work: impl FnOnce() -> Result<T, EngineError>,
) -> Result<Duration, EngineError> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

/// What voice activity takes for a frame of `sound`, on the mean.
pub(super) fn of_frames(model: &dyn VadModel, sound: &[f32]) -> Result<Cost, EngineError> {
    let (frames, _) = sound.as_chunks::<FRAME>();
    let mut vad = model.open();
    let mut hear = || frames.iter().try_for_each(|frame| vad.probability(frame).map(drop));
    hear()?;
    let took = time(hear)?;
    Ok(Cost { took: took / (frames.len().max(1) as u32), side_by_side: 1, cores: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::vad::Energy;

    #[test]
    fn an_utterance_is_made_of_what_there_is() {
        let made = utterance(&[1.0, 2.0, 3.0]);
        assert_eq!(made.len(), 64_000);
        assert_eq!(made[..4], [1.0, 2.0, 3.0, 1.0]);
        assert!(utterance(&[]).is_empty());
    }

    #[test]
    fn a_frame_takes_a_part_of_the_whole() {
        let second = vec![0.1; MIC_RATE_HZ as usize];
        let cost = of_frames(&Energy, &second).unwrap();
        assert!(cost.took < Duration::from_millis(32), "{cost:?}");
        assert_eq!((cost.side_by_side, cost.cores), (1, 1));
    }
}
