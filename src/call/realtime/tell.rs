//! What clients are told: notices of the conversation in the protocol's words.

use serde_json::{Value, json};

use super::Realtime;
use crate::call::session::OutputKind;
use crate::chat::content::Via;
use crate::chat::now_ms;
use crate::pipeline::conversation::{Finish, Notice, Outcome, ReplyId, TurnReport, Usage};
use crate::pipeline::history::{ItemId, Role, TruncateError};
use crate::pipeline::text::Text;
use crate::store::turns;

/// What has to be remembered of a reply.
pub(super) struct Reply {
    item: ItemId,
    silent: bool,
}

impl Realtime {
    pub(super) fn tell_notice(&mut self, notice: &Notice, events: &mut Vec<String>) {
        self.told.notice(notice);
        match notice {
            Notice::State(state) => {
                events.push(self.event("sotto.state", json!({ "state": state })));
            }
            Notice::SpeechStarted { item, at } => {
                let fields =
                    json!({ "item_id": self.item_id(*item), "audio_start_ms": at.as_ms() });
                events.push(self.event("input_audio_buffer.speech_started", fields));
            }
            Notice::SpeechStopped { item, at } => {
                let fields = json!({ "item_id": self.item_id(*item), "audio_end_ms": at.as_ms() });
                events.push(self.event("input_audio_buffer.speech_stopped", fields));
            }
            Notice::Committed { item, previous } => self.tell_committed(*item, *previous, events),
            Notice::InputCleared => {
                events.push(self.event("input_audio_buffer.cleared", json!({})));
            }
            Notice::Interim { item, delta, stable, tail } => {
                let item = self.item_id(*item);
                if !delta.is_empty() {
                    let fields = json!({ "item_id": item, "content_index": 0, "delta": delta });
                    let kind = "conversation.item.input_audio_transcription.delta";
                    events.push(self.event(kind, fields));
                }
                let fields = json!({ "item_id": item, "stable": stable, "tail": tail });
                events.push(self.event("sotto.transcript.interim", fields));
            }
            Notice::Transcribed { item, text, speech } => {
                let fields = json!({
                    "item_id": self.item_id(*item),
                    "content_index": 0,
                    "transcript": text,
                    "usage": { "type": "duration", "seconds": speech.as_secs_f64() },
                });
                let kind = "conversation.item.input_audio_transcription.completed";
                events.push(self.event(kind, fields));
                let done = self.spoken_item(*item, Some(text), "completed");
                events.push(self.event("conversation.item.done", json!({ "item": done })));
                self.record(*item, events, |recorder, id| {
                    recorder.said(id, Role::User, text, Via::Voice)
                });
            }
            Notice::TranscriptionFailed { item, failure } => {
                let fields = json!({
                    "item_id": self.item_id(*item),
                    "content_index": 0,
                    "error": {
                        "type": "server_error",
                        "code": failure.code,
                        "message": failure.message,
                    },
                });
                let kind = "conversation.item.input_audio_transcription.failed";
                events.push(self.event(kind, fields));
                let item = self.spoken_item(*item, None, "incomplete");
                events.push(self.event("conversation.item.done", json!({ "item": item })));
            }
            Notice::Added { item, role, text, previous } => {
                let choosing = self.choosing.pop_front();
                let context = choosing.as_ref().is_some_and(|choosing| choosing.context);
                if let Some(id) = choosing.and_then(|choosing| choosing.id) {
                    self.chosen.insert(*item, id);
                }
                let part = if *role == Role::Assistant { "output_text" } else { "input_text" };
                let content = json!([{ "type": part, "text": text }]);
                let added = self.item(*item, *role, "completed", &content);
                let fields = json!({ "item": added, "previous_item_id": self.previous(*previous) });
                events.push(self.event("conversation.item.added", fields.clone()));
                events.push(self.event("conversation.item.done", fields));
                if !context {
                    self.record(*item, events, |recorder, id| {
                        recorder.said(id, *role, text, Via::Text)
                    });
                }
            }
            Notice::ReplyStarted { reply, item, previous, silent } => {
                self.replies.insert(*reply, Reply { item: *item, silent: *silent });
                self.tell_reply_started(*reply, *previous, events);
            }
            Notice::Caption { reply, delta } => {
                let kind = if self.is_silent(*reply) {
                    "response.output_text.delta"
                } else {
                    "response.output_audio_transcript.delta"
                };
                let mut fields = self.place(*reply);
                fields["delta"] = json!(delta);
                events.push(self.event(kind, fields));
            }
            Notice::ReplyDone { reply, outcome, text, usage } => {
                self.tell_reply_done(*reply, outcome, text, *usage, events);
            }
            Notice::AudioStarted { reply } => self.tell_buffer("started", *reply, events),
            Notice::AudioStopped { reply } => self.tell_buffer("stopped", *reply, events),
            Notice::AudioCleared { reply } => {
                self.tell_buffer("cleared", *reply, events);
                if self.session.output() == OutputKind::Blob {
                    let fields = json!({ "response_id": self.response_id(*reply) });
                    events.push(self.event("sotto.audio.clear", fields));
                }
            }
            Notice::Truncated { item, played, text } => {
                let fields = json!({
                    "item_id": self.item_id(*item),
                    "content_index": 0,
                    "audio_end_ms": played.as_millis() as u64,
                    "sotto": { "text": text },
                });
                events.push(self.event("conversation.item.truncated", fields));
                self.record(*item, events, |recorder, id| recorder.cut(&id, text, *played));
            }
            // Nothing to tell: `stored` follows when it is.
            Notice::Kept { item, text, interrupted, played } => {
                self.record(*item, events, |recorder, id| {
                    recorder.replied(id, text, *interrupted, *played)
                });
            }
            Notice::Overlapped { reply, overlap } => {
                let mut fields = json!(overlap);
                fields["response_id"] = self.response_id(*reply).into();
                events.push(self.event("sotto.interruption", fields));
            }
            Notice::TimedOut { item, silence } => {
                let fields = json!({
                    "item_id": self.item_id(*item),
                    "audio_start_ms": silence.start.as_ms(),
                    "audio_end_ms": silence.end.as_ms(),
                });
                events.push(self.event("input_audio_buffer.timeout_triggered", fields));
            }
            Notice::Turn(report) => self.tell_turn(report, events),
            Notice::NothingToCommit
            | Notice::NothingToCancel
            | Notice::AlreadyReplying
            | Notice::NotTruncated(_) => {
                let (code, message) = mistake(notice);
                events.push(self.error(code, message, None));
            }
        }
    }

