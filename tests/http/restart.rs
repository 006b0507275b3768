//! A connection that is made anew under a call that goes on.

use std::time::Duration;

use sotto::client::{HangUp, Recording};

use crate::support::fakes::voice_like;
use crate::support::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_after_an_ice_restart() {
    let server = TestServer::fake().await;
    let mut call = server.call().await;
    call.say(Recording::new(voice_like(700))).await;
    assert_eq!(call.turns(0).len(), 1);
    for round in 2..4 {
        call.restart_ice().await.unwrap();
        // The old path would have been given up by then, had the new one not been found.
        call.wait(Duration::from_millis(500)).await;
        call.say(Recording::new(voice_like(700))).await;
        assert_eq!(call.turns(0).len(), round);
    }
    let heard = call.heard().samples;
    let late = &heard[heard.len() - 48_000..];
    assert!(late.iter().any(|sample| sample.abs() > 0.1), "the last reply is audible");
    call.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(2).await;
}
