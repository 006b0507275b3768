//! The server as a process that can be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::database::SECRET_KEYS;

/// A running server. Dropping it kills it.
pub struct Program {
    child: Child,
    pub url: String,
    /// From its start until it was ready.
    pub started_in: Duration,
}

impl Program {
    /// Starts one over the database in `folder`, or at `postgres`. It echoes, and speaks with nobody's voice.
    pub fn start(folder: &Path, postgres: Option<&str>) -> Self {
        let begun = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SOTTO_")) {
            command.env_remove(name);
        }
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .args(["--models-dir"])
            .arg(folder)
            .env("SECRET_KEYS", SECRET_KEYS)
            .env("SOTTO__DATABASE__URL", postgres.unwrap_or_default())
            .env("SOTTO__WEBRTC__UDP_PORT", "0")
            .env("SOTTO__MODELS__OFFLINE", "true")
            .env("SOTTO__VAD__ENGINE", "energy")
            .env("SOTTO__TURN__ENGINE", "silence")
            .env("SOTTO__STT__ENGINE", "command")
            .env("SOTTO__STT__COMMAND__PROGRAM", "cat")
            .env("SOTTO__TTS__ENGINE", "command")
            .env("SOTTO__TTS__COMMAND__PROGRAM", "cat")
            .env("SOTTO__LLM__PROVIDER", "echo")
            .env("SOTTO__TELEMETRY__LOG", "error")
            // One person reads again what many kills have left.
            .env("SOTTO__LIMITS__REQUESTS_PER_MINUTE__PERSON", "1000000")
            .env("SOTTO__LIMITS__REQUESTS_PER_MINUTE__ADDRESS", "1000000")
            .env("SOTTO__LIMITS__REQUESTS_PER_MINUTE__GLOBAL", "1000000")
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ctrl-C") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        let url = said.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        let url = url.replace("localhost", "127.0.0.1");
        Self { child, url, started_in: begun.elapsed() }
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
