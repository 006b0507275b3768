//! What the events of a call say about its turns. Pure: events and times in, turns out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::speaker::Spoken;

/// A server waits no longer than about this before it decides what a pause is.
const LONGEST_SILENCE_MS: u64 = 3_500;

/// A turn of a call, in milliseconds after it connected, on the client's clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turn {
    /// Which of several calls, from 0.
    pub call: usize,
    /// Which turn of the call, from 0.
    pub turn: usize,
    /// What the server understood.
    pub user_text: String,
    /// What it answered.
    pub reply_text: String,
    /// When the last energetic sample of the recording was sent.
    pub speech_end_ms: Option<u64>,
    /// When the turn was over.
    pub endpoint_ms: Option<u64>,
    /// When its transcript came.
    pub transcript_ms: Option<u64>,
    /// When the answer was first heard.
    pub first_audio_ms: Option<u64>,
    /// Whether the answer was cut.
    pub interrupted: bool,
    /// Whether it was over before the recording had ended.
    pub early: bool,
    /// The code of what failed, if recognition or the answer did.
    pub error: Option<String>,
    /// What the server says about it, once its answer is heard or is over.
    pub server: Option<TurnRecord>,
}

/// What the server says about a turn: its event `sotto.turn`, as far as it is looked at here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TurnRecord {
    /// When phases were over.
    pub timings: ServerTimes,
    /// Why the turn ended when it did.
    pub decision: Decision,
    /// What engines did for it.
    pub work: Vec<Work>,
}

/// Why a turn ended when it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// `model`, `silence`, `limit` or `client`.
    pub reason: String,
}

/// What an engine did for a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// Which: `turn`, `stt`, `llm` or `tts`.
    pub stage: String,
    /// How long it waited for the engine.
    pub waited_ms: u64,
    /// How long the engine worked on it.
    pub worked_ms: u64,
}

