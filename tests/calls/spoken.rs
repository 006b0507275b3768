//! With fake engines: replies, interruptions, greetings, and what the protocol says about them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sotto::client::{Call, CallOptions, HangUp, Recording};
use sotto_llm::Error;
use sotto_llm::scripted::Scripted;

use crate::support::engines;
use crate::support::fakes::{self, voice_like};
use crate::support::server::TestServer;

const LONG: &str = "Once upon a time there was a king who had three daughters, and all of them could sing. \
One day a stranger came to the castle, and he asked for the youngest of them.";

fn recording(ms: usize) -> Recording {
    Recording::new(voice_like(ms))
}

async fn long_winded() -> (TestServer, Scripted) {
    let words = LONG.split_inclusive(' ').map(str::to_owned);
    let llm = Scripted::new(words).then_every(Duration::from_millis(5));
    let engines = fakes::with_llm(&["tell me a story", "stop"], Arc::new(llm.clone()));
    (TestServer::start(engines).await, llm)
}

fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == kind
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_turn_are_those_of_the_protocol() {
    let server = TestServer::fake().await;
    let mut call = server.call().await;
    call.say(recording(800)).await;
    let events = call.events().to_vec();
    let order: Vec<&str> = kinds(&events)
        .into_iter()
        .filter(|kind| !kind.starts_with("sotto.") && kind.rsplit('.').next() != Some("delta"))
        // When the first sound is heard depends on the network, not on the protocol.
        .filter(|kind| *kind != "output_audio_buffer.started")
        .collect();
    assert_eq!(
        order,
        [
            "session.created",
            "conversation.created",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.input_audio_transcription.completed",
            "conversation.item.done",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
            "output_audio_buffer.stopped",
        ]
    );
    let at = |kind: &str| events.iter().position(|event| event["type"] == kind).unwrap();
    assert!(at("response.created") < at("output_audio_buffer.started"));
    assert!(at("output_audio_buffer.started") < at("output_audio_buffer.stopped"));
    let mut ids: Vec<&str> = events.iter().map(|e| e["event_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "every event has an id of its own");
    let session = &events[0]["session"];
    assert_eq!(session["sotto"]["history"], "memory");
    assert_eq!(session["sotto"]["output"], "track");
    assert_eq!(session["audio"]["input"]["turn_detection"]["type"], "semantic_vad");
    let report = events.iter().find(|event| event["type"] == "sotto.turn").unwrap();
    assert_eq!(report["decision"]["reason"], "model");
    assert!(report["timings"]["first_audio_ms"].as_u64().unwrap() < 1_500, "{report}");
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_written_while_they_are_spoken() {
    let server = TestServer::start(fakes::engines(&["one two three four five six seven"])).await;
    let mut call = server.call().await;
    call.say(recording(2_400)).await;
    let events = call.events().to_vec();
    let at = |kind: &str| events.iter().position(|event| event["type"] == kind).unwrap();
    let delta = "conversation.item.input_audio_transcription.delta";
    let completed = at("conversation.item.input_audio_transcription.completed");
    assert!(at(delta) < at("input_audio_buffer.speech_stopped"), "{:?}", kinds(&events));
    let told: String = events
        .iter()
        .filter(|event| event["type"] == delta)
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    let interims: Vec<usize> =
        (0..events.len()).filter(|at| events[*at]["type"] == "sotto.transcript.interim").collect();
    assert!(interims.len() >= 2 && interims.iter().all(|at| *at < completed), "{interims:?}");
    let last = &events[interims[interims.len() - 1]];
    assert_eq!(last["stable"].as_str(), Some(told.as_str()));
    assert_eq!(last["item_id"], events[completed]["item_id"]);
    let text = events[completed]["transcript"].as_str().unwrap();
    assert_eq!(text, "one two three four five six seven");
    assert!(text.starts_with(&told) && !told.is_empty(), "{told}");
    let report = events.iter().find(|event| event["type"] == "sotto.turn").unwrap();
    assert!(report["rejected"].is_null(), "{report}");
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn speaking_over_a_reply_stops_it_and_the_model_learns_what_was_heard() {
    for blobs in [false, true] {
        let (server, llm) = long_winded().await;
        let options = CallOptions { blobs, ..server.options() };
        let mut call = Call::place(options).await.unwrap();
        call.say_only(recording(700)).await;
        let second = Duration::from_secs(5);
        call.wait_until(second, is("output_audio_buffer.started")).await.unwrap();
        call.wait(Duration::from_millis(900)).await;
        call.say_only(recording(700)).await;
        let cut = call.events().iter().find(|e| is("conversation.item.truncated")(e)).cloned();
        let cut = cut.unwrap_or_else(|| panic!("blobs {blobs}: not interrupted"));
        let heard_ms = cut["audio_end_ms"].as_u64().unwrap();
        assert!((700..2_200).contains(&heard_ms), "blobs {blobs}: {heard_ms}");
        // The model is asked at the same time as the client is told.
        call.wait_until(second, is("response.output_audio_transcript.delta")).await.unwrap();
        let messages = llm.requests().last().cloned().unwrap().messages;
        let heard = &messages[2].content;
        assert!(LONG.starts_with(heard.as_str()) && heard.len() < LONG.len(), "{heard}");
        // A character takes the fake voice 40 ms.
        let expected = heard_ms as usize / fakes::MS_PER_CHARACTER;
        assert!(heard.len().abs_diff(expected) < 12, "{heard}: {heard_ms} ms");
        assert_eq!(cut["sotto"]["text"].as_str(), Some(heard.as_str()));
        assert_eq!(messages[3].content, "stop");
        assert!(call.turns(0)[0].interrupted);
        call.hang_up(HangUp::Close).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_stops_when_the_person_speaks() {
    let (server, _) = long_winded().await;
    let mut call = server.call().await;
    call.say_only(recording(700)).await;
    call.wait_until(Duration::from_secs(5), is("output_audio_buffer.started")).await.unwrap();
    call.wait(Duration::from_millis(600)).await;
    // Asked for on the data channel, so that the time is known.
    call.send(&json!({ "type": "output_audio_buffer.clear" })).await.unwrap();
    call.wait_until(Duration::from_secs(1), is("output_audio_buffer.cleared")).await.unwrap();
    call.wait(Duration::from_millis(150)).await;
    let before = call.heard().audible_ms.len();
    call.wait(Duration::from_millis(400)).await;
    assert_eq!(call.heard().audible_ms.len(), before, "nothing of it is heard any more");
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uninterruptible_reply_goes_on() {
    let (server, _) = long_winded().await;
    let mut call = server.call().await;
    call.send(&json!({
        "type": "session.update",
        "session": { "type": "realtime", "sotto": { "interruption": "never" } }
    }))
    .await
    .unwrap();
    let updated = call.wait_until(Duration::from_secs(1), is("session.updated")).await.unwrap();
    assert_eq!(updated["session"]["sotto"]["interruption"], "never");
    call.say_only(recording(700)).await;
    call.wait_until(Duration::from_secs(5), is("output_audio_buffer.started")).await.unwrap();
    call.say_only(recording(700)).await;
    call.wait(Duration::from_millis(500)).await;
    assert!(!kinds(call.events()).contains(&"output_audio_buffer.cleared"));
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_is_heard_first() {
    let mut config = engines::config();
    config.conversation.greeting = "Welcome to Sotto.".to_owned();
    let server = TestServer::with(config, fakes::engines(&["hello"])).await;
    let mut call = server.call().await;
    call.wait_until(Duration::from_secs(3), is("output_audio_buffer.stopped")).await.unwrap();
    assert!(call.heard().audible_ms.len() > 10);
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_data_channel_is_a_complete_call() {
    let server = TestServer::fake().await;
    let options = CallOptions { events: false, ..server.options() };
    let mut call = Call::place(options).await.unwrap();
    call.say_only(recording(800)).await;
    call.wait(Duration::from_secs(2)).await;
    assert!(call.heard().audible_ms.len() > 5, "the reply is heard");
    call.hang_up(HangUp::Delete).await.unwrap();
    server.wait_for_quiet(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_is_reported_and_the_call_goes_on() {
    let llm = Scripted::new(Vec::<String>::new())
        .fails_with(|| Error::Status { status: 500, message: "out of memory".to_owned() });
    let engines = fakes::with_llm(&["hello"], Arc::new(llm));
    let server = TestServer::start(engines).await;
    let mut call = server.call().await;
    call.say_only(recording(700)).await;
    let done = call.wait_until(Duration::from_secs(3), is("response.done")).await.unwrap();
    assert_eq!(done["response"]["status"], "failed");
    let error = &done["response"]["status_details"]["error"];
    assert_eq!(error["code"], "llm_refused");
    assert!(error["message"].as_str().unwrap().contains("out of memory"), "{error}");
    call.say_only(recording(700)).await;
    call.wait_until(Duration::from_secs(3), is("response.done")).await.unwrap();
    assert_eq!(call.turns(0).len(), 2);
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_on_the_channel_is_answered_and_harms_nobody() {
    let server = TestServer::fake().await;
    let mut call = server.call().await;
    let error = |code: &'static str| {
        move |event: &Value| event["type"] == "error" && event["error"]["code"] == code
    };
    let second = Duration::from_secs(1);
    call.send_junk(&[0xff, 0xfe, 0x00]).await.unwrap();
    call.wait_until(second, error("invalid_event")).await.unwrap();
    call.send(&json!({ "type": "make.coffee", "event_id": "mine" })).await.unwrap();
    let answer = call.wait_until(second, error("unsupported_event")).await.unwrap();
    assert_eq!(answer["error"]["event_id"], "mine");
    call.send(&json!([1, 2])).await.unwrap();
    call.wait_until(second, error("invalid_event")).await.unwrap();
    call.send(&json!({ "type": "session.update", "session": { "audio": 7 } })).await.unwrap();
    let answer = call.wait_until(second, error("invalid_value")).await.unwrap();
    assert_eq!(answer["error"]["param"], "session.audio");
    let blob = json!({ "sotto": { "output": "blob" } });
    call.send(&json!({ "type": "session.update", "session": blob })).await.unwrap();
    let answer = call.wait_until(second, error("unsupported_value")).await.unwrap();
    assert_eq!(answer["error"]["param"], "session.sotto.output", "chosen when a call is opened");
    call.send(&json!({ "type": "input_audio_buffer.append", "audio": "AAAA" })).await.unwrap();
    call.wait_until(second, error("unsupported_event")).await.unwrap();
    call.send(&json!({ "type": "input_audio_buffer.commit" })).await.unwrap();
    call.wait_until(second, error("input_audio_buffer_commit_empty")).await.unwrap();
    call.send(&json!({ "type": "response.cancel" })).await.unwrap();
    call.wait_until(second, error("response_cancel_not_active")).await.unwrap();
    call.say(recording(700)).await;
    assert_eq!(call.turns(0)[0].user_text, "hello there");
    call.hang_up(HangUp::Close).await.unwrap();
}
