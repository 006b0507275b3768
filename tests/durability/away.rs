//! PostgreSQL goes away in the middle of a call, and comes back: the call goes on, and nothing is lost.

use std::time::Duration;

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::server::TestServer;
use crate::support::socket::Socket;
use crate::support::{database, engines, fakes};

/// How long it is away; in earnest 30 s (`SOTTO_TEST_AWAY_S`).
const AWAY_S: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_without_its_database() {
    let Some(private) = database::PrivatePostgres::start() else { return };
    let mut config = engines::config();
    config.database.url = private.url();
    config.database.timeout_ms = 500;
    let server = TestServer::with(config, fakes::engines(&["hello there"])).await;
    let mut ann = Browser::guest(&server).await;
    let made = ann.post("/api/v1/conversations", json!({})).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    let headers = [("cookie", ann.cookie_header()), ("origin", server.url.clone())];
    let query = format!("conversation={id}");
    let mut socket = Socket::open_as(&server.url, &query, &headers).await.unwrap();
    socket.type_in("before").await;
    assert_eq!(socket.until("sotto.item.stored").await["seq"], 1);
    private.stop();
    for text in ["while", "it is", "away"] {
        socket.type_in(text).await;
        // The conversation goes on: the item is in, though not stored.
        socket.until("conversation.item.done").await;
    }
    let away = std::env::var("SOTTO_TEST_AWAY_S").ok().and_then(|text| text.parse().ok());
    tokio::time::sleep(Duration::from_secs(away.unwrap_or(AWAY_S))).await;
    let unstored = socket.log.iter().any(|event| event["type"] == "sotto.item.not_stored");
    assert!(!unstored, "it was given up too early");
    let refused = ann.get("/api/v1/conversations").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.body.to_string().contains("postgres"), "{refused:?}");
    private.resume();
    for seq in 2..=4 {
        assert_eq!(socket.until("sotto.item.stored").await["seq"], seq);
    }
    let opened = ann.get(&format!("/api/v1/conversations/{id}")).await;
    let items = opened.body["items"].as_array().unwrap();
    let texts: Vec<&str> = items.iter().map(|item| item["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["before", "while", "it is", "away"]);
    assert_eq!(opened.body["problems"], json!([]));
}
