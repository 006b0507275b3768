//! Texts that are read aloud: every form of sound, every refusal, and what happens when somebody hangs up.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::StreamExt;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sotto::config::{Config, OpenCalls};
use sotto::engine::Engines;
use sotto::engine::handles::{Manner, Voice};
use sotto::engine::worker::{Awaited, Worker};
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::codec::{container, wav};
use sotto::pipeline::failure::EngineError;
use sotto::pipeline::tts::cast::{Cast, Speaker};
use sotto::pipeline::tts::{Speech, SpeechRequest, TextToSpeech};
use sotto_llm::Reach;

use crate::support::fakes::{self, MS_PER_CHARACTER};
use crate::support::server::{TestServer, real};
use crate::support::{engines, shared};

const DOOR: &str = "/v1/audio/speech";
const TEXT: &str = "Good morning to all of you. This is the **second** sentence of it.";
/// What is said of it, without the marks.
const SPOKEN: [&str; 2] = ["Good morning to all of you.", "This is the second sentence of it."];

/// An engine that is a function: what it is asked, and how it ends.
struct Mouth<F>(F);

impl<F> TextToSpeech for Mouth<F>
where
    F: FnMut(SpeechRequest<'_>, &Cancel) -> Result<(), EngineError> + Send,
{
    fn synthesize(
        &mut self,
        request: SpeechRequest<'_>,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Speech) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let samples = request.text.chars().count() * MS_PER_CHARACTER * 24;
        (self.0)(request, cancel)?;
        let _ = sink(Speech { samples: vec![0.25; samples], words: Vec::new() });
        Ok(())
    }
}

fn with_mouth<F>(mouth: F) -> Engines
where
    F: FnMut(SpeechRequest<'_>, &Cancel) -> Result<(), EngineError> + Send + 'static,
{
    let mouth: Box<dyn TextToSpeech> = Box::new(Mouth(mouth));
    let speaker =
        |id: &str| Speaker { id: id.to_owned(), name: id.to_owned(), language: "en-us".to_owned() };
    let cast = Cast::new(vec![speaker("af_heart"), speaker("am_michael")], "af_heart".to_owned());
    let voice = Voice::new("mouth", cast, Worker::start("tts", vec![mouth], 1).unwrap());
    Engines { voice: Some(voice), ..fakes::engines(&[]) }
}

async fn ask(server: &TestServer, body: Value) -> Response {
    server.post(DOOR).json(&body).send().await.unwrap()
}

async fn refusal(response: Response) -> (u16, String, Value) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let code = body["error"]["code"].as_str().unwrap_or_default().to_owned();
    (status, code, body["error"]["param"].clone())
}

/// Samples that the fake voice makes of the text, at 24 kHz.
fn expected() -> usize {
    SPOKEN.iter().map(|clause| clause.chars().count() * MS_PER_CHARACTER * 24).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_read_in_each_form() {
    let server = TestServer::fake().await;
    let sound = async |format: &str, kind: &str| {
        let response = ask(&server, json!({ "input": TEXT, "response_format": format })).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], kind);
        response.bytes().await.unwrap()
    };
    let pcm = sound("pcm", "audio/pcm;rate=24000").await;
    assert_eq!(pcm.len(), 2 * expected());
    let file = sound("wav", "audio/wav").await;
    assert_eq!(wav::decode(&file, 24_000).unwrap().len(), expected());
    let opus = sound("opus", "audio/ogg").await;
    let heard = container::decode(&opus, Duration::from_mins(1), &Cancel::default()).unwrap();
    assert!(heard.len().abs_diff(expected() * 2 / 3) < 4, "{}", heard.len());
    assert!(opus.len() < pcm.len() / 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_hold_the_same_sound() {
    let server = TestServer::fake().await;
    let body = json!({ "input": TEXT, "response_format": "pcm", "stream_format": "sse" });
    let response = ask(&server, body).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    let text = response.text().await.unwrap();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let (done, deltas) = events.split_last().unwrap();
    assert_eq!(done["type"], "speech.audio.done");
    assert_eq!(done["usage"]["input_tokens"], TEXT.chars().count());
    assert!(deltas.len() >= SPOKEN.len(), "one for each clause at least");
    let bytes: usize = deltas
        .iter()
        .map(|delta| BASE64.decode(delta["audio"].as_str().unwrap()).unwrap().len())
        .sum();
    assert_eq!(bytes, 2 * expected());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_gets_plain_words_a_voice_and_a_rate() {
    let (told, mut asked) = tokio::sync::mpsc::channel(64);
    let mouth = move |request: SpeechRequest<'_>, _: &Cancel| {
        let voice = request.voice.map(str::to_owned);
        told.try_send((request.text.to_owned(), voice, request.speed)).unwrap();
        Ok(())
    };
    let server = TestServer::start(with_mouth(mouth)).await;
    for (voice, expected) in [
        (json!(null), None),
        (json!("am_michael"), Some("am_michael")),
        (json!({ "id": "af_heart" }), Some("af_heart")),
        (json!("ash"), Some("am_michael")),
        (json!("af_heart:3,am_michael:1"), Some("af_heart:0.75,am_michael:0.25")),
    ] {
        let response = ask(&server, json!({ "input": TEXT, "voice": voice, "speed": 1.25 })).await;
        assert_eq!(response.status(), 200, "{voice}");
        response.bytes().await.unwrap();
        for spoken in SPOKEN {
            let (text, voice, speed) = asked.recv().await.unwrap();
            assert_eq!((text.as_str(), voice.as_deref()), (spoken, expected));
            assert!((speed - 1.25).abs() < 1e-6);
        }
    }
    let listed: Value = server.get("/v1/audio/voices").send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&listed["default"], &listed["voices"][1]["id"]),
        (&json!("af_heart"), &json!("am_michael"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_in_words() {
    let server = TestServer::start(with_mouth(|_, _| Ok(()))).await;
    for (body, code, param) in [
        (json!({}), "invalid_value", "input"),
        (json!({ "input": "x".repeat(50_000) }), "invalid_value", "input"),
        (json!({ "input": "🙂 ```\ncode\n```" }), "nothing_to_say", "input"),
        (json!({ "input": "Hello.", "voice": "siri" }), "unknown_voice", "voice"),
        (json!({ "input": "Hello.", "speed": 0 }), "invalid_value", "speed"),
        (
            json!({ "input": "Hello.", "response_format": "mp3" }),
            "unsupported_value",
            "response_format",
        ),
    ] {
        let said = refusal(ask(&server, body.clone()).await).await;
        assert_eq!(said, (400, code.to_owned(), json!(param)), "{body}");
    }
    let broken = server.post(DOOR).header(CONTENT_TYPE, "application/json").body("{").send();
    assert_eq!(refusal(broken.await.unwrap()).await.1, "invalid_json");
    let large = ask(&server, json!({ "input": "x".repeat(2_000_000) })).await;
    assert_eq!(refusal(large).await.1, "body_too_large");
    // And it still works.
    assert_eq!(ask(&server, json!({ "input": "Hello." })).await.status(), 200);

    let mute = TestServer::start(Engines { voice: None, ..fakes::engines(&[]) }).await;
    assert_eq!(refusal(ask(&mute, json!({ "input": "Hello." })).await).await.1, "no_voice");
    let listed: Value = mute.get("/v1/audio/voices").send().await.unwrap().json().await.unwrap();
    assert_eq!(listed, json!({ "voices": [], "default": null }));
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_that_fail_are_survived() {
    let calls = AtomicUsize::new(0);
    let mouth = move |_: SpeechRequest<'_>, _: &Cancel| match calls.fetch_add(1, Ordering::Relaxed)
    {
        0 => Err(EngineError::Input("that cannot be said".to_owned())),
        1 => panic!("on purpose"),
        // The second clause of the third text.
        3 => Err(EngineError::failed("speech")("it broke")),
        _ => Ok(()),
    };
    let server = TestServer::start(with_mouth(mouth)).await;
    assert_eq!(refusal(ask(&server, json!({ "input": TEXT })).await).await.1, "bad_input");
    assert_eq!(refusal(ask(&server, json!({ "input": TEXT })).await).await.1, "engine_failed");
    let broken = ask(&server, json!({ "input": TEXT })).await;
    assert_eq!(broken.status(), 200);
    assert!(broken.bytes().await.is_err(), "what is cut must not look whole");
    assert_eq!(
        ask(&server, json!({ "input": TEXT })).await.bytes().await.unwrap().len(),
        44 + 2 * expected()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_ends_the_work() {
    let spoken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&spoken);
    let mouth = move |_: SpeechRequest<'_>, cancel: &Cancel| {
        counted.fetch_add(1, Ordering::Relaxed);
        for _ in 0..20 {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    };
    let server = TestServer::start(with_mouth(mouth)).await;
    let text = TEXT.repeat(30);
    let response = ask(&server, json!({ "input": text, "response_format": "pcm" })).await;
    let mut sound = response.bytes_stream();
    sound.next().await.unwrap().unwrap();
    drop(sound);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let by_then = spoken.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(by_then < 20 && spoken.load(Ordering::Relaxed) == by_then, "{by_then}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_calls_comes_before_what_is_read() {
    let (told, mut asked) = tokio::sync::mpsc::channel(64);
    let attempts = AtomicUsize::new(0);
    let mouth = move |request: SpeechRequest<'_>, cancel: &Cancel| {
        told.try_send(request.text.to_owned()).unwrap();
        // The first attempt goes on until it has to give way.
        while request.text == "read" && attempts.load(Ordering::Relaxed) == 0 {
            if cancel.is_cancelled() {
                attempts.fetch_add(1, Ordering::Relaxed);
                return Err(EngineError::Cancelled);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    };
    let voice = with_mouth(mouth).voice.unwrap();
    let manner = Manner { voice: None, speed: 1.0 };
    let never = Cancel::default();
    let reading = voice.read("read", &manner, Reach::Anywhere, &never);
    let calling = async {
        assert_eq!(asked.recv().await.unwrap(), "read");
        let (mut pieces, speaking) = voice.speak(
            "said".to_owned(),
            manner.clone(),
            Reach::Anywhere,
            Awaited::Now,
            Cancel::default(),
        );
        let (said, piece) = tokio::join!(speaking, pieces.recv());
        said.unwrap();
        assert!(piece.is_some());
    };
    let (read, ()) = tokio::join!(reading, calling);
    assert_eq!(read.unwrap().len(), 1);
    assert_eq!(asked.recv().await.unwrap(), "said");
    assert_eq!(asked.recv().await.unwrap(), "read", "begun again");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_call_are_read_to() {
    let mut config: Config = engines::config();
    config.auth.open_calls = OpenCalls::Never;
    let server = TestServer::with(config, fakes::engines(&[])).await;
    let said = refusal(ask(&server, json!({ "input": TEXT })).await).await;
    assert_eq!((said.0, said.1.as_str()), (401, "not_allowed"));
    assert_eq!(server.get("/v1/audio/voices").send().await.unwrap().status(), 401);
}

/// What the fixture understands when espeak-ng says it.
const HEARD: [&str; 3] =
    ["He could wait no longer", "The child almost hurt the small dog", "describe what you see"];

/// There and back: a voice that every machine can have reads, and recognition hears the same words.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_aloud_is_understood() {
    let Some(server) = real().await else { return };
    for text in HEARD {
        let response = ask(&server, json!({ "input": text })).await;
        if response.status() == 503 {
            return shared::skip("there is no voice");
        }
        let sound = response.bytes().await.unwrap().to_vec();
        let form = Form::new().part("file", Part::bytes(sound).file_name("a.wav"));
        let heard = server.post("/v1/audio/transcriptions").multipart(form).send().await.unwrap();
        let heard: Value = heard.json().await.unwrap();
        assert_eq!(heard["text"], text);
    }
}
