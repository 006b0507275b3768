//! Offers that cannot be answered: each is told why, and nothing is left of it.

use reqwest::header::{CONTENT_TYPE, ETAG, IF_MATCH, LOCATION, RETRY_AFTER};
use reqwest::multipart::Form;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use sotto::client::HangUp;
use sotto::config::PublicIp;

use crate::support::engines;
use crate::support::fakes;
use crate::support::offers;
use crate::support::server::TestServer;

const CALLS: &str = "/v1/realtime/calls";
const SDP: &str = "application/sdp";

async fn offer(server: &TestServer, kind: &str, body: impl Into<reqwest::Body>) -> Response {
    server.post(CALLS).header(CONTENT_TYPE, kind).body(body).send().await.unwrap()
}

/// Status, code and text of a refusal, whose shape is that of every error.
async fn refusal(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    let body: Value = response.json().await.unwrap();
    let error = &body["error"];
    assert!(error["type"].is_string() && error.get("param").is_some(), "{body}");
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    (status, text("code"), text("message"))
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_offers_are_told_what_is_wrong() {
    let server = TestServer::fake().await;
    let inactive = offers::audio().replace("sendrecv", "inactive");
    let no_opus = offers::audio().replace("opus/48000/2", "PCMU/8000");
    let unsigned = offers::audio().replace("a=fingerprint", "a=nothing");
    for (kind, body, status, code, word) in [
        (SDP, "this is no SDP".to_owned(), 400, "invalid_sdp", "SDP"),
        (SDP, String::new(), 400, "invalid_sdp", "SDP"),
        (SDP, "v=0\r\no=".to_owned(), 422, "unsupported_offer", "audio"),
        (SDP, unsigned, 400, "invalid_sdp", ""),
        (SDP, offers::without_audio(), 422, "unsupported_offer", "no audio"),
        (SDP, offers::with_video(), 422, "unsupported_offer", "video"),
        (SDP, inactive, 422, "unsupported_offer", "inactive"),
        (SDP, no_opus, 422, "unsupported_offer", "Opus"),
        ("text/plain", offers::audio(), 415, "unsupported_media_type", "text/plain"),
        ("application/json", "{}".to_owned(), 415, "unsupported_media_type", "application/sdp"),
        (SDP, "a".repeat(2_000_000), 413, "body_too_large", "256 kB"),
    ] {
        let begin: String = body.chars().take(60).collect();
        let (found, found_code, text) = refusal(offer(&server, kind, body).await).await;
        assert_eq!((found, found_code.as_str()), (status, code), "{begin:?}: {text}");
        assert!(text.contains(word), "{begin:?}: {text}");
    }
    let nameless = server.post(CALLS).body(offers::audio()).send().await.unwrap();
    assert_eq!(refusal(nameless).await.0, 415);
    let not_text = offer(&server, SDP, vec![0xff, 0xfe, 0x00]).await;
    assert_eq!(refusal(not_text).await.0, 400);
    // Nothing is left, and the door still works.
    server.wait_for_quiet(2).await;
    server.call().await.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_holds_the_offer_and_the_session() {
    let server = TestServer::fake().await;
    let send = |form: Form| server.post(CALLS).multipart(form).send();
    let settings = r#"{"type":"realtime","audio":{"output":{"voice":"alloy"}}}"#;
    let good = Form::new().text("sdp", offers::audio()).text("session", settings);
    let opened = send(good).await.unwrap();
    assert_eq!(opened.status(), StatusCode::CREATED);
    assert_eq!(opened.headers()[CONTENT_TYPE], SDP);
    let location = opened.headers()[LOCATION].to_str().unwrap().to_owned();
    let answer = opened.text().await.unwrap();
    let candidates = answer.lines().filter(|line| line.starts_with("a=candidate:")).count();
    assert!(candidates > 0 && answer.contains("a=end-of-candidates"), "{answer}");
    let gone = server.http.delete(format!("{}{location}", server.url)).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::OK);

    let audio = offers::audio;
    for (form, status, code) in [
        (Form::new().text("session", "{}"), 400, "missing_sdp"),
        (Form::new().text("sdp", audio()).text("session", "{"), 400, "invalid_json"),
        (Form::new().text("sdp", audio()).text("session", "[]"), 400, "invalid_value"),
        (
            Form::new().text("sdp", audio()).text("session", r#"{"sotto":{"output":"tape"}}"#),
            400,
            "invalid_value",
        ),
        (Form::new().text("sdp", "x".repeat(2_000_000)), 413, "body_too_large"),
    ] {
        let (found, found_code, text) = refusal(send(form).await.unwrap()).await;
        assert_eq!((found, found_code.as_str()), (status, code), "{text}");
    }
    let torn = offer(&server, "multipart/form-data; boundary=x", "--x\r\nnonsense").await;
    assert_eq!(refusal(torn).await.0, 400);
    let boundless = offer(&server, "multipart/form-data", "").await;
    assert_eq!(refusal(boundless).await.0, 400);
    server.wait_for_quiet(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_in_the_address_are_checked() {
    let server = TestServer::fake().await;
    for (query, status) in [("output=tape", 400), ("output=track&model=gpt-realtime", 201)] {
        let door = format!("{CALLS}?{query}");
        let request = server.post(&door).header(CONTENT_TYPE, SDP).body(offers::audio());
        assert_eq!(request.send().await.unwrap().status(), status, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_told_the_public_address() {
    let mut config = engines::config();
    config.webrtc.public_ip = PublicIp::Fixed(vec![[203, 0, 113, 7].into()]);
    let server = TestServer::with(config, fakes::engines(&["hello"])).await;
    let port = server.calls.webrtc().addresses()[0].port();
    let answer = offer(&server, SDP, offers::audio()).await.text().await.unwrap();
    let candidates: Vec<&str> =
        answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    assert_eq!(candidates.len(), 1, "{candidates:?}");
    assert!(candidates[0].contains(&format!("203.0.113.7 {port} typ host")), "{candidates:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_offers_is_held_back() {
    let mut config = engines::config();
    config.limits.offers_per_minute = 30;
    let server = TestServer::with(config, fakes::engines(&["hello"])).await;
    let mut refused = 0;
    for _ in 0..40 {
        let response = offer(&server, SDP, "junk").await;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            let wait: u64 = response.headers()[RETRY_AFTER].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait));
            let (_, code, _) = refusal(response).await;
            assert_eq!(code, "rate_limit_exceeded");
            refused += 1;
        }
    }
    assert!((25..=31).contains(&refused), "ten at once, then one in two seconds: {refused}");
    // Others are served: what is not an offer is not counted.
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_to_a_call_are_checked() {
    let server = TestServer::fake().await;
    let opened = offer(&server, SDP, offers::audio()).await;
    let etag = opened.headers()[ETAG].to_str().unwrap().to_owned();
    let url = format!("{}{}", server.url, opened.headers()[LOCATION].to_str().unwrap());
    let patch = |kind: &str, tag: Option<&str>, body: &str| {
        let request = server.http.patch(&url).header(CONTENT_TYPE, kind).body(body.to_owned());
        match tag {
            Some(tag) => request.header(IF_MATCH, tag),
            None => request,
        }
        .send()
    };
    let fragment = "application/trickle-ice-sdpfrag";
    let candidate = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\nm=audio 9 RTP/AVP 0\r\n\
                     a=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host\r\n";
    for tag in [None, Some("*"), Some(etag.as_str()), Some(etag.trim_matches('"'))] {
        let response = patch(fragment, tag, candidate).await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{tag:?}");
    }
    for (kind, tag, body, status, code) in [
        (fragment, Some("\"old\""), candidate, 412, "etag_mismatch"),
        (fragment, None, "what is this", 400, "invalid_fragment"),
        ("text/plain", None, candidate, 415, "unsupported_media_type"),
        (SDP, None, "junk", 400, "invalid_sdp"),
    ] {
        let (found, found_code, text) = refusal(patch(kind, tag, body).await.unwrap()).await;
        assert_eq!((found, found_code.as_str()), (status, code), "{text}");
    }
    assert_eq!(server.http.get(&url).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let over = server.http.post(format!("{url}/hangup")).send().await.unwrap();
    assert_eq!(over.status(), StatusCode::OK);
    server.wait_for_quiet(2).await;
    let (status, code, _) = refusal(patch(fragment, None, candidate).await.unwrap()).await;
    assert_eq!((status, code.as_str()), (404, "call_not_found"));
}
