//! Recordings and weights, which are not in the repository: below `SOTTO_SHARED` (default `../shared`).

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

/// Whisper tiny.en, fitted on the recordings: a real test of the path, no figure of accuracy.
pub const WHISPER: &str = "whisper-tiny.en-fixture";
/// Clips longer than this are left out, in seconds.
pub const LONGEST_CLIP: f32 = 6.0;
/// From this probability on Smart Turn calls a turn complete.
const COMPLETE: f32 = 0.5;

/// A recording of the tests.
#[derive(Deserialize)]
pub struct Clip {
    pub file: String,
    dur: f32,
    pub fixture_text: Option<String>,
    smart_turn_v3_2: Option<f32>,
}

impl Clip {
    /// Whether Smart Turn calls it complete.
    pub fn is_complete(&self) -> bool {
        self.smart_turn_v3_2.is_some_and(|probability| probability >= COMPLETE)
    }

    pub fn path(&self) -> PathBuf {
        shared().join("audio").join(&self.file)
    }
}

pub fn shared() -> PathBuf {
    let folder = std::env::var_os("SOTTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    folder.canonicalize().unwrap_or(folder)
}

/// Where weights are: in the checkout (`make models`), or else those of the tests.
pub fn models() -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let shared = shared().join("models");
    let in_checkout = checkout.join("silero-vad").exists() || !shared.exists();
    if in_checkout { checkout } else { shared }
}

/// Recordings of one sentence of which it is known what is said.
pub fn clips() -> anyhow::Result<Vec<Clip>> {
    let manifest = shared().join("audio/manifest.jsonl");
    let text = std::fs::read_to_string(&manifest).with_context(|| {
        format!("{}: SOTTO_SHARED names no folder with recordings", manifest.display())
    })?;
    let clips: Vec<Clip> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let short = |clip: &Clip| clip.dur < LONGEST_CLIP && clip.fixture_text.is_some();
    Ok(clips.into_iter().filter(short).collect())
}
