//! Coming in, as a guest and with an account, and going.

use reqwest::Method;
use reqwest::header::{RETRY_AFTER, SET_COOKIE};
use serde_json::{Value, json};
use sotto::config::SignUp;

use crate::support::browser::{Browser, password};
use crate::support::server::TestServer;
use crate::support::{engines, fakes};

async fn server(change: impl FnOnce(&mut sotto::config::Config)) -> TestServer {
    let mut config = engines::config();
    change(&mut config);
    TestServer::with(config, fakes::engines(&["hello"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_is_nobody_until_they_come_in() {
    let server = TestServer::fake().await;
    let mut browser = Browser::open(&server).await;
    let me = browser.get("/api/v1/me").await;
    assert_eq!(me.body["person"], Value::Null);
    assert_eq!((&me.body["guests"], &me.body["sign_up"]), (&json!(true), &json!("open")));
    assert_eq!(me.body["minimum_password"], 8);
    for path in ["/api/v1/logins", "/api/v1/tokens"] {
        assert_eq!(browser.get(path).await.refusal(), (401, "sign_in"), "{path}");
    }
    let came = browser.post("/api/v1/guest", json!({})).await;
    assert_eq!(came.status, 201);
    let person = browser.me().await;
    assert_eq!(person, came.body["person"]);
    assert_eq!((&person["kind"], &person["name"]), (&json!("guest"), &Value::Null));
    assert!(person["expires_ms"].as_i64() > person["created_ms"].as_i64());
    assert_eq!(browser.post("/api/v1/guest", json!({})).await.refusal(), (409, "signed_in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_makes_an_account_stays_the_same_person() {
    let server = TestServer::fake().await;
    let mut browser = Browser::guest(&server).await;
    let guest = browser.me().await;
    let old = browser.cookie.clone();
    assert_eq!(browser.sign_up("Ada").await.status, 201);
    let account = browser.me().await;
    assert_eq!(account["id"], guest["id"]);
    assert_eq!((&account["kind"], &account["name"]), (&json!("account"), &json!("ada")));
    assert_eq!(account["expires_ms"], Value::Null);
    assert_ne!(browser.cookie, old, "another cookie for another standing");
    browser.cookie = old;
    assert_eq!(browser.me().await, Value::Null, "the old one is worth nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_signs_in_from_elsewhere_and_out_again() {
    let server = TestServer::fake().await;
    let id = Browser::account(&server, "ada").await.me().await["id"].clone();
    let mut elsewhere = Browser::open(&server).await;
    let planted = elsewhere.cookie.clone();
    let body = json!({ "name": " ADA ", "password": password("ada") });
    let came = elsewhere.post("/api/v1/login", body).await;
    assert_eq!((came.status, &came.body["person"]["id"]), (200, &id));
    assert_ne!(elsewhere.cookie, planted, "a cookie from before is not the one that is signed in");
    let signed_in = elsewhere.cookie.clone();
    let left = elsewhere.post("/api/v1/logout", json!({})).await;
    assert_eq!(left.status, 204);
    assert_eq!(left.headers["clear-site-data"], "\"cache\", \"storage\"");
    assert_eq!(elsewhere.cookie, None);
    elsewhere.cookie = signed_in;
    assert_eq!(elsewhere.me().await, Value::Null, "who kept the cookie has nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_and_wrong_passwords_are_answered_alike() {
    let server = TestServer::fake().await;
    Browser::account(&server, "ada").await;
    let mut browser = Browser::open(&server).await;
    let mut answers = Vec::new();
    for (name, typed) in [
        ("ada", "not the password"),
        ("nobody", "not the password"),
        ("not a name!", "not the password"),
        ("ada", ""),
    ] {
        let answer =
            browser.post("/api/v1/login", json!({ "name": name, "password": typed })).await;
        assert_eq!(answer.refusal(), (401, "wrong_credentials"));
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_waits_whether_or_not_the_name_exists() {
    let server = TestServer::fake().await;
    Browser::account(&server, "ada").await;
    let mut browser = Browser::open(&server).await;
    for name in ["ada", "nobody"] {
        let guess = json!({ "name": name, "password": "wrong password" });
        for _ in 0..5 {
            let answer = browser.post("/api/v1/login", guess.clone()).await;
            assert_eq!(answer.refusal(), (401, "wrong_credentials"));
        }
        // The sixth is still looked at, and locks.
        browser.post("/api/v1/login", guess.clone()).await;
        let locked = browser.post("/api/v1/login", guess).await;
        assert_eq!(locked.refusal(), (429, "locked"), "{name}");
        assert!(locked.headers.contains_key(RETRY_AFTER));
    }
    let right = browser.log_in("ada").await;
    assert!([200, 429].contains(&right.status), "never for good: {right:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_passwords_are_checked() {
    let server = TestServer::fake().await;
    Browser::account(&server, "ada").await;
    let mut browser = Browser::open(&server).await;
    for (name, typed, refusal) in [
        ("ADA", password("ada"), (409, "name_taken")),
        ("a", password("a"), (400, "invalid_name")),
        ("ada lovelace", password("a"), (400, "invalid_name")),
        ("bob", "1234567".to_owned(), (400, "weak_password")),
        ("bob", "password123".to_owned(), (400, "weak_password")),
        ("bob", "x".repeat(1_025), (400, "weak_password")),
        ("longbob-longbob", "LongBob-LongBob".to_owned(), (400, "weak_password")),
    ] {
        let body = json!({ "name": name, "password": typed });
        let answer = browser.post("/api/v1/sign-up", body).await;
        assert_eq!(answer.refusal(), refusal, "{name}");
    }
    for body in [json!({}), json!({ "name": 1, "password": [] }), json!("text")] {
        assert_eq!(browser.post("/api/v1/sign-up", body).await.refusal(), (400, "invalid_value"));
    }
    assert_eq!(browser.me().await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_decides_who_may_come() {
    let closed = server(|config| {
        config.auth.sign_up = SignUp::Closed;
        config.auth.guests = false;
    })
    .await;
    let mut browser = Browser::open(&closed).await;
    assert_eq!(browser.sign_up("ada").await.refusal(), (403, "sign_up_closed"));
    assert_eq!(browser.post("/api/v1/guest", json!({})).await.refusal(), (403, "guests_off"));
    let words = sotto::auth::password::Password::new(password("ada"));
    closed.people.add("ada", words, true).await.unwrap();
    assert_eq!(browser.log_in("ada").await.status, 200);
    assert_eq!(browser.me().await["admin"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_good_for_one() {
    let server = server(|config| config.auth.sign_up = SignUp::Invite).await;
    let invite = server.people.invite(7).await.unwrap();
    let mut browser = Browser::open(&server).await;
    assert_eq!(browser.sign_up("ada").await.refusal(), (403, "invite_needed"));
    let with = |name: &str, invite: &str| json!({ "name": name, "password": password(name), "invite": invite });
    let forged = browser.post("/api/v1/sign-up", with("ada", "forged")).await;
    assert_eq!(forged.refusal(), (403, "invalid_invite"));
    assert_eq!(browser.post("/api/v1/sign-up", with("ada", &invite.code)).await.status, 201);
    let mut second = Browser::open(&server).await;
    let again = second.post("/api/v1/sign-up", with("bob", &invite.code)).await;
    assert_eq!(again.refusal(), (403, "invalid_invite"));
    assert_eq!(second.log_in("bob").await.status, 401, "nothing of the attempt is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_all_other_logins() {
    let server = TestServer::fake().await;
    let mut here = Browser::account(&server, "ada").await;
    let mut elsewhere = Browser::open(&server).await;
    elsewhere.log_in("ada").await;
    let change = |current: &str, new: &str| json!({ "current": current, "new": new });
    let path = "/api/v1/me/password";
    let wrong = here.post(path, change("wrong password", "another one of these")).await;
    assert_eq!(wrong.refusal(), (403, "wrong_password"));
    let weak = here.post(path, change(&password("ada"), "12345678")).await;
    assert_eq!(weak.refusal(), (400, "weak_password"));
    let old = here.cookie.clone();
    let done = here.post(path, change(&password("ada"), "another one of these")).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_ne!(here.cookie, old);
    assert_eq!(here.me().await["name"], "ada");
    assert_eq!(elsewhere.me().await, Value::Null);
    assert_eq!(elsewhere.log_in("ada").await.status, 401, "the old password is gone");
    assert_eq!(here.post("/api/v1/logout", json!({})).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_goes_for_good() {
    let server = TestServer::fake().await;
    let mut ada = Browser::account(&server, "ada").await;
    let path = "/api/v1/me";
    assert_eq!(ada.delete(path).await.refusal(), (403, "wrong_password"));
    let wrong = Some(json!({ "password": "wrong password" }));
    let refused = ada.send(Method::DELETE, path, wrong).await;
    assert_eq!(refused.refusal(), (403, "wrong_password"));
    let right = Some(json!({ "password": password("ada") }));
    assert_eq!(ada.send(Method::DELETE, path, right).await.status, 204);
    assert_eq!(ada.cookie, None);
    let mut again = Browser::open(&server).await;
    assert_eq!(again.log_in("ada").await.status, 401);
    assert_eq!(again.sign_up("ada").await.status, 201, "the name is free");

    let mut guest = Browser::guest(&server).await;
    assert_eq!(guest.delete(path).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_is_kept_and_checked() {
    let server = TestServer::fake().await;
    let mut guest = Browser::guest(&server).await;
    let patch = |tier: &str| Some(json!({ "default_tier": tier }));
    let wrong = guest.send(Method::PATCH, "/api/v1/me", patch("secret")).await;
    assert_eq!(wrong.refusal(), (400, "invalid_value"));
    let done = guest.send(Method::PATCH, "/api/v1/me", patch("ephemeral")).await;
    assert_eq!(done.body["person"]["default_tier"], "ephemeral");
    assert_eq!(guest.get("/api/v1/me").await.body["default_tier"], "ephemeral");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_cannot_be_guessed_or_made_up() {
    let server = TestServer::fake().await;
    let mut guest = Browser::guest(&server).await;
    let id = guest.me().await["id"].as_str().unwrap().to_owned();
    let digits = id.strip_prefix("person_").unwrap();
    assert_eq!(digits.len(), 32, "128 bits");
    let real = guest.cookie.clone().unwrap();
    let mut forger = Browser::open(&server).await;
    let changed = |at: usize| {
        let mut letters = real.clone().into_bytes();
        letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(letters).unwrap()
    };
    let forged =
        [id.clone(), digits.to_owned(), "A".repeat(43), changed(0), changed(20), String::new()];
    for cookie in forged {
        forger.cookie = Some(cookie.clone());
        assert_eq!(forger.me().await, Value::Null, "{cookie}");
    }
    // Nor can a guest choose who they are.
    let mut chooser = Browser::open(&server).await;
    let came = chooser.post("/api/v1/guest", json!({ "id": id, "kind": "account" })).await;
    assert_ne!(came.body["person"]["id"], id);
    assert_eq!(came.body["person"]["kind"], "guest");
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_guests_last_and_those_of_accounts_end_with_the_browser() {
    let server = TestServer::fake().await;
    let mut browser = Browser::open(&server).await;
    let age = |headers: &reqwest::header::HeaderMap| {
        let cookie = headers[SET_COOKIE].to_str().unwrap();
        cookie.split_once("Max-Age=").map(|(_, age)| age.parse::<u64>().unwrap())
    };
    let month = Some(30 * 24 * 60 * 60);
    assert_eq!(age(&browser.post("/api/v1/guest", json!({})).await.headers), month);
    assert_eq!(age(&browser.sign_up("ada").await.headers), None);
    let remembered = json!({ "name": "ada", "password": password("ada"), "remember": true });
    assert_eq!(age(&browser.post("/api/v1/login", remembered).await.headers), month);
}
