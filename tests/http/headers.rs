//! Headers that every answer has.

use reqwest::header::CONTENT_TYPE;

use crate::support::browser::Browser;
use crate::support::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_guarded_whatever_it_says() {
    let server = TestServer::fake().await;
    let mut guest = Browser::guest(&server).await;
    let too_large = server
        .post("/v1/realtime/calls")
        .header(CONTENT_TYPE, "application/sdp")
        .body("a".repeat(300_000));
    let mut answers = vec![
        server.get("/").send().await.unwrap(),
        server.get("/healthz").send().await.unwrap(),
        server.get("/api/v1/me").send().await.unwrap(),
        server.get("/api/v1/logins").send().await.unwrap(),
        server.get("/api/v1/nothing").send().await.unwrap(),
        server.post("/api/v1/login").send().await.unwrap(),
        server.post("/healthz").send().await.unwrap(),
        server.get("/no/such/page").send().await.unwrap(),
        too_large.send().await.unwrap(),
    ];
    answers.push(guest.request(reqwest::Method::GET, "/api/v1/me").send().await.unwrap());
    for answer in answers {
        let (url, status) = (answer.url().clone(), answer.status());
        let header = |name: &str| {
            let value =
                answer.headers().get(name).unwrap_or_else(|| panic!("{url} {status} {name}"));
            value.to_str().unwrap()
        };
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval';",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "worker-src 'self'",
            "require-trusted-types-for 'script'",
            "trusted-types sotto",
        ] {
            assert!(policy.contains(part), "{part}: {policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert!(header("permissions-policy").contains("publickey-credentials-get=(self)"));
        assert_eq!(header("cache-control"), "no-store", "{url}");
        assert!(!answer.headers().contains_key("strict-transport-security"), "plain HTTP");
    }
    assert_eq!(guest.get("/api/v1/me").await.status, 200);
}
