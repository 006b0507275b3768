//! With real weights: what is said arrives word for word, on good networks and bad ones.

use std::time::Duration;

use sotto::client::{Call, CallOptions, HangUp, Impairment, Recording, Turn};

use crate::support::server::{TestServer, real};
use crate::support::shared;

/// Clips whose end the end-of-turn model is sure of.
const CLIPS: [&str; 3] =
    ["speech/sb_spk1_snt4.wav", "speech/cards_003.wav", "speech/gs_describe.wav"];

async fn say(server: &TestServer, options: CallOptions, clip: &str) -> (Vec<Turn>, f32) {
    let _ = server;
    let mut call = Call::place(options).await.unwrap();
    call.say(Recording::new(shared::samples(clip))).await;
    let turns = call.turns(0);
    let peak = call.heard().samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
    call.hang_up(HangUp::Close).await.unwrap();
    (turns, peak)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_understood_and_answered_aloud() {
    let Some(server) = real().await else { return };
    for clip in CLIPS {
        let expected = shared::clip(clip).unwrap().fixture_text.unwrap();
        let (turns, peak) = say(&server, server.options(), clip).await;
        assert_eq!(turns.len(), 1, "{clip}: {turns:?}");
        assert_eq!(turns[0].user_text, expected);
        // The echo says it back.
        let words = |text: &str| text.replace([',', '.'], "").to_lowercase();
        assert_eq!(words(&turns[0].reply_text), words(&expected));
        assert!(peak > 0.1, "{clip}: the reply is audible, {peak}");
        assert!(turns[0].first_audio_ms > turns[0].transcript_ms, "{turns:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_speech_are_heard_like_a_track() {
    let Some(server) = real().await else { return };
    let options = CallOptions { blobs: true, ..server.options() };
    let (turns, peak) = say(&server, options, CLIPS[0]).await;
    assert_eq!(Some(turns[0].user_text.clone()), shared::clip(CLIPS[0]).unwrap().fixture_text);
    assert!(peak > 0.1 && turns[0].first_audio_ms.is_some(), "{turns:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_network_is_survived() {
    let Some(server) = real().await else { return };
    let impairment = Impairment { loss: 0.1, reorder: 0.1, garbage: 0.0, seed: 7 };
    let options = CallOptions { impairment, ..server.options() };
    let mut call = Call::place(options).await.unwrap();
    let mut understood = 0;
    for clip in CLIPS {
        call.say(Recording::new(shared::samples(clip))).await;
        let expected = shared::clip(clip).unwrap().fixture_text;
        understood += usize::from(call.turns(0).last().map(|t| t.user_text.clone()) == expected);
    }
    // Recovered sound is not the same sound: one of three may be misheard, none may be lost.
    assert_eq!(call.turns(0).len(), CLIPS.len());
    assert!(understood >= 2, "{:?}", call.turns(0));
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_is_not_speech() {
    let Some(server) = real().await else { return };
    let noise = shared::samples("noise/noise_lk_office-ambience.wav");
    let mut call = server.call().await;
    call.say_only(Recording::new(noise[..16_000 * 4].to_vec())).await;
    call.wait(Duration::from_millis(500)).await;
    let spoken = call.turns(0).iter().filter(|turn| !turn.user_text.is_empty()).count();
    assert_eq!(spoken, 0, "{:?}", call.turns(0));
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_are_no_sound_disturb_nobody() {
    let Some(server) = real().await else { return };
    let impairment = Impairment { garbage: 1.0, seed: 3, ..Impairment::default() };
    let junk = CallOptions { impairment, ..server.options() };
    let mut junk = Call::place(junk).await.unwrap();
    let noise = junk.say_only(Recording::new(vec![0.1; 16_000 * 5]));
    let (turns, ()) = tokio::join!(say(&server, server.options(), CLIPS[0]), noise);
    assert_eq!(Some(turns.0[0].user_text.clone()), shared::clip(CLIPS[0]).unwrap().fixture_text);
    // The call with the noise is still a call.
    assert!(junk.is_connected());
    junk.hang_up(HangUp::Delete).await.unwrap();
    server.wait_for_quiet(2).await;
}
