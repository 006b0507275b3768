//! The session of a call: what the client may set, what holds now, and how it is written in the protocol.

mod fields;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sotto_llm::Reach;

use self::fields::{expect, given, invalid, object, string, unsupported};
use self::turns::{Eagerness, Heeded, TurnDetection};
use super::seat::Seat;
use crate::chat::Tier;
use crate::chat::content::Meta;
use crate::config::{Config, Eager, Interruption, is_language};
use crate::engine::Engines;
use crate::engine::handles::{EndOfTurn, Expected, Manner, Recogniser, Voice};
use crate::pipeline::CallSettings;
use crate::pipeline::conversation::{Filler, Interruptible, Settings};
use crate::pipeline::frame::{SPEECH_RATE_HZ, Samples};
use crate::pipeline::text::Text;
use crate::pipeline::tts::cast::{Cast, VoiceError};
use crate::pipeline::vad::GateSettings;

pub use self::fields::{SessionError, max_tokens};

/// The longest id of a conversation.
const MAX_ID: usize = 64;
/// The longest text a client may give as instructions, in bytes.
const MAX_INSTRUCTIONS: usize = 64 * 1_024;
/// The longest text a client may give as likely words, in bytes. Engines heed a few hundred words of it.
const MAX_PROMPT: usize = 8 * 1_024;

