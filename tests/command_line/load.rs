//! `sotto call` as a load test, against a server whose engines are small programs.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sotto::pipeline::codec::wav;

use super::calls::Serving;
use super::{sotto, stderr, stdout};
use crate::support::fakes::voice_like;

/// A server that hears the same words each time and says them with the same tone.
fn serving(folder: &Path, calls: usize) -> Serving {
    let tone = folder.join("tone.wav");
    std::fs::write(&tone, wav::encode(&voice_like(400), 16_000)).unwrap();
    let mut server = sotto(folder);
    server
        .env("SOTTO_MODELS_DIR", folder)
        .env("SOTTO__VAD__ENGINE", "energy")
        .env("SOTTO__TURN__ENGINE", "silence")
        .env("SOTTO__TURN__SILENCE_MS", "300")
        .env("SOTTO__STT__ENGINE", "command")
        .env("SOTTO__STT__COMMAND__PROGRAM", "sh")
        .env("SOTTO__STT__COMMAND__ARGS", "[-c, 'cat > /dev/null; echo hello there']")
        .env("SOTTO__TTS__ENGINE", "command")
        .env("SOTTO__TTS__COMMAND__PROGRAM", "sh")
        .env("SOTTO__TTS__COMMAND__ARGS", "[-c, 'cat > /dev/null; cat tone.wav']")
        .env("SOTTO__LIMITS__CALLS", calls.to_string());
    Serving::start(server)
}

/// A caller with something to say, and a script for it.
fn caller(folder: &Path, server: &Serving) -> Command {
    std::fs::write(folder.join("ask.wav"), wav::encode(&voice_like(700), 16_000)).unwrap();
    let talks = "# asks again and again\ntalk ask.wav\npause 100ms to 300ms\n";
    std::fs::write(folder.join("talks"), talks).unwrap();
    let mut call = sotto(folder);
    call.args(["call", &server.url]);
    call
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

#[test]
fn a_report_has_percentiles_and_what_both_sides_used() {
    let folder = tempfile::tempdir().unwrap();
    let server = serving(folder.path(), 10);
    let mut call = caller(folder.path(), &server);
    let pid = server.id().to_string();
    call.args(["--script", "talks", "--calls", "2", "--ramp", "200ms", "--hold", "5s", "--json"])
        .args(["--server-pid", &pid, "--loss", "2%", "--jitter", "10ms"]);
    let output = call.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(
        (&report["calls"], &report["connected"], &report["lost"]),
        (&2.into(), &2.into(), &0.into())
    );
    let first_audio = &report["after_speech_ms"]["first_audio"];
    assert!(first_audio["count"].as_u64().unwrap() >= 2, "{report}");
    assert!(first_audio["p50"].as_u64().unwrap() >= 300, "{report}");
    assert!(first_audio["p50"].as_u64() <= first_audio["p99"].as_u64(), "{report}");
    for side in ["server", "caller"] {
        assert!(report[side]["memory_mib"].as_f64().unwrap() > 1.0, "{report}");
    }
    assert!(report["frames"]["handled"].as_u64().unwrap() > 200, "{report}");
    assert!(report["frames"]["lost"].as_u64().unwrap() > 0, "{report}");
    server.stop();
}

#[test]
fn capacity_is_found_and_told_as_it_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let server = serving(folder.path(), 3);
    let mut call = caller(folder.path(), &server);
    call.args(["--script", "talks", "--find-capacity", "--hold", "8s", "--ramp", "100ms"])
        .args(["--target-p95", "20s"]);
    let output = call.output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    for part in [
        "    4 calls do not hold: calls did not come about: 1 × 503 at_capacity",
        "3 calls hold; 4 do not",
        "limits:\n  calls: 3\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    server.stop();
}

#[test]
fn calls_that_are_refused_are_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let server = serving(folder.path(), 1);
    let mut call = caller(folder.path(), &server);
    call.args(["--audio", "ask.wav", "--calls", "2", "--hold", "2s", "--ramp", "100ms"]);
    let output = call.output().unwrap();
    assert!(!output.status.success());
    assert!(stdout(&output).contains("refused: 1 × 503 at_capacity"), "{}", stdout(&output));
    assert!(stdout(&output).contains("--server-pid"), "{}", stdout(&output));
    assert!(stderr(&output).contains("1 of 2 calls were refused"), "{}", stderr(&output));
    server.stop();
}

#[test]
fn mistakes_are_named_before_anybody_calls() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.wav"), wav::encode(&[0.0; 1_600], 16_000)).unwrap();
    std::fs::write(folder.path().join("script"), "talk a.wav\npause 2\n").unwrap();
    std::fs::write(folder.path().join("missing"), "talk b.wav\n").unwrap();
    let url = "http://127.0.0.1:9";
    for (args, words) in [
        (&["--script", "script"][..], &["script", "line 2", "`800ms`, `2s`"][..]),
        (&["--script", "missing"], &["b.wav"]),
        (&["--script", "nowhere"], &["nowhere"]),
        (&["--script", "script", "--audio", "a.wav"], &["cannot be used with"]),
        (&[], &["--audio"]),
        (&["--audio", "a.wav", "--hold", "2"], &["--hold", "`800ms`, `2s`"]),
        (&["--audio", "a.wav", "--loss", "5"], &["--loss", "`5%`"]),
        (&["--audio", "a.wav", "--calls", "0"], &["from 1 on"]),
        (&["--audio", "a.wav", "--server-pid", "4294967295"], &["--server-pid", "/proc"]),
        (&["--audio", "a.wav", "--hold", "1s", "--record", "x.wav"], &["--record"]),
    ] {
        let output = sotto(folder.path()).args(["call", url]).args(args).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        for word in words {
            assert!(stderr(&output).contains(word), "{args:?} {word}: {}", stderr(&output));
        }
    }
}
