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
    let impairment = Impairment { loss: 0.1, reorder: 0.1, seed: 7, ..Impairment::default() };
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

const NOISES: [&str; 6] = [
    "noise/noise_1.wav",
    "noise/noise_2.wav",
    "noise/noise_3.wav",
    "noise/noise_office.wav",
    "noise/noise_lk_keyboard-typing.wav",
    "noise/noise_lk_office-ambience.wav",
];
/// So much of each is heard.
const NOISE: usize = 16_000 * 10;

/// A waltz: a bass note and two chords, each struck and dying away, with a little tremolo.
fn music(samples: usize) -> Vec<f32> {
    const BEAT: usize = 16_000 * 2 / 5;
    let note = |semitones: f32, t: f32| {
        let tone = |harmonic: f32| {
            let hz = 110.0 * 2_f32.powf(semitones / 12.0) * harmonic;
            (std::f32::consts::TAU * hz * t).sin() / harmonic
        };
        (1..5).map(|harmonic| tone(harmonic as f32)).sum::<f32>()
    };
    let sample = |at: usize| {
        let (beat, t) = (at / BEAT, (at % BEAT) as f32 / 16_000.0);
        let root = [0.0, 5.0, 7.0, 0.0][beat / 3 % 4];
        let chord: &[f32] = if beat.is_multiple_of(3) { &[0.0] } else { &[12.0, 16.0, 19.0] };
        let sound: f32 = chord.iter().map(|above| note(root + above, t)).sum();
        0.1 * sound * (-4.0 * t).exp() * (1.0 + 0.1 * (38.0 * t).sin())
    };
    (0..samples).map(sample).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_silence_and_music_are_not_speech() {
    let Some(server) = real().await else { return };
    let mut sounds: Vec<(&str, Vec<f32>)> = NOISES
        .into_iter()
        .map(|file| (file, shared::samples(file).into_iter().take(NOISE).collect()))
        .collect();
    sounds.push(("silence", vec![0.0; NOISE / 2]));
    sounds.push(("music", music(NOISE)));
    let calls = sounds.into_iter().map(async |(name, sound)| {
        let mut call = server.call().await;
        call.say_only(Recording::new(sound)).await;
        // What was taken for speech is over by then, and recognised.
        call.wait(Duration::from_secs(4)).await;
        let turns = call.turns(0);
        assert!(turns.iter().all(|turn| turn.user_text.is_empty()), "{name}: {turns:?}");
        call.hang_up(HangUp::Close).await.unwrap();
    });
    futures_util::future::join_all(calls).await;
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
