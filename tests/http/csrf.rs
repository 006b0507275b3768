//! Requests that a page of somebody else makes a browser send.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sotto::config::OpenCalls;
use sotto::http::routes;

use crate::support::browser::Browser;
use crate::support::server::TestServer;
use crate::support::{engines, fakes, offers};

const PROOF: &str = "x-csrf-token";

/// Method and path of everything below `/api/v1` that may change something.
fn changing() -> impl Iterator<Item = (Method, String)> {
    routes()
        .into_iter()
        .filter(|(method, path)| *method != Method::GET && path.starts_with("/api/v1/"))
        .map(|(method, path)| (method, path.replace("{id}", "some_id")))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_without_a_proof() {
    let server = TestServer::fake().await;
    let mut ada = Browser::account(&server, "ada").await;
    let (cookie, other) = (ada.cookie.clone(), Browser::guest(&server).await);
    assert!(changing().count() >= 12);
    for (method, path) in changing() {
        for proof in ["", "forged", &other.csrf] {
            ada.csrf = proof.to_owned();
            let answer = ada.send(method.clone(), &path, Some(json!({}))).await;
            assert_eq!(answer.refusal(), (403, "csrf"), "{method} {path} {proof:?}");
        }
        let bare = server.http.request(method.clone(), format!("{}{path}", server.url));
        let answer = ada.take(bare.json(&json!({})).send().await.unwrap()).await;
        assert_eq!(answer.refusal(), (403, "csrf"), "{method} {path} without a cookie");
        ada.cookie.clone_from(&cookie);
    }
    // Also where there is no route, and none by another name for a method.
    for (method, path) in [
        (Method::POST, "/api/v1/nothing"),
        (Method::PUT, "/api/v1/me"),
        (Method::from_bytes(b"PROPFIND").unwrap(), "/api/v1/me"),
    ] {
        assert_eq!(ada.send(method, path, None).await.refusal(), (403, "csrf"), "{path}");
    }
    assert_eq!(ada.me().await["name"], "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_changes_nothing_even_with_a_proof() {
    let server = TestServer::fake().await;
    let ada = Browser::account(&server, "ada").await;
    for (method, path) in changing() {
        for (name, value) in [
            ("origin", "https://evil.example.org"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let request = ada.request(method.clone(), &path).header(name, value);
            let response = request.json(&json!({})).send().await.unwrap();
            assert_eq!(response.status(), 403, "{method} {path} {name}: {value}");
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["error"]["code"], "cross_site");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_holds_for_its_browser_and_ends_with_its_login() {
    let server = TestServer::fake().await;
    let mut ada = Browser::open(&server).await;
    let visitors = ada.csrf.clone();
    assert_eq!(ada.sign_up("ada").await.status, 201, "a visitor's proof is enough to sign up");
    let signed_in = std::mem::replace(&mut ada.csrf, visitors);
    assert_eq!(ada.post("/api/v1/logout", json!({})).await.refusal(), (403, "csrf"));
    ada.csrf = signed_in;
    let from_here = [("origin", server.url.as_str()), ("sec-fetch-site", "same-origin")];
    for (name, value) in from_here {
        let request = ada.request(Method::DELETE, "/api/v1/logins").header(name, value);
        assert_eq!(request.send().await.unwrap().status(), 204, "{name}: {value}");
    }
    let again = ada.get("/api/v1/csrf").await;
    assert_eq!(again.body["token"], ada.csrf);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_holds_a_proof_and_so_may_a_form() {
    let server = TestServer::fake().await;
    let page = server.get("/").send().await.unwrap();
    let cookie = page.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap();
    let html = page.text().await.unwrap();
    let (_, after) = html.split_once("<meta name=\"csrf-token\" content=\"").unwrap();
    let proof = after.split('"').next().unwrap();
    let form = |field: &str| {
        server
            .post("/api/v1/guest")
            .header(COOKIE, cookie)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("a=b&{field}={proof}"))
            .send()
    };
    assert_eq!(form("other").await.unwrap().status(), 403);
    assert_eq!(form("csrf_token").await.unwrap().status(), 201);
    // With a cookie it is not given another one.
    let again = server.get("/").header(COOKIE, cookie).send().await.unwrap();
    assert!(!again.headers().contains_key("set-cookie"));
}

/// A server on which only people may call.
async fn for_people() -> TestServer {
    let mut config = engines::config();
    config.auth.open_calls = OpenCalls::Never;
    TestServer::with(config, fakes::engines(&["hello"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_opens_a_call_only_with_a_proof() {
    let server = for_people().await;
    let guest = Browser::guest(&server).await;
    let offer = |guest: &Browser<'_>| {
        guest
            .request(Method::POST, "/v1/realtime/calls")
            .header(CONTENT_TYPE, "application/sdp")
            .body(offers::audio())
    };
    assert_eq!(offer(&guest).send().await.unwrap().status(), StatusCode::CREATED);
    let other = offer(&guest).header(ORIGIN, "https://evil.example.org").send().await.unwrap();
    assert_eq!(other.status(), 401);
    let mut unproven = Browser::open(&server).await;
    unproven.cookie.clone_from(&guest.cookie);
    unproven.csrf = String::new();
    assert_eq!(offer(&unproven).send().await.unwrap().status(), 401);
    let status = unproven.get("/api/v1/status").await;
    assert_eq!(status.status, 200, "looking is no change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_opens_a_websocket_only_from_a_page_of_ours() {
    use tokio_tungstenite::connect_async;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let server = for_people().await;
    let guest = Browser::guest(&server).await;
    let cookie = format!("__Host-sotto_sid={}", guest.cookie.as_deref().unwrap());
    for (origin, opens) in [
        (Some(server.url.as_str()), true),
        (Some("https://evil.example.org"), false),
        (None, false),
    ] {
        let url = format!("{}/v1/realtime", server.url.replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        assert_eq!(connect_async(request).await.is_ok(), opens, "{origin:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_in_front_takes_the_cookie_out_of_the_game() {
    let server = TestServer::fake().await;
    let ada = Browser::account(&server, "ada").await;
    for shown in ["Bearer junk", "Bearer sotto_junk", "bearer  "] {
        let request = ada.request(Method::POST, "/api/v1/logout").header(AUTHORIZATION, shown);
        let response = request.header(PROOF, "").send().await.unwrap();
        assert_eq!(response.status(), 401, "{shown}");
    }
    // A proxy that asks for a password is none of our business.
    let request = ada.request(Method::GET, "/api/v1/me").header(AUTHORIZATION, "Basic YTpi");
    let me: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(me["person"]["name"], "ada");
}
