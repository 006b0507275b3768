//! The same protocol on a WebSocket, with sound inside the events.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::fakes::voice_like;
use crate::support::server::{TestServer, real};
use crate::support::shared;
use crate::support::socket::Socket;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_understood_and_answered_in_events() {
    let Some(server) = real().await else { return };
    let clip = shared::clip("speech/gs_describe.wav").unwrap();
    let mut socket = Socket::open(&server).await;
    socket.say(&shared::samples(&clip.file)).await;
    let completed = socket.until("conversation.item.input_audio_transcription.completed").await;
    assert_eq!(completed["transcript"].as_str(), clip.fixture_text.as_deref());
    assert!(completed["usage"]["seconds"].as_f64().unwrap() > 1.0);
    socket.until("response.done").await;
    let sound: usize = socket
        .log
        .iter()
        .filter(|event| event["type"] == "response.output_audio.delta")
        .map(|event| BASE64.decode(event["delta"].as_str().unwrap()).unwrap().len())
        .sum();
    assert!(sound > 24_000, "more than half a second of 16-bit samples: {sound}");
    let buffers = socket
        .log
        .iter()
        .any(|event| event["type"].as_str().unwrap_or_default().starts_with("output_audio_buffer"));
    assert!(!buffers, "those are for WebRTC");
}

