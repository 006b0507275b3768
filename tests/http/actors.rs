//! Every route below /api/v1, by everybody: nobody, a guest, a person, somebody else, and programs with tokens.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use sotto::http::routes;

use crate::support::browser::Browser;
use crate::support::server::TestServer;

/// Routes that visitors may use.
const OPEN: [&str; 9] = [
    "GET /api/v1/csrf",
    "GET /api/v1/me",
    "GET /api/v1/openapi.json",
    "POST /api/v1/guest",
    "POST /api/v1/sign-up",
    "POST /api/v1/login",
    "POST /api/v1/logout",
    // For whoever may call, and this machine may.
    "GET /api/v1/status",
    "GET /api/v1/calls/{id}/turns",
];

fn api_routes() -> Vec<(Method, &'static str)> {
    routes().into_iter().filter(|(_, path)| path.starts_with("/api/v1/")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_come_no_farther_than_the_door() {
    let server = TestServer::fake().await;
    let mut nobody = Browser::open(&server).await;
    for (method, path) in api_routes() {
        if OPEN.contains(&format!("{method} {path}").as_str()) {
            continue;
        }
        let path = path.replace("{id}", "conv_1");
        let answer = nobody.send(method.clone(), &path, Some(json!({}))).await;
        assert_eq!(answer.refusal(), (401, "sign_in"), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_things_are_not_there() {
    let server = TestServer::fake().await;
    let mut ann = Browser::account(&server, "ann").await;
    let made = ann.post("/api/v1/conversations", json!({ "title": "Ann's" })).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    let logins = ann.get("/api/v1/logins").await.body;
    let login = logins["logins"][0]["id"].as_str().unwrap().to_owned();
    let made = ann.post("/api/v1/tokens", json!({ "label": "x", "scopes": ["chats"] })).await;
    let token = made.body["id"].as_str().unwrap().to_owned();
    let mut bob = Browser::account(&server, "bob").await;
    let mut guest = Browser::guest(&server).await;
    for (method, path) in api_routes().into_iter().filter(|(_, path)| path.contains("{id}")) {
        let own = match path {
            path if path.contains("/logins/") => &login,
            path if path.contains("/tokens/") => &token,
            path if path.contains("/slots/") => continue,
            _ => &id,
        };
        let path = path.replace("{id}", own);
        let body = match path.rsplit('/').next() {
            Some("messages") => json!({ "text": "x" }),
            Some("adopt") => json!({ "meta": "", "items": [] }),
            _ => json!({}),
        };
        for somebody in [&mut bob, &mut guest] {
            let answer = somebody.send(method.clone(), &path, Some(body.clone())).await;
            assert_eq!(answer.status, 404, "{method} {path} {answer:?}");
        }
    }
    let listed = bob.get("/api/v1/conversations").await.body;
    assert_eq!(listed["conversations"], json!([]));
    let still = ann.get(&format!("/api/v1/conversations/{id}")).await;
    assert_eq!(still.body["conversation"]["title"], "Ann's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_scopes_say() {
    let server = TestServer::fake().await;
    let mut ann = Browser::account(&server, "ann").await;
    let made = ann.post("/api/v1/conversations", json!({})).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    let mut ways = Vec::new();
    for scopes in [json!(["chats"]), json!(["chats:read"]), json!(["calls"])] {
        let made = ann.post("/api/v1/tokens", json!({ "label": "x", "scopes": scopes })).await;
        ways.push(made.body["token"].as_str().unwrap().to_owned());
    }
    let read = format!("/api/v1/conversations/{id}");
    for (method, path, body, allowed) in [
        (Method::GET, read.as_str(), Value::Null, [true, true, false]),
        (Method::PATCH, read.as_str(), json!({ "title": "T" }), [true, false, false]),
        (Method::POST, "/api/v1/conversations", json!({}), [true, false, false]),
        // Nothing about the account.
        (Method::GET, "/api/v1/tokens", Value::Null, [false; 3]),
        (Method::GET, "/api/v1/logins", Value::Null, [false; 3]),
        (Method::DELETE, "/api/v1/me", json!({}), [false; 3]),
    ] {
        for (token, allowed) in ways.iter().zip(allowed) {
            let url = format!("{}{path}", server.url);
            let request = server.http.request(method.clone(), url).bearer_auth(token);
            let request = if body.is_null() { request } else { request.json(&body) };
            let status = request.send().await.unwrap().status().as_u16();
            assert_eq!(status < 300, allowed, "{method} {path}: {status}");
            assert!(status < 300 || status == 403, "{method} {path}: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_describes_every_route() {
    let server = TestServer::fake().await;
    let mut browser = Browser::open(&server).await;
    let document = browser.get("/api/v1/openapi.json").await.body;
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let served: BTreeSet<String> =
        api_routes().into_iter().map(|(method, path)| format!("{method} {path}")).collect();
    let own: BTreeSet<String> = ["GET /api/v1/openapi.json".to_owned()].into();
    let missing: Vec<_> = served.difference(&described).filter(|r| !own.contains(*r)).collect();
    assert!(missing.is_empty(), "not described: {missing:?}");
    assert!(described.is_subset(&served), "described and not served");
}
