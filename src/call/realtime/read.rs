//! What clients send. A mistake is answered with an `error` that names it, and changes nothing.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{Choosing, Realtime};
use crate::call::session::{SessionError, max_tokens};
use crate::pipeline::Request;
use crate::pipeline::conversation::{Ask, ReplyOptions};
use crate::pipeline::history::Role;
use crate::pipeline::text::Text;

/// The longest item a client may add, in bytes.
const MAX_ITEM: usize = 256 * 1_024;

/// Why an event was refused.
struct Refusal {
    code: &'static str,
    message: String,
    param: Option<String>,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None }
    }

    fn missing(param: &str, needs: &str) -> Self {
        Self {
            code: "invalid_value",
            message: format!("{param}: needs {needs}"),
            param: Some(param.to_owned()),
        }
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        let message = error.to_string();
        Self { code: error.code, message, param: Some(error.param) }
    }
}

impl Realtime {
    pub(super) fn read_event(&mut self, text: &str, events: &mut Vec<String>) -> Option<Request> {
        let event: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        self.answering = event["event_id"].as_str().map(|id| id.chars().take(512).collect());
        let understood = match event["type"].as_str() {
            None => Err(Refusal::new("invalid_event", "an event is a JSON object with a `type`")),
            Some(kind) => self.understand(kind, &event, events),
        };
        understood.unwrap_or_else(|refusal| {
            let error = self.error(refusal.code, &refusal.message, refusal.param.as_deref());
            events.push(error);
            None
        })
    }

    fn understand(
        &mut self,
        kind: &str,
        event: &Value,
        events: &mut Vec<String>,
    ) -> Result<Option<Request>, Refusal> {
        let ask = |ask| Ok(Some(Request::Ask(ask)));
        match kind {
            "session.update" => {
                self.session.update(&event["session"])?;
                let session = self.session.to_json(&self.call_id);
                events.push(self.event("session.updated", json!({ "session": session })));
                Ok(Some(Request::Configure(Box::new(self.session.settings()))))
            }
            "input_audio_buffer.append" if self.on_websocket() => {
                samples(event).map(|samples| Some(Request::Sound(samples)))
            }
            "input_audio_buffer.append" => Err(Refusal::new(
                "unsupported_event",
                "over WebRTC sound comes as a track, not in events",
            )),
            "input_audio_buffer.commit" => ask(Ask::Commit),
            "input_audio_buffer.clear" => ask(Ask::Clear),
            "output_audio_buffer.clear" => ask(Ask::Silence),
            "conversation.item.create" => self.new_item(event).map(Some),
            "conversation.item.truncate" => self.truncation(event).map(Some),
            "response.create" => {
                self.options(&event["response"]).map(|o| Some(Request::Ask(Ask::Reply(o))))
            }
            "response.cancel" => ask(Ask::Cancel),
            "sotto.playout" => Ok(self.playout(event)),
            "sotto.replay" => {
                let refusal = || {
                    Refusal::new("nothing_to_replay", "nothing was missed, or it was said again")
                };
                self.missed()
                    .ok_or_else(refusal)
                    .map(|missed| Some(Request::Ask(Ask::Replay(missed))))
            }
            other => Err(Refusal::new(
                "unsupported_event",
                format!("`{}` is not served", other.chars().take(64).collect::<String>()),
            )),
        }
    }

    fn new_item(&mut self, event: &Value) -> Result<Request, Refusal> {
        let item = &event["item"];
        if item["type"] != "message" {
            return Err(Refusal::missing("item.type", "message"));
        }
        let role = match item["role"].as_str() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            _ => return Err(Refusal::missing("item.role", "user, assistant or system")),
        };
        let mut text = Text::default();
        for part in item["content"].as_array().into_iter().flatten() {
            match (part["type"].as_str(), part["text"].as_str()) {
                (Some("input_text" | "output_text" | "text"), Some(words)) => {
                    text.push_phrase(words);
                }
                _ => return Err(Refusal::missing("item.content", "parts of type input_text")),
            }
        }
        if text.is_empty() || text.as_str().len() > MAX_ITEM {
            return Err(Refusal::missing("item.content", "a text of 1 byte to 256 KiB"));
        }
        let id = item["id"].as_str().map(str::to_owned);
        let in_use = |id: &String| self.item_of(id).is_some() || self.taken.contains(id);
        if id.as_ref().is_some_and(|id| id.len() > 64 || in_use(id)) {
            return Err(Refusal::missing("item.id", "at most 64 bytes, and not one in use"));
        }
        if let Some(id) = &id {
            self.taken.insert(id.clone());
        }
        let context = item["sotto"]["context"] == true;
        self.choosing.push_back(Choosing { id, context });
        Ok(Request::Ask(Ask::Add { role, text }))
    }

    fn truncation(&self, event: &Value) -> Result<Request, Refusal> {
        let id = event["item_id"].as_str().unwrap_or_default();
        let item = self
            .item_of(id)
            .ok_or_else(|| Refusal::missing("item_id", "an item of this conversation"))?;
        let ms = event["audio_end_ms"]
            .as_u64()
            .ok_or_else(|| Refusal::missing("audio_end_ms", "a number of milliseconds"))?;
        Ok(Request::Ask(Ask::Truncate { item, played: Duration::from_millis(ms) }))
    }

    fn options(&self, response: &Value) -> Result<ReplyOptions, Refusal> {
        let mut options = ReplyOptions::default();
        if let Some(instructions) = response["instructions"].as_str() {
            options.instructions = Some(Text::from(instructions));
        }
        if !response["max_output_tokens"].is_null() {
            options.max_tokens =
                max_tokens(&response["max_output_tokens"], "response.max_output_tokens")?;
        }
        if !response["output_modalities"].is_null() {
            let param = "response.output_modalities";
            options.silent = Some(self.session.modalities(&response["output_modalities"], param)?);
        }
        if response["conversation"] == "none" || response["input"].is_array() {
            return Err(Refusal {
                code: "unsupported_value",
                message: "replies outside the conversation are not served yet".to_owned(),
                param: Some("response.conversation".to_owned()),
            });
        }
        Ok(options)
    }

    /// Reports about chunks that were cut, or never sent, are not worth a word.
    fn playout(&self, event: &Value) -> Option<Request> {
        let (reply, clause) = self.chunk_of(event["chunk_id"].as_str()?)?;
        let ms = event["played_ms"].as_f64().filter(|ms| (0.0..1e9).contains(ms))?;
        let played = Duration::from_micros((ms * 1_000.0) as u64);
        Some(Request::Played { reply, clause, played })
    }
}

/// Base64 of 16-bit little-endian samples at 24 kHz.
fn samples(event: &Value) -> Result<Vec<f32>, Refusal> {
    let refusal = || Refusal::missing("audio", "base64 of 16-bit samples at 24 kHz");
    let bytes = BASE64.decode(event["audio"].as_str().ok_or_else(refusal)?);
    let bytes = bytes.map_err(|_| refusal())?;
    let (samples, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(refusal());
    }
    Ok(samples.iter().map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0).collect())
}
