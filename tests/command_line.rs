//! The program itself, as people start it.

mod calls;
mod checks;
mod keys;
mod load;
mod memory;
mod tools;
mod turns;
mod user;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::database::SECRET_KEYS;
use crate::support::engines::WHISPER;
use crate::support::shared;

/// The program, in a folder of its own and without the settings of whoever runs the tests.
fn sotto(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SOTTO_")) {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .env("SECRET_KEYS", SECRET_KEYS)
        .env("SOTTO__MODELS__OFFLINE", "true")
        .env("SOTTO__LLM__PROVIDER", "echo")
        .env("SOTTO__TELEMETRY__LOG", "warn")
        .env("SOTTO__SERVER__BIND", "127.0.0.1:0")
        .env("SOTTO__WEBRTC__UDP_PORT", "0");
    command
}

/// The same with models: those of the checkout, and the fixture for recognition.
fn sotto_with_models(folder: &Path) -> Option<Command> {
    let whisper = shared::file(&format!("models/{WHISPER}"))?;
    let mut command = sotto(folder);
    command
        .env("SOTTO_MODELS_DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("models"))
        .env("SOTTO__STT__MODEL", std::path::absolute(whisper).unwrap());
    Some(command)
}

/// A recording of the shared folder.
fn recording(name: &str) -> PathBuf {
    std::path::absolute(shared::folder().unwrap().join("audio").join(name)).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
