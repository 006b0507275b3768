//! The `OpenAI` Realtime protocol (GA), as far as a cascade of recognition, model and voice has a meaning for
//! it, and our own events beside it. docs/protocol.md is its description.

mod read;
mod tell;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::record::Recorder;
use super::remains::{Home, Remains, Resumed};
use super::seat::Place;
use super::session::{OutputKind, Session};
use super::turn_log::TurnLog;
use crate::pipeline::codec::wav::to_i16;
use crate::pipeline::conversation::{Notice, ReplyId};
use crate::pipeline::history::ItemId;
use crate::pipeline::network::Network;
use crate::pipeline::text::Text;
use crate::pipeline::transport::{HangUp, NotStored};
use crate::pipeline::{Chunk, Dialect, Hush, Left, Request};
use crate::telemetry::Told;

/// An item that a client is adding.
struct Choosing {
    /// The id that it chose.
    id: Option<String>,
    /// Whether it was said before: the model is to know it, and it is not stored again.
    context: bool,
}

/// One call's side of the protocol.
pub struct Realtime {
    session: Session,
    call_id: String,
    /// What the ids of this call have in common: nobody can guess another call's.
    prefix: String,
    events: u64,
    /// Ids that a client chose for its items, and those of items it is just adding.
    chosen: HashMap<ItemId, String>,
    choosing: VecDeque<Choosing>,
    /// Ids of the conversation that no new item may have.
    taken: HashSet<String>,
    /// Ids of what is known to be stored.
    stored: HashSet<String>,
    /// Where what is said is kept, if it is.
    recorder: Option<Recorder>,
    /// The event being answered, if the client gave it an id.
    answering: Option<String>,
    replies: HashMap<ReplyId, tell::Reply>,
    /// The call that goes on in this one.
    resumed: Option<Resumed>,
    /// How turns went.
    turns: Arc<TurnLog>,
    /// Who is told what the client is told.
    told: Told,
}

impl Realtime {
    /// For the call `call_id` with this session, in this place.
    pub(super) fn new(mut session: Session, call_id: &str, place: Place, told: Told) -> Self {
        session.begin();
        let Place { earlier, ids: taken, stored, keeper, replies, resumed, turns } = place;
        let model = session.model();
        let recorder = keeper.map(|keeper| Recorder::new(keeper, model.to_owned(), replies));
        let chosen = earlier.into_iter().collect();
        Self {
            session,
            call_id: call_id.to_owned(),
            prefix: call_id.trim_start_matches("call_").chars().take(12).collect(),
            events: 0,
            chosen,
            choosing: VecDeque::new(),
            taken,
            stored,
            recorder,
            answering: None,
            replies: HashMap::new(),
            resumed,
            turns,
            told,
        }
    }

    /// What is left for a call of `person` that goes on where this one ended. Nothing more is stored.
    pub(super) fn remains(
        left: Left<Self>,
        person: Option<Arc<str>>,
        home: Option<Home>,
    ) -> Remains {
        let Left { history, mut missed, dialect, .. } = left;
        let names = history.ids().map(|item| (item, dialect.item_id(item))).collect();
        let conversation = dialect.conversation_id();
        let Self { session, mut taken, stored, chosen, recorder, resumed, turns, .. } = dialect;
        taken.extend(chosen.into_values());
        // What was missed before, and has not been said again since.
        if let Some(resumed) = resumed.filter(|_| missed.is_empty()) {
            missed = resumed.missed;
        }
        let replies = recorder.map(Recorder::finish).unwrap_or_default();
        Remains {
            person,
            session,
            history,
            names,
            taken,
            stored,
            replies,
            conversation,
            missed,
            turns,
            home,
        }
    }

    /// What was missed of a reply in the lost call. It can be had once.
    fn missed(&mut self) -> Option<Text> {
        let resumed = self.resumed.as_mut().filter(|resumed| !resumed.missed.is_empty())?;
        Some(std::mem::take(&mut resumed.missed))
    }

    /// An event with an id of its own.
    fn event(&mut self, kind: &str, mut fields: Value) -> String {
        self.events += 1;
        fields["type"] = kind.into();
        fields["event_id"] = format!("event_{}{:x}", self.prefix, self.events).into();
        fields.to_string()
    }

    fn error(&mut self, code: &str, message: &str, param: Option<&str>) -> String {
        let event_id = self.answering.take();
        let error = json!({
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": param,
            "event_id": event_id,
        });
        self.event("error", json!({ "error": error }))
    }

    fn item_id(&self, item: ItemId) -> String {
        match self.chosen.get(&item) {
            Some(id) => id.clone(),
            None => format!("item_{}{:x}", self.prefix, item.0),
        }
    }

    fn item_of(&self, id: &str) -> Option<ItemId> {
        if let Some((item, _)) = self.chosen.iter().find(|(_, chosen)| *chosen == id) {
            return Some(*item);
        }
        let number = id.strip_prefix("item_")?.strip_prefix(&self.prefix)?;
        u32::from_str_radix(number, 16).ok().map(ItemId)
    }

    fn response_id(&self, reply: ReplyId) -> String {
        format!("resp_{}{:x}", self.prefix, reply.0)
    }

    fn chunk_id(&self, reply: ReplyId, clause: u32) -> String {
        format!("chunk_{}{:x}.{clause:x}", self.prefix, reply.0)
    }

