//! Weights and recordings that are too large, or not ours, to commit.
//!
//! They are looked for in `SOTTO_SHARED` (default `../shared`). Where that folder does not exist, tests that
//! need it are skipped and counted; with `SOTTO_TEST_STRICT=1` a skip although the folder exists is a failure.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The folder, if it exists.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("SOTTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// A file of the folder; `None`, with a line on stderr, if this test has to be skipped.
pub fn file(name: &str) -> Option<PathBuf> {
    let found = folder().map(|folder| folder.join(name)).filter(|path| path.exists());
    if found.is_none() {
        skip(&format!("{name} is not there"));
    }
    found
}

/// Says that a test is skipped, or fails it where skipping is not allowed. `make test` counts these lines.
pub fn skip(why: &str) {
    let strict = std::env::var("SOTTO_TEST_STRICT").is_ok_and(|value| value == "1");
    assert!(!(strict && folder().is_some()), "strict tests may not skip: {why}");
    // Past the test harness, which shows nothing of a test that passes; on a line of its own, not among its dots.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {why}");
}

/// A recording of a manifest in `audio`.
#[derive(Debug, Clone, Deserialize)]
pub struct Clip {
    pub file: String,
    pub fixture_text: Option<String>,
    pub fixture_tokens: Option<Vec<u32>>,
    pub smart_turn_v3_2: Option<f32>,
}

/// All recordings of a manifest.
pub fn clips(manifest: &str) -> Vec<Clip> {
    let Some(path) = file(manifest) else { return Vec::new() };
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The recording of this name, as in `speech/jfk.wav`.
pub fn clip(name: &str) -> Option<Clip> {
    clips("audio/manifest.jsonl").into_iter().find(|clip| clip.file == name)
}

/// The samples of a recording, 16 kHz.
pub fn samples(clip: &str) -> Vec<f32> {
    let path = folder().unwrap().join("audio").join(clip);
    sotto::pipeline::codec::wav::decode(&std::fs::read(path).unwrap(), 16_000).unwrap()
}
