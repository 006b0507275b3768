//! A server and its callers, each a process.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sotto::pipeline::codec::wav;

use super::{recording, sotto, sotto_with_models, stderr};
use crate::support::shared;

const CLIPS: [&str; 2] = ["speech/sb_spk1_snt4.wav", "speech/gs_describe.wav"];

/// A server. Dropping it ends it, if it has not ended.
pub(super) struct Serving {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(super) url: String,
    /// What it said before it was ready.
    said: String,
}

impl Serving {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.arg("serve").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ctrl-C") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        let url = said.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap().replace("localhost", "127.0.0.1");
        Self { child, lines, url, said }
    }

    /// Waits until so many calls go on.
    pub(super) fn wait_for_calls(&self, number: u64) {
        let address = self.url.trim_start_matches("http://");
        let begun = Instant::now();
        loop {
            let mut stream = TcpStream::connect(address).unwrap();
            let request = format!("GET /api/v1/status HTTP/1.0\r\nHost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let body = answer.split_once("\r\n\r\n").unwrap().1;
            let status: Value = serde_json::from_str(body).unwrap();
            if status["calls"]["active"] == number {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{status}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A server shows its descriptors to nobody but root; others count none.
    fn count(&self, what: &str) -> usize {
        fs::read_dir(Path::new("/proc").join(self.id().to_string()).join(what))
            .map_or(0, Iterator::count)
    }

    /// Asks it to stop, as a service manager does.
    pub(super) fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        while self.lines.read_line(&mut rest).unwrap() > 0 {}
        assert!(!rest.contains("panicked"), "{rest}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_people_call_and_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = sotto_with_models(folder.path()) else { return };
    let server = Serving::start(server);
    for part in ["silero-vad", "smart-turn-v3", "echo", "conversations, encrypted, in"] {
        assert!(server.said.contains(part), "{part}: {}", server.said);
    }
    let mut call = sotto(folder.path());
    call.args(["call", &server.url, "--json", "--calls", "2", "--record", "heard.wav", "--audio"]);
    let output = call.args(CLIPS.map(recording)).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let turns: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(turns.len(), 4, "{turns:?}");
    for call in 0..2 {
        let turns: Vec<&Value> = turns.iter().filter(|turn| turn["call"] == call).collect();
        for (number, (turn, clip)) in turns.iter().zip(CLIPS).enumerate() {
            let expected = shared::clip(clip).unwrap().fixture_text;
            assert_eq!(turn["turn"], number);
            assert_eq!(turn["user_text"].as_str(), expected.as_deref());
            assert!(!turn["reply_text"].as_str().unwrap().is_empty());
            assert_eq!((&turn["interrupted"], turn["early"].is_boolean()), (&false.into(), true));
            let at = |name: &str| turn[name].as_u64().unwrap_or_else(|| panic!("{name}: {turn}"));
            assert!(at("endpoint_ms") <= at("transcript_ms"), "{turn}");
            assert!(at("transcript_ms") < at("first_audio_ms"), "{turn}");
            assert!(at("speech_end_ms") > 0);
        }
    }
    let heard = fs::read(folder.path().join("heard.wav")).unwrap();
    let heard = wav::decode(&heard, 16_000).unwrap();
    assert!(heard.iter().any(|sample| sample.abs() > 0.1), "the recording has the replies");
    server.stop();
}

#[test]
fn not_even_the_most_talkative_log_holds_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut server) = sotto_with_models(folder.path()) else { return };
    let log = folder.path().join("log");
    server
        .env("SOTTO__TELEMETRY__LOG", "trace")
        .env("SOTTO__TELEMETRY__LOG_FORMAT", "json")
        .stderr(fs::File::create(&log).unwrap());
    let server = Serving::start(server);
    let mut call = sotto(folder.path());
    call.args(["call", &server.url, "--output", "blob", "--audio"]).arg(recording(CLIPS[0]));
    let output = call.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    server.stop();
    let expected = shared::clip(CLIPS[0]).unwrap().fixture_text.unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains(&expected));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("call ended"), "{log}");
    for line in log.lines().filter(|line| !line.starts_with("stopping;")) {
        let _: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        for word in expected.split(' ').filter(|word| word.len() > 4) {
            assert!(!line.contains(word), "{word}: {line}");
        }
    }
}

#[test]
fn a_caller_that_is_gone_without_a_word_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut server) = sotto_with_models(folder.path()) else { return };
    server.env("SOTTO__WEBRTC__DISCONNECT_TIMEOUT_MS", "500");
    let server = Serving::start(server);
    fs::write(folder.path().join("long.wav"), wav::encode(&vec![0.0; 16_000 * 60], 16_000))
        .unwrap();
    let mut call = sotto(folder.path());
    let mut caller = call.args(["call", &server.url, "--audio", "long.wav"]).spawn().unwrap();
    server.wait_for_calls(1);
    std::thread::sleep(Duration::from_secs(1));
    // As a phone whose battery is empty.
    caller.kill().unwrap();
    caller.wait().unwrap();
    server.wait_for_calls(0);
    server.stop();
}

#[test]
fn forty_calls_leave_no_descriptor_and_no_thread_behind() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut server) = sotto_with_models(folder.path()) else { return };
    // Beside other tests it would find itself slow, and refuse some.
    server.env("SOTTO__LIMITS__CALLS", "40");
    let server = Serving::start(server);
    let silence = folder.path().join("silence.wav");
    fs::write(&silence, wav::encode(&[0.0; 1_600], 16_000)).unwrap();
    let calls = |number: &str| {
        let mut call = sotto(folder.path());
        call.args(["call", &server.url, "--calls", number, "--audio", "silence.wav"]);
        let output = call.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    };
    // The first makes what lives as long as the process.
    calls("2");
    std::thread::sleep(Duration::from_secs(1));
    let before = (server.count("fd"), server.count("task"));
    calls("20");
    calls("20");
    let begun = Instant::now();
    loop {
        let now = (server.count("fd"), server.count("task"));
        if now.0 <= before.0 && now.1 <= before.1 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{before:?} before, {now:?} now");
        std::thread::sleep(Duration::from_millis(100));
    }
    server.stop();
}

#[test]
fn a_server_that_is_not_there_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.wav"), wav::encode(&[0.0; 1_600], 16_000)).unwrap();
    for (url, word) in [("http://127.0.0.1:9", "reached"), ("not an address", "not an address")] {
        let output = sotto(folder.path()).args(["call", url, "--audio", "a.wav"]).output().unwrap();
        assert!(!output.status.success());
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
    }
}