    fn chunk_of(&self, id: &str) -> Option<(ReplyId, u32)> {
        let numbers = id.strip_prefix("chunk_")?.strip_prefix(&self.prefix)?;
        let (reply, clause) = numbers.split_once('.')?;
        let number = |text| u32::from_str_radix(text, 16).ok();
        Some((ReplyId(number(reply)?), number(clause)?))
    }

    /// The id of the conversation: that of the one it goes on in, or one of this call.
    fn conversation_id(&self) -> String {
        let own = || match &self.resumed {
            Some(resumed) => resumed.conversation.clone(),
            None => format!("conv_{}", self.prefix),
        };
        self.session.conversation().map_or_else(own, str::to_owned)
    }

    /// Hands something to the recorder. If it cannot take it, the client is told.
    fn record(
        &mut self,
        item: ItemId,
        events: &mut Vec<String>,
        what: impl FnOnce(&mut Recorder, String) -> Result<(), NotStored>,
    ) {
        let id = self.item_id(item);
        let Some(recorder) = &mut self.recorder else { return };
        if let Err(why) = what(recorder, id.clone()) {
            self.told.metrics().store.gave_up(why);
            events.push(self.stored(&id, Err(why)));
        }
    }

    fn on_websocket(&self) -> bool {
        self.session.output() == OutputKind::Events
    }
}

impl Dialect for Realtime {
    fn opened(&mut self, events: &mut Vec<String>) {
        let session = self.session.to_json(&self.call_id);
        events.push(self.event("session.created", json!({ "session": session })));
        let conversation =
            json!({ "id": self.conversation_id(), "object": "realtime.conversation" });
        events.push(self.event("conversation.created", json!({ "conversation": conversation })));
        if let Some(Resumed { call_id, missed, .. }) = &self.resumed {
            let fields = json!({ "call_id": call_id, "missed": missed });
            events.push(self.event("sotto.resumed", fields));
        }
    }

    fn read(&mut self, text: &str, events: &mut Vec<String>) -> Option<Request> {
        self.read_event(text, events)
    }

    fn tell(&mut self, notice: &Notice, events: &mut Vec<String>) {
        self.tell_notice(notice, events);
    }

    fn speech(&mut self, reply: ReplyId, samples: &[f32], events: &mut Vec<String>) {
        // A tenth of a second each: small enough for any client, large enough to be few.
        for piece in samples.chunks(2_400) {
            let bytes: Vec<u8> =
                piece.iter().flat_map(|sample| to_i16(*sample).to_le_bytes()).collect();
            let mut fields = self.place(reply);
            fields["delta"] = BASE64.encode(bytes).into();
            events.push(self.event("response.output_audio.delta", fields));
        }
    }

    fn chunk(&mut self, chunk: &Chunk<'_>) -> String {
        let mut start = 0;
        let words: Vec<Value> = chunk
            .words
            .iter()
            .map(|word| {
                let text = chunk.text.as_str().get(start..word.text_end).unwrap_or_default();
                start = word.text_end;
                json!({ "text": text.trim(), "start_ms": word.start_ms, "end_ms": word.end_ms })
            })
            .collect();
        let fields = json!({
            "response_id": self.response_id(chunk.reply),
            "item_id": self.reply_item(chunk.reply),
            "chunk_id": self.chunk_id(chunk.reply, chunk.clause),
            "bytes": chunk.bytes,
            "duration_ms": chunk.duration.as_millis() as u64,
            "text": chunk.text,
            "words": words,
        });
        self.event("sotto.audio.chunk", fields)
    }

    fn stored(&mut self, item: &str, result: Result<u64, NotStored>) -> String {
        match result {
            Ok(seq) => {
                self.stored.insert(item.to_owned());
                self.event("sotto.item.stored", json!({ "item_id": item, "seq": seq }))
            }
            Err(why) => {
                let fields = json!({ "item_id": item, "reason": why.code() });
                self.event("sotto.item.not_stored", fields)
            }
        }
    }

    fn network(&mut self, network: &Network) -> String {
        self.event("sotto.network", json!(network))
    }

    fn hush(&mut self, reply: ReplyId, hush: Hush) -> String {
        let mut fields = json!({ "response_id": self.response_id(reply) });
        match hush {
            Hush::Duck => fields["level"] = "quiet".into(),
            Hush::Hold => fields["level"] = "silent".into(),
            Hush::Resume(Some((clause, from))) => {
                fields["chunk_id"] = self.chunk_id(reply, clause).into();
                fields["from_ms"] = (from.as_secs_f64() * 1_000.0).into();
            }
            Hush::Resume(None) => {}
        }
        let resumes = matches!(hush, Hush::Resume(_));
        self.event(if resumes { "sotto.audio.resume" } else { "sotto.audio.duck" }, fields)
    }

    fn ending(&mut self, reason: HangUp, within: Duration) -> String {
        let reason = match reason {
            HangUp::SlowClient => "slow_client",
            HangUp::EngineFailed => "engine_failed",
            HangUp::Resumed => "resumed",
            _ => "server_stopping",
        };
        let fields = json!({ "reason": reason, "in_ms": within.as_millis() as u64 });
        self.event("sotto.call.ending", fields)
    }
}