    /// Where in a response the events about its one part belong.
    pub(super) fn place(&self, reply: ReplyId) -> Value {
        json!({
            "response_id": self.response_id(reply),
            "item_id": self.reply_item(reply),
            "output_index": 0,
            "content_index": 0,
        })
    }

    pub(super) fn reply_item(&self, reply: ReplyId) -> Option<String> {
        self.replies.get(&reply).map(|reply| self.item_id(reply.item))
    }

    fn is_silent(&self, reply: ReplyId) -> bool {
        self.replies.get(&reply).is_some_and(|reply| reply.silent)
    }

    fn previous(&self, item: Option<ItemId>) -> Option<String> {
        item.map(|item| self.item_id(item))
    }

    fn item(&self, item: ItemId, role: Role, status: &str, content: &Value) -> Value {
        json!({
            "id": self.item_id(item),
            "object": "realtime.item",
            "type": "message",
            "status": status,
            "role": role,
            "content": content,
        })
    }

    fn spoken_item(&self, item: ItemId, text: Option<&Text>, status: &str) -> Value {
        let content = json!([{ "type": "input_audio", "transcript": text }]);
        self.item(item, Role::User, status, &content)
    }

    fn tell_committed(&mut self, item: ItemId, previous: Option<ItemId>, events: &mut Vec<String>) {
        let previous = self.previous(previous);
        let fields = json!({ "item_id": self.item_id(item), "previous_item_id": previous });
        events.push(self.event("input_audio_buffer.committed", fields));
        let item = self.spoken_item(item, None, "in_progress");
        let fields = json!({ "item": item, "previous_item_id": previous });
        events.push(self.event("conversation.item.added", fields));
    }

    fn tell_reply_started(
        &mut self,
        reply: ReplyId,
        previous: Option<ItemId>,
        events: &mut Vec<String>,
    ) {
        let response = self.response(reply, "in_progress", &Value::Null, &[]);
        events.push(self.event("response.created", json!({ "response": response })));
        let item = self.reply_as_item(reply, None, "in_progress");
        let fields = json!({
            "response_id": self.response_id(reply),
            "output_index": 0,
            "item": item,
        });
        events.push(self.event("response.output_item.added", fields));
        let fields = json!({ "item": item, "previous_item_id": self.previous(previous) });
        events.push(self.event("conversation.item.added", fields));
        let mut fields = self.place(reply);
        fields["part"] = self.part(reply, &Text::default());
        events.push(self.event("response.content_part.added", fields));
    }

