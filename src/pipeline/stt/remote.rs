//! Recognition by a server with `OpenAI`'s `/audio/transcriptions`.

use reqwest::multipart::{Form, Part};
use serde::Deserialize;

use super::{Options, SpeechToText, Spoken, Transcript, Utterance};
use crate::engine::http::Server;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::wav;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::MIC_RATE_HZ;
use crate::pipeline::text::Text;

/// What servers that insist on a model are asked for.
const DEFAULT_MODEL: &str = "whisper-1";

/// See the module.
pub struct Remote(Server);

#[derive(Deserialize)]
struct Answer {
    text: Text,
    language: Option<String>,
}

impl Remote {
    /// Recognition by `server`.
    pub fn new(server: Server) -> Self {
        Self(server)
    }
}

impl SpeechToText for Remote {
    fn transcribe(
        &mut self,
        utterance: Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError> {
        let sound = Part::bytes(wav::encode(utterance.audio, MIC_RATE_HZ))
            .file_name("speech.wav")
            .mime_str("audio/wav")
            .map_err(EngineError::failed("recognition"))?;
        let mut form = Form::new()
            .part("file", sound)
            .text("model", self.0.model().unwrap_or(DEFAULT_MODEL).to_owned())
            .text("response_format", "json");
        let Options { language, prompt, temperature, reach, .. } = utterance.options;
        if let Some(language) = language {
            form = form.text("language", language);
        }
        if !prompt.is_empty() {
            form = form.text("prompt", prompt.into_string());
        }
        if let Some(temperature) = temperature {
            form = form.text("temperature", temperature.to_string());
        }
        let request = self.0.post("/audio/transcriptions", reach)?.multipart(form);
        let answer = self.0.send(request, cancel)?;
        let answer: Answer = self.0.json(answer, cancel)?;
        let text = Text::from(answer.text.as_str().trim());
        let language = answer.language.map(|code| Spoken { code, probability: None });
        Ok(Transcript { text, language, ..Transcript::default() })
    }
}
