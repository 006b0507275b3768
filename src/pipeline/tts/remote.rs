//! Speech by a server with `OpenAI`'s `/audio/speech`.

use std::ops::ControlFlow;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::json;

use super::quiet::trim;
use super::{Speech, SpeechRequest, TextToSpeech};
use crate::engine::http::Server;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::wav;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::SPEECH_RATE_HZ;

/// What servers that insist on a model or a voice are asked for.
const DEFAULT_MODEL: &str = "tts-1";
const DEFAULT_VOICE: &str = "alloy";
/// Sound is handed on in pieces of this many bytes: 100 ms.
const PIECE_BYTES: usize = SPEECH_RATE_HZ as usize / 10 * 2;
/// Kinds of sound that have to be decoded first.
const COMPRESSED: [&str; 7] =
    ["audio/mpeg", "audio/mp3", "audio/ogg", "audio/opus", "audio/aac", "audio/flac", "audio/webm"];

/// See the module.
pub struct Remote(Server);

impl Remote {
    /// Speech by `server`.
    pub fn new(server: Server) -> Self {
        Self(server)
    }
}

impl TextToSpeech for Remote {
    /// Asks for bare samples, because they can be played while they arrive. Servers that send a WAV all
    /// the same are understood.
    fn synthesize(
        &mut self,
        request: SpeechRequest<'_>,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Speech) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let body = json!({
            "model": self.0.model().unwrap_or(DEFAULT_MODEL),
            "input": request.text,
            "voice": request.voice.unwrap_or(DEFAULT_VOICE),
            "speed": request.speed,
            "response_format": "pcm",
        });
        let question = self.0.post("/audio/speech", request.reach)?.json(&body);
        let mut answer = self.0.send(question, cancel)?;
        if let Some(kind) = not_sound(answer.headers()) {
            let problem = format!("the remote engine sent {kind}, neither samples nor a WAV");
            return Err(EngineError::failed("speech")(problem));
        }
        // The sink waits for the listener, so it is called between waits for the network, not within one.
        let mut stream = Stream { pending: Vec::new(), spoken: false, sink };
        while let Some(bytes) = self.0.next(&mut answer, cancel)? {
            if stream.push(&bytes).is_break() {
                return Ok(());
            }
        }
        let Stream { pending: whole, spoken, sink } = stream;
        let samples = if whole.starts_with(b"RIFF") {
            trim(wav::decode(&whole, SPEECH_RATE_HZ).map_err(EngineError::failed("speech"))?)
        } else {
            pcm(&whole)
        };
        if samples.is_empty() && !spoken {
            return Err(EngineError::failed("speech")("the remote engine sent no sound"));
        }
        // Whether anybody still listens no longer matters: this was the last of it.
        let _ = sink(Speech { samples, words: Vec::new() });
        Ok(())
    }
}

/// What a server says it sends, if that would be noise when played as samples: a page, an error, or sound that
/// is compressed although it was asked for samples.
fn not_sound(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let wrong = kind.starts_with("text/") || kind.ends_with("json") || COMPRESSED.contains(&&*kind);
    wrong.then_some(kind)
}

struct Stream<'a> {
    pending: Vec<u8>,
    /// Whether any sound was handed on.
    spoken: bool,
    sink: &'a mut dyn FnMut(Speech) -> ControlFlow<()>,
}

impl Stream<'_> {
    fn push(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.pending.extend_from_slice(bytes);
        if self.pending.starts_with(b"RIFF") {
            return ControlFlow::Continue(());
        }
        while self.pending.len() >= PIECE_BYTES {
            self.hand_on(PIECE_BYTES)?;
        }
        ControlFlow::Continue(())
    }

    fn hand_on(&mut self, length: usize) -> ControlFlow<()> {
        let rest = self.pending.split_off(length);
        let piece = std::mem::replace(&mut self.pending, rest);
        let samples = pcm(&piece);
        self.spoken = true;
        (self.sink)(Speech { samples, words: Vec::new() })
    }
}

/// 16-bit little-endian samples.
fn pcm(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0).collect()
}
