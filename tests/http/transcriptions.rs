//! Recordings through the door: every form of answer, every refusal, and what happens when somebody hangs up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sotto::config::{Config, OpenCalls};
use sotto::engine::Engines;
use sotto::engine::desk::Desk;
use sotto::engine::handles::{Defaults, Recogniser};
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::codec::wav;
use sotto::pipeline::failure::EngineError;
use sotto::pipeline::stt::{
    Confidence, Detail, Options, Segment, SpeechToText, Spoken, Transcript, Urgency, Utterance,
    Word,
};
use sotto::pipeline::text::Text;
use sotto_llm::Reach;

use crate::support::browser::Browser;
use crate::support::fakes::{self, voice_like};
use crate::support::server::{TestServer, real};
use crate::support::{engines, shared};

/// How an engine fails.
type Fails = fn() -> EngineError;

const DOOR: &str = "/v1/audio/transcriptions";

/// An engine that is a function.
struct Ear<F>(F);

impl<F> SpeechToText for Ear<F>
where
    F: FnMut(Utterance<'_>, &Cancel) -> Result<Transcript, EngineError> + Send,
{
    fn transcribe(
        &mut self,
        utterance: Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError> {
        self.0(utterance, cancel)
    }
}

/// Fake engines with this ear.
fn with_ear<F>(places: usize, ear: F) -> Engines
where
    F: FnMut(Utterance<'_>, &Cancel) -> Result<Transcript, EngineError> + Send + 'static,
{
    let desk = Desk::start(vec![Box::new(Ear(ear))], places).unwrap();
    let recogniser = Some(Recogniser::new("ear", Defaults::default(), desk));
    Engines { recogniser, ..fakes::engines(&[]) }
}

/// Says `text`, with times where they are wanted: the first half of a second.
fn says(text: &str, detail: Detail) -> Transcript {
    let ms = Duration::from_millis;
    let mut transcript = Transcript {
        text: Text::from(text),
        tokens: vec![1, 2],
        language: Some(Spoken { code: "en".to_owned(), probability: Some(0.9) }),
        confidence: Some(Confidence { mean_log_probability: -0.25, ..Confidence::default() }),
        ..Transcript::default()
    };
    let text = Text::from(text);
    if detail >= Detail::Segments {
        let text = text.clone();
        transcript.segments = vec![Segment { start: ms(100), end: ms(500), text, tokens: vec![1] }];
    }
    if detail == Detail::Words {
        transcript.words = vec![Word { start: ms(100), end: ms(500), text, probability: 0.9 }];
    }
    transcript
}

/// Somebody speaks for `seconds`, two seconds at a time, with breaths of one second.
fn speech(seconds: usize) -> Vec<u8> {
    let mut sound = vec![0.0; 4_800];
    for _ in 0..seconds.div_ceil(3) {
        sound.extend(voice_like(2_000));
        sound.extend(vec![0.0; 16_000]);
    }
    wav::encode(&sound, 16_000)
}

fn form(file: Vec<u8>, fields: &[(&'static str, &'static str)]) -> Form {
    let form = Form::new().part("file", Part::bytes(file).file_name("a.wav")).text("model", "any");
    fields.iter().fold(form, |form, (name, text)| form.text(*name, *text))
}

async fn send(
    server: &TestServer,
    file: Vec<u8>,
    fields: &[(&'static str, &'static str)],
) -> Response {
    upload(server).multipart(form(file, fields)).send().await.unwrap()
}

/// A connection that carries a recording nobody reads is broken by that: it carries nothing else.
fn upload(server: &TestServer) -> RequestBuilder {
    server.post(DOOR).header(CONNECTION, "close")
}

async fn refusal(response: Response) -> (u16, String, Value) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let code = body["error"]["code"].as_str().unwrap_or_default().to_owned();
    (status, code, body["error"]["param"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_of_answer_is_given() {
    let ear = |utterance: Utterance<'_>, _: &Cancel| Ok(says("hello", utterance.options.detail));
    let server = TestServer::start(with_ear(8, ear)).await;
    let words = ("timestamp_granularities[]", "word");
    for (format, kind, expected) in [
        ("json", "application/json", "{\"text\":\"hello\",\"usage\":"),
        ("text", "text/plain; charset=utf-8", "hello\n"),
        (
            "srt",
            "application/x-subrip; charset=utf-8",
            "1\n00:00:00,100 --> 00:00:00,500\nhello\n\n",
        ),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:00.100 --> 00:00:00.500\nhello\n\n"),
    ] {
        let response = send(&server, speech(3), &[("response_format", format)]).await;
        assert_eq!(response.status(), 200, "{format}");
        assert_eq!(response.headers()[CONTENT_TYPE], kind);
        let text = response.text().await.unwrap();
        assert!(text.starts_with(expected), "{format}: {text}");
    }
    let verbose = [("response_format", "verbose_json"), words, ("language", "en")];
    let told: Value = send(&server, speech(3), &verbose).await.json().await.unwrap();
    assert_eq!((&told["task"], &told["language"]), (&json!("transcribe"), &json!("en")));
    assert_eq!((&told["text"], &told["duration"]), (&json!("hello"), &json!(3.3)));
    assert_eq!(told["words"], json!([{ "word": "hello", "start": 0.1, "end": 0.5 }]));
    // Without a form the answer is JSON.
    let told: Value = send(&server, speech(3), &[]).await.json().await.unwrap();
    assert_eq!(told["text"], "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_is_told_what_was_asked_for() {
    let (told, asked) = std::sync::mpsc::channel();
    let ear = move |utterance: Utterance<'_>, _: &Cancel| {
        let _ = told.send(utterance.options);
        Ok(Transcript::default())
    };
    let server = TestServer::start(with_ear(8, ear)).await;
    let fields = [
        ("language", "de"),
        ("prompt", "Sotto"),
        ("temperature", "0.5"),
        ("response_format", "verbose_json"),
    ];
    assert_eq!(send(&server, speech(3), &fields).await.status(), 200);
    let options = asked.try_recv().unwrap();
    let spoken = options.speech.unwrap();
    assert!((1_500..2_200).contains(&spoken.as_millis()), "{spoken:?}");
    let expected = Options {
        language: Some("de".to_owned()),
        prompt: Text::from("Sotto"),
        temperature: Some(0.5),
        detail: Detail::Segments,
        urgency: Urgency::Recording,
        speech: options.speech,
        ..Options::default()
    };
    assert_eq!(options, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_recording_is_one_text_with_its_own_times() {
    let mut number = 0;
    let ear = move |utterance: Utterance<'_>, _: &Cancel| {
        assert!(utterance.audio.len() <= 28 * 16_000);
        number += 1;
        Ok(says(["one", "two", "three", "four"][number - 1], utterance.options.detail))
    };
    let server = TestServer::start(with_ear(8, ear)).await;
    let fields = [
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "segment"),
        ("timestamp_granularities[]", "word"),
    ];
    let told: Value = send(&server, speech(60), &fields).await.json().await.unwrap();
    assert_eq!(told["text"], "one two three");
    let segments = told["segments"].as_array().unwrap();
    assert_eq!(segments.len(), 3);
    let starts: Vec<f64> = segments.iter().map(|s| s["start"].as_f64().unwrap()).collect();
    assert!(starts[0] < 0.2 && starts[1] > 9.0 && starts[2] > starts[1] + 9.0, "{starts:?}");
    for (segment, word) in segments.iter().zip(told["words"].as_array().unwrap()) {
        assert_eq!(segment["start"], word["start"]);
        let seek = segment["seek"].as_f64().unwrap() / 100.0;
        assert!((segment["start"].as_f64().unwrap() - seek - 0.1).abs() < 0.011, "{segment}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_no_text_and_asks_no_engine() {
    let ear = |_: Utterance<'_>, _: &Cancel| panic!("nothing was said");
    let server = TestServer::start(with_ear(8, ear)).await;
    for sound in [vec![0.0; 16_000], vec![0.0; 40 * 16_000], vec![0.0; 10]] {
        let told: Value =
            send(&server, wav::encode(&sound, 16_000), &[]).await.json().await.unwrap();
        assert_eq!(told["text"], "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused() {
    let mut config = engines::config();
    config.limits.recording_minutes = 1;
    config.limits.recording_bytes = 3_000_000;
    let server = TestServer::with(config, fakes::engines(&["hello"])).await;
    for (field, param) in [
        (("language", "english"), "language"),
        (("response_format", "docx"), "response_format"),
        (("temperature", "2"), "temperature"),
        (("stream", "perhaps"), "stream"),
        (("timestamp_granularities[]", "word"), "timestamp_granularities[]"),
    ] {
        let refused = refusal(send(&server, speech(3), &[field]).await).await;
        assert_eq!(refused, (400, "invalid_value".to_owned(), json!(param)), "{field:?}");
    }
    for (file, status, code) in [
        (b"this is no recording".to_vec(), 400, "invalid_audio"),
        (Vec::new(), 400, "invalid_audio"),
        (speech(66), 413, "recording_too_long"),
        (vec![0; 3_000_001], 413, "body_too_large"),
    ] {
        let (found, found_code, _) = refusal(send(&server, file, &[]).await).await;
        assert_eq!((found, found_code.as_str()), (status, code));
    }
    let nothing = server.post(DOOR).multipart(Form::new().text("model", "any")).send().await;
    let missing = (400, "missing_file".to_owned(), json!("file"));
    assert_eq!(refusal(nothing.unwrap()).await, missing);
    let no_form = server.post(DOOR).json(&json!({})).send().await.unwrap();
    assert_eq!(refusal(no_form).await.0, 415);
    let torn =
        server.post(DOOR).header(CONTENT_TYPE, "multipart/form-data; boundary=x").body("--x\r\nno");
    assert_eq!(refusal(torn.send().await.unwrap()).await.1, "invalid_multipart");
    assert_eq!(server.get(DOOR).send().await.unwrap().status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_cannot_do_is_said() {
    let failed = || EngineError::failed("recognition")("the disk is gone");
    let cases: [(Fails, u16, &str); 4] = [
        (|| EngineError::Timeout("recognition"), 504, "engine_timeout"),
        (|| EngineError::NotOnPremises("recognition"), 403, "not_on_premises"),
        (|| EngineError::Input("too odd".to_owned()), 400, "bad_input"),
        (|| EngineError::Overloaded("recognition"), 503, "engine_overloaded"),
    ];
    for (error, status, code) in cases {
        let server = TestServer::start(with_ear(8, move |_, _| Err(error()))).await;
        for fields in [&[][..], &[("stream", "true")]] {
            let response = send(&server, speech(3), fields).await;
            assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 503);
            let (found, found_code, _) = refusal(response).await;
            assert_eq!((found, found_code.as_str()), (status, code));
        }
    }
    let server = TestServer::start(with_ear(8, move |_, _| Err(failed()))).await;
    assert_eq!(refusal(send(&server, speech(3), &[]).await).await.0, 500);
    let deaf = Engines { recogniser: None, ..fakes::engines(&[]) };
    let server = TestServer::start(deaf).await;
    let (status, code, _) = refusal(send(&server, speech(3), &[]).await).await;
    assert_eq!((status, code.as_str()), (503, "no_recogniser"));
}

/// The events of a stream.
async fn events(response: Response) -> Vec<Value> {
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    let text = response.text().await.unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_one_piece_after_the_other() {
    let server = TestServer::start(fakes::engines(&["one", "", "three", "four"])).await;
    let told = events(send(&server, speech(60), &[("stream", "true")]).await).await;
    let deltas: String = told.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(deltas, "one three");
    assert_eq!(told.len(), 3, "{told:?}");
    let done = told.last().unwrap();
    assert_eq!(done["type"], "transcript.text.done");
    assert_eq!((&done["text"], &done["usage"]["seconds"]), (&json!("one three"), &json!(61)));
    let silence = wav::encode(&vec![0.0; 16_000], 16_000);
    let told = events(send(&server, silence, &[("stream", "true")]).await).await;
    assert_eq!((told.len(), &told[0]["text"]), (1, &json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_says_so() {
    let mut number = 0;
    let ear = move |_: Utterance<'_>, _: &Cancel| {
        number += 1;
        if number > 1 {
            return Err(EngineError::failed("recognition")("the disk is gone"));
        }
        Ok(says("one", Detail::Text))
    };
    let server = TestServer::start(with_ear(8, ear)).await;
    let told = events(send(&server, speech(60), &[("stream", "true")]).await).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[0]["delta"], &told[1]["type"]), (&json!("one"), &json!("error")));
    assert_eq!(told[1]["error"]["code"], "engine_failed");
}

/// An ear that hears until it is cancelled; it says when it began, and when it was.
fn patient_ear() -> (Engines, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let (begun, cancelled) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (begin, end) = (Arc::clone(&begun), Arc::clone(&cancelled));
    let ear = move |_: Utterance<'_>, cancel: &Cancel| {
        if begin.fetch_add(1, Ordering::SeqCst) == 0 {
            return Ok(says("one", Detail::Text));
        }
        while !cancel.is_cancelled() {
            std::thread::sleep(Duration::from_millis(5));
        }
        end.store(true, Ordering::SeqCst);
        Err(EngineError::Cancelled)
    };
    (with_ear(1, ear), begun, cancelled)
}

/// Waits until something is so; fails after ten seconds.
async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_ends_the_work() {
    for fields in [&[][..], &[("stream", "true")]] {
        let (engines, begun, cancelled) = patient_ear();
        let server = TestServer::start(engines).await;
        // A client of its own, so that dropping the request closes the connection.
        let http = sotto::engine::http::client(&server.url, None).unwrap();
        let request =
            http.post(format!("{}{DOOR}", server.url)).multipart(form(speech(60), fields));
        let sending = async {
            let response = request.send().await.unwrap();
            response.text().await.unwrap()
        };
        tokio::select! {
            answer = sending => panic!("{answer}"),
            () = until("it begins", || begun.load(Ordering::SeqCst) == 2) => {}
        }
        drop(http);
        until("it is cancelled", || cancelled.load(Ordering::SeqCst)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_the_work() {
    let (engines, begun, cancelled) = patient_ear();
    let server = TestServer::start(engines).await;
    let stop = async {
        until("it begins", || begun.load(Ordering::SeqCst) == 2).await;
        server.begin_stop();
    };
    let (response, ()) = tokio::join!(send(&server, speech(60), &[]), stop);
    assert_eq!(refusal(response).await.1, "server_stopping");
    until("it is cancelled", || cancelled.load(Ordering::SeqCst)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_is_refused_and_what_has_begun_goes_on() {
    let (engines, begun, _) = patient_ear();
    let mut config = engines::config();
    config.limits.queue = 3;
    let server = TestServer::with(config, engines).await;
    assert_eq!(send(&server, speech(3), &[]).await.status(), 200);
    // One is worked on, one of two others waits, and the desk takes no more.
    let [mut first, mut second, mut third] =
        [(); 3].map(|()| Box::pin(send(&server, speech(3), &[])));
    tokio::select! {
        _ = &mut first => panic!("it does not end"),
        () = until("it begins", || begun.load(Ordering::SeqCst) == 2) => {}
    }
    let response = tokio::select! {
        _ = &mut first => panic!("it does not end"),
        refused = &mut second => refused,
        refused = &mut third => refused,
    };
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key(RETRY_AFTER));
    assert_eq!(refusal(response).await.1, "engine_overloaded");
    let status: Value = server.get("/api/v1/status").send().await.unwrap().json().await.unwrap();
    assert_eq!(status["recognition"]["recognised"], 1);
    assert!(status["recognition"]["refused"].as_u64().unwrap() >= 1, "{status}");
    assert_eq!(status["recognition"]["rejected"]["no_speech"], 0);
}

fn closed() -> Config {
    let mut config = engines::config();
    config.auth.open_calls = OpenCalls::Never;
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_like_a_call() {
    let server = TestServer::with(closed(), fakes::engines(&["hello"])).await;
    // Who is not let in is told so, however large the recording is.
    let (status, code, _) = refusal(send(&server, speech(3), &[]).await).await;
    assert_eq!((status, code.as_str()), (401, "not_allowed"));
    let mut ada = Browser::account(&server, "ada").await;
    let proven = ada.request(Method::POST, DOOR).multipart(form(speech(3), &[]));
    assert_eq!(proven.send().await.unwrap().status(), 200);
    let cookie = upload(&server).header("cookie", ada.cookie_header());
    let unproven = cookie.multipart(form(speech(3), &[])).send().await.unwrap();
    assert_eq!(unproven.status(), 401, "a cookie without its proof counts for nothing");
    for (scope, status) in [("calls", 200), ("chats", 401)] {
        let made = ada.post("/api/v1/tokens", json!({ "label": scope, "scopes": [scope] })).await;
        let token = made.body["token"].as_str().unwrap().to_owned();
        let request = upload(&server).bearer_auth(token).multipart(form(speech(3), &[]));
        assert_eq!(request.send().await.unwrap().status(), status, "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_goes_as_far_as_its_sender_wants() {
    let (told, asked) = std::sync::mpsc::channel();
    let ear = move |utterance: Utterance<'_>, _: &Cancel| {
        let _ = told.send(utterance.options.reach);
        Ok(Transcript::default())
    };
    let server = TestServer::start(with_ear(8, ear)).await;
    let mut ada = Browser::account(&server, "ada").await;
    for (tier, reach) in [("ephemeral", Reach::OnPremises), ("standard", Reach::Anywhere)] {
        let change = json!({ "default_tier": tier });
        let changed = ada.send(Method::PATCH, "/api/v1/me", Some(change)).await;
        assert!(changed.status < 300, "{changed:?}");
        let request = ada.request(Method::POST, DOOR).multipart(form(speech(3), &[]));
        assert_eq!(request.send().await.unwrap().status(), 200);
        assert_eq!(asked.try_recv().unwrap(), reach);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_words_have_real_times() {
    let Some(server) = real().await else { return };
    let Some(clip) = shared::clip("speech/jfk.wav") else { return };
    let expected = clip.fixture_text.unwrap();
    let file = std::fs::read(shared::file("audio/speech/jfk.wav").unwrap()).unwrap();
    let fields = [("response_format", "verbose_json"), ("timestamp_granularities[]", "word")];
    let told: Value = send(&server, file, &fields).await.json().await.unwrap();
    assert_eq!(told["text"], expected);
    assert_eq!(told["duration"], 11.0);
    let words = told["words"].as_array().unwrap();
    let text: Vec<&str> = words.iter().map(|word| word["word"].as_str().unwrap()).collect();
    assert_eq!(text.join(" "), expected);
    let mut before = 0.0;
    for word in words {
        let (start, end) = (word["start"].as_f64().unwrap(), word["end"].as_f64().unwrap());
        assert!(before <= start && start <= end && end <= 11.0, "{word}");
        before = start;
    }
    // How near they are to the reference is tested with the engine; those of the fixture are coarse.
    assert!(before > 5.0, "{before}");
}
