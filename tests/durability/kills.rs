//! The server is killed at random moments while people write and call. Nothing that was acknowledged is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::program::Program;
use crate::support::browser::Browser;
use crate::support::database;
use crate::support::socket::Socket;

/// So often it is killed; more with `SOTTO_TEST_KILLS` (docs/benchmarks.md says what 200 gave).
const KILLS: usize = 6;
/// The most items that are given at once. More are written in a second.
const PAGE: usize = 1_000;
/// Ready again within this.
const READY: Duration = Duration::from_secs(2);

/// What was acknowledged: conversation, item, place, and the words if they are known here.
type Acknowledged = Arc<Mutex<Vec<(String, String, u64, Option<String>)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    kill_again_and_again(folder.path(), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_postgresql() {
    let Some(url) = database::postgres_url().await else { return };
    let folder = tempfile::tempdir().unwrap();
    kill_again_and_again(folder.path(), Some(&url)).await;
}

async fn kill_again_and_again(folder: &std::path::Path, postgres: Option<&str>) {
    let kills = std::env::var("SOTTO_TEST_KILLS").ok().and_then(|text| text.parse().ok());
    let kills = kills.unwrap_or(KILLS);
    let http = sotto::engine::http::client("http://127.0.0.1", None).unwrap();
    let acknowledged = Acknowledged::default();
    let mut cookie = None;
    let mut starts = Vec::new();
    let mut checked = 0;
    for _ in 0..kills {
        let program = Program::start(folder, postgres);
        starts.push(program.started_in);
        let mut browser = come_back(&http, &program.url, &mut cookie).await;
        checked += check(&mut browser, &acknowledged, checked).await;
        let mut work = JoinSet::new();
        for conversation in 0..3 {
            let made = browser.post("/api/v1/conversations", json!({})).await;
            let id = made.body["id"].as_str().unwrap().to_owned();
            let (http, url, log) = (http.clone(), program.url.clone(), Arc::clone(&acknowledged));
            let (cookie, csrf) = (browser.cookie.clone().unwrap(), browser.csrf.clone());
            if conversation == 0 {
                work.spawn(call(url, cookie, id, log));
            } else {
                work.spawn(write(http, url, cookie, csrf, id, log));
            }
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(50..900))).await;
        program.kill();
        // Whoever was talking to it notices.
        while work.join_next().await.is_some() {}
    }
    let program = Program::start(folder, postgres);
    let mut browser = come_back(&http, &program.url, &mut cookie).await;
    let items = check(&mut browser, &acknowledged, 0).await;
    starts.sort();
    let median = starts[starts.len() / 2];
    println!("{kills} kills, {items} items acknowledged, ready again after {median:?} (median)");
    assert!(items > kills, "hardly anything was acknowledged: {items}");
    assert!(median < READY, "ready again only after {median:?}");
}

/// The person of the first round, who has their cookie still.
async fn come_back<'a>(http: &'a Client, url: &'a str, cookie: &mut Option<String>) -> Browser<'a> {
    let mut browser = Browser::at(http, url).await;
    if let Some(known) = cookie {
        browser.cookie = Some(known.clone());
        browser.get("/api/v1/me").await;
        assert!(!browser.me().await.is_null(), "the login was lost");
    } else {
        assert_eq!(browser.post("/api/v1/guest", json!({})).await.status, 201);
        cookie.clone_from(&browser.cookie);
    }
    browser
}

/// Every item that was acknowledged after the first so many is there, in its place, whole, and nothing else is wrong. How
/// many there are.
async fn check(browser: &mut Browser<'_>, acknowledged: &Acknowledged, first: usize) -> usize {
    let expected = acknowledged.lock().unwrap()[first..].to_vec();
    let mut seen: HashMap<String, Vec<Value>> = HashMap::new();
    for (conversation, item, seq, words) in &expected {
        if !seen.contains_key(conversation) {
            seen.insert(conversation.clone(), items_of(browser, conversation).await);
        }
        let found = seen[conversation].iter().find(|found| found["id"] == item.as_str());
        let found = found.unwrap_or_else(|| panic!("{item} was acknowledged and is lost"));
        assert_eq!(found["seq"], *seq);
        if let Some(words) = words {
            assert_eq!(found["text"], words.as_str());
        }
    }
    expected.len()
}

/// All that is kept of a conversation, from its end to its beginning.
async fn items_of(browser: &mut Browser<'_>, conversation: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut before = String::new();
    loop {
        let path = format!("/api/v1/conversations/{conversation}?limit={PAGE}{before}");
        let opened = browser.get(&path).await;
        assert_eq!(opened.status, 200, "{opened:?}");
        assert_eq!(opened.body["problems"], json!([]), "half-written: {conversation}");
        let page = opened.body["items"].as_array().unwrap();
        items.extend_from_slice(page);
        if page.len() < PAGE {
            return items;
        }
        before = format!("&before={}", page[0]["seq"]);
    }
}

/// Types one message after the other until the server is gone.
async fn write(
    http: Client,
    url: String,
    cookie: String,
    csrf: String,
    id: String,
    log: Acknowledged,
) {
    for number in 0.. {
        let text = format!("message {number} of {id}");
        let request = http
            .request(Method::POST, format!("{url}/api/v1/conversations/{id}/messages"))
            .header("cookie", format!("__Host-sotto_sid={cookie}"))
            .header("x-csrf-token", &csrf)
            .json(&json!({ "text": text }));
        let Ok(mut response) = request.send().await else { return };
        let mut received = String::new();
        while let Ok(Some(part)) = response.chunk().await {
            received.push_str(&String::from_utf8_lossy(&part));
            while let Some((event, rest)) = received.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                received = rest;
                if !event.starts_with("event: stored") {
                    continue;
                }
                let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
                let data: Value = serde_json::from_str(data).unwrap();
                let item = data["item_id"].as_str().unwrap().to_owned();
                // It says back what was said, so the reply has the same words.
                let acknowledged =
                    (id.clone(), item, data["seq"].as_u64().unwrap(), Some(text.clone()));
                log.lock().unwrap().push(acknowledged);
            }
        }
    }
}

/// Types into a call until the server is gone.
async fn call(url: String, cookie: String, id: String, log: Acknowledged) {
    let headers = [("cookie", format!("__Host-sotto_sid={cookie}")), ("origin", url.clone())];
    let opened = Socket::open_as(&url, &format!("conversation={id}"), &headers).await;
    let Ok(mut socket) = opened else { return };
    loop {
        let text = format!("typed into the call {}", rand::random::<u32>());
        if !socket.try_type(&text).await {
            return;
        }
        loop {
            let Some(event) = socket.next().await else { return };
            if event["type"] == "sotto.item.stored" {
                let item = event["item_id"].as_str().unwrap().to_owned();
                let seq = event["seq"].as_u64().unwrap();
                log.lock().unwrap().push((id.clone(), item, seq, Some(text.clone())));
                break;
            }
        }
    }
}
