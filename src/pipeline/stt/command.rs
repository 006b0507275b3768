//! Recognition by a program: a WAV in (on stdin, or as a file), text out.

use std::io::Write;

use super::{SpeechToText, Transcript, Utterance};
use crate::engine::program::Runner;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::wav;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::MIC_RATE_HZ;
use crate::pipeline::text::Text;

/// Stands for the name of a file in a program's arguments.
const FILE: &str = "{file}";
/// Stands for the language, or `en` where it is not known.
const LANGUAGE: &str = "{language}";

/// See the module.
pub struct Command {
    runner: Runner,
    args: Vec<String>,
}

impl Command {
    /// Recognition with `runner`, called with `args`.
    pub fn new(runner: Runner, args: Vec<String>) -> Self {
        Self { runner, args }
    }

    /// The arguments that `pocketsphinx_continuous` needs.
    pub fn pocketsphinx_args() -> Vec<String> {
        ["-infile", FILE, "-logfn", "/dev/null"].map(str::to_owned).to_vec()
    }
}

impl SpeechToText for Command {
    fn transcribe(
        &mut self,
        utterance: Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError> {
        let failed = EngineError::failed::<std::io::Error>("recognition");
        let sound = wav::encode(utterance.audio, MIC_RATE_HZ);
        // The file lives as long as the program runs, readable by nobody else.
        let mut file = tempfile::Builder::new().suffix(".wav").tempfile().map_err(&failed)?;
        let by_file = self.args.iter().any(|arg| arg.contains(FILE));
        let input = if by_file {
            file.write_all(&sound).map_err(&failed)?;
            Vec::new()
        } else {
            sound
        };
        let language = utterance.options.language.as_deref().unwrap_or("en");
        let path = file.path().to_string_lossy();
        let args: Vec<String> = self
            .args
            .iter()
            .map(|arg| arg.replace(FILE, &path).replace(LANGUAGE, language))
            .collect();
        let output = self.runner.run(&args, input, cancel)?;
        let words = String::from_utf8_lossy(&output);
        let text = words.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Transcript { text: Text::from(text), ..Transcript::default() })
    }
}
