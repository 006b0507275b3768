//! Speech by a program: text in on stdin, a WAV out on stdout. espeak-ng is the one that every machine can
//! have.

use std::ops::ControlFlow;

use super::quiet::trim;
use super::{Speech, SpeechRequest, TextToSpeech};
use crate::engine::program::Runner;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::wav;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::SPEECH_RATE_HZ;

/// Stand for the voice, the rate as a factor, and the rate in words a minute.
const VOICE: &str = "{voice}";
const SPEED: &str = "{speed}";
const WORDS_PER_MINUTE: &str = "{words_per_minute}";
/// A rate of 1.
const NORMAL_WORDS_PER_MINUTE: f32 = 170.0;

/// See the module.
pub struct Command {
    runner: Runner,
    args: Vec<String>,
    default_voice: String,
}

impl Command {
    /// Speech with `runner`, called with `args`.
    pub fn new(runner: Runner, args: Vec<String>, default_voice: String) -> Self {
        Self { runner, args, default_voice }
    }

    /// The arguments that espeak-ng needs, and its voice.
    pub fn espeak() -> (Vec<String>, String) {
        let args = ["--stdin", "--stdout", "-v", VOICE, "-s", WORDS_PER_MINUTE];
        (args.map(str::to_owned).to_vec(), "en-us".to_owned())
    }
}

impl TextToSpeech for Command {
    fn synthesize(
        &mut self,
        request: SpeechRequest<'_>,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Speech) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let rate = (NORMAL_WORDS_PER_MINUTE * request.speed).round().to_string();
        let args: Vec<String> = self
            .args
            .iter()
            .map(|arg| {
                arg.replace(VOICE, request.voice.unwrap_or(&self.default_voice))
                    .replace(SPEED, &request.speed.to_string())
                    .replace(WORDS_PER_MINUTE, &rate)
            })
            .collect();
        let output = self.runner.run(&args, request.text.as_bytes().to_vec(), cancel)?;
        let samples =
            wav::decode(&output, SPEECH_RATE_HZ).map_err(EngineError::failed("speech"))?;
        // Whether anybody still listens no longer matters: this was all of it.
        let _ = sink(Speech { samples: trim(samples), words: Vec::new() });
        Ok(())
    }
}
