//! How much may be asked for, and whose address counts.

use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use sotto::config::{Config, Requests};

use crate::support::browser::Browser;
use crate::support::server::TestServer;
use crate::support::{engines, fakes};

async fn server(change: impl FnOnce(&mut Config)) -> TestServer {
    let mut config = engines::config();
    change(&mut config);
    TestServer::with(config, fakes::engines(&["hello"])).await
}

/// Statuses of `GET /api/v1/me`, once for each of these values of `X-Forwarded-For`.
async fn statuses(server: &TestServer, forwarded: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for address in forwarded {
        let request = server.get("/api/v1/me").header("x-forwarded-for", *address);
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    statuses
}

fn few(config: &mut Config) {
    config.limits.requests_per_minute = Requests { address: 3, ..Requests::default() };
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_too_often_is_told_to_wait() {
    let server = server(few).await;
    for _ in 0..3 {
        assert_eq!(server.get("/api/v1/me").send().await.unwrap().status(), 200);
    }
    let refused = server.get("/api/v1/me").send().await.unwrap();
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert!(refused.headers().contains_key("content-security-policy"));
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["type"], "rate_limit_error");
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    for path in ["/", "/healthz"] {
        assert_eq!(server.get(path).send().await.unwrap().status(), 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_their_own_address() {
    let server = server(few).await;
    let made_up = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    assert_eq!(statuses(&server, &made_up).await, [200, 200, 200, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_names_its_clients() {
    let server = server(|config| {
        few(config);
        config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let of = |address: &'static str| [address; 4];
    assert_eq!(statuses(&server, &of("192.0.2.1")).await, [200, 200, 200, 429]);
    assert_eq!(statuses(&server, &of("192.0.2.2")).await, [200, 200, 200, 429]);
    // What a client has written there itself stands further to the left.
    let spoofed = ["1.1.1.1, 192.0.2.3", "2.2.2.2, 192.0.2.3", "192.0.2.3", "3.3.3.3, 192.0.2.3"];
    assert_eq!(statuses(&server, &spoofed).await, [200, 200, 200, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_limited_and_others_are_not() {
    let server = server(|config| {
        config.limits.requests_per_minute = Requests { person: 4, ..Requests::default() };
    })
    .await;
    let mut guest = Browser::guest(&server).await;
    for _ in 0..4 {
        assert_eq!(guest.get("/api/v1/me").await.status, 200);
    }
    assert_eq!(guest.get("/api/v1/me").await.refusal(), (429, "rate_limit_exceeded"));
    assert_eq!(Browser::guest(&server).await.get("/api/v1/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_are_limited() {
    let server = server(|config| {
        config.limits.requests_per_minute = Requests { global: 2, ..Requests::default() };
    })
    .await;
    assert_eq!(statuses(&server, &["1.1.1.1"; 3]).await, [200, 200, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_in_is_limited_more_strictly() {
    let server = server(|config| config.limits.sign_ins_per_minute = 3).await;
    let mut browser = Browser::open(&server).await;
    let mut refused = Vec::new();
    for number in 0..5 {
        let body = json!({ "name": format!("nobody{number}"), "password": "some password" });
        refused.push(browser.post("/api/v1/login", body).await.status);
    }
    assert_eq!(refused, [401, 401, 401, 429, 429]);
    assert_eq!(browser.get("/api/v1/me").await.status, 200, "looking is not coming in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_call_is_nobodys_from_here_whoever_is_trusted() {
    let server = server(|config| {
        config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let request = server.get("/api/v1/status").header("x-forwarded-for", "127.0.0.1");
    assert_eq!(request.send().await.unwrap().status(), 401);
}
