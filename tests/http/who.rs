//! Who is let in, and what pages of other origins may do.

use reqwest::StatusCode;
use reqwest::header::{
    ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HOST, ORIGIN, WWW_AUTHENTICATE,
};
use serde_json::Value;
use sotto::config::OpenCalls;

use crate::support::server::TestServer;
use crate::support::{engines, fakes, offers};

const CALLS: &str = "/v1/realtime/calls";

async fn status(server: &TestServer, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = server.post(CALLS).header(CONTENT_TYPE, "application/sdp");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(offers::audio()).send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_this_machine_may_call() {
    let server = TestServer::fake().await;
    assert_eq!(status(&server, &[]).await, 201);
    assert_eq!(status(&server, &[("origin", "http://localhost:3000")]).await, 201);
    for headers in [
        [("origin", "https://evil.example.org")],
        [("origin", "null")],
        [("host", "rebound.example.org")],
        [("x-forwarded-for", "192.0.2.7")],
        [("forwarded", "for=192.0.2.7")],
    ] {
        assert_eq!(status(&server, &headers).await, 401, "{headers:?}");
    }
    let refused = server.post(CALLS).header(HOST, "rebound.example.org").send().await.unwrap();
    assert_eq!(refused.headers()[WWW_AUTHENTICATE], "Bearer");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["type"], "authentication_error");
    assert!(body["error"]["message"].as_str().unwrap().contains("auth.open_calls"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_a_call_is_guarded() {
    let mut config = engines::config();
    config.auth.open_calls = OpenCalls::Never;
    let server = TestServer::with(config, fakes::engines(&["hello"])).await;
    let call = format!("{}{CALLS}/rtc_123", server.url);
    for request in [
        server.post(CALLS),
        server.get("/v1/realtime"),
        server.http.get(&call),
        server.http.patch(&call),
        server.http.delete(&call),
        server.http.post(format!("{call}/hangup")),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{}", response.url());
    }
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_this_machine_may_call_across_origins() {
    let server = TestServer::fake().await;
    let preflight = |origin: &'static str| {
        server
            .http
            .request(reqwest::Method::OPTIONS, format!("{}{CALLS}", server.url))
            .header(ORIGIN, origin)
            .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .send()
    };
    let near = preflight("http://localhost:5173").await.unwrap();
    assert_eq!(near.status(), 204);
    assert_eq!(near.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:5173");
    let methods = near.headers()[ACCESS_CONTROL_ALLOW_METHODS].to_str().unwrap();
    assert!(["POST", "PATCH", "DELETE"].iter().all(|method| methods.contains(method)));
    let exposed = near.headers()[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap();
    assert!(exposed.contains("location") && exposed.contains("etag"));
    let far = preflight("https://evil.example.org").await.unwrap();
    assert!(!far.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
}
