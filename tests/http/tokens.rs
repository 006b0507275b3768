//! API tokens: what programs show.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sotto::auth::clock::Clock;
use sotto::config::OpenCalls;

use crate::support::browser::Browser;
use crate::support::server::TestServer;
use crate::support::{engines, fakes, offers};

const DAY: Duration = Duration::from_hours(24);

/// Makes a token; what is shown, and its id.
async fn make(browser: &mut Browser<'_>, scopes: &[&str]) -> (String, String) {
    let body = json!({ "label": "a program", "scopes": scopes });
    let made = browser.post("/api/v1/tokens", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

async fn show(server: &TestServer, method: Method, path: &str, token: &str) -> Response {
    let request = server.http.request(method, format!("{}{path}", server.url));
    request.header(AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_known_by_its_sum() {
    let server = TestServer::fake().await;
    let mut ada = Browser::account(&server, "ada").await;
    let (token, id) = make(&mut ada, &["chats:read", "calls", "calls"]).await;
    assert!(token.starts_with("sotto_") && token.len() == 49, "{token}");
    let list = ada.get("/api/v1/tokens").await.body;
    assert!(!list.to_string().contains(&token));
    assert_eq!(list["tokens"][0]["id"], id);
    assert_eq!(list["tokens"][0]["scopes"], json!(["calls", "chats:read"]));
    assert_eq!(list["tokens"][0]["used_ms"], Value::Null);
    let me: Value = show(&server, Method::GET, "/api/v1/me", &token).await.json().await.unwrap();
    assert_eq!((&me["person"]["name"], &me["csrf"]), (&json!("ada"), &Value::Null));
    let used = ada.get("/api/v1/tokens").await.body["tokens"][0]["used_ms"].as_i64();
    assert!(used.is_some());
    assert_eq!(ada.delete(&format!("/api/v1/tokens/{id}")).await.status, 204);
    assert_eq!(show(&server, Method::GET, "/api/v1/me", &token).await.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_manages_no_account() {
    let server = TestServer::fake().await;
    let mut ada = Browser::account(&server, "ada").await;
    let (token, id) = make(&mut ada, &["calls", "chats"]).await;
    for (method, path) in [
        (Method::GET, "/api/v1/tokens".to_owned()),
        (Method::POST, "/api/v1/tokens".to_owned()),
        (Method::DELETE, format!("/api/v1/tokens/{id}")),
        (Method::GET, "/api/v1/logins".to_owned()),
        (Method::DELETE, "/api/v1/logins".to_owned()),
        (Method::PATCH, "/api/v1/me".to_owned()),
        (Method::DELETE, "/api/v1/me".to_owned()),
        (Method::POST, "/api/v1/me/password".to_owned()),
    ] {
        let response = show(&server, method.clone(), &path, &token).await;
        assert_eq!(response.status(), 403, "{method} {path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "insufficient_scope");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_calls_if_it_may() {
    let mut config = engines::config();
    config.auth.open_calls = OpenCalls::Never;
    let server = TestServer::with(config, fakes::engines(&["hello"])).await;
    let mut ada = Browser::account(&server, "ada").await;
    let (calls, _) = make(&mut ada, &["calls"]).await;
    let (reads, _) = make(&mut ada, &["chats:read"]).await;
    let call = |token: String| {
        server
            .post("/v1/realtime/calls")
            .header(CONTENT_TYPE, "application/sdp")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(offers::audio())
            .send()
    };
    assert_eq!(call(calls).await.unwrap().status(), 201);
    for wrong in [reads, "sk-something".to_owned(), format!("sotto_{}", "A".repeat(43))] {
        assert_eq!(call(wrong.clone()).await.unwrap().status(), 401, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_calls_are_open_a_key_of_another_server_does_no_harm() {
    let server = TestServer::fake().await;
    let call = |token: &str| {
        server
            .post("/v1/realtime/calls")
            .header(CONTENT_TYPE, "application/sdp")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(offers::audio())
            .send()
    };
    assert_eq!(call("sk-something").await.unwrap().status(), 201);
    let ours = call(&format!("sotto_{}", "A".repeat(43))).await.unwrap();
    assert_eq!(ours.status(), 401, "one of ours that does not hold is said so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_when_it_was_to_and_with_its_person() {
    let clock = Clock::manual();
    let server = TestServer::at(engines::config(), clock.clone()).await;
    let mut ada = Browser::account(&server, "ada").await;
    let body = json!({ "label": "a week", "scopes": ["chats"], "days": 7 });
    let week = ada.post("/api/v1/tokens", body).await.body["token"].as_str().unwrap().to_owned();
    let (always, _) = make(&mut ada, &["chats"]).await;
    let status =
        async |token: &str| show(&server, Method::GET, "/api/v1/me", token).await.status().as_u16();
    clock.advance(6 * DAY);
    assert_eq!((status(&week).await, status(&always).await), (200, 200));
    clock.advance(DAY);
    assert_eq!((status(&week).await, status(&always).await), (401, 200));
    server.people.set_disabled("ada", true).await.unwrap();
    assert_eq!(status(&always).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_make_no_sense_are_refused() {
    let server = TestServer::fake().await;
    let mut ada = Browser::account(&server, "ada").await;
    let long = "x".repeat(101);
    for body in [
        json!({ "label": "", "scopes": ["calls"] }),
        json!({ "label": long, "scopes": ["calls"] }),
        json!({ "label": "a\u{7}b", "scopes": ["calls"] }),
        json!({ "label": "a", "scopes": [] }),
        json!({ "label": "a", "scopes": ["everything"] }),
        json!({ "label": "a", "scopes": ["calls"], "days": 0 }),
        json!({ "label": "a", "scopes": ["calls"], "days": 1_000_000 }),
    ] {
        let answer = ada.post("/api/v1/tokens", body.clone()).await;
        assert_eq!(answer.refusal(), (400, "invalid_value"), "{body}");
    }
    let mut stranger = Browser::guest(&server).await;
    let (_, id) = make(&mut ada, &["calls"]).await;
    let path = format!("/api/v1/tokens/{id}");
    assert_eq!(stranger.delete(&path).await.refusal(), (404, "not_found"));
}
