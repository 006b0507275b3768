//! A lost call goes on in another.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sotto::client::{Call, CallOptions, HangUp, Recording};
use sotto_llm::scripted::Scripted;

use crate::support::browser::Browser;
use crate::support::engines;
use crate::support::fakes::{self, voice_like};
use crate::support::server::TestServer;
use crate::support::socket::Socket;

const LONG: &str = "Once upon a time there was a king who had three daughters, and all of them could sing. \
One day a stranger came to the castle, and he asked for the youngest of them.";
const SECONDS: Duration = Duration::from_secs(12);

fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == kind
}

/// Who opens a socket: somebody at a browser, or nobody.
fn headers(server: &TestServer, who: Option<&Browser<'_>>) -> Vec<(&'static str, String)> {
    let cookie = who.map(|who| ("cookie", who.cookie_header()));
    cookie.into_iter().chain([("origin", server.url.clone())]).collect()
}

async fn open(
    server: &TestServer,
    who: Option<&Browser<'_>>,
    query: &str,
) -> Result<Socket, (u16, String)> {
    let opened = Socket::open_as(&server.url, query, &headers(server, who)).await;
    opened.map_err(|(status, body)| {
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    })
}

/// The resumed call, and what the server says of it.
async fn resume(server: &TestServer, who: Option<&Browser<'_>>, lost: &str) -> (Socket, Value) {
    let mut socket = open(server, who, &format!("resume={lost}")).await.unwrap();
    let resumed = socket.until("sotto.resumed").await;
    assert_eq!(resumed["call_id"], lost);
    (socket, resumed)
}

fn unknown() -> (u16, String) {
    (404, "unknown_call".to_owned())
}

fn said(model: &Scripted) -> Vec<String> {
    let asked = model.requests().last().unwrap().clone();
    asked.messages.into_iter().map(|message| message.content).collect()
}

/// Loses a call: its socket closes, and the server notices.
async fn lose(server: &TestServer, socket: Socket) -> String {
    let id = socket.call_id().to_owned();
    socket.close().await;
    server.wait_for_quiet(2).await;
    id
}

