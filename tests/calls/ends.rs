//! How calls end, and that nothing is left of them.

use std::time::Duration;

use serde_json::json;
use sotto::client::{Call, CallOptions, HangUp, Recording};
use sotto::config::CallLimit;

use crate::support::fakes::{self, voice_like};
use crate::support::server::TestServer;
use crate::support::{engines, fakes::engines as fake_engines, offers};

async fn short_patience() -> TestServer {
    let mut config = engines::config();
    config.webrtc.connect_timeout_ms = 500;
    config.webrtc.disconnect_timeout_ms = 300;
    TestServer::with(config, fakes::engines(&["hello"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_connection_is_noticed_at_once() {
    let server = TestServer::fake().await;
    let call = server.call().await;
    assert_eq!(server.lines().0, 1);
    call.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_call_is_over() {
    let server = TestServer::fake().await;
    let call = server.call().await;
    let location = call.location().clone();
    call.hang_up(HangUp::Delete).await.unwrap();
    server.wait_for_quiet(1).await;
    let again = server.http.delete(location).send().await.unwrap();
    assert_eq!(again.status(), 404);
    let body: serde_json::Value = again.json().await.unwrap();
    assert_eq!(body["error"]["code"], "call_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_without_a_data_channel_that_closes_is_noticed() {
    let server = short_patience().await;
    let options = CallOptions { events: false, ..server.options() };
    let call = Call::place(options).await.unwrap();
    call.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_never_connects_is_closed() {
    let server = short_patience().await;
    let answer = server
        .post("/v1/realtime/calls")
        .header("content-type", "application/sdp")
        .body(offers::audio())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(server.lines().0, 1);
    server.wait_for_quiet(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_calls_leave_no_task_behind() {
    let server = TestServer::fake().await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    // The first call makes what lives as long as the process.
    server.call().await.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = tasks();
    for round in 0..10 {
        let calls = (0..4).map(|_| server.call());
        for (i, call) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
            let how = if (round + i) % 2 == 0 { HangUp::Close } else { HangUp::Delete };
            call.hang_up(how).await.unwrap();
        }
    }
    server.wait_for_quiet(5).await;
    for _ in 0..100 {
        if tasks() <= before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} tasks, {before} before", tasks());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_says_so_and_when_to_try_again() {
    let mut config = engines::config();
    config.limits.calls = CallLimit::Fixed(1);
    let server = TestServer::with(config, fake_engines(&["hello"])).await;
    let call = server.call().await;
    let Err(refused) = Call::place(server.options()).await else { panic!("it is full") };
    assert!(refused.to_string().contains("busy"), "{refused}");
    let ready = server.get("/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 503);
    call.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(1).await;
    server.call().await.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_tells_its_calls_and_lets_them_end() {
    let mut config = engines::config();
    config.server.shutdown_grace_ms = 3_000;
    let server = TestServer::with(config, fake_engines(&["hello"])).await;
    let mut call = server.call().await;
    server.begin_stop();
    let told = call
        .wait_until(Duration::from_secs(1), |event| event["type"] == "sotto.call.ending")
        .await
        .unwrap();
    assert_eq!((&told["reason"], &told["in_ms"]), (&json!("server_stopping"), &json!(3_000)));
    // It still works: what is being said is answered.
    call.say(Recording::new(voice_like(700))).await;
    assert_eq!(call.turns(0)[0].user_text, "hello");
    let Err(_) = Call::place(server.options()).await else { panic!("no new calls") };
    call.hang_up(HangUp::Close).await.unwrap();
    let begun = std::time::Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "it does not wait for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_ends_calls_after_their_grace() {
    let server = TestServer::fake().await;
    let mut call = server.call().await;
    let begun = std::time::Instant::now();
    server.stop().await;
    assert!((400..3_000).contains(&(begun.elapsed().as_millis() as u64)));
    call.wait(Duration::from_millis(100)).await;
}
