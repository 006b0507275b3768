//! Typed messages: stored, answered as it comes, stopped, edited, made again.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use sotto_llm::scripted::Scripted;

use crate::support::browser::Browser;
use crate::support::fakes;
use crate::support::server::TestServer;

/// The events of a reply: their names and data.
struct Events {
    response: Response,
    rest: String,
}

impl Events {
    async fn send(browser: &Browser<'_>, id: &str, body: Value) -> Self {
        let path = format!("/api/v1/conversations/{id}/messages");
        let response = browser.request(Method::POST, &path).json(&body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{}", response.text().await.unwrap());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, rest: String::new() }
    }

    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = event.lines();
                    lines
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .trim()
                        .to_owned()
                };
                let (name, data) = (field("event:"), field("data:"));
                let rest = rest.to_owned();
                self.rest = rest;
                if name.is_empty() {
                    continue;
                }
                return Some((name, serde_json::from_str(&data).unwrap()));
            }
            let more = tokio::time::timeout(Duration::from_secs(10), self.response.chunk()).await;
            self.rest
                .push_str(std::str::from_utf8(&more.expect("an event in time").unwrap()?).unwrap());
        }
    }

    async fn until(&mut self, name: &str) -> Value {
        loop {
            let (found, data) = self.next().await.unwrap_or_else(|| panic!("over before {name}"));
            if found == name {
                return data;
            }
        }
    }

    async fn all(mut self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

async fn begin(browser: &mut Browser<'_>, body: Value) -> String {
    let made = browser.post("/api/v1/conversations", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().unwrap().to_owned()
}

async fn texts(browser: &mut Browser<'_>, id: &str) -> Vec<String> {
    let opened = browser.get(&format!("/api/v1/conversations/{id}")).await;
    assert_eq!(opened.body["problems"], json!([]), "{opened:?}");
    let items = opened.body["items"].as_array().unwrap().iter();
    items.map(|item| item["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_stored_answered_and_named() {
    let model = Scripted::new(["Noon", ", of course."]);
    let server = TestServer::start(fakes::with_llm(&[""], Arc::new(model.clone()))).await;
    let mut ann = Browser::guest(&server).await;
    let id = begin(&mut ann, json!({ "instructions": "Be brief." })).await;
    let events = Events::send(&ann, &id, json!({ "text": "What is the time?" })).await.all().await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["stored", "started", "delta", "delta", "done", "stored", "title"]);
    assert_eq!(events[0].1["seq"], 1);
    assert_eq!(events[4].1["text"], "Noon, of course.");
    assert_eq!(events[4].1["status"], "completed");
    assert_eq!(
        (&events[5].1["seq"], &events[5].1["item_id"]),
        (&json!(2), &events[1].1["item_id"])
    );
    // The title is the model's, tidied; it says the same to everything.
    assert_eq!(events[6].1["title"], "Noon, of course");
    assert_eq!(texts(&mut ann, &id).await, ["What is the time?", "Noon, of course."]);
    assert_eq!(model.requests()[0].messages[0].content, "Be brief.");
    Events::send(&ann, &id, json!({ "text": "Sure?" })).await.all().await;
    let asked = &model.requests()[2].messages;
    assert_eq!(asked.len(), 4, "what was said before is known: {asked:?}");
    let opened = ann.get(&format!("/api/v1/conversations/{id}")).await;
    assert_eq!(opened.body["conversation"]["title_by"], "model");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_of_the_person_is_kept() {
    let server = TestServer::start(fakes::with_llm(&[""], Arc::new(Scripted::new(["Yes."])))).await;
    let mut ann = Browser::guest(&server).await;
    let id = begin(&mut ann, json!({ "title": "Mine" })).await;
    let events = Events::send(&ann, &id, json!({ "text": "Well?" })).await.all().await;
    assert!(events.iter().all(|(name, _)| name != "title"));
    let opened = ann.get(&format!("/api/v1/conversations/{id}")).await;
    assert_eq!(opened.body["conversation"]["title"], "Mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_stopped_and_what_was_written_stays() {
    let words: Vec<String> = (0..200).map(|number| format!("w{number} ")).collect();
    let model = Scripted::new(words).then_every(Duration::from_millis(20));
    let server = TestServer::start(fakes::with_llm(&[""], Arc::new(model.clone()))).await;
    let mut ann = Browser::guest(&server).await;
    let id = begin(&mut ann, json!({})).await;
    let mut events = Events::send(&ann, &id, json!({ "text": "Go on" })).await;
    events.until("delta").await;
    let path = format!("/api/v1/conversations/{id}");
    let busy = ann.post(&format!("{path}/messages"), json!({ "text": "x" })).await;
    assert_eq!(busy.refusal(), (409, "busy"));
    assert_eq!(ann.post(&format!("{path}/stop"), json!({})).await.status, 204);
    let done = events.until("done").await;
    assert_eq!(done["status"], "interrupted");
    assert_eq!(events.until("stored").await["seq"], 2);
    assert!(texts(&mut ann, &id).await[1].starts_with("w0 "));
    // Whoever goes away stops it, too.
    let mut events = Events::send(&ann, &id, json!({ "text": "Again" })).await;
    events.until("delta").await;
    drop(events);
    for _ in 0..200 {
        if texts(&mut ann, &id).await.len() == 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(texts(&mut ann, &id).await.len(), 4);
    assert_eq!(model.cancelled(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_edited_and_a_reply_made_again() {
    let server = TestServer::start(fakes::with_llm(&[""], Arc::new(Scripted::new(["Yes."])))).await;
    let mut ann = Browser::guest(&server).await;
    let id = begin(&mut ann, json!({})).await;
    let first = Events::send(&ann, &id, json!({ "text": "One" })).await.all().await;
    Events::send(&ann, &id, json!({ "text": "Two" })).await.all().await;
    assert_eq!(texts(&mut ann, &id).await, ["One", "Yes.", "Two", "Yes."]);
    let again = Events::send(&ann, &id, json!({ "regenerate": true })).await.all().await;
    assert_eq!(again[0].0, "started", "nothing of the person is stored again");
    assert_eq!(texts(&mut ann, &id).await, ["One", "Yes.", "Two", "Yes."]);
    let edited = json!({ "text": "Zero", "replaces": first[0].1["item_id"] });
    Events::send(&ann, &id, edited).await.all().await;
    assert_eq!(texts(&mut ann, &id).await, ["Zero", "Yes."]);
    let path = format!("/api/v1/conversations/{id}/messages");
    for (body, code) in [
        (json!({}), (400, "invalid_value")),
        (json!({ "text": " " }), (400, "invalid_value")),
        (json!({ "text": "x", "regenerate": true }), (400, "invalid_value")),
        (json!({ "text": "x".repeat(300 * 1_024) }), (400, "invalid_value")),
        (json!({ "text": "x", "replaces": "item_nowhere" }), (404, "item_not_found")),
        (json!({ "text": 7 }), (400, "invalid_value")),
    ] {
        assert_eq!(ann.post(&path, body).await.refusal(), code);
    }
    assert_eq!(texts(&mut ann, &id).await, ["Zero", "Yes."], "nothing was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_is_told_and_its_words_stay() {
    let failing = Scripted::new(["Half a"]).fails_with(|| sotto_llm::Error::Interrupted);
    let server = TestServer::start(fakes::with_llm(&[""], Arc::new(failing))).await;
    let mut ann = Browser::guest(&server).await;
    let id = begin(&mut ann, json!({})).await;
    let mut events = Events::send(&ann, &id, json!({ "text": "Well?" })).await;
    assert_eq!(events.until("error").await["code"], "llm_interrupted");
    assert_eq!(events.until("done").await["status"], "interrupted");
    events.until("stored").await;
    assert_eq!(texts(&mut ann, &id).await, ["Well?", "Half a"]);
}
