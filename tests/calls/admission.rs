//! How many calls are taken, what those are told that are not, and what is left out while the machine is behind.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use sotto::call::admission::Caller;
use sotto::call::admission::estimate::estimate;
use sotto::client::{Call, CallOptions, HangUp, Recording};
use sotto::config::CallLimit;
use sotto::pipeline::load::{Shed, Shedding};
use tokio::time::Instant;

use crate::support::browser::Browser;
use crate::support::engines;
use crate::support::fakes::{self, voice_like};
use crate::support::offers;
use crate::support::server::{self, TestServer};
use crate::support::socket::Socket;

const WORDS: &str = "one two three four five six seven";
const LATE: Duration = Duration::from_millis(40);

async fn taking(calls: CallLimit) -> TestServer {
    let mut config = engines::config();
    config.limits.calls = calls;
    TestServer::with(config, fakes::engines(&[WORDS])).await
}

fn offer(server: &TestServer) -> RequestBuilder {
    server.post("/v1/realtime/calls").header(CONTENT_TYPE, "application/sdp").body(offers::audio())
}

async fn opened(server: &TestServer, query: &str) -> Result<Socket, (u16, Value)> {
    Socket::open_as(&server.url, query, &[]).await
}

fn recording(ms: usize) -> Recording {
    Recording::new(voice_like(ms))
}

