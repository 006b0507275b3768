//! Commands that say what is wrong, and how to mend it.

use std::fs;

use serde_json::Value;

use super::{sotto, stderr, stdout};

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yml");
    for (text, place, hint) in [
        ("server:\n  bnid: 127.0.0.1:1\n", "config.yml:2", "bind"),
        ("stt:\n  threads: many\n", "config.yml:2", "threads"),
        ("vda:\n  threshold: 0.5\n", "config.yml:1", "vad"),
        ("server:\n  tls: {cert: a.pem}\n", "server.tls", "key"),
        ("server: [\n", "config.yml", ""),
    ] {
        fs::write(&file, text).unwrap();
        for arguments in [&["config", "check"][..], &["serve"], &["doctor"]] {
            let output = sotto(folder.path()).args(arguments).output().unwrap();
            let error = stderr(&output);
            assert!(!output.status.success(), "{arguments:?} took {text:?}");
            assert!(error.contains(place) && error.contains(hint), "{text:?}: {error}");
            assert!(!error.contains("panicked") && error.lines().count() < 6, "{error}");
        }
    }
    fs::write(&file, "server:\n  bind: 127.0.0.1:0\n").unwrap();
    let output = sotto(folder.path()).args(["config", "check"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let nowhere = sotto(folder.path()).args(["config", "check", "--config", "no.yml"]).output();
    assert!(stderr(&nowhere.unwrap()).contains("no.yml"));
    let mut wrong = sotto(folder.path());
    wrong.env("SOTTO__SERVER__BNID", "x").args(["config", "check"]);
    let error = stderr(&wrong.output().unwrap());
    assert!(error.contains("SOTTO__SERVER__BNID") && error.contains("bind"), "{error}");
}

#[test]
fn the_schema_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let output = sotto(folder.path()).args(["config", "schema"]).output().unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(schema["properties"]["webrtc"].is_object());
}

#[test]
fn the_doctor_says_what_is_missing_and_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    // Without any program that could be an engine.
    let output = sotto(folder.path()).env("PATH", folder.path()).arg("doctor").output().unwrap();
    let text = stdout(&output);
    assert!(!output.status.success(), "nobody can call: {text}");
    for part in [
        "sotto models pull onnxruntime",
        "apt install espeak-ng",
        "whisper-base",
        "smart-turn-v2",
        "by hand (docs/operations.md)",
        "calls at once: ",
        "(measured: ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(stderr(&output).contains("sotto models pull"), "{}", stderr(&output));
    let mut fixed = sotto(folder.path());
    fixed.env("PATH", folder.path()).env("SOTTO__LIMITS__CALLS", "3").arg("doctor");
    let text = stdout(&fixed.output().unwrap());
    assert!(text.contains("calls at once: 3 (limits.calls; auto would be "), "{text}");
}

#[test]
fn an_engine_that_was_asked_for_and_is_not_there_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (key, value, hint) in [
        ("SOTTO__VAD__ENGINE", "silero", "sotto models pull onnxruntime"),
        ("SOTTO__TURN__ENGINE", "smart_turn_v2", "models/smart-turn-v2/config.json is not here"),
        ("SOTTO__STT__MODEL", "whisper-small", "sotto models pull whisper-small"),
        ("SOTTO__STT__MODEL", "no/such/folder", "no/such/folder"),
        ("SOTTO__TTS__COMMAND__PROGRAM", "no-such-program", "no-such-program is not installed"),
    ] {
        let mut command = sotto(folder.path());
        if key.contains("TTS") {
            command.env("SOTTO__TTS__ENGINE", "command");
        }
        let output = command.env(key, value).arg("serve").output().unwrap();
        let error = stderr(&output);
        assert!(!output.status.success());
        assert!(error.contains(hint), "{key}={value}: {error}");
    }
}
