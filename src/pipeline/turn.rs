//! End of turn: has the person finished, or only paused?

pub mod backchannel;
pub mod endpointing;
pub mod patience;
mod smart_turn;
mod smart_turn_v2;
mod unfinished;

use super::failure::EngineError;

pub use smart_turn::SmartTurn;
pub use smart_turn_v2::SmartTurnV2;

/// How much of the end of a turn a detector looks at, in samples: 8 s.
pub const WINDOW: usize = 8 * super::frame::MIC_RATE_HZ as usize;

/// Tells from the voice whether a sentence was finished. Owned by the thread that runs it.
pub trait TurnDetector: Send {
    /// The probability, 0 to 1, that the turn is complete. `audio` is the turn up to now at 16 kHz, silence
    /// at its end included; at most the last [`WINDOW`] samples matter.
    fn predict(&mut self, audio: &[f32]) -> Result<f32, EngineError>;

    /// How many turns it gains from hearing together.
    fn together(&self) -> usize {
        1
    }

    /// [`Self::predict`] of several turns, in their order; `None` soon after `stop` says yes. One that cannot be predicted
    /// spoils the others.
    fn predict_batch(
        &mut self,
        turns: &[&[f32]],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>, EngineError> {
        let mut answers = Vec::with_capacity(turns.len());
        for audio in turns {
            if stop() {
                return Ok(None);
            }
            answers.push(self.predict(audio)?);
        }
        Ok(Some(answers))
    }
}
