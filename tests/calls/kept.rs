//! What is said in a call is kept, acknowledged, and known to the next call.

use reqwest::Method;
use serde_json::{Value, json};
use sotto_llm::scripted::Scripted;
use std::sync::Arc;
use std::time::Duration;

use crate::support::browser::Browser;
use crate::support::fakes::{self, voice_like};
use crate::support::server::TestServer;
use crate::support::socket::Socket;

/// Opens a call of this browser in a conversation.
async fn call(server: &TestServer, browser: &Browser<'_>, query: &str) -> Socket {
    let headers = [("cookie", browser.cookie_header()), ("origin", server.url.clone())];
    Socket::open_as(&server.url, query, &headers).await.unwrap()
}

async fn new_conversation(browser: &mut Browser<'_>, body: Value) -> String {
    let made = browser.post("/api/v1/conversations", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().unwrap().to_owned()
}

async fn items(browser: &mut Browser<'_>, id: &str) -> Vec<(String, String, String, String)> {
    let opened = browser.get(&format!("/api/v1/conversations/{id}")).await;
    assert_eq!(opened.body["problems"], json!([]), "{opened:?}");
    let word = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let items = opened.body["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            (word(item, "role"), word(item, "text"), word(item, "status"), word(item, "via"))
        })
        .collect()
}

fn row(role: &str, text: &str, status: &str, via: &str) -> (String, String, String, String) {
    (role.to_owned(), text.to_owned(), status.to_owned(), via.to_owned())
}

