//! Recognition and speech by a server elsewhere.

use serde_json::Value;
use sotto::client::{Call, HangUp, Recording};
use sotto::config::{Config, Secret, SttEngine, TtsEngine};
use sotto::pipeline::codec::wav;

use super::audio_server::{AudioServer, Reply};
use super::stage::{SOON, answer, config, failure, is, serve};
use crate::support::fakes::voice_like;

const FAILED: &str = "conversation.item.input_audio_transcription.failed";

/// Both recognition and speech by `audio`, and the echo between them.
fn remote(audio: &AudioServer) -> Config {
    let mut config = config();
    config.stt.engine = SttEngine::Remote;
    config.stt.remote = audio.remote();
    config.tts.engine = TtsEngine::Remote;
    config.tts.remote = audio.remote();
    config
}

fn speech() -> Recording {
    Recording::new(voice_like(700))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_call() {
    let audio = AudioServer::start().await;
    let mut config = remote(&audio);
    config.stt.language = "en".to_owned();
    config.stt.remote.model = "parakeet".to_owned();
    config.stt.remote.api_key = Secret::new("sesame");
    config.tts.voice = "nova".to_owned();
    let server = serve(config).await;
    let mut call = server.call().await;
    call.say(speech()).await;
    let turns = call.turns(0);
    assert_eq!(turns.len(), 1, "{turns:?}");
    assert_eq!(turns[0].user_text, "good morning");
    assert_eq!(turns[0].reply_text.trim(), "good morning");
    assert!(turns[0].first_audio_ms > turns[0].transcript_ms, "{turns:?}");
    let upload = &audio.uploads()[0];
    let heard = wav::decode(&upload.sound, 16_000).unwrap();
    assert!((8_000..32_000).contains(&heard.len()), "{} samples", heard.len());
    assert!(heard.iter().any(|sample| sample.abs() > 0.1));
    assert_eq!(upload.key.as_deref(), Some("Bearer sesame"));
    for (name, value) in [("model", "parakeet"), ("language", "en")] {
        assert!(upload.fields.contains(&(name.to_owned(), value.to_owned())), "{name}");
    }
    let text = &audio.texts()[0];
    assert_eq!((&text["input"], &text["voice"]), (&"good morning".into(), &"nova".into()));
    assert_eq!(text["response_format"], "pcm");
    // Servers that send a WAV all the same are understood.
    audio.speaks(Reply::wav(400));
    call.say(speech()).await;
    assert!(call.turns(0)[1].first_audio_ms.is_some());
    call.hang_up(HangUp::Close).await.unwrap();
}

async fn not_understood(call: &mut Call) -> (String, String) {
    call.say_only(speech()).await;
    let event = call.wait_until(SOON, is(FAILED)).await.expect("a failure");
    let part = |name: &str| event["error"][name].as_str().unwrap().to_owned();
    (part("code"), part("message"))
}

#[tokio::test(flavor = "multi_thread")]
async fn recognition_that_fails_is_told_and_the_call_lives_on() {
    let audio = AudioServer::start().await;
    let server = serve(remote(&audio)).await;
    let mut call = server.call().await;
    // What was said must not turn up in what is said about a wrong answer.
    let other = br#""my doctor is Jane Roe""#.to_vec();
    let cases = [
        (
            Reply::Refuses(503, "no doctor called Jane"),
            "engine_failed",
            "503 Service Unavailable (not_now)",
        ),
        (Reply::Hangs, "engine_timeout", "did not answer in time"),
        (Reply::Sends("application/json", other), "engine_failed", "not what such a server sends"),
    ];
    for (reply, expected_code, part) in cases {
        audio.transcribes(reply);
        let (code, message) = not_understood(&mut call).await;
        assert_eq!(code, expected_code, "{message}");
        assert!(message.contains(part) && !message.contains("Jane"), "{message}");
    }
    audio.transcribes(Reply::text(" here again \n"));
    call.say(speech()).await;
    assert_eq!(call.turns(0).last().unwrap().user_text, "here again");
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_that_fails_is_told_and_nothing_wrong_is_played() {
    let audio = AudioServer::start().await;
    let server = serve(remote(&audio)).await;
    let mut call = server.call().await;
    let page = b"<!doctype html><title>Sign in</title>".repeat(2_000);
    let mp3 = [0xff, 0xfb, 0x90, 0x44].repeat(10_000);
    let cases = [
        (Reply::Refuses(500, "cannot say: Say this."), "engine_failed", "(not_now)"),
        (Reply::Hangs, "engine_timeout", "did not answer in time"),
        (Reply::Sends("text/html; charset=utf-8", page), "engine_failed", "text/html"),
        (Reply::Sends("application/json", b"{}".to_vec()), "engine_failed", "application/json"),
        (Reply::Sends("audio/mpeg", mp3), "engine_failed", "audio/mpeg"),
        (Reply::Sends("audio/wav", b"RIFFxxxxWAVEjunk".to_vec()), "engine_failed", "WAV"),
        (Reply::Sends("audio/pcm", Vec::new()), "engine_failed", "no sound"),
    ];
    for (reply, expected_code, part) in cases {
        audio.speaks(reply);
        let (code, message) = failure(&answer(&mut call, "Say this.").await);
        assert_eq!(code, expected_code, "{message}");
        assert!(message.contains(part) && !message.contains("Say this"), "{message}");
    }
    assert_eq!(call.heard().audible_ms.len(), 0, "nothing of it was heard");
    audio.speaks(Reply::samples(400));
    let response: Value = answer(&mut call, "And this.").await;
    assert_eq!(response["status"], "completed");
    call.wait_until(SOON, is("output_audio_buffer.stopped")).await.unwrap();
    assert!(call.heard().audible_ms.len() > 5);
    call.hang_up(HangUp::Close).await.unwrap();
}
