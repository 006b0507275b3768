//! How the turns of a call went, as its owner is told.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sotto::client::{HangUp, Recording};
use sotto::config::OpenCalls;

use crate::support::browser::Browser;
use crate::support::engines;
use crate::support::fakes::{self, voice_like};
use crate::support::server::TestServer;
use crate::support::socket::Socket;

const PHASES: [&str; 6] = [
    "endpoint_ms",
    "transcript_ms",
    "first_token_ms",
    "first_clause_ms",
    "first_speech_ms",
    "first_audio_ms",
];
/// Whole milliseconds are rounded down, each by itself.
const ROUNDING_MS: i64 = 2;

fn turns_of(call: &str) -> String {
    format!("/api/v1/calls/{call}/turns")
}

/// A turn as the API gives it.
async fn told(browser: &mut Browser<'_>, path: &str) -> Vec<Value> {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["turns"].as_array().unwrap().clone()
}

async fn open(server: &TestServer, who: &Browser<'_>, query: &str) -> Socket {
    let headers = [("cookie", who.cookie_header()), ("origin", server.url.clone())];
    Socket::open_as(&server.url, query, &headers).await.unwrap()
}

/// What the event says beside what the API says under other names.
fn report_of(event: &Value) -> Value {
    let mut report = event.clone();
    for own in ["type", "event_id", "turn", "item_id"] {
        report.as_object_mut().unwrap().remove(own).unwrap();
    }
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn the_times_of_a_turn_are_in_order_and_its_jobs_fit_in_between() {
    let server = TestServer::fake().await;
    let mut call = server.call().await;
    call.say(Recording::new(voice_like(900))).await;
    let turn = call.events().iter().find(|event| event["type"] == "sotto.turn").unwrap().clone();
    assert!(turn.to_string().len() <= 2_048, "{turn}");

    let at: Vec<i64> = PHASES.map(|phase| turn["timings"][phase].as_i64().unwrap()).to_vec();
    assert!(at.is_sorted() && at[5] < 2_000, "{turn}");
    let work = turn["work"].as_array().unwrap();
    let done = |stage: &str| {
        let job = work.iter().find(|job| job["stage"] == stage);
        let job = job.unwrap_or_else(|| panic!("no {stage}: {turn}"));
        let ms = |name: &str| job[name].as_i64().unwrap();
        assert!(ms("waited_ms") >= 0 && ms("worked_ms") >= 0, "{job}");
        (ms("asked_ms"), ms("worked_ms"), ms("asked_ms") + ms("waited_ms") + ms("worked_ms"))
    };
    let (asked, _, answered) = done("turn");
    assert!(asked >= 0 && answered <= at[0] + ROUNDING_MS, "{turn}");
    // The fake takes 20 ms, and the pause is noticed after 96.
    let (asked, worked, recognised) = done("stt");
    assert!(asked >= 0 && worked >= 20 && recognised <= at[1] + ROUNDING_MS, "{turn}");
    let (_, _, first_word) = done("llm");
    assert!((first_word - at[2]).abs() <= ROUNDING_MS, "{turn}");
    let (asked, _, first_sound) = done("tts");
    assert!(asked >= at[3] - ROUNDING_MS && first_sound <= at[4] + ROUNDING_MS, "{turn}");

    let network = &turn["network"];
    assert!(network["packets"].as_u64().unwrap() > 40, "{turn}");
    assert_eq!(network["dropped"], 0, "{turn}");
    for count in ["lost", "late", "concealed_ms", "jitter_ms"] {
        assert!(network[count].is_u64(), "{count}: {turn}");
    }
    // The same for whoever asks later, as long as they can.
    let mut nobody = Browser::open(&server).await;
    let asked = told(&mut nobody, &turns_of(call.id())).await;
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["report"], report_of(&turn));
    assert_eq!(asked[0]["item_id"], turn["item_id"]);

    // From time to time it is told how sound arrives, and how long the way is.
    let is = |event: &Value| event["type"] == "sotto.network" && event["packets"] != 0;
    call.wait_until(Duration::from_secs(12), is).await.unwrap();
    let news = call.events().iter().rfind(|event| is(event)).unwrap();
    assert!(news["rtt_ms"].as_u64().unwrap() < 1_000, "{news}");
    let id = call.id().to_owned();
    call.hang_up(HangUp::Delete).await.unwrap();
    assert_eq!(nobody.get(&turns_of(&id)).await.refusal(), (404, "call_not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_and_its_conversation_tell_the_same() {
    let server = TestServer::fake().await;
    let mut ann = Browser::guest(&server).await;
    let mut socket = open(&server, &ann, "").await;
    socket.say(&voice_like(900)).await;
    let turn = socket.until("sotto.turn").await;
    assert_eq!(turn["network"], Value::Null, "there are no packets on a WebSocket");
    let of_call = told(&mut ann, &turns_of(socket.call_id())).await;
    assert_eq!(of_call[0]["report"], report_of(&turn));
    let conversation = socket.log[0]["session"]["sotto"]["conversation"].as_str().unwrap();
    let path = format!("/api/v1/conversations/{conversation}/turns");
    for _ in 0..100 {
        let stored = told(&mut ann, &path).await;
        if !stored.is_empty() {
            assert_eq!(stored, of_call);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the turn was not stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_of_a_call_is_told_how_it_goes() {
    let server = TestServer::fake().await;
    let mut nobody = Browser::open(&server).await;
    let (mut ann, mut bob) =
        (Browser::account(&server, "ann").await, Browser::guest(&server).await);
    let of_ann = open(&server, &ann, "").await;
    let of_nobody = Socket::open(&server).await;
    let unknown = (404, "call_not_found");
    let path = turns_of(of_ann.call_id());
    assert_eq!(told(&mut ann, &path).await, Vec::<Value>::new(), "nothing was said");
    for stranger in [&mut bob, &mut nobody] {
        assert_eq!(stranger.get(&path).await.refusal(), unknown);
    }
    // A call of nobody is that of whoever knows its id, and nobody's who is somebody.
    let path = turns_of(of_nobody.call_id());
    assert_eq!(nobody.get(&path).await.status, 200);
    for stranger in [&mut ann, &mut bob] {
        assert_eq!(stranger.get(&path).await.refusal(), unknown);
    }
    assert_eq!(nobody.get(&turns_of("call_1")).await.refusal(), unknown);
    // A program calls for whoever gave it its token, if that is what it is for.
    let path = turns_of(of_ann.call_id());
    for (scope, expected) in [("calls", 200), ("chats", 404)] {
        let made = ann.post("/api/v1/tokens", json!({ "label": "x", "scopes": [scope] })).await;
        let request = server.get(&path).bearer_auth(made.body["token"].as_str().unwrap());
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected, "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_call_is_told_nothing() {
    let mut config = engines::config();
    config.auth.open_calls = OpenCalls::Never;
    let server = TestServer::with(config, fakes::engines(&["hello"])).await;
    let mut nobody = Browser::open(&server).await;
    assert_eq!(nobody.get(&turns_of("call_1")).await.refusal(), (401, "not_allowed"));
    let far = Browser::open(&server).await;
    let request = far.request(Method::GET, &turns_of("call_1")).header("host", "sotto.example.org");
    assert_eq!(request.send().await.unwrap().status().as_u16(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_turns_of_a_lost_call_are_there_as_long_as_it_can_be_resumed() {
    let server = TestServer::fake().await;
    let mut ann = Browser::guest(&server).await;
    let mut socket = open(&server, &ann, "").await;
    socket.say(&voice_like(900)).await;
    socket.until("sotto.turn").await;
    let lost = socket.call_id().to_owned();
    let turns = told(&mut ann, &turns_of(&lost)).await;
    socket.close().await;
    server.wait_for_quiet(2).await;
    assert_eq!(told(&mut ann, &turns_of(&lost)).await, turns);

    // The call that goes on has them.
    let socket = open(&server, &ann, &format!("resume={lost}")).await;
    let resumed = socket.call_id().to_owned();
    assert_eq!(ann.get(&turns_of(&lost)).await.status, 404);
    assert_eq!(told(&mut ann, &turns_of(&resumed)).await, turns);
    server.calls.keep_remains_for(Duration::from_millis(300));
    socket.close().await;
    server.wait_for_quiet(2).await;
    for _ in 0..100 {
        if ann.get(&turns_of(&resumed)).await.status == 404 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("they stay");
}
