//! The page, the state of the server, and everything that is neither.

use serde_json::Value;

use crate::support::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_with_its_policy() {
    let server = TestServer::fake().await;
    let page = server.get("/").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("media-src 'self' blob:"));
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert!(header("permissions-policy").contains("microphone=(self)"));
    assert!(header("content-type").starts_with("text/html"));
    let html = page.text().await.unwrap();
    assert!(html.contains("<html") && html.contains("Sotto"), "{html}");
    assert!(!html.contains("<style") && !html.contains("onclick="), "the policy forbids these");

    // What it loads is small, and kept by browsers for ever.
    let mut bytes = 0;
    let files: Vec<&str> =
        html.split('"').filter(|part| part.contains("assets/") && !part.contains(' ')).collect();
    assert!(files.len() >= 2, "a script and a style: {html}");
    for file in files {
        let path = format!("/{}", file.trim_start_matches(['.', '/']));
        let request = server.get(&path).header("accept-encoding", "gzip");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        bytes += response.bytes().await.unwrap().len();
    }
    assert!(bytes + html.len() < 120_000, "{bytes} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_server_is_told() {
    let server = TestServer::fake().await;
    assert_eq!(server.get("/healthz").send().await.unwrap().text().await.unwrap(), "ok\n");
    assert_eq!(server.get("/readyz").send().await.unwrap().text().await.unwrap(), "ready\n");
    let status: Value = server.get("/api/v1/status").send().await.unwrap().json().await.unwrap();
    assert_eq!(status["calls"]["active"], 0);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    let call = server.call().await;
    let status: Value = server.get("/api/v1/status").send().await.unwrap().json().await.unwrap();
    assert_eq!(status["calls"]["active"], 1);
    drop(call);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_json() {
    let server = TestServer::fake().await;
    for (request, status, code) in [
        (server.get("/v1/nothing"), 404, "not_found"),
        (server.get("/api/v1/nothing"), 404, "not_found"),
        (server.get("/no/such/page"), 404, "not_found"),
        (server.get("/../Cargo.toml"), 404, "not_found"),
        (server.get("/%2e%2e/%2e%2e/etc/passwd"), 404, "not_found"),
        (server.post("/healthz"), 405, "method_not_allowed"),
        (server.post("/"), 405, "method_not_allowed"),
        (server.get("/v1/realtime/calls"), 405, "method_not_allowed"),
        (server.http.delete(format!("{}/v1/realtime/calls/x", server.url)), 404, "call_not_found"),
    ] {
        let response = request.send().await.unwrap();
        let url = response.url().clone();
        assert_eq!(response.status(), status, "{url}");
        assert!(response.headers().contains_key("content-security-policy"));
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], code, "{url}");
    }
}
