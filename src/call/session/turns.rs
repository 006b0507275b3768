//! How turns end, as a client sets it, and what the pipeline makes of it.

use serde_json::{Map, Value, json};

use super::fields::{SessionError, expect, given, invalid};
use super::{Defaults, ms};
use crate::pipeline::frame::Samples;
use crate::pipeline::turn::endpointing::Policy;
use crate::pipeline::vad::GateSettings;

/// Of `semantic_vad` that is not as configured: the longest silence, how much surer the model must be, and the shortest
/// silence of the patient kind.
const EAGER_MAX_SILENCE_MS: u32 = 1_500;
const PATIENT_MAX_SILENCE_MS: u32 = 8_000;
const EAGER_SURENESS: f32 = -0.2;
const PATIENT_SURENESS: f32 = 0.25;
const PATIENT_GRACE_MS: u32 = 600;
/// The longest `idle_timeout_ms`.
const MAX_IDLE_MS: f64 = 600_000.0;
/// Of `server_vad`, where the client does not say.
const SERVER_VAD_SILENCE_MS: u32 = 500;

/// What ends a turn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TurnDetection {
    /// Only the client.
    Manual,
    /// A fixed silence.
    Server {
        threshold: f32,
        prefix_padding_ms: u32,
        silence_duration_ms: u32,
        /// 0: none.
        idle_timeout_ms: u32,
    },
    /// A model.
    Semantic { eagerness: Eagerness },
}

/// How soon a model's word is taken for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Eagerness {
    Low,
    Medium,
    High,
    Auto,
}

/// What the pipeline goes by.
pub(super) struct Heeded {
    pub gate: GateSettings,
    pub pre_roll: Samples,
    /// 0: never.
    pub idle_ms: u32,
    pub endpointing: Policy,
    /// What languages have of their own.
    pub thresholds: Vec<(String, f32)>,
}

impl TurnDetection {
    /// `semantic_vad`, as a client writes it.
    pub(super) fn semantic(fields: &Map<String, Value>) -> Result<Self, SessionError> {
        let eagerness = match given(fields, "eagerness").map(Value::as_str) {
            None | Some(Some("auto")) => Eagerness::Auto,
            Some(Some("low")) => Eagerness::Low,
            Some(Some("medium")) => Eagerness::Medium,
            Some(Some("high")) => Eagerness::High,
            Some(_) => {
                return Err(invalid(
                    "session.audio.input.turn_detection.eagerness",
                    "needs low, medium, high or auto",
                ));
            }
        };
        Ok(Self::Semantic { eagerness })
    }

    /// `server_vad`, as a client writes it.
    pub(super) fn server(
        fields: &Map<String, Value>,
        defaults: &Defaults,
    ) -> Result<Self, SessionError> {
        let number = |name: &str, default: f64, range: std::ops::RangeInclusive<f64>| {
            let param = format!("session.audio.input.turn_detection.{name}");
            let Some(value) = given(fields, name) else { return Ok(default) };
            let value = value.as_f64().ok_or_else(|| invalid(&param, "needs a number"))?;
            let problem = format!("needs {} to {}", range.start(), range.end());
            expect(range.contains(&value), &param, &problem)?;
            Ok(value)
        };
        let threshold = f64::from(defaults.gate.threshold);
        let padding = defaults.pre_roll.as_ms() as f64;
        let silence = SERVER_VAD_SILENCE_MS.into();
        Ok(Self::Server {
            threshold: number("threshold", threshold, 0.01..=0.99)? as f32,
            prefix_padding_ms: number("prefix_padding_ms", padding, 0.0..=2_000.0)? as u32,
            silence_duration_ms: number("silence_duration_ms", silence, 50.0..=20_000.0)? as u32,
            idle_timeout_ms: number("idle_timeout_ms", 0.0, 1_000.0..=MAX_IDLE_MS)? as u32,
        })
    }

    /// What the pipeline makes of it.
    pub(super) fn heeded(&self, defaults: &Defaults) -> Heeded {
        let mut heeded = Heeded {
            gate: defaults.gate,
            pre_roll: defaults.pre_roll,
            idle_ms: defaults.idle_timeout_ms,
            endpointing: Policy::Manual,
            thresholds: Vec::new(),
        };
        match *self {
            Self::Manual => {}
            Self::Server { threshold, prefix_padding_ms, silence_duration_ms, idle_timeout_ms } => {
                if idle_timeout_ms > 0 {
                    heeded.idle_ms = idle_timeout_ms;
                }
                heeded.gate.threshold = threshold;
                heeded.gate.exit_threshold = heeded.gate.exit_threshold.min(threshold);
                heeded.pre_roll = ms(prefix_padding_ms);
                heeded.endpointing = Policy::Silence { silence: ms(silence_duration_ms) };
            }
            Self::Semantic { eagerness } => {
                let thresholds = defaults.thresholds.iter();
                heeded.thresholds = thresholds
                    .map(|(code, threshold)| (code.clone(), eagerness.shifted(*threshold)))
                    .collect();
                heeded.endpointing = eagerness.policy(defaults);
            }
        }
        heeded
    }

    /// In the protocol's words; none where only the client ends turns.
    pub(super) fn to_json(&self) -> Option<Value> {
        match self {
            Self::Manual => None,
            Self::Server { threshold, prefix_padding_ms, silence_duration_ms, idle_timeout_ms } => {
                Some(json!({
                    "type": "server_vad",
                    "threshold": threshold,
                    "prefix_padding_ms": prefix_padding_ms,
                    "silence_duration_ms": silence_duration_ms,
                    "idle_timeout_ms": (*idle_timeout_ms > 0).then_some(idle_timeout_ms),
                }))
            }
            Self::Semantic { eagerness } => Some(json!({
                "type": "semantic_vad",
                "eagerness": match eagerness {
                    Eagerness::Low => "low",
                    Eagerness::Medium => "medium",
                    Eagerness::High => "high",
                    Eagerness::Auto => "auto",
                },
            })),
        }
    }
}

impl Eagerness {
    /// How sure the model must be, where this is usual.
    fn shifted(self, threshold: f32) -> f32 {
        let by = match self {
            Self::Low => PATIENT_SURENESS,
            Self::Medium | Self::Auto => 0.0,
            Self::High => EAGER_SURENESS,
        };
        (threshold + by).clamp(0.05, 0.95)
    }

    fn policy(self, defaults: &Defaults) -> Policy {
        Policy::Model {
            threshold: self.shifted(defaults.threshold),
            grace: match self {
                Self::Low => defaults.grace.max(ms(PATIENT_GRACE_MS)),
                _ => defaults.grace,
            },
            max_silence: ms(match self {
                Self::High => EAGER_MAX_SILENCE_MS.min(defaults.max_silence_ms),
                Self::Medium | Self::Auto => defaults.max_silence_ms,
                Self::Low => PATIENT_MAX_SILENCE_MS.max(defaults.max_silence_ms),
            }),
        }
    }
}