async fn write(socket: &mut Socket, text: &str) {
    socket
        .send(json!({ "type": "session.update", "session": { "output_modalities": ["text"] } }))
        .await;
    socket.type_in(text).await;
    socket.send(json!({ "type": "response.create" })).await;
    socket.until("response.done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_and_set_is_there_after_a_lost_call() {
    let mut config = engines::config();
    config.conversation.greeting = "Welcome.".to_owned();
    let model = Scripted::new(["Good ", "to hear you."]);
    let engines = fakes::with_llm(&["hello there"], Arc::new(model.clone()));
    let server = TestServer::with(config, engines).await;
    let mut socket = open(&server, None, "interruption=never").await.unwrap();
    // The greeting has been heard.
    while socket.until("sotto.state").await["state"] != "listening" {}
    let update = json!({
        "instructions": "Be kind.",
        "audio": { "input": { "turn_detection": null }, "output": { "speed": 1.25 } },
    });
    socket.send(json!({ "type": "session.update", "session": update })).await;
    write(&mut socket, "Hello.").await;
    let conversation = socket.log[1]["conversation"]["id"].clone();
    let items: Vec<Value> = added(&socket);
    let lost = lose(&server, socket).await;

    let (mut socket, resumed) = resume(&server, None, &lost).await;
    assert_eq!(resumed["missed"], "");
    let session = &socket.log[0]["session"];
    assert_eq!(session["instructions"], "Be kind.");
    assert!(session["audio"]["input"]["turn_detection"].is_null(), "{session}");
    assert_eq!(session["audio"]["output"]["speed"], 1.25);
    assert_eq!(session["sotto"]["interruption"], "never");
    assert_ne!(session["sotto"]["call_id"], lost.as_str());
    assert_eq!(socket.log[1]["conversation"]["id"], conversation);
    // An item of the lost call is known by its id, and no new one may have it.
    let taken = json!({ "type": "message", "role": "user", "id": items[1],
                        "content": [{ "type": "input_text", "text": "x" }] });
    socket.send(json!({ "type": "conversation.item.create", "item": taken })).await;
    assert_eq!(socket.until("error").await["error"]["param"], "item.id");
    socket.send(json!({ "type": "sotto.replay" })).await;
    assert_eq!(socket.until("error").await["error"]["code"], "nothing_to_replay");
    let sotto = json!({ "resume": "call_1" });
    socket.send(json!({ "type": "session.update", "session": { "sotto": sotto } })).await;
    assert_eq!(socket.until("error").await["error"]["code"], "unsupported_value");
    let greeted = socket.log.iter().any(|event| event["type"] == "response.created");
    assert!(!greeted, "they were greeted before");
    write(&mut socket, "And now?").await;
    let said = said(&model);
    assert_eq!(said[0], "Be kind.");
    assert_eq!(said[said.len() - 3..], ["Hello.", "Good to hear you.", "And now?"]);
    let now = added(&socket);
    assert!(now.iter().all(|item| !items.contains(item)), "{items:?} {now:?}");

    // What the client sets now holds instead.
    let lost = lose(&server, socket).await;
    let query = format!("resume={lost}&interruption=always");
    let socket = open(&server, None, &query).await.unwrap();
    assert_eq!(socket.log[0]["session"]["sotto"]["interruption"], "always");
}

/// The ids of the items that were added.
fn added(socket: &Socket) -> Vec<Value> {
    let added = socket.log.iter().filter(|event| event["type"] == "conversation.item.added");
    added.map(|event| event["item"]["id"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_reply_that_was_cut_can_be_heard_once() {
    for blobs in [false, true] {
        let words = LONG.split_inclusive(' ').map(str::to_owned);
        let model = Scripted::new(words);
        let engines = fakes::with_llm(&["tell me a story"], Arc::new(model.clone()));
        let server = TestServer::start(engines).await;
        let options = CallOptions { blobs, ..server.options() };
        let mut call = Call::place(options.clone()).await.unwrap();
        call.say_only(Recording::new(voice_like(700))).await;
        call.wait_until(SECONDS, is("output_audio_buffer.started")).await.unwrap();
        call.wait(Duration::from_millis(900)).await;
        let lost = call.id().to_owned();
        call.hang_up(HangUp::Close).await.unwrap();

        let options = CallOptions { resume: Some(lost), ..options };
        let mut call = Call::place(options).await.unwrap();
        let resumed = call.wait_until(SECONDS, is("sotto.resumed")).await.unwrap();
        let missed = resumed["missed"].as_str().unwrap().to_owned();
        assert!(LONG.ends_with(&missed) && !missed.is_empty(), "blobs {blobs}: {missed}");
        call.send(&json!({ "type": "sotto.replay" })).await.unwrap();
        call.send(&json!({ "type": "sotto.replay" })).await.unwrap();
        let again = call.wait_until(SECONDS, is("error")).await.unwrap();
        assert_eq!(again["error"]["code"], "nothing_to_replay");
        call.wait_until(SECONDS, is("output_audio_buffer.stopped")).await.unwrap();
        let done = is("response.output_audio_transcript.done");
        let spoken: Vec<&Value> = call.events().iter().filter(|event| done(event)).collect();
        assert_eq!(spoken.len(), 1, "blobs {blobs}");
        assert_eq!(spoken[0]["transcript"], missed.as_str());
        assert!(call.heard().audible_ms.len() > 20, "blobs {blobs}: it is heard");
        call.say_only(Recording::new(voice_like(700))).await;
        call.wait_until(SECONDS, is("response.output_audio_transcript.delta")).await.unwrap();
        let said = said(&model);
        let told = said[2].replace('\n', " ");
        assert_eq!(told, LONG, "blobs {blobs}: what was heard and what was missed are the whole");
        assert!(said[2].contains('\n'), "in two parts: {}", said[2]);
        call.hang_up(HangUp::Delete).await.unwrap();
        server.wait_for_quiet(2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_replayed_can_be_had_after_another_loss() {
    let engines = fakes::with_llm(&["go on"], Arc::new(Scripted::new([LONG])));
    let server = TestServer::start(engines).await;
    let mut socket = open(&server, None, "").await.unwrap();
    socket.type_in("A story").await;
    socket.send(json!({ "type": "response.create" })).await;
    socket.until("response.output_audio.delta").await;
    let lost = lose(&server, socket).await;
    let (socket, first) = resume(&server, None, &lost).await;
    assert!(LONG.ends_with(first["missed"].as_str().unwrap()));
    let lost = lose(&server, socket).await;
    let (_, second) = resume(&server, None, &lost).await;
    assert_eq!(second["missed"], first["missed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_in_its_conversation_and_only_for_the_same_person() {
    let model = Scripted::new(["Yes, ", "Ann."]);
    let engines = fakes::with_llm(&["hello"], Arc::new(model.clone()));
    let server = TestServer::start(engines).await;
    let mut ann = Browser::guest(&server).await;
    let bob = Browser::guest(&server).await;
    let mut socket = open(&server, Some(&ann), "").await.unwrap();
    write(&mut socket, "Hello.").await;
    socket.until("sotto.item.stored").await;
    let conversation = socket.log[0]["session"]["sotto"]["conversation"].clone();
    let lost = lose(&server, socket).await;
    for who in [Some(&bob), None] {
        let refused = open(&server, who, &format!("resume={lost}")).await.err();
        assert_eq!(refused, Some(unknown()));
    }
    let elsewhere = format!("resume={lost}&conversation=conv_1");
    let refused = open(&server, Some(&ann), &elsewhere).await.err();
    assert_eq!(refused, Some((400, "invalid_value".to_owned())));
    // None of this has taken it from her.
    let (mut socket, _) = resume(&server, Some(&ann), &lost).await;
    assert_eq!(socket.log[0]["session"]["sotto"]["conversation"], conversation);
    assert_eq!(socket.log[0]["session"]["sotto"]["history"], "stored");
    write(&mut socket, "Still there?").await;
    assert_eq!(said(&model)[1..], ["Hello.", "Yes, Ann.", "Still there?"]);
    let again = open(&server, Some(&ann), &format!("resume={lost}")).await.err();
    assert_eq!(again, Some(unknown()), "only once");
    let id = lose(&server, socket).await;
    drop(resume(&server, Some(&ann), &id).await);
    let path = format!("/api/v1/conversations/{}", conversation.as_str().unwrap());
    let opened = ann.get(&path).await;
    let texts: Vec<&str> = opened.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["Hello.", "Yes, Ann.", "Still there?", "Yes, Ann."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_meanwhile_is_known() {
    let model = Scripted::new(["Yes."]);
    let engines = fakes::with_llm(&["hello"], Arc::new(model.clone()));
    let server = TestServer::start(engines).await;
    let mut ann = Browser::guest(&server).await;
    let mut socket = open(&server, Some(&ann), "").await.unwrap();
    write(&mut socket, "Hello.").await;
    socket.until("sotto.item.stored").await;
    let context = json!({ "type": "message", "role": "user", "sotto": { "context": true },
                          "content": [{ "type": "input_text", "text": "Once." }] });
    socket.send(json!({ "type": "conversation.item.create", "item": context })).await;
    socket.until("conversation.item.added").await;
    let id = socket.log[0]["session"]["sotto"]["conversation"].as_str().unwrap().to_owned();
    let lost = lose(&server, socket).await;
    let path = format!("/api/v1/conversations/{id}/messages");
    // It is free as soon as everything is stored.
    for _ in 0..100 {
        if ann.post(&path, json!({ "text": "By hand." })).await.status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (mut socket, _) = resume(&server, Some(&ann), &lost).await;
    write(&mut socket, "And now?").await;
    assert_eq!(said(&model)[1..], ["Hello.", "Yes.", "Once.\nBy hand.", "Yes.", "And now?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_which_nothing_was_said_goes_on_too() {
    let server = TestServer::fake().await;
    let ann = Browser::guest(&server).await;
    let socket = open(&server, Some(&ann), "interruption=never").await.unwrap();
    let lost = lose(&server, socket).await;
    let (mut socket, _) = resume(&server, Some(&ann), &lost).await;
    assert_eq!(socket.log[0]["session"]["sotto"]["interruption"], "never");
    socket.type_in("Hello.").await;
    socket.until("sotto.item.stored").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_after_its_time_or_after_hanging_up() {
    let server = TestServer::fake().await;
    server.calls.keep_remains_for(Duration::from_millis(50));
    let socket = open(&server, None, "").await.unwrap();
    let lost = lose(&server, socket).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    let refused = open(&server, None, &format!("resume={lost}")).await.err();
    assert_eq!(refused, Some(unknown()));

    server.calls.keep_remains_for(Duration::from_mins(1));
    let call = server.call().await;
    let ended = call.id().to_owned();
    call.hang_up(HangUp::Delete).await.unwrap();
    server.wait_for_quiet(2).await;
    let refused = Call::place(CallOptions { resume: Some(ended), ..server.options() }).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("404") && refused.contains("no call to resume"), "{refused}");

    // A page may close its connection before its request to hang up is there.
    let socket = open(&server, None, "").await.unwrap();
    let lost = lose(&server, socket).await;
    let path = format!("{}/v1/realtime/calls/{lost}", server.url);
    let ended = server.http.delete(&path).send().await.unwrap();
    assert_eq!(ended.status().as_u16(), 200);
    let refused = open(&server, None, &format!("resume={lost}")).await.err();
    assert_eq!(refused, Some(unknown()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_still_goes_on_is_ended_for_the_other() {
    let server = TestServer::fake().await;
    let ann = Browser::guest(&server).await;
    let bob = Browser::guest(&server).await;
    let mut old = open(&server, Some(&ann), "").await.unwrap();
    old.type_in("From the phone.").await;
    old.until("sotto.item.stored").await;
    let id = old.call_id().to_owned();
    let refused = open(&server, Some(&bob), &format!("resume={id}")).await.err();
    assert_eq!(refused, Some(unknown()));
    assert_eq!(server.lines().0, 1, "it goes on");
    let (mut new, _) = resume(&server, Some(&ann), &id).await;
    assert_eq!(old.until("sotto.call.ending").await["reason"], "resumed");
    while old.next().await.is_some() {}
    assert_eq!(server.lines().0, 1);
    new.type_in("From the desk.").await;
    assert_eq!(new.until("sotto.item.stored").await["seq"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webrtc_call_that_still_goes_on_is_ended_for_the_other() {
    let server = TestServer::fake().await;
    let mut old = server.call().await;
    old.say(Recording::new(voice_like(700))).await;
    let resume = Some(old.id().to_owned());
    let mut new = Call::place(CallOptions { resume, ..server.options() }).await.unwrap();
    new.wait_until(SECONDS, is("sotto.resumed")).await.unwrap();
    for _ in 0..100 {
        if server.lines().0 == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.lines().0, 1);
    new.hang_up(HangUp::Delete).await.unwrap();
    old.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_is_refused_loses_nothing() {
    let server = TestServer::fake().await;
    let socket = open(&server, None, "").await.unwrap();
    let lost = lose(&server, socket).await;
    let junk = server
        .post(&format!("/v1/realtime/calls?resume={lost}"))
        .header("content-type", "application/sdp")
        .body("junk")
        .send()
        .await
        .unwrap();
    assert_eq!(junk.status().as_u16(), 400);
    drop(resume(&server, None, &lost).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_conversation_ends_with_what_is_left_of_its_call() {
    let server = TestServer::fake().await;
    let mut ann = Browser::guest(&server).await;
    let begun = ann.post("/api/v1/conversations", json!({ "tier": "ephemeral" })).await;
    let id = begun.body["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/conversations/{id}");
    let mut socket = open(&server, Some(&ann), &format!("conversation={id}")).await.unwrap();
    socket.type_in("Between us").await;
    socket.until("sotto.item.stored").await;
    let lost = lose(&server, socket).await;
    assert_eq!(ann.get(&path).await.status, 200, "it can still be resumed");
    let (mut socket, _) = resume(&server, Some(&ann), &lost).await;
    assert_eq!(socket.log[0]["session"]["sotto"]["tier"], "ephemeral");
    assert_eq!(socket.log[0]["session"]["sotto"]["conversation"], id.as_str());
    socket.type_in("And again").await;
    assert_eq!(socket.until("sotto.item.stored").await["seq"], 2);
    server.calls.keep_remains_for(Duration::from_millis(300));
    lose(&server, socket).await;
    assert_eq!(ann.get(&path).await.status, 200);
    for _ in 0..100 {
        if ann.get(&path).await.status == 404 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it outlives what is left of its call");
}
