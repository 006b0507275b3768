//! Commands that use one stage without a server.

use std::fs;

use serde_json::Value;
use sotto::pipeline::codec::wav;

use super::{recording, sotto, sotto_with_models, stderr, stdout};
use crate::support::shared;

const CLIP: &str = "speech/sb_spk1_snt4.wav";

#[test]
fn a_recording_is_transcribed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = sotto_with_models(folder.path()) else { return };
    let arguments = ["transcribe", "--json"];
    let command = command.env("SOTTO__STT__CONTEXT", "full").args(arguments).arg(recording(CLIP));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let clip = shared::clip(CLIP).unwrap();
    assert_eq!(result["text"].as_str(), clip.fixture_text.as_deref());
    assert_eq!(result["tokens"], serde_json::json!(clip.fixture_tokens.unwrap()));
    let audio_ms = result["audio_ms"].as_u64().unwrap();
    assert_eq!(audio_ms, shared::samples(CLIP).len() as u64 / 16);
    assert!(result["compute_ms"].as_u64().unwrap() > 0 && result.get("language").is_some());
}

#[test]
fn a_transcript_has_times_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = sotto_with_models(folder.path()) else { return };
    let arguments = ["transcribe", "--json", "--words", "--language", "en", "--prompt", "Sotto"];
    let output = command.args(arguments).arg(recording(CLIP)).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (words, segments) = (result["words"].as_array().unwrap(), &result["segments"]);
    let text = result["text"].as_str().unwrap();
    assert_eq!(words.len(), text.split_whitespace().count());
    let ends: Vec<u64> = words.iter().map(|word| word["end_ms"].as_u64().unwrap()).collect();
    assert!(ends.is_sorted() && ends[ends.len() - 1] <= result["audio_ms"].as_u64().unwrap());
    assert_eq!(segments[0]["text"].as_str().map(str::trim), Some(text));
    for (flag, value) in [("--language", "english"), ("--words", "talk.wav")] {
        let refused = sotto(folder.path()).args(["transcribe", flag, value]).output().unwrap();
        assert!(
            !refused.status.success() && stderr(&refused).contains(flag),
            "{}",
            stderr(&refused)
        );
    }
}

#[test]
fn what_is_no_recording_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("talk.wav");
    let whole = wav::encode(&[0.1; 1_600], 16_000);
    for (bytes, word) in [
        (&b"this is not a WAV"[..], "talk.wav"),
        (&b""[..], "talk.wav"),
        (&whole[..20], "talk.wav"),
    ] {
        fs::write(&file, bytes).unwrap();
        let output = sotto(folder.path()).args(["transcribe", "talk.wav"]).output().unwrap();
        let error = stderr(&output);
        assert!(!output.status.success() && error.contains(word), "{error}");
        assert!(!error.contains("panicked"), "{error}");
        let call = ["call", "http://127.0.0.1:9", "--audio", "talk.wav"];
        let output = sotto(folder.path()).args(call).output().unwrap();
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
    }
    let output = sotto(folder.path()).args(["transcribe", "nothing.wav"]).output().unwrap();
    assert!(stderr(&output).contains("nothing.wav"));
}

#[test]
fn a_text_is_spoken() {
    if sotto::engine::program::find("espeak-ng").is_none() {
        return shared::skip("espeak-ng is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["speak", "Good morning to everybody.", "-o", "out.wav"];
    let output = sotto(folder.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let bytes = fs::read(folder.path().join("out.wav")).unwrap();
    let samples = wav::decode(&bytes, 16_000).unwrap();
    assert!((16_000..80_000).contains(&samples.len()), "one to five seconds: {}", samples.len());
    assert!(samples.iter().any(|sample| sample.abs() > 0.1));
}

#[test]
fn models_are_listed_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models/silero-vad");
    fs::create_dir_all(&models).unwrap();
    fs::write(models.join("silero_vad.onnx"), b"damaged").unwrap();
    let list = stdout(&sotto(folder.path()).args(["models", "list"]).output().unwrap());
    assert!(list.contains("silero-vad") && list.contains("whisper-large-v3-turbo"), "{list}");
    let verify = sotto(folder.path()).args(["models", "verify"]).output().unwrap();
    assert!(!verify.status.success());
    let text = stdout(&verify) + &stderr(&verify);
    assert!(text.contains("silero-vad"), "{text}");
    let arguments = ["models", "pull", "whisper-base", "--offline"];
    let pull = sotto(folder.path()).args(arguments).output().unwrap();
    assert!(!pull.status.success());
    assert!(stderr(&pull).contains("whisper-base"), "{}", stderr(&pull));
    let unknown = sotto(folder.path()).args(["models", "pull", "whisper-bas"]).output().unwrap();
    assert!(stderr(&unknown).contains("whisper-base"), "the nearest name: {}", stderr(&unknown));
}