#[tokio::test(flavor = "multi_thread")]
async fn push_to_talk() {
    let server = TestServer::fake().await;
    let mut socket = Socket::open(&server).await;
    let turn_detection = Value::Null;
    socket
        .send(json!({
            "type": "session.update",
            "session": { "audio": { "input": { "turn_detection": turn_detection } } }
        }))
        .await;
    let updated = socket.until("session.updated").await;
    assert!(updated["session"]["audio"]["input"]["turn_detection"].is_null());
    socket.say(&voice_like(900)).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    socket.send(json!({ "type": "input_audio_buffer.commit" })).await;
    socket.until("input_audio_buffer.committed").await;
    socket.until("response.done").await;
    let spoken = socket.log.iter().any(|e| e["type"] == "input_audio_buffer.speech_started");
    assert!(!spoken, "nobody listens for speech in push to talk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_sets_all_that_is_ours() {
    let server = TestServer::fake().await;
    let query = "interruption=after_words&min_words=3";
    let opened = Socket::open_as(&server.url, query, &[]).await;
    let sotto = opened.unwrap().log[0]["session"]["sotto"].clone();
    assert_eq!((&sotto["interruption"], &sotto["min_words"]), (&json!("after_words"), &json!(3)));
    let refused = Socket::open_as(&server.url, "min_words=0", &[]);
    let (status, body) = refused.await.err().unwrap();
    assert_eq!((status, &body["error"]["code"]), (400, &json!("invalid_value")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_expected_reaches_the_engine() {
    let server = TestServer::fake().await;
    let mut socket = Socket::open(&server).await;
    let update = |transcription: Value| {
        let input = json!({ "transcription": transcription });
        json!({ "type": "session.update", "session": { "audio": { "input": input } } })
    };
    let now = async |socket: &mut Socket, transcription| {
        socket.send(update(transcription)).await;
        let updated = socket.until("session.updated").await;
        updated["session"]["audio"]["input"]["transcription"].clone()
    };
    let set =
        now(&mut socket, json!({ "language": "de", "prompt": "Sotto", "model": "any" })).await;
    assert_eq!((&set["language"], &set["prompt"]), (&json!("de"), &json!("Sotto")));
    let kept = now(&mut socket, json!({ "prompt": "Kokoro" })).await;
    assert_eq!((&kept["language"], &kept["prompt"]), (&json!("de"), &json!("Kokoro")));
    for (name, value) in [("language", json!("german")), ("prompt", json!("x".repeat(9_000)))] {
        socket.send(update(json!({ name: value }))).await;
        let error = socket.until("error").await;
        assert_eq!(error["error"]["code"], "invalid_value");
        let param = format!("session.audio.input.transcription.{name}");
        assert_eq!(error["error"]["param"], param);
    }
    socket.say(&voice_like(900)).await;
    let done = socket.until("conversation.item.input_audio_transcription.completed").await;
    assert_eq!(done["transcript"], "hello there (de: Kokoro)");
    let gone = now(&mut socket, Value::Null).await;
    assert_eq!((&gone["language"], &gone["prompt"]), (&Value::Null, &json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_conversation() {
    let server = TestServer::fake().await;
    let mut socket = Socket::open(&server).await;
    socket
        .send(json!({ "type": "session.update", "session": { "output_modalities": ["text"] } }))
        .await;
    socket.until("session.updated").await;
    socket
        .send(json!({
            "type": "conversation.item.create",
            "item": { "type": "message", "role": "user", "id": "mine",
                      "content": [{ "type": "input_text", "text": "say this" }] }
        }))
        .await;
    let added = socket.until("conversation.item.added").await;
    assert_eq!(added["item"]["id"], "mine");
    socket.send(json!({ "type": "response.create" })).await;
    let text = socket.until("response.output_text.done").await;
    assert_eq!(text["text"], "say this");
    let done = socket.until("response.done").await;
    assert_eq!(done["response"]["status"], "completed");
    let item = &done["response"]["output"][0];
    assert_eq!(item["content"][0]["type"], "output_text");
    socket.send(json!({ "type": "conversation.item.truncate", "item_id": "mine", "content_index": 0, "audio_end_ms": 5 })).await;
    let error = socket.until("error").await;
    assert_eq!(error["error"]["code"], "invalid_value");
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_is_answered_with_errors() {
    let server = TestServer::fake().await;
    let mut socket = Socket::open(&server).await;
    socket.inner.send(Message::Text("not json".into())).await.unwrap();
    assert_eq!(socket.until("error").await["error"]["code"], "invalid_event");
    socket.inner.send(Message::Binary(vec![0, 1, 2].into())).await.unwrap();
    assert_eq!(socket.until("error").await["error"]["code"], "invalid_event");
    for (event, code) in [
        (json!({ "type": "input_audio_buffer.append", "audio": "%%%" }), "invalid_value"),
        (json!({ "type": "input_audio_buffer.append", "audio": "AA==" }), "invalid_value"),
        (json!({ "type": "input_audio_buffer.append" }), "invalid_value"),
        (json!({ "type": "conversation.item.create" }), "invalid_value"),
        (json!({ "type": "conversation.item.retrieve", "item_id": "x" }), "unsupported_event"),
        (json!({ "type": "session.update", "session": { "tools": [{}] } }), "unsupported_value"),
        (
            json!({ "type": "session.update", "session": { "sotto": { "colour": "red" } } }),
            "unknown_parameter",
        ),
        (
            json!({ "type": "session.update",
                    "session": { "audio": { "input": { "format": { "type": "audio/pcmu" } } } } }),
            "unsupported_value",
        ),
        (
            json!({ "type": "response.create", "response": { "max_output_tokens": -1 } }),
            "invalid_value",
        ),
    ] {
        socket.send(event.clone()).await;
        assert_eq!(socket.until("error").await["error"]["code"], code, "{event}");
    }
    socket.say(&voice_like(900)).await;
    socket.until("response.done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_call_ends_with_the_socket() {
    let server = TestServer::fake().await;
    let mut socket = Socket::open(&server).await;
    assert_eq!(server.lines().0, 1);
    socket.inner.close(None).await.unwrap();
    server.wait_for_quiet(2).await;
    drop(Socket::open(&server).await);
    server.wait_for_quiet(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_from_elsewhere_and_plain_requests_are_refused() {
    let server = TestServer::fake().await;
    let url = format!("{}/v1/realtime", server.url.replace("http", "ws"));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("origin", "https://evil.example.org".parse().unwrap());
    let refused = connect_async(request).await.unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");
    let plain = server.get("/v1/realtime").send().await.unwrap();
    assert_eq!(plain.status(), 426);
}
