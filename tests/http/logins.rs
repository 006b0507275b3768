//! Logins: how long they hold, and what their people do with them. In the database, and in Redis where there is one.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::USER_AGENT;
use serde_json::{Value, json};
use sotto::auth::clock::Clock;
use sotto::config::{Config, Secret};

use crate::support::browser::{Browser, password};
use crate::support::redis::TestRedis;
use crate::support::server::TestServer;
use crate::support::{database, engines};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Places where logins are kept, and what has to live as long.
async fn places() -> Vec<(Config, Vec<Box<dyn Send>>)> {
    let mut places: Vec<(Config, Vec<Box<dyn Send>>)> = vec![(engines::config(), Vec::new())];
    if let Some(postgres) = database::postgres().await {
        let mut config = engines::config();
        config.database = postgres.config.clone();
        places.push((config, vec![Box::new(postgres)]));
    }
    if let Some(redis) = TestRedis::start().await {
        let mut config = engines::config();
        config.auth.sessions.redis_url = Secret::new(redis.url.clone());
        places.push((config, vec![Box::new(redis)]));
    }
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_when_it_rests_and_after_a_day() {
    for (config, _kept) in places().await {
        let clock = Clock::manual();
        let server = TestServer::at(config, clock.clone()).await;
        let mut resting = Browser::account(&server, "ada").await;
        clock.advance(59 * MINUTE);
        assert_eq!(resting.me().await["name"], "ada");
        clock.advance(59 * MINUTE);
        assert_eq!(resting.me().await["name"], "ada", "it was used in between");
        clock.advance(61 * MINUTE);
        assert_eq!(resting.me().await, Value::Null);

        let mut busy = Browser::open(&server).await;
        busy.log_in("ada").await;
        for _ in 0..47 {
            clock.advance(30 * MINUTE);
            assert_eq!(busy.me().await["name"], "ada");
        }
        clock.advance(31 * MINUTE);
        assert_eq!(busy.me().await, Value::Null, "used or not");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_remembered_comes_back_for_a_month_and_a_guest_for_ever() {
    for (config, _kept) in places().await {
        let clock = Clock::manual();
        let server = TestServer::at(config, clock.clone()).await;
        Browser::account(&server, "ada").await;
        let mut ada = Browser::open(&server).await;
        let body = json!({ "name": "ada", "password": password("ada"), "remember": true });
        ada.post("/api/v1/login", body).await;
        let mut guest = Browser::guest(&server).await;
        clock.advance(29 * DAY);
        assert_eq!(ada.me().await["name"], "ada");
        assert_eq!(guest.me().await["kind"], "guest");
        clock.advance(2 * DAY);
        assert_eq!(ada.me().await, Value::Null);
        clock.advance(27 * DAY);
        assert_eq!(guest.me().await["kind"], "guest");
        clock.advance(31 * DAY);
        assert_eq!(guest.me().await, Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_their_logins_and_end_them() {
    for (config, _kept) in places().await {
        let server = TestServer::at(config, Clock::system()).await;
        let mut here = Browser::account(&server, "ada").await;
        let mut there = Browser::open(&server).await;
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let request = there.request(Method::POST, "/api/v1/login").header(USER_AGENT, firefox);
        let body = json!({ "name": "ada", "password": password("ada") });
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(there.take(response).await.status, 200);
        let mut third = Browser::open(&server).await;
        third.log_in("ada").await;

        let list = here.get("/api/v1/logins").await.body["logins"].as_array().unwrap().clone();
        assert_eq!(list.len(), 3);
        assert_eq!(list.iter().filter(|login| login["current"] == true).count(), 1);
        assert!(!list.iter().any(|login| login.get("hash").is_some()));
        let firefox = list.iter().find(|login| login["label"] == "Firefox, Linux").unwrap();
        let path = format!("/api/v1/logins/{}", firefox["id"].as_str().unwrap());

        let mut stranger = Browser::guest(&server).await;
        assert_eq!(stranger.delete(&path).await.refusal(), (404, "not_found"));
        assert_eq!(there.me().await["name"], "ada", "nobody else ends it");
        assert_eq!(here.delete(&path).await.status, 204);
        assert_eq!(here.delete(&path).await.status, 404);
        assert_eq!(there.me().await, Value::Null);
        assert_eq!(here.delete("/api/v1/logins").await.status, 204);
        assert_eq!(third.me().await, Value::Null);
        assert_eq!(here.me().await["name"], "ada");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_kept_out_is_out_at_once() {
    for (config, _kept) in places().await {
        let server = TestServer::at(config, Clock::system()).await;
        let mut ada = Browser::account(&server, "ada").await;
        server.people.set_disabled("ada", true).await.unwrap();
        assert_eq!(ada.me().await, Value::Null);
        ada.get("/api/v1/csrf").await;
        assert_eq!(ada.log_in("ada").await.refusal(), (401, "wrong_credentials"));
        server.people.set_disabled("ada", false).await.unwrap();
        assert_eq!(ada.log_in("ada").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_is_swept() {
    for (config, _kept) in places().await {
        let in_redis = config.auth.sessions.redis_url.reveal().is_some();
        let clock = Clock::manual();
        let server = TestServer::at(config, clock.clone()).await;
        let mut ada = Browser::account(&server, "ada").await;
        Browser::guest(&server).await;
        let mut stays = Browser::guest(&server).await;
        server.people.invite(1).await.unwrap();
        clock.advance(20 * DAY);
        stays.get("/api/v1/me").await;
        clock.advance(11 * DAY);
        let swept = server.people.sweep().await.unwrap();
        assert_eq!((swept.guests, swept.invites), (1, 1));
        // Of the guest who was swept the login is counted as ended, or was gone with the guest.
        assert!(in_redis || swept.logins >= 1, "{swept:?}");
        assert_eq!(server.people.sweep().await.unwrap(), sotto::auth::people::Swept::default());
        assert_eq!(stays.me().await["kind"], "guest");
        ada.get("/api/v1/csrf").await;
        assert_eq!(ada.log_in("ada").await.status, 200, "accounts stay");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nobody_is_signed_in_and_nobody_is_let_in() {
    let Some(redis) = TestRedis::start().await else { return };
    let mut config = engines::config();
    config.auth.sessions.redis_url = Secret::new(redis.url.clone());
    let server = TestServer::at(config, Clock::system()).await;
    let mut ada = Browser::account(&server, "ada").await;
    let port = redis.stop().await;
    let gone = ada.get("/api/v1/me").await;
    assert_eq!(gone.refusal(), (503, "unavailable"));
    assert!(gone.headers.contains_key("retry-after"));
    assert_eq!(ada.get("/v1/realtime").await.status, 503);
    let nobody = server.get("/api/v1/me").send().await.unwrap();
    assert_eq!(nobody.status(), 200, "who shows no cookie is a visitor");
    // A Redis that comes back has forgotten everybody, and works.
    let _redis = TestRedis::start_on(port).await.unwrap();
    assert_eq!(ada.me().await, Value::Null);
    ada.get("/api/v1/csrf").await;
    assert_eq!(ada.log_in("ada").await.status, 200);
    assert_eq!(ada.me().await["name"], "ada");
}
