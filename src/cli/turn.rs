//! `sotto turn`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::{Common, runtime};
use crate::config::TurnEngine;
use crate::engine::{self, TurnModel};
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::container;
use crate::pipeline::frame::MIC_RATE_HZ;

/// Longest recording: all of it is read, though only its end is heard.
const LONGEST: Duration = Duration::from_hours(1);
/// Shorter ones tell a model nothing.
const SHORTEST_MS: usize = 25;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Recordings: WAV, MP3, FLAC, Ogg (Opus or Vorbis), WebM or M4A. The last 8 s of each are heard.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// `auto`, `smart_turn_v2` or `smart_turn_v3`; without: as configured.
    #[arg(long, value_parser = named)]
    engine: Option<TurnEngine>,
    /// The model, as `turn.model` in the configuration.
    #[arg(long)]
    model: Option<String>,
    /// A line for each: `{"file","engine","probability","compute_ms"}`.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let mut model = options.load()?;
    let mut failed = 0;
    for file in &options.files {
        match heard(file, &mut model) {
            Ok((probability, took)) => options.print(file, &model, probability, took),
            Err(error) => {
                eprintln!("sotto: {}: {error:#}", file.display());
                failed += 1;
            }
        }
    }
    let all = options.files.len();
    anyhow::ensure!(failed == 0, "{failed} of {all} recordings could not be heard");
    Ok(())
}

impl Options {
    fn load(&self) -> anyhow::Result<TurnModel> {
        let mut config = self.common.load()?;
        config.turn.engine = self.engine.unwrap_or(config.turn.engine);
        if let Some(model) = &self.model {
            config.turn.model.clone_from(model);
        }
        let store = super::store(&config);
        Ok(engine::turn_model(&config, &store, runtime()?.handle().clone())?)
    }

    fn print(&self, file: &Path, model: &TurnModel, probability: f32, took: Duration) {
        let ms = took.as_millis() as u64;
        if self.json {
            let line = json!({
                "file": file.to_string_lossy(),
                "engine": model.engine.name(),
                "probability": probability,
                "compute_ms": ms,
            });
            println!("{line}");
        } else {
            println!("{probability:.3}  {ms} ms  {}", file.display());
        }
    }
}

/// The probability that the turn is complete, and how long it took to say so.
fn heard(file: &Path, model: &mut TurnModel) -> anyhow::Result<(f32, Duration)> {
    let bytes = std::fs::read(file)?;
    let audio = container::decode(&bytes, LONGEST, &Cancel::default())?;
    anyhow::ensure!(!audio.is_empty(), "it holds no sound");
    anyhow::ensure!(
        audio.len() * 1_000 >= SHORTEST_MS * MIC_RATE_HZ as usize,
        "it is too short; at least {SHORTEST_MS} ms are needed"
    );
    let begun = Instant::now();
    let probability = model.detector.predict(&audio)?;
    Ok((probability, begun.elapsed()))
}

fn named(name: &str) -> Result<TurnEngine, String> {
    TurnEngine::ALL.into_iter().find(|engine| engine.name() == name).ok_or_else(|| {
        let names = TurnEngine::ALL.map(TurnEngine::name);
        format!("needs one of {}", names.join(", "))
    })
}