/// How the reply is heard over WebRTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// An Opus track.
    #[default]
    Track,
    /// WAV chunks on a data channel.
    Blob,
    /// Samples inside events: always, and only, on a WebSocket.
    Events,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Session {
    /// What the server was configured with, and what holds where the client says nothing.
    defaults: Defaults,
    instructions: Text,
    silent: bool,
    turn_detection: TurnDetection,
    creates_response: bool,
    interrupts: bool,
    expected: Expected,
    voice: Option<String>,
    speed: f32,
    max_output_tokens: Option<u32>,
    interruption: Interruption,
    min_words: u32,
    output: OutputKind,
    /// The conversation that the call goes on in, and its tier, as far as they were named.
    conversation: Option<String>,
    tier: Option<Tier>,
    /// The call that goes on in this one.
    resume: Option<String>,
    /// Whether what is said is kept beyond the call.
    stored: bool,
    /// The model of the conversation, if it is not the usual one.
    chosen_model: Option<String>,
    /// Whether the call has been opened, after which its output is what it is.
    begun: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Defaults {
    gate: GateSettings,
    pre_roll: Samples,
    min_speech: Samples,
    interim: Samples,
    threshold: f32,
    grace: Samples,
    max_silence_ms: u32,
    thresholds: Vec<(String, f32)>,
    eager_per_minute: u32,
    idle_timeout_ms: u32,
    filler: Option<Filler>,
    has_turn_model: bool,
    /// Who can speak; `None`: nobody.
    cast: Option<Arc<Cast>>,
    context_tokens: usize,
    language: String,
    engines: Value,
    model: String,
    prompt: Text,
}

impl Session {
    /// The session that a client gets if it asks for nothing.
    pub fn new(config: &Config, engines: &Engines) -> Self {
        let has_turn_model = matches!(engines.turn, EndOfTurn::Model { .. });
        let (vad, turn) = (&config.vad, &config.turn);
        let name = |name: Option<&str>| name.unwrap_or("none").to_owned();
        let engine_names = json!({
            "vad": engines.vad.name(),
            "turn": engines.turn.name(),
            "stt": name(engines.recogniser.as_ref().map(Recogniser::name)),
            "llm": engines.llm.name(),
            "tts": name(engines.voice.as_ref().map(Voice::name)),
        });
        let model = match engines.llm.model() {
            "" => engines.llm.name(),
            model => model,
        };
        let turn_detection = if has_turn_model {
            TurnDetection::Semantic { eagerness: Eagerness::Auto }
        } else {
            TurnDetection::Server {
                threshold: vad.threshold,
                prefix_padding_ms: vad.pre_roll_ms,
                silence_duration_ms: turn.silence_ms,
                idle_timeout_ms: 0,
            }
        };
        let talk = &config.conversation;
        let is_eager = match talk.eager {
            Eager::Auto => engines.llm_is_near,
            Eager::Always => true,
            Eager::Never => false,
        };
        let filler =
            Some(talk.filler.as_str()).filter(|text| !text.is_empty()).map(|text| Filler {
                after: Duration::from_millis(talk.filler_after_ms.into()),
                text: Text::from(text),
            });
        Self {
            defaults: Defaults {
                gate: GateSettings {
                    threshold: vad.threshold,
                    exit_threshold: vad.exit_threshold,
                    start: ms(vad.start_ms),
                    pause: ms(vad.pause_ms),
                },
                pre_roll: ms(vad.pre_roll_ms),
                min_speech: ms(vad.min_speech_ms),
                interim: ms(config.stt.interims_after_ms()),
                threshold: turn.threshold,
                grace: ms(turn.grace_ms),
                max_silence_ms: turn.max_silence_ms,
                thresholds: turn.thresholds.clone().into_iter().collect(),
                eager_per_minute: if is_eager { talk.eager_per_minute } else { 0 },
                idle_timeout_ms: talk.idle_timeout_ms,
                filler,
                has_turn_model,
                cast: engines.voice.as_ref().map(|voice| Arc::clone(voice.cast())),
                context_tokens: config.llm.context_tokens,
                language: config.stt.language.clone(),
                engines: engine_names,
                model: model.to_owned(),
                prompt: Text::from(config.llm.prompt.as_str()),
            },
            instructions: Text::from(config.llm.prompt.as_str()),
            silent: engines.voice.is_none(),
            turn_detection,
            creates_response: true,
            interrupts: true,
            expected: Expected::default(),
            voice: Some(config.tts.voice.clone()).filter(|voice| !voice.is_empty()),
            speed: config.tts.speed,
            max_output_tokens: Some(config.llm.max_tokens).filter(|tokens| *tokens > 0),
            interruption: talk.interruption,
            min_words: talk.min_words,
            output: OutputKind::Track,
            conversation: None,
            tier: None,
            resume: None,
            stored: false,
            chosen_model: None,
            begun: false,
        }
    }

    /// How the reply is heard.
    pub fn output(&self) -> OutputKind {
        self.output
    }

    /// Sets how the reply is heard, where the transport decides.
    pub fn set_output(&mut self, output: OutputKind) {
        self.output = output;
    }

    /// The model that answers.
    pub fn model(&self) -> &str {
        self.chosen_model.as_deref().unwrap_or(&self.defaults.model)
    }

    /// The conversation that the client wants to go on in, if it named one.
    pub fn conversation(&self) -> Option<&str> {
        self.conversation.as_deref()
    }

    /// The tier that the client wants for a new conversation, if it named one.
    pub fn tier(&self) -> Option<Tier> {
        self.tier
    }

    /// The lost call that this one is to go on with, if the client named one.
    pub fn resume(&self) -> Option<&str> {
        self.resume.as_deref()
    }

    /// The settings of a lost call, for one that goes on with it on this server as it is now.
    #[must_use]
    pub fn going_on(self, lost: &Self) -> Self {
        let mut next = Self {
            defaults: self.defaults,
            output: self.output,
            resume: self.resume,
            begun: false,
            ..lost.clone()
        };
        // Engines may be others than they were.
        if next.voice.as_ref().is_some_and(|voice| next.check_voice(voice).is_err()) {
            next.voice = self.voice;
        }
        if matches!(next.turn_detection, TurnDetection::Semantic { .. })
            && !next.defaults.has_turn_model
        {
            next.turn_detection = self.turn_detection;
        }
        next.silent |= next.defaults.cast.is_none();
        next
    }

    /// The call goes on in this conversation: what is set there holds where the client says nothing.
    pub fn settle(&mut self, seat: &Seat) {
        self.conversation = Some(seat.conversation().to_owned());
        self.tier = Some(seat.tier());
        self.stored = seat.tier() != Tier::Ephemeral;
        let Meta { instructions, voice, model, .. } = seat.meta().clone();
        self.chosen_model = model;
        if let Some(instructions) =
            instructions.filter(|_| self.instructions == self.defaults.prompt)
        {
            self.instructions = instructions;
        }
        // One that was chosen when another engine spoke may be gone. A call that goes on has settled before.
        let voice = voice.filter(|voice| self.resume.is_none() && self.check_voice(voice).is_ok());
        if let Some(voice) = voice {
            self.voice = Some(voice);
        }
    }

    /// The call is opened.
    pub fn begin(&mut self) {
        self.begun = true;
    }

    /// Takes what the client sets. Either all of it holds, or nothing has changed.
    pub fn update(&mut self, update: &Value) -> Result<(), SessionError> {
        let mut next = self.clone();
        next.apply(update)?;
        *self = next;
        Ok(())
    }

    /// The settings of ours that [`Session::set`] takes.
    pub const OF_OURS: [&str; 6] =
        ["output", "interruption", "min_words", "conversation", "tier", "resume"];

    /// Takes a setting of ours from a query parameter.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SessionError> {
        self.apply_sotto(&json!({ name: value }))
    }

    /// What the pipeline goes by.
    pub fn settings(&self) -> CallSettings {
        let defaults = &self.defaults;
        let Heeded { gate, pre_roll, idle_ms, endpointing, thresholds } =
            self.turn_detection.heeded(defaults);
        CallSettings {
            conversation: Settings {
                instructions: self.instructions.clone(),
                endpointing,
                interruption: match self.interruption {
                    _ if !self.interrupts => Interruptible::Never,
                    Interruption::Never => Interruptible::Never,
                    Interruption::Always => Interruptible::Always,
                    Interruption::AfterWords => Interruptible::AfterWords(self.min_words),
                },
                // What is sent in events is played by somebody else's program.
                resumable: self.output != OutputKind::Events,
                thresholds,
                eager_per_minute: defaults.eager_per_minute,
                idle: (idle_ms > 0).then(|| Duration::from_millis(idle_ms.into())),
                filler: defaults.filler.clone(),
                answers: self.creates_response,
                silent: self.silent,
                pre_roll,
                min_speech: defaults.min_speech,
                interim: defaults.interim,
                context_tokens: defaults.context_tokens,
                max_tokens: self.max_output_tokens,
            },
            gate,
            expected: self.expected.clone(),
            manner: Manner { voice: self.voice.clone(), speed: self.speed },
            reach: self.tier.map_or(Reach::Anywhere, Tier::reach),
            model: self.chosen_model.clone(),
        }
    }

    /// The whole session as it holds now, in the protocol's words.
    pub fn to_json(&self, call_id: &str) -> Value {
        let format = json!({ "type": "audio/pcm", "rate": SPEECH_RATE_HZ });
        let stt = &self.defaults.engines["stt"];
        let configured = Some(&self.defaults.language).filter(|language| *language != "auto");
        let Expected { language, prompt } = &self.expected;
        json!({
            "type": "realtime",
            "object": "realtime.session",
            "id": format!("sess_{}", call_id.trim_start_matches("call_")),
            "model": self.model(),
            "output_modalities": [if self.silent { "text" } else { "audio" }],
            "instructions": self.instructions,
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": self.max_output_tokens.map_or(json!("inf"), Value::from),
            "audio": {
                "input": {
                    "format": format,
                    "transcription": {
                        "model": stt,
                        "language": language.as_ref().or(configured),
                        "prompt": prompt,
                    },
                    "noise_reduction": null,
                    "turn_detection": self.turn_detection_json(),
                },
                "output": {
                    "format": format,
                    "voice": self.voice.as_deref().unwrap_or_else(|| self.usual_voice()),
                    "speed": self.speed,
                },
            },
            "sotto": {
                "call_id": call_id,
                "output": self.output,
                "interruption": match self.interruption {
                    Interruption::Always => "always",
                    Interruption::AfterWords => "after_words",
                    Interruption::Never => "never",
                },
                "min_words": self.min_words,
                "history": if self.stored { "stored" } else { "memory" },
                "conversation": self.conversation,
                "tier": self.tier,
                "engines": self.defaults.engines,
            },
        })
    }

    fn turn_detection_json(&self) -> Value {
        let Some(mut value) = self.turn_detection.to_json() else { return Value::Null };
        value["create_response"] = self.creates_response.into();
        value["interrupt_response"] = self.interrupts.into();
        value
    }

    fn apply(&mut self, update: &Value) -> Result<(), SessionError> {
        let update = object(update, "session")?;
        if let Some(kind) = update.get("type") {
            expect(kind == "realtime", "session.type", "only realtime sessions are served here")?;
        }
        if let Some(instructions) = given(update, "instructions") {
            let text = string(instructions, "session.instructions")?;
            expect(text.len() <= MAX_INSTRUCTIONS, "session.instructions", "too long")?;
            self.instructions = Text::from(text);
        }
        if let Some(modalities) = given(update, "output_modalities") {
            self.silent = self.modalities(modalities, "session.output_modalities")?;
        }
        if let Some(tokens) = given(update, "max_output_tokens") {
            self.max_output_tokens = max_tokens(tokens, "session.max_output_tokens")?;
        }
        if given(update, "tools")
            .is_some_and(|tools| tools.as_array().is_none_or(|t| !t.is_empty()))
        {
            return Err(unsupported("session.tools", "tools are not served yet"));
        }
        if let Some(audio) = given(update, "audio") {
            let audio = object(audio, "session.audio")?;
            if let Some(input) = given(audio, "input") {
                self.apply_input(object(input, "session.audio.input")?)?;
            }
            if let Some(output) = given(audio, "output") {
                self.apply_output(object(output, "session.audio.output")?)?;
            }
        }
        if let Some(sotto) = given(update, "sotto") {
            self.apply_sotto(sotto)?;
        }
        Ok(())
    }

    /// Whether replies are only written.
    pub fn modalities(&self, value: &Value, param: &str) -> Result<bool, SessionError> {
        match value.as_array().map(Vec::as_slice) {
            Some([one]) if one == "text" => Ok(true),
            // Without a voice there is nothing but text.
            Some([one]) if one == "audio" => Ok(self.defaults.cast.is_none()),
            _ => Err(invalid(param, r#"needs ["audio"] or ["text"]"#)),
        }
    }

    fn apply_input(&mut self, input: &Map<String, Value>) -> Result<(), SessionError> {
        const PARAM: &str = "session.audio.input.turn_detection";
        check_format(input, "session.audio.input.format")?;
        if let Some(transcription) = input.get("transcription") {
            self.apply_transcription(transcription)?;
        }
        let Some(detection) = input.get("turn_detection") else { return Ok(()) };
        if detection.is_null() {
            self.turn_detection = TurnDetection::Manual;
            return Ok(());
        }
        let fields = object(detection, PARAM)?;
        self.turn_detection = match fields.get("type").and_then(Value::as_str) {
            Some("semantic_vad") if self.defaults.has_turn_model => {
                TurnDetection::semantic(fields)?
            }
            // Without a model silence has to do.
            Some("semantic_vad" | "server_vad") => TurnDetection::server(fields, &self.defaults)?,
            _ => return Err(invalid(PARAM, "needs null, or type server_vad or semantic_vad")),
        };
        let flag = |name: &str| match given(fields, name) {
            None => Ok(true),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| invalid(&format!("{PARAM}.{name}"), "needs a boolean")),
        };
        self.creates_response = flag("create_response")?;
        self.interrupts = flag("interrupt_response")?;
        Ok(())
    }

    /// What is said is always transcribed, by the engine that is configured: without words there is no conversation.
    /// `null` takes back what was expected.
    fn apply_transcription(&mut self, transcription: &Value) -> Result<(), SessionError> {
        const LANGUAGE: &str = "session.audio.input.transcription.language";
        const PROMPT: &str = "session.audio.input.transcription.prompt";
        if transcription.is_null() {
            self.expected = Expected::default();
            return Ok(());
        }
        let fields = object(transcription, "session.audio.input.transcription")?;
        if let Some(language) = fields.get("language") {
            let code = language.as_str().filter(|code| is_language(code)).map(str::to_owned);
            let is_known = code.is_some() || language.is_null();
            expect(
                is_known,
                LANGUAGE,
                "needs null, or a code of two or three letters, such as en",
            )?;
            self.expected.language = code;
        }
        if let Some(prompt) = fields.get("prompt") {
            let prompt = if prompt.is_null() { "" } else { string(prompt, PROMPT)? };
            expect(prompt.len() <= MAX_PROMPT, PROMPT, "too long")?;
            self.expected.prompt = Text::from(prompt);
        }
        Ok(())
    }

    fn apply_output(&mut self, output: &Map<String, Value>) -> Result<(), SessionError> {
        check_format(output, "session.audio.output.format")?;
        if let Some(voice) = given(output, "voice") {
            const PARAM: &str = "session.audio.output.voice";
            let name = string(voice.get("id").unwrap_or(voice), PARAM)?;
            self.check_voice(name).map_err(|error| invalid(PARAM, &error.to_string()))?;
            self.voice = Some(name.to_owned());
        }
        if let Some(speed) = given(output, "speed") {
            const PARAM: &str = "session.audio.output.speed";
            let speed = speed.as_f64().ok_or_else(|| invalid(PARAM, "needs a number"))?;
            expect((0.25..=1.5).contains(&speed), PARAM, "needs 0.25 to 1.5")?;
            self.speed = speed as f32;
        }
        Ok(())
    }

    fn usual_voice(&self) -> &str {
        self.defaults.cast.as_ref().map_or("default", |cast| cast.default())
    }

    fn check_voice(&self, name: &str) -> Result<(), VoiceError> {
        self.defaults.cast.as_ref().map_or(Ok(()), |cast| cast.check(name))
    }

    fn apply_sotto(&mut self, sotto: &Value) -> Result<(), SessionError> {
        for (name, value) in object(sotto, "session.sotto")? {
            let param = format!("session.sotto.{name}");
            let word = value.as_str().unwrap_or_default();
            match (name.as_str(), word) {
                // A WebSocket has no choice.
                ("output", "track" | "blob") if self.output == OutputKind::Events => {}
                ("output", "track") if self.output == OutputKind::Track => {}
                ("output", "blob") if self.output == OutputKind::Blob => {}
                ("output", "track" | "blob") if self.begun => {
                    return Err(unsupported(&param, "is chosen when a call is opened"));
                }
                ("output", "track") => self.output = OutputKind::Track,
                ("output", "blob") => self.output = OutputKind::Blob,
                ("output", _) => return Err(invalid(&param, "needs track or blob")),
                ("interruption", "always") => self.interruption = Interruption::Always,
                ("interruption", "never") => self.interruption = Interruption::Never,
                ("interruption", "after_words") => self.interruption = Interruption::AfterWords,
                ("min_words", _) => {
                    // In a query it is text.
                    let count = value.as_u64().or_else(|| word.parse().ok());
                    let count = count.filter(|count| (1..=20).contains(count));
                    self.min_words =
                        count.ok_or_else(|| invalid(&param, "needs a number from 1 to 20"))? as u32;
                }
                ("conversation", id) if self.conversation.as_deref() == Some(id) => {}
                ("tier", _) if self.tier.is_some_and(|tier| tier.as_str() == word) => {}
                ("resume", id) if self.resume.as_deref() == Some(id) => {}
                ("conversation" | "tier" | "resume", _) if self.begun => {
                    return Err(unsupported(&param, "is chosen when a call is opened"));
                }
                ("conversation", id) if !id.is_empty() && id.len() <= MAX_ID => {
                    self.conversation = Some(id.to_owned());
                }
                ("conversation", _) => {
                    return Err(invalid(&param, "needs the id of a conversation"));
                }
                ("resume", id) if !id.is_empty() && id.len() <= MAX_ID => {
                    self.resume = Some(id.to_owned());
                }
                ("resume", _) => return Err(invalid(&param, "needs the id of a call")),
                ("tier", word) => {
                    let tier = Tier::parse(word);
                    let needs = "needs standard, private or ephemeral";
                    self.tier = Some(tier.ok_or_else(|| invalid(&param, needs))?);
                }
                ("interruption", _) => {
                    return Err(invalid(&param, "needs always, after_words or never"));
                }
                _ => {
                    return Err(SessionError {
                        code: "unknown_parameter",
                        message: format!("there is no {param}"),
                        param,
                    });
                }
            }
        }
        Ok(())
    }
}

fn check_format(fields: &Map<String, Value>, param: &str) -> Result<(), SessionError> {
    let Some(format) = given(fields, "format") else { return Ok(()) };
    let kind = format.get("type").and_then(Value::as_str);
    let rate = format.get("rate").and_then(Value::as_u64).unwrap_or(u64::from(SPEECH_RATE_HZ));
    if kind == Some("audio/pcm") && rate == u64::from(SPEECH_RATE_HZ) {
        return Ok(());
    }
    Err(unsupported(param, "only audio/pcm at 24000 Hz is served"))
}

fn ms(ms: u32) -> Samples {
    Samples::from_ms(u64::from(ms))
}