/// A refusal as it should be: its text, and when to try again, in seconds.
async fn refused(response: Response) -> (String, u64) {
    assert_eq!(response.status(), 503);
    let retry_after = response.headers()[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    let body: Value = response.json().await.unwrap();
    let error = &body["error"];
    assert_eq!((&error["type"], &error["code"]), (&json!("server_error"), &json!("at_capacity")));
    assert_eq!(error["param"], Value::Null);
    (error["message"].as_str().unwrap().to_owned(), retry_after)
}

/// The machine is behind for so many seconds, or at ease, from `from` on.
fn look(server: &TestServer, late: Duration, from: Instant, seconds: u64) -> Instant {
    let looks = (1..=seconds * 10).map(|look| from + Duration::from_millis(100 * look));
    let mut last = from;
    for now in looks {
        server.calls.admission().look(late, Duration::ZERO, now);
        last = now;
    }
    last
}

async fn status(server: &TestServer) -> Value {
    let answer: Value = server.get("/api/v1/status").send().await.unwrap().json().await.unwrap();
    answer["calls"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_of_two_is_told_when_to_try_again_and_gets_in_when_one_has_hung_up() {
    let server = taking(CallLimit::Fixed(2)).await;
    let first = server.call().await;
    let second = opened(&server, "").await.unwrap();
    let (text, retry_after) = refused(offer(&server).send().await.unwrap()).await;
    assert_eq!(text, "all 2 lines are busy; try again in a moment");
    assert!((2..=60).contains(&retry_after), "{retry_after}");
    // On a WebSocket before the upgrade, with the same words.
    let (code, body) = opened(&server, "").await.err().unwrap();
    assert_eq!((code, &body["error"]["code"]), (503, &json!("at_capacity")));
    // Whoever only asks is told the same, and not counted.
    refused(server.get("/readyz").send().await.unwrap()).await;
    let told = status(&server).await;
    assert_eq!(
        (&told["active"], &told["limit"], &told["auto"]),
        (&json!(2), &json!(2), &json!(false))
    );
    assert_eq!(told["refused_limit"], 2);

    second.close().await;
    while server.lines().0 > 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.get("/readyz").send().await.unwrap().status(), 200);
    let third = server.call().await;
    let Err(error) = Call::place(server.options()).await else { panic!("it is full") };
    assert!(error.to_string().contains("all 2 lines are busy"), "{error}");
    for call in [first, third] {
        call.hang_up(HangUp::Delete).await.unwrap();
    }
    server.wait_for_quiet(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_cannot_be_answered_gives_its_place_back() {
    let server = taking(CallLimit::Fixed(1)).await;
    for _ in 0..3 {
        let wrong = offer(&server).body("v=0\r\n").send().await.unwrap();
        assert_ne!(wrong.status(), 503);
    }
    server.call().await.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_begins_no_conversation_for_whom_it_refuses() {
    let server = taking(CallLimit::Fixed(1)).await;
    let _inside = opened(&server, "").await.unwrap();
    let mut guest = Browser::guest(&server).await;
    let headers = [("cookie", guest.cookie_header()), ("origin", server.url.clone())];
    let (code, _) = Socket::open_as(&server.url, "", &headers).await.err().unwrap();
    assert_eq!(code, 503);
    let list = guest.get("/api/v1/conversations").await;
    assert_eq!(list.body["conversations"], json!([]), "{}", list.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_in_another_where_there_is_only_one_line() {
    let server = taking(CallLimit::Fixed(1)).await;
    // One that is still there, on a WebSocket: its place is that of the other.
    let mut old = opened(&server, "").await.unwrap();
    let id = old.call_id().to_owned();
    let mut new = opened(&server, &format!("resume={id}")).await.unwrap();
    new.until("sotto.resumed").await;
    assert_eq!(old.until("sotto.call.ending").await["reason"], "resumed");
    assert_eq!(server.lines(), (1, 1));
    refused(offer(&server).send().await.unwrap()).await;
    new.close().await;
    server.wait_for_quiet(2).await;

    // The same over WebRTC.
    let old = server.call().await;
    let resume = Some(old.id().to_owned());
    let new = Call::place(CallOptions { resume, ..server.options() }).await.unwrap();
    assert_eq!(server.lines(), (1, 1));
    new.hang_up(HangUp::Delete).await.unwrap();
    old.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_call_whose_line_was_taken_loses_nothing_but_time() {
    let server = taking(CallLimit::Fixed(1)).await;
    let lost = opened(&server, "").await.unwrap();
    let resume = format!("resume={}", lost.call_id());
    lost.close().await;
    server.wait_for_quiet(2).await;
    let other = opened(&server, "").await.unwrap();
    assert_eq!(opened(&server, &resume).await.err().unwrap().0, 503);
    other.close().await;
    server.wait_for_quiet(2).await;
    opened(&server, &resume).await.unwrap().until("sotto.resumed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_behind_leaves_out_captions_and_never_the_words() {
    let server = taking(CallLimit::Auto).await;
    let recognised = || server.calls.engines().recogniser.as_ref().unwrap().counts().recognised;
    // So often something was recognised beside the final words.
    let captions = async |call: &mut Call| {
        let (before, so_far) = (call.events().len(), recognised());
        call.say(recording(2_400)).await;
        let completed = "conversation.item.input_audio_transcription.completed";
        let words = call.events()[before..].iter().find(|event| event["type"] == completed);
        assert_eq!(words.unwrap()["transcript"], WORDS);
        recognised() - so_far - 1
    };
    let mut call = server.call().await;
    assert!(captions(&mut call).await > 0);
    let load = server.calls.admission().load();
    assert_eq!(load.counted(Shed::Interim), 0);
    let behind = look(&server, LATE, Instant::now(), 4);
    assert_eq!(status(&server).await["shedding"], "interims");
    assert_eq!(captions(&mut call).await, 0);
    assert!(load.counted(Shed::Interim) >= 3);
    // It holds for calls that go on, and so does its end.
    look(&server, Duration::ZERO, behind, 20);
    assert_eq!(load.shedding(), Shedding::Nothing);
    assert!(captions(&mut call).await > 0);
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_stays_behind_takes_no_new_calls_and_nothing_beside_them() {
    let server = taking(CallLimit::Auto).await;
    let mut first = server.call().await;
    let second = opened(&server, "").await.unwrap();
    let third = opened(&server, "").await.unwrap();
    let behind = look(&server, LATE, Instant::now(), 10);
    let told = status(&server).await;
    assert_eq!((&told["shedding"], &told["auto"]), (&json!("calls"), &json!(true)));
    second.close().await;
    let lost = third.call_id().to_owned();
    third.close().await;
    while server.lines().0 > 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (text, retry_after) = refused(offer(&server).send().await.unwrap()).await;
    assert!(text.contains("too busy"), "{text}");
    assert!(retry_after >= 10, "not before there is relief: {retry_after}");
    let sound = Part::bytes(b"no sound".to_vec()).file_name("a.wav");
    let form = Form::new().part("file", sound).text("model", "any");
    refused(server.post("/v1/audio/transcriptions").multipart(form).send().await.unwrap()).await;
    let text = json!({ "model": "any", "voice": "any", "input": "Hello." });
    refused(server.post("/v1/audio/speech").json(&text).send().await.unwrap()).await;
    assert_eq!(status(&server).await["refused_pressure"], 1);

    // Whoever was inside is answered, and whoever was lost comes back.
    first.say(recording(700)).await;
    assert_eq!(first.turns(0)[0].user_text, WORDS);
    let back = opened(&server, &format!("resume={lost}")).await.unwrap();
    assert!(server.calls.admission().admit(Caller::New).is_err());
    look(&server, Duration::ZERO, behind, 60);
    assert!(server.calls.admission().admit(Caller::New).is_ok());
    back.close().await;
    first.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_are_measured_when_they_are_loaded() {
    let Some(server) = server::real().await else { return };
    let choices = server.calls.engines().choices.clone();
    let took = |stage: &str| {
        let choice = choices.iter().find(|choice| choice.stage == stage).unwrap();
        choice.cost.unwrap_or_else(|| panic!("{stage} was not measured")).took
    };
    let (frame, question, utterance) = (took("vad"), took("turn"), took("stt"));
    assert!(!frame.is_zero() && frame < question && frame < utterance);
    let [few, many] = [1, 64].map(|cores| estimate(cores, &choices).calls);
    assert!(1 <= few && few <= many, "{few} and {many}");
    let told = status(&server).await;
    assert!(told["why"].as_str().unwrap().starts_with("measured: "), "{told}");
}