/// Waits until nothing goes on in a conversation any more.
async fn over(browser: &mut Browser<'_>, id: &str) {
    for _ in 0..200 {
        let opened = browser.get(&format!("/api/v1/conversations/{id}")).await;
        if opened.body["conversation"]["in_call"] != true {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the call does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_continues_its_conversation_and_is_kept() {
    let model = Scripted::new(["Good ", "to hear you."]);
    let server =
        TestServer::start(fakes::with_llm(&["hello there"], Arc::new(model.clone()))).await;
    let mut ann = Browser::guest(&server).await;
    let id = new_conversation(&mut ann, json!({ "title": "Ours" })).await;
    let mut socket = call(&server, &ann, &format!("conversation={id}")).await;
    let session = &socket.log[0]["session"]["sotto"];
    assert_eq!(session["history"], "stored");
    assert_eq!(session["tier"], "standard");
    assert_eq!(session["conversation"].as_str(), Some(id.as_str()));
    socket.say(&voice_like(900)).await;
    let completed = socket.until("conversation.item.input_audio_transcription.completed").await;
    let stored = socket.until("sotto.item.stored").await;
    assert_eq!(stored["item_id"], completed["item_id"]);
    assert_eq!(stored["seq"], 1);
    // A WebSocket's sound is heard as fast as its clock says.
    let stored = socket.until("sotto.item.stored").await;
    assert_eq!(stored["seq"], 2);
    let busy =
        ann.post(&format!("/api/v1/conversations/{id}/messages"), json!({ "text": "x" })).await;
    assert_eq!(busy.refusal(), (409, "in_call"));
    socket.close().await;
    over(&mut ann, &id).await;
    let first = [
        row("user", "hello there", "completed", "voice"),
        row("assistant", "Good to hear you.", "completed", "voice"),
    ];
    assert_eq!(items(&mut ann, &id).await, first);

    let mut socket = call(&server, &ann, &format!("conversation={id}")).await;
    socket
        .send(json!({ "type": "session.update", "session": { "output_modalities": ["text"] } }))
        .await;
    socket.type_in("And in writing?").await;
    assert_eq!(socket.until("sotto.item.stored").await["seq"], 3);
    socket.send(json!({ "type": "response.create" })).await;
    assert_eq!(socket.until("sotto.item.stored").await["seq"], 4);
    let asked = model.requests().last().unwrap().clone();
    let said: Vec<&str> = asked.messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(said[1..], ["hello there", "Good to hear you.", "And in writing?"]);
    socket.close().await;
    over(&mut ann, &id).await;
    let all = items(&mut ann, &id).await;
    assert_eq!(all[..2], first);
    assert_eq!(all[2], row("user", "And in writing?", "completed", "text"));
    assert_eq!(all[3], row("assistant", "Good to hear you.", "completed", "text"));
    let turns = ann.get(&format!("/api/v1/conversations/{id}/turns")).await;
    assert!(turns.body["turns"][0]["report"]["timings"]["endpoint_ms"].is_u64(), "{turns:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_cut_is_kept_as_far_as_it_was_heard() {
    let long = "one two three four five six seven eight nine ten eleven twelve";
    let model = Arc::new(Scripted::new([long]));
    let server = TestServer::start(fakes::with_llm(&["hello there"], model)).await;
    let mut ann = Browser::guest(&server).await;
    let id = new_conversation(&mut ann, json!({})).await;
    let mut socket = call(&server, &ann, &format!("conversation={id}")).await;
    socket.type_in("Count").await;
    socket.send(json!({ "type": "response.create" })).await;
    socket.until("response.output_audio.delta").await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    // Hung up in the middle of it.
    socket.close().await;
    over(&mut ann, &id).await;
    let kept = items(&mut ann, &id).await;
    assert_eq!(kept.len(), 2, "{kept:?}");
    let (role, text, status, _) = &kept[1];
    assert_eq!((role.as_str(), status.as_str()), ("assistant", "interrupted"));
    assert!(
        long.starts_with(text.as_str()) && text.len() < long.len() && !text.is_empty(),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_call_leaves_nothing() {
    let server = TestServer::fake().await;
    let mut ann = Browser::guest(&server).await;
    let id = new_conversation(&mut ann, json!({ "tier": "ephemeral" })).await;
    let mut socket = call(&server, &ann, &format!("conversation={id}")).await;
    assert_eq!(socket.log[0]["session"]["sotto"]["history"], "memory");
    socket.type_in("Between us").await;
    socket.until("sotto.item.stored").await;
    assert_eq!(items(&mut ann, &id).await.len(), 1);
    let ended = ann.delete(&format!("/v1/realtime/calls/{}", socket.call_id())).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    for _ in 0..200 {
        let opened = ann.get(&format!("/api/v1/conversations/{id}")).await;
        if opened.refusal() == (404, "conversation_not_found") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it outlives its call");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_with_a_token_has_a_conversation_of_its_own() {
    let server = TestServer::fake().await;
    let mut ann = Browser::account(&server, "ann").await;
    let body = json!({ "label": "phone", "scopes": ["calls", "chats:read"] });
    let token = ann.post("/api/v1/tokens", body).await.body["token"].as_str().unwrap().to_owned();
    let bearer = [("authorization", format!("Bearer {token}"))];
    let mut socket = Socket::open_as(&server.url, "", &bearer).await.unwrap();
    socket.type_in("From the phone").await;
    socket.until("sotto.item.stored").await;
    let id = socket.log[0]["session"]["sotto"]["conversation"].as_str().unwrap().to_owned();
    assert_eq!(items(&mut ann, &id).await[0].1, "From the phone");
    socket.close().await;
    over(&mut ann, &id).await;
    let refused = Socket::open_as(&server.url, "tier=private", &bearer).await.err().unwrap();
    assert_eq!(refused.0, 400, "{refused:?}");
    // Its scopes do not let it write.
    let request = server.http.post(format!("{}/api/v1/conversations", server.url));
    let answer = request.bearer_auth(&token).json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_calls_into_what_is_not_theirs() {
    let server = TestServer::fake().await;
    let mut ann = Browser::guest(&server).await;
    let bob = Browser::guest(&server).await;
    let id = new_conversation(&mut ann, json!({})).await;
    let query = format!("conversation={id}");
    let as_bob = [("cookie", bob.cookie_header()), ("origin", server.url.clone())];
    let refused = Socket::open_as(&server.url, &query, &as_bob).await.err().unwrap();
    assert_eq!(
        (refused.0, refused.1["error"]["code"].as_str()),
        (404, Some("conversation_not_found"))
    );
    let refused = Socket::open_as(&server.url, &query, &[]).await.err().unwrap();
    assert_eq!((refused.0, refused.1["error"]["code"].as_str()), (401, Some("sign_in")));
    // A page of another site opens a socket with Ann's cookie: it is nobody's.
    let elsewhere =
        [("cookie", ann.cookie_header()), ("origin", "https://evil.example.org".to_owned())];
    let refused = Socket::open_as(&server.url, &query, &elsewhere).await.err().unwrap();
    assert_eq!(refused.0, 401, "{refused:?}");
    let mut socket = call(&server, &ann, &query).await;
    let again = ann.request(Method::GET, "/api/v1/conversations").send().await.unwrap();
    assert_eq!(again.status().as_u16(), 200);
    // The conversation is deleted under the call.
    ann.delete(&format!("/api/v1/conversations/{id}")).await;
    while socket.next().await.is_some() {}
}