    fn tell_reply_done(
        &mut self,
        reply: ReplyId,
        outcome: &Outcome,
        text: &Text,
        usage: Option<Usage>,
        events: &mut Vec<String>,
    ) {
        let (status, details) = status(outcome);
        let place = self.place(reply);
        let mut with_text = place.clone();
        if self.is_silent(reply) {
            with_text["text"] = json!(text);
            events.push(self.event("response.output_text.done", with_text));
        } else {
            events.push(self.event("response.output_audio.done", place.clone()));
            with_text["transcript"] = json!(text);
            events.push(self.event("response.output_audio_transcript.done", with_text));
        }
        let mut fields = place;
        fields["part"] = self.part(reply, text);
        events.push(self.event("response.content_part.done", fields));
        let item_status = if status == "completed" { "completed" } else { "incomplete" };
        let item = self.reply_as_item(reply, Some(text), item_status);
        let fields = json!({
            "response_id": self.response_id(reply),
            "output_index": 0,
            "item": item,
        });
        events.push(self.event("response.output_item.done", fields));
        events.push(self.event("conversation.item.done", json!({ "item": item })));
        let mut response = self.response(reply, status, &details, &[item]);
        if let Some(usage) = usage {
            response["usage"] = json!({
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "total_tokens": usage.input_tokens + usage.output_tokens,
            });
        }
        events.push(self.event("response.done", json!({ "response": response })));
    }

    /// Buffers of output exist where the server plays: not on a WebSocket.
    fn tell_buffer(&mut self, what: &str, reply: ReplyId, events: &mut Vec<String>) {
        if !self.on_websocket() {
            let fields = json!({ "response_id": self.response_id(reply) });
            events.push(self.event(&format!("output_audio_buffer.{what}"), fields));
        }
    }

    fn tell_turn(&mut self, report: &TurnReport, events: &mut Vec<String>) {
        let mut fields = json!(report);
        fields["response_id"] = json!(report.reply.map(|reply| self.response_id(reply)));
        let row = turns::Row {
            id: format!("turn_{}{:x}", self.prefix, report.turn.0),
            item: self.item_id(report.item),
            report: fields.to_string(),
            created_ms: now_ms(),
        };
        fields["turn"] = report.turn.0.into();
        fields["item_id"] = row.item.as_str().into();
        events.push(self.event("sotto.turn", fields));
        self.turns.add(row.clone());
        // Numbers may get lost; nobody is told.
        self.record(report.item, &mut Vec::new(), |recorder, _| recorder.turned(row));
    }

    fn response(&self, reply: ReplyId, status: &str, details: &Value, output: &[Value]) -> Value {
        json!({
            "id": self.response_id(reply),
            "object": "realtime.response",
            "conversation_id": self.conversation_id(),
            "status": status,
            "status_details": details,
            "output": output,
            "output_modalities": [if self.is_silent(reply) { "text" } else { "audio" }],
        })
    }

    fn reply_as_item(&self, reply: ReplyId, text: Option<&Text>, status: &str) -> Value {
        let Some(Reply { item, silent }) = self.replies.get(&reply) else { return Value::Null };
        let content = match text {
            None => json!([]),
            Some(text) if *silent => json!([{ "type": "output_text", "text": text }]),
            Some(text) => json!([{ "type": "output_audio", "transcript": text }]),
        };
        self.item(*item, Role::Assistant, status, &content)
    }

    /// A part of a response is named differently from the same part of an item.
    fn part(&self, reply: ReplyId, text: &Text) -> Value {
        if self.is_silent(reply) {
            json!({ "type": "text", "text": text })
        } else {
            json!({ "type": "audio", "transcript": text })
        }
    }
}

fn status(outcome: &Outcome) -> (&'static str, Value) {
    match outcome {
        Outcome::Completed => ("completed", Value::Null),
        Outcome::Incomplete(finish) => {
            let reason = match finish {
                Finish::ContentFilter => "content_filter",
                Finish::Length | Finish::Stop => "max_output_tokens",
            };
            ("incomplete", json!({ "type": "incomplete", "reason": reason }))
        }
        Outcome::Interrupted => {
            ("cancelled", json!({ "type": "cancelled", "reason": "turn_detected" }))
        }
        Outcome::Cancelled => {
            ("cancelled", json!({ "type": "cancelled", "reason": "client_cancelled" }))
        }
        Outcome::Failed(failure) => {
            let error = json!({
                "type": "server_error",
                "code": failure.code,
                "message": failure.message,
            });
            ("failed", json!({ "type": "failed", "error": error }))
        }
    }
}

fn mistake(notice: &Notice) -> (&'static str, &'static str) {
    match notice {
        Notice::NothingToCommit => {
            ("input_audio_buffer_commit_empty", "nothing was said since the last turn")
        }
        Notice::AlreadyReplying => (
            "conversation_already_has_active_response",
            "a reply is being made; cancel it, or wait for response.done",
        ),
        Notice::NotTruncated(TruncateError::Unknown) => {
            ("item_not_found", "there is no such item in the conversation")
        }
        Notice::NotTruncated(TruncateError::NotSpoken) => {
            ("invalid_value", "only spoken assistant messages can be truncated")
        }
        Notice::NotTruncated(TruncateError::TooLong) => {
            ("invalid_value", "audio_end_ms is beyond the end of the audio")
        }
        _ => ("response_cancel_not_active", "there is no reply to cancel"),
    }
}
