//! Voice activity: which frames are speech, and where speech begins and pauses.
//!
//! An engine gives every frame of 32 ms a probability; [`SpeechGate`] turns probabilities into begin and
//! pause, with hysteresis, so that one loud click or one soft syllable changes nothing.

mod energy;
mod silero;

use super::failure::EngineError;
use super::frame::Samples;

pub use energy::Energy;
pub use silero::Silero;

/// Samples of a frame: 32 ms, the only length that Silero takes at 16 kHz.
pub const FRAME: usize = 512;

/// A voice activity model, shared by all calls.
pub trait VadModel: Send + Sync {
    /// What people see of it.
    fn name(&self) -> &str;
    /// The state of one call.
    fn open(&self) -> Box<dyn Vad>;
}

/// Voice activity of one call. Frames come in order.
pub trait Vad: Send {
    /// The probability, 0 to 1, that this frame is speech. Takes less than 0.5 ms, so it may run on the
    /// async runtime.
    fn probability(&mut self, frame: &[f32; FRAME]) -> Result<f32, EngineError>;
}

/// When speech begins and when it pauses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateSettings {
    /// Speech begins at this probability …
    pub threshold: f32,
    /// … and pauses below this one.
    pub exit_threshold: f32,
    /// Speech this long is a beginning.
    pub start: Samples,
    /// Silence this long is a pause.
    pub pause: Samples,
}

/// What a frame changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Somebody speaks, since `at`.
    Started {
        /// Where the first frame of speech begins.
        at: Samples,
    },
    /// Nobody speaks, since `at`.
    Paused {
        /// Where the last frame of speech ends.
        at: Samples,
    },
}

/// Hysteresis over the probabilities of one call.
#[derive(Debug)]
pub struct SpeechGate {
    settings: GateSettings,
    speaking: bool,
    /// Where the run of frames that speak against the present state began.
    doubt_since: Option<Samples>,
    position: Samples,
}

impl SpeechGate {
    /// A gate that is closed.
    pub fn new(settings: GateSettings) -> Self {
        Self { settings, speaking: false, doubt_since: None, position: Samples(0) }
    }

    /// Changes the thresholds from the next frame on.
    pub fn configure(&mut self, settings: GateSettings) {
        self.settings = settings;
    }

    /// Whether speech is going on.
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// Whether the last frame was speech within speech.
    pub fn is_voiced(&self) -> bool {
        self.speaking && self.doubt_since.is_none()
    }

    /// The end of the last frame.
    pub fn position(&self) -> Samples {
        self.position
    }

    /// Takes the probability of the next frame.
    pub fn push(&mut self, probability: f32) -> Option<Change> {
        let start = self.position;
        self.position = start + Samples(FRAME as u64);
        let against = if self.speaking {
            probability < self.settings.exit_threshold
        } else {
            probability >= self.settings.threshold
        };
        if !against {
            self.doubt_since = None;
            return None;
        }
        let since = *self.doubt_since.get_or_insert(start);
        let needed = if self.speaking { self.settings.pause } else { self.settings.start };
        if self.position - since < needed {
            return None;
        }
        self.doubt_since = None;
        self.speaking = !self.speaking;
        Some(if self.speaking {
            Change::Started { at: since }
        } else {
            Change::Paused { at: since }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(n: u64) -> Samples {
        Samples(n * FRAME as u64)
    }

    fn gate() -> SpeechGate {
        SpeechGate::new(GateSettings {
            threshold: 0.5,
            exit_threshold: 0.35,
            start: Samples::from_ms(64),
            pause: Samples::from_ms(96),
        })
    }

    fn run(gate: &mut SpeechGate, probabilities: &[f32]) -> Vec<Change> {
        probabilities.iter().filter_map(|p| gate.push(*p)).collect()
    }

    #[test]
    fn speech_begins_where_its_first_frame_began() {
        assert_eq!(
            run(&mut gate(), &[0.1, 0.1, 0.9, 0.9, 0.9]),
            [Change::Started { at: frames(2) }]
        );
    }

    #[test]
    fn a_click_is_no_speech() {
        assert_eq!(run(&mut gate(), &[0.1, 0.9, 0.1, 0.9, 0.2, 0.9, 0.1]), []);
    }

    #[test]
    fn a_soft_syllable_is_no_pause() {
        let mut gate = gate();
        let changes = run(&mut gate, &[0.9, 0.9, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.6, 0.2, 0.2]);
        assert_eq!(changes, [Change::Started { at: frames(0) }]);
        assert!(gate.is_speaking());
    }

    #[test]
    fn a_pause_begins_where_the_last_speech_ended() {
        assert_eq!(
            run(&mut gate(), &[0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1]),
            [Change::Started { at: frames(0) }, Change::Paused { at: frames(3) }]
        );
    }

    #[test]
    fn zero_lengths_react_to_single_frames() {
        let mut gate = gate();
        gate.configure(GateSettings {
            start: Samples(0),
            pause: Samples(0),
            threshold: 0.5,
            exit_threshold: 0.5,
        });
        assert_eq!(
            run(&mut gate, &[0.9, 0.1]),
            [Change::Started { at: frames(0) }, Change::Paused { at: frames(1) }]
        );
    }
}