/// When phases of a turn were over, in milliseconds after the last speech that the server has heard, on its own clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerTimes {
    /// The turn was over.
    pub endpoint_ms: Option<u64>,
    /// Its words were there.
    pub transcript_ms: Option<u64>,
    /// The model's first word.
    pub first_token_ms: Option<u64>,
    /// The first clause was complete.
    pub first_clause_ms: Option<u64>,
    /// The first sound was made.
    pub first_speech_ms: Option<u64>,
    /// The first sound was sent.
    pub first_audio_ms: Option<u64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Turns {
    open: Vec<Open>,
    /// Replies that answer no turn: a greeting.
    unasked: Vec<Open>,
    /// When speech last began or paused that has become no turn yet.
    spoke_at_ms: Option<u64>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that come true in any order")]
struct Open {
    item: String,
    response: Option<String>,
    endpoint_ms: Option<u64>,
    transcript_ms: Option<u64>,
    user_text: Option<String>,
    reply_text: String,
    written: bool,
    audible: bool,
    made: bool,
    played: bool,
    interrupted: bool,
    error: Option<String>,
    server: Option<TurnRecord>,
}

impl Open {
    fn is_over(&self) -> bool {
        let nothing_said = self.user_text.as_ref().is_some_and(|text| text.trim().is_empty());
        // A page plays what it is sent some time after it was made.
        let to_be_heard = !self.written && !self.reply_text.is_empty();
        let answered = self.made && (self.played || !to_be_heard);
        nothing_said || answered || self.interrupted
    }
}

impl Turns {
    /// Takes an event that came at `at_ms`.
    pub(super) fn event(&mut self, event: &Value, at_ms: u64) {
        let kind = event["type"].as_str().unwrap_or_default();
        match kind {
            "input_audio_buffer.speech_started" | "input_audio_buffer.speech_stopped" => {
                self.spoke_at_ms = Some(at_ms);
            }
            "input_audio_buffer.committed" => {
                self.spoke_at_ms = None;
                self.open.push(Open {
                    item: event["item_id"].as_str().unwrap_or_default().to_owned(),
                    endpoint_ms: Some(at_ms),
                    ..Open::default()
                });
            }
            "conversation.item.input_audio_transcription.completed" => {
                let text = event["transcript"].as_str().unwrap_or_default();
                self.transcribed(&event["item_id"], text, at_ms);
            }
            "conversation.item.input_audio_transcription.failed" => {
                self.transcribed(&event["item_id"], "", at_ms);
                if let Some(turn) = self.of_item(&event["item_id"]) {
                    turn.error = Some(code(&event["error"]));
                }
            }
            "response.created" => {
                let response = event["response"]["id"].as_str().map(str::to_owned);
                match self.open.last_mut() {
                    Some(turn) if turn.response.is_none() => turn.response = response,
                    // An answer to a question whose answer was cut before it was heard.
                    Some(turn) if !turn.audible => {
                        turn.response = response;
                        turn.interrupted = false;
                        turn.made = false;
                        turn.reply_text.clear();
                    }
                    _ => self.unasked.push(Open { response, ..Open::default() }),
                }
            }
            "response.output_audio_transcript.delta" | "response.output_text.delta" => {
                let delta = event["delta"].as_str().unwrap_or_default();
                let written = kind == "response.output_text.delta";
                self.with(&event["response_id"], |turn| {
                    turn.reply_text.push_str(delta);
                    turn.written |= written;
                });
            }
            "output_audio_buffer.started" => {
                self.with(&event["response_id"], |turn| turn.audible = true);
            }
            "output_audio_buffer.stopped" => {
                self.with(&event["response_id"], |turn| turn.played = true);
            }
            "output_audio_buffer.cleared" => {
                self.with(&event["response_id"], |turn| turn.interrupted = true);
            }
            "response.done" => {
                let response = &event["response"];
                self.with(&response["id"], |turn| {
                    turn.made = true;
                    turn.interrupted |= response["status"] == "cancelled";
                    if response["status"] == "failed" {
                        turn.error = Some(code(&response["status_details"]["error"]));
                    }
                });
            }
            "sotto.turn" => {
                let record = TurnRecord::deserialize(event);
                if let (Some(turn), Ok(record)) = (self.of_item(&event["item_id"]), record) {
                    turn.server = Some(record);
                }
            }
            _ => {}
        }
    }

    /// Whether nothing is being awaited: every turn has been answered to its end.
    pub(super) fn is_quiet(&self) -> bool {
        self.open.iter().chain(&self.unasked).all(Open::is_over)
    }

    /// Whether the answer to the latest turn is being heard.
    pub(super) fn is_answering(&self) -> bool {
        let heard = |turn: &Open| turn.audible && !turn.played && !turn.interrupted;
        self.open.last().is_some_and(heard)
    }

    /// Until when speech that was heard may still become a turn, if there is any. Speech that becomes none is
    /// forgotten without an event.
    pub(super) fn undecided_until_ms(&self) -> Option<u64> {
        self.spoke_at_ms.map(|at| at + LONGEST_SILENCE_MS)
    }

    /// How many turns there have been.
    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    /// The turns from number `from` on. `first_loud` says when something was first heard between two times.
    pub(super) fn finish(
        &self,
        call: usize,
        from: usize,
        spoken: &[Spoken],
        first_loud: impl Fn(u64, u64) -> Option<u64>,
    ) -> Vec<Turn> {
        let ends = self.open.iter().skip(1).map(|next| next.endpoint_ms).chain([None]);
        let turns = self.open.iter().zip(ends).enumerate().skip(from);
        turns
            .map(|(number, (open, end))| {
                let endpoint = open.endpoint_ms.unwrap_or(0);
                let recording = spoken.iter().rev().find(|spoken| spoken.begin_ms <= endpoint);
                Turn {
                    call,
                    turn: number,
                    user_text: open.user_text.clone().unwrap_or_default(),
                    reply_text: open.reply_text.clone(),
                    speech_end_ms: recording.map(|spoken| spoken.speech_end_ms),
                    endpoint_ms: open.endpoint_ms,
                    transcript_ms: open.transcript_ms,
                    first_audio_ms: first_loud(endpoint, end.unwrap_or(u64::MAX))
                        .filter(|_| open.response.is_some()),
                    interrupted: open.interrupted,
                    early: recording.is_some_and(|spoken| endpoint < spoken.end_ms),
                    error: open.error.clone(),
                    server: open.server.clone(),
                }
            })
            .collect()
    }

    fn transcribed(&mut self, item: &Value, text: &str, at_ms: u64) {
        if let Some(turn) = self.of_item(item) {
            turn.user_text = Some(text.to_owned());
            turn.transcript_ms = Some(at_ms);
        }
    }

    fn of_item(&mut self, item: &Value) -> Option<&mut Open> {
        // Events are about the latest turns.
        self.open.iter_mut().rev().find(|turn| *item == turn.item)
    }

    fn with(&mut self, response: &Value, change: impl FnOnce(&mut Open)) {
        let id = response.as_str();
        let mut all = self.open.iter_mut().chain(&mut self.unasked);
        if let Some(turn) = all.find(|turn| turn.response.as_deref() == id && id.is_some()) {
            change(turn);
        }
    }
}

fn code(error: &Value) -> String {
    error["code"].as_str().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SPOKEN: Spoken = Spoken { begin_ms: 100, speech_end_ms: 1_000, end_ms: 1_200 };

    fn turns(events: &[(u64, Value)]) -> (Turns, Vec<Turn>) {
        let mut turns = Turns::default();
        for (at, event) in events {
            turns.event(event, *at);
        }
        let finished = turns.finish(3, 0, &[SPOKEN], |from, to| (1_500..to).find(|t| *t >= from));
        (turns, finished)
    }

    fn asked() -> Vec<(u64, Value)> {
        vec![
            (1_300, json!({"type": "input_audio_buffer.committed", "item_id": "i"})),
            (
                1_310,
                json!({"type": "conversation.item.input_audio_transcription.completed",
                       "item_id": "i", "transcript": "hello"}),
            ),
            (1_320, json!({"type": "response.created", "response": {"id": "r"}})),
            (
                1_330,
                json!({"type": "response.output_audio_transcript.delta", "response_id": "r",
                       "delta": "hi"}),
            ),
            (1_400, json!({"type": "output_audio_buffer.started", "response_id": "r"})),
            (
                1_410,
                json!({"type": "response.done", "response": {"id": "r", "status": "completed"}}),
            ),
        ]
    }

    #[test]
    fn speech_is_waited_for_until_it_is_a_turn() {
        let (mut turns, _) = turns(&[]);
        assert_eq!(turns.undecided_until_ms(), None);
        turns.event(&json!({"type": "input_audio_buffer.speech_started", "item_id": "i"}), 500);
        turns.event(&json!({"type": "input_audio_buffer.speech_stopped", "item_id": "i"}), 900);
        assert_eq!(turns.undecided_until_ms(), Some(900 + LONGEST_SILENCE_MS));
        turns.event(&asked()[0].1, 1_300);
        assert_eq!(turns.undecided_until_ms(), None);
        assert!(!turns.is_quiet());
    }

    #[test]
    fn a_turn_is_put_together() {
        let mut events = asked();
        let (turns_so_far, _) = turns(&events);
        assert!(!turns_so_far.is_quiet() && turns_so_far.is_answering(), "it is still playing");
        events.push((
            1_401,
            json!({"type": "sotto.turn", "item_id": "i", "turn": 0,
                   "decision": {"reason": "model", "silence_ms": 220},
                   "timings": {"endpoint_ms": 220, "first_token_ms": 235, "first_audio_ms": null},
                   "work": [{"stage": "stt", "asked_ms": 96, "waited_ms": 3, "worked_ms": 80}]}),
        ));
        events.push((2_000, json!({"type": "output_audio_buffer.stopped", "response_id": "r"})));
        let (turns, finished) = turns(&events);
        assert!(turns.is_quiet() && !turns.is_answering());
        assert_eq!(
            finished,
            [Turn {
                call: 3,
                turn: 0,
                user_text: "hello".to_owned(),
                reply_text: "hi".to_owned(),
                speech_end_ms: Some(1_000),
                endpoint_ms: Some(1_300),
                transcript_ms: Some(1_310),
                first_audio_ms: Some(1_500),
                interrupted: false,
                early: false,
                error: None,
                server: Some(TurnRecord {
                    timings: ServerTimes {
                        endpoint_ms: Some(220),
                        first_token_ms: Some(235),
                        ..ServerTimes::default()
                    },
                    decision: Decision { reason: "model".to_owned() },
                    work: vec![Work { stage: "stt".to_owned(), waited_ms: 3, worked_ms: 80 }],
                }),
            }]
        );
        assert_eq!(turns.finish(3, 1, &[SPOKEN], |_, _| None), [], "the turns from the second on");
    }

    #[test]
    fn what_failed_is_named() {
        let mut events = asked();
        events[5].1["response"] = json!({"id": "r", "status": "failed",
            "status_details": {"type": "failed", "error": {"code": "engine_overloaded"}}});
        assert_eq!(turns(&events).1[0].error.as_deref(), Some("engine_overloaded"));
        let failed = json!({"type": "conversation.item.input_audio_transcription.failed",
                            "item_id": "i", "error": {"code": "engine_timeout"}});
        let (turns, finished) = turns(&[asked()[0].clone(), (1_310, failed)]);
        assert_eq!(finished[0].error.as_deref(), Some("engine_timeout"));
        assert!(turns.is_quiet());
    }

    #[test]
    fn a_cut_answer_is_interrupted() {
        let mut events = asked();
        events.push((1_600, json!({"type": "output_audio_buffer.cleared", "response_id": "r"})));
        let (turns, finished) = turns(&events);
        assert!(turns.is_quiet() && finished[0].interrupted);
    }

    #[test]
    fn a_turn_before_the_end_of_the_recording_is_early() {
        let committed = json!({"type": "input_audio_buffer.committed", "item_id": "i"});
        assert!(turns(&[(1_199, committed.clone())]).1[0].early);
        assert!(!turns(&[(1_200, committed)]).1[0].early);
    }

    #[test]
    fn nothing_said_needs_no_answer() {
        let committed = json!({"type": "input_audio_buffer.committed", "item_id": "i"});
        let empty = json!({"type": "conversation.item.input_audio_transcription.completed",
                           "item_id": "i", "transcript": " "});
        let (turns, finished) = turns(&[(1_300, committed), (1_310, empty)]);
        assert!(turns.is_quiet());
        assert_eq!(finished[0].first_audio_ms, None);
    }
}
