//! How calls are as a rule: as a server has them that was not configured.

use crate::pipeline::conversation::{Interruptible, Settings};
use crate::pipeline::frame::Samples;
use crate::pipeline::text::Text;
use crate::pipeline::turn::endpointing::Policy;
use crate::pipeline::vad::GateSettings;

/// What ends a turn.
pub const POLICY: Policy = Policy::Model {
    threshold: 0.5,
    grace: Samples::from_ms(220),
    max_silence: Samples::from_ms(2_500),
};

/// When speech begins and when it pauses.
pub const GATE: GateSettings = GateSettings {
    threshold: 0.5,
    exit_threshold: 0.35,
    start: Samples::from_ms(64),
    pause: Samples::from_ms(96),
};

/// A conversation in which nothing is begun early.
pub fn settings() -> Settings {
    Settings {
        instructions: Text::default(),
        endpointing: POLICY,
        interruption: Interruptible::Always,
        resumable: true,
        answers: true,
        silent: false,
        pre_roll: Samples::from_ms(320),
        min_speech: Samples::from_ms(160),
        interim: Samples::from_ms(400),
        thresholds: Vec::new(),
        eager_per_minute: 0,
        idle: None,
        filler: None,
        context_tokens: 4_000,
        max_tokens: None,
    }
}
