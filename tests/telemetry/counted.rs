//! Real calls, and `/metrics` before and after.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sotto::client::{Call, CallOptions, HangUp, Impairment, Recording};
use sotto::config::{CallLimit, Config};
use sotto::engine::Engines;
use sotto_llm::Error;
use sotto_llm::scripted::Scripted;

use crate::support::browser::Browser;
use crate::support::engines;
use crate::support::exposition::Exposition;
use crate::support::fakes::{self, MS_PER_CHARACTER, voice_like};
use crate::support::server::TestServer;
use crate::support::socket::Socket;

pub const TOKEN: &str = "a-token-for-the-scraper";

/// A configuration with metrics on the server's own port.
pub fn config() -> Config {
    let mut config = engines::config();
    config.telemetry.metrics.token = sotto::config::Secret::new(TOKEN);
    config.limits.calls = CallLimit::Fixed(100);
    config
}

async fn server(engines: Engines) -> TestServer {
    TestServer::with(config(), engines).await
}

/// What is counted now, as a scraper reads it.
pub async fn text(server: &TestServer) -> String {
    let answer = server.get("/metrics").bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

pub async fn scrape(server: &TestServer) -> Exposition {
    Exposition::parse(&text(server).await)
}

fn recording(ms: usize) -> Recording {
    Recording::new(voice_like(ms))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_one_turn_is_counted_to_the_last_number() {
    let server = server(fakes::engines(&["hello there"])).await;
    let before = scrape(&server).await;
    let mut call = server.call().await;
    let during = scrape(&server).await;
    call.say(recording(800)).await;
    call.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(2).await;
    let after = scrape(&server).await;

    assert_eq!((during.count("sotto_calls", &[]), after.count("sotto_calls", &[])), (1, 0));
    assert_eq!(after.count("sotto_calls_limit", &[]), 100);
    let seconds = |name: &str, labels: &[(&str, &str)]| {
        after.value(name, labels) - before.value(name, labels)
    };
    let grown = |name: &str, labels: &[(&str, &str)]| after.grown(&before, name, labels);
    assert_eq!(grown("sotto_calls_opened_total", &[("transport", "webrtc")]), 1);
    assert_eq!(grown("sotto_calls_opened_total", &[("transport", "websocket")]), 0);
    let ended: u64 = ["channel_closed", "connection_lost"]
        .map(|how| grown("sotto_calls_ended_total", &[("how", how)]))
        .iter()
        .sum();
    assert_eq!(ended, 1);
    assert_eq!(grown("sotto_call_length_seconds_count", &[]), 1);

    assert_eq!(grown("sotto_turns_total", &[("reason", "model")]), 1);
    for phase in
        ["endpoint", "transcript", "first_token", "first_clause", "first_speech", "first_audio"]
    {
        let count = grown("sotto_turn_phase_seconds_count", &[("phase", phase)]);
        assert_eq!(count, 1, "{phase}");
    }
    let first_audio = seconds("sotto_turn_phase_seconds_sum", &[("phase", "first_audio")]);
    assert!((0.2..5.0).contains(&first_audio), "{first_audio}");
    assert_eq!(grown("sotto_replies_total", &[("outcome", "completed")]), 1);
    assert_eq!(grown("sotto_overlaps_total", &[("stopped", "true"), ("why", "words")]), 0);

    // One utterance was recognised, and one clause spoken: the echo of the words.
    let jobs = |work| grown("sotto_engine_jobs_total", &[("work", work), ("outcome", "ok")]);
    assert_eq!((jobs("final"), jobs("speech")), (1, 1));
    assert!(jobs("end_of_turn") >= 1);
    let spoken = seconds("sotto_engine_audio_seconds_total", &[("work", "speech")]);
    let expected = "hello there".len() as f64 * MS_PER_CHARACTER as f64 / 1_000.0;
    assert!((spoken - expected).abs() < 0.09, "{spoken}");
    for name in ["wait_seconds", "work_seconds", "real_time_factor"] {
        let name = format!("sotto_engine_{name}_count");
        assert_eq!(grown(&name, &[("work", "final")]), 1, "{name}");
    }
    // The fake engine takes 20 ms.
    assert!(seconds("sotto_engine_work_seconds_sum", &[("work", "final")]) >= 0.02);

    // A packet every 20 ms, from the first to the last.
    let received = grown("sotto_packets_received_total", &[]);
    let length = seconds("sotto_call_length_seconds_sum", &[]);
    let most = (50.0 * length) as u64 + 10;
    assert!((40..=most).contains(&received), "{received} in {length} s");
    // Packets of 20 ms become frames of 32 ms; some wait, and some sound is made up.
    let handled = grown("sotto_sound_handling_seconds_count", &[]);
    assert!(handled.abs_diff(received * 20 / 32) <= 10, "{handled} frames of {received} packets");
    assert!(grown("sotto_jitter_seconds_count", &[]) >= 1);
    assert_eq!(grown("sotto_sound_dropped_total", &[]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_network_loses_is_counted() {
    let server = server(fakes::engines(&["hello there"])).await;
    let before = scrape(&server).await;
    let impairment = Impairment { loss: 0.2, ..Impairment::default() };
    let options = CallOptions { impairment, ..server.options() };
    let mut call = Call::place(options).await.unwrap();
    call.say_only(recording(2_000)).await;
    call.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(2).await;
    let after = scrape(&server).await;
    let lost = after.grown(&before, "sotto_packets_lost_total", &[]);
    let received = after.grown(&before, "sotto_packets_received_total", &[]);
    let share = lost as f64 / (lost + received) as f64;
    assert!((0.05..0.5).contains(&share), "{lost} of {}", lost + received);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_is_counted_with_its_reason() {
    let mut config = config();
    config.limits.calls = CallLimit::Fixed(1);
    let server = TestServer::with(config, fakes::engines(&["hello"])).await;
    let before = scrape(&server).await;
    let call = server.call().await;
    assert!(Call::place(server.options()).await.is_err());
    let evil = server.post("/v1/realtime/calls").header("origin", "https://evil.example.org");
    assert_eq!(evil.send().await.unwrap().status(), 401);
    let made_up = reqwest::Method::from_bytes(b"BREW").unwrap();
    let coffee = server.http.request(made_up, format!("{}/healthz", server.url));
    assert_eq!(coffee.send().await.unwrap().status(), 405);
    let after = scrape(&server).await;
    let grown = |name: &str, labels: &[(&str, &str)]| after.grown(&before, name, labels);
    assert_eq!(grown("sotto_calls_refused_total", &[("reason", "at_capacity")]), 1);
    assert_eq!(grown("sotto_calls_refused_total", &[("reason", "not_allowed")]), 1);
    assert_eq!(grown("sotto_http_rejections_total", &[("code", "at_capacity")]), 1);
    let requests = |method, route, status| {
        let labels = [("method", method), ("route", route), ("status", status)];
        grown("sotto_http_requests_total", &labels)
    };
    assert_eq!(requests("POST", "/v1/realtime/calls", "2xx"), 1);
    assert_eq!(requests("POST", "/v1/realtime/calls", "5xx"), 1);
    assert_eq!(requests("POST", "/v1/realtime/calls", "4xx"), 1);
    assert_eq!(requests("other", "/healthz", "4xx"), 1);
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_counted() {
    let server = server(fakes::engines(&["hello there"])).await;
    let guest = Browser::guest(&server).await;
    let before = scrape(&server).await;
    let headers = [("cookie", guest.cookie_header()), ("origin", server.url.clone())];
    let mut socket = Socket::open_as(&server.url, "", &headers).await.unwrap();
    socket.say(&voice_like(900)).await;
    // The words of the person, and those of the reply once it has been heard.
    socket.until("sotto.item.stored").await;
    socket.until("sotto.item.stored").await;
    socket.close().await;
    server.wait_for_quiet(2).await;
    let after = scrape(&server).await;
    let stored = |what| after.grown(&before, "sotto_store_seconds_count", &[("what", what)]);
    assert_eq!((stored("item"), stored("turn"), stored("shorten")), (2, 1, 0));
    assert_eq!(after.grown(&before, "sotto_calls_opened_total", &[("transport", "websocket")]), 1);
    assert_eq!(after.count("sotto_store_queue", &[]), 0);
    assert_eq!(after.grown(&before, "sotto_store_failures_total", &[("what", "item")]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_is_counted_with_its_code() {
    let llm = Scripted::new(Vec::<String>::new())
        .fails_with(|| Error::Status { status: 500, message: "no marmalade".to_owned() });
    let server = server(fakes::with_llm(&["hello"], Arc::new(llm))).await;
    let before = scrape(&server).await;
    let mut call = server.call().await;
    call.say_only(recording(700)).await;
    let done = |event: &serde_json::Value| event["type"] == "response.done";
    call.wait_until(Duration::from_secs(3), done).await.unwrap();
    call.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(2).await;
    let text = text(&server).await;
    assert!(!text.contains("marmalade"), "{text}");
    let after = Exposition::parse(&text);
    let grown = |name: &str, labels: &[(&str, &str)]| after.grown(&before, name, labels);
    assert_eq!(grown("sotto_replies_total", &[("outcome", "failed")]), 1);
    let failure = [("what", "reply"), ("code", "llm_refused")];
    assert_eq!(grown("sotto_turn_failures_total", &failure), 1);
    let phase = |phase| grown("sotto_turn_phase_seconds_count", &[("phase", phase)]);
    assert_eq!((phase("transcript"), phase("first_token")), (1, 0), "what did not happen");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_said_or_named_is_in_it() {
    let heard = "the heard canary sings of marmalade and turpentine";
    let model = Scripted::new(["The answering canary recommends soup."]);
    let server = server(fakes::with_llm(&[heard], Arc::new(model))).await;
    let mut ann = Browser::account(&server, "annabel").await;
    let me = ann.me().await["id"].as_str().unwrap().to_owned();
    let body = json!({ "title": "Canaries" });
    let id = ann.post("/api/v1/conversations", body).await.body["id"].as_str().unwrap().to_owned();
    let headers = [("cookie", ann.cookie_header()), ("origin", server.url.clone())];
    let query = format!("conversation={id}");
    let mut socket = Socket::open_as(&server.url, &query, &headers).await.unwrap();
    let call = socket.call_id().to_owned();
    socket.say(&voice_like(900)).await;
    socket.until("sotto.item.stored").await;
    socket.type_in("the typed canary dreams of escalators").await;
    socket.until("sotto.item.stored").await;
    assert_eq!(ann.get(&format!("/api/v1/conversations/{id}")).await.status, 200);
    assert_eq!(ann.get("/api/v1/search?q=turpentine").await.status, 200);
    assert_eq!(ann.get("/the/canary/is/no/page").await.status, 404);
    let text = text(&server).await;
    for secret in ["canary", "Canaries", "turpentine", "annabel", &me, &id, &call, "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.contains("route=\"/api/v1/conversations/{id}\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_do_not_mix() {
    let (one, other) =
        (server(fakes::engines(&["hello"])).await, server(fakes::engines(&["hello"])).await);
    one.call().await.hang_up(HangUp::Close).await.unwrap();
    let opened = |exposition: &Exposition| {
        exposition.count("sotto_calls_opened_total", &[("transport", "webrtc")])
    };
    assert_eq!((opened(&scrape(&one).await), opened(&scrape(&other).await)), (1, 0));
}
