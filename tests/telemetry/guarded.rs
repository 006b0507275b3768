//! Who may read what is counted.

use reqwest::StatusCode;

use super::counted::{TOKEN, config};
use crate::support::engines;
use crate::support::fakes;
use crate::support::server::TestServer;

async fn status(server: &TestServer, token: Option<&str>) -> StatusCode {
    let request = server.get("/metrics");
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_nowhere_unless_asked_for() {
    let server = TestServer::fake().await;
    assert_eq!(server.metrics, None);
    assert_eq!(status(&server, None).await, 404);
    assert_eq!(status(&server, Some(TOKEN)).await, 404);
    assert_eq!(status(&server, Some("")).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_servers_own_port_it_is_for_who_shows_the_token() {
    let server = TestServer::with(config(), fakes::engines(&[])).await;
    let nearly = &TOKEN[..TOKEN.len() - 1];
    for wrong in [None, Some(""), Some("wrong"), Some(nearly), Some("a-token-for-the-scrapes")] {
        assert_eq!(status(&server, wrong).await, 401, "{wrong:?}");
    }
    let refused = server.get("/metrics").send().await.unwrap();
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    let body = refused.text().await.unwrap();
    assert!(body.contains("metrics_token") && !body.contains("sotto_calls"), "{body}");
    let basic = server.get("/metrics").basic_auth("user", Some(TOKEN)).send().await.unwrap();
    assert_eq!(basic.status(), 401);
    let answer = server.get("/metrics").bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("# HELP sotto_build_info"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_its_own_has_nothing_else_and_the_other_port_nothing_of_it() {
    let mut config = engines::config();
    config.telemetry.metrics.bind = Some(([127, 0, 0, 1], 0).into());
    let server = TestServer::with(config, fakes::engines(&[])).await;
    let own = format!("http://{}", server.metrics.unwrap());
    let get = async |url: String| server.http.get(url).send().await.unwrap();
    let answer = get(format!("{own}/metrics")).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("\nsotto_calls 0\n"));
    for path in ["/", "/healthz", "/api/v1/status"] {
        assert_eq!(get(format!("{own}{path}")).await.status(), 404, "{path}");
    }
    assert_eq!(status(&server, None).await, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_its_own_heeds_a_token_too() {
    let mut config = config();
    config.telemetry.metrics.bind = Some(([127, 0, 0, 1], 0).into());
    let server = TestServer::with(config, fakes::engines(&[])).await;
    let own = format!("http://{}/metrics", server.metrics.unwrap());
    assert_eq!(server.http.get(&own).send().await.unwrap().status(), 401);
    assert_eq!(server.http.get(&own).bearer_auth(TOKEN).send().await.unwrap().status(), 200);
    assert_eq!(status(&server, Some(TOKEN)).await, 404, "not on the other port as well");
}
