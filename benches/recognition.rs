//! Whisper over recordings of 1 to 8 s, as `benches/peers/whisper_peers.py` runs others: `cargo bench --bench recognition`.
//!
//! Weights and recordings are those of the tests (`SOTTO_SHARED`). For each recording the median of some runs counts, of
//! these the mean. `SOTTO_BENCH_CLIPS` takes only the first ones.

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Device;
use serde_json::Value;
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::codec::wav;
use sotto::pipeline::stt::{Precision, SpeechToText, Utterance, Whisper, WhisperSettings};

const MIC_RATE_HZ: u32 = 16_000;
const RUNS: usize = 3;
/// As the peers.
const THREADS: usize = 2;

struct Clip {
    name: String,
    samples: Vec<f32>,
    tokens: Vec<u32>,
}

fn main() {
    let folder = std::env::var_os("SOTTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let Ok(manifest) = std::fs::read_to_string(folder.join("audio/manifest.jsonl")) else {
        println!("left out: there are no recordings in {}", folder.display());
        return;
    };
    let first = std::env::var("SOTTO_BENCH_CLIPS").ok().and_then(|n| n.parse().ok());
    let clips: Vec<Clip> = manifest
        .lines()
        .filter_map(|line| clip(&folder.join("audio"), line))
        .take(first.unwrap_or(usize::MAX))
        .collect();
    println!("{} recordings, {THREADS} threads, mean of medians of {RUNS} runs", clips.len());
    println!("{:<10} {:<10} {:>9} {:>13}", "weights", "context", "ms", "same tokens");
    for (name, precision) in [("auto", Precision::Auto), ("f32", Precision::F32)] {
        for (context, trim_context) in [("full", false), ("trimmed", true)] {
            let settings = WhisperSettings {
                trim_context,
                threads: THREADS,
                precision,
                ..WhisperSettings::default()
            };
            let model = folder.join("models/whisper-tiny.en-fixture");
            match Whisper::load(&model, &Device::Cpu, settings) {
                Ok(mut whisper) => row(&mut whisper, &clips, name, context),
                Err(error) => println!("left out: {error}"),
            }
        }
    }
}

fn clip(folder: &Path, line: &str) -> Option<Clip> {
    let line: Value = serde_json::from_str(line).ok()?;
    let lasts = line["dur"].as_f64().filter(|seconds| (1.0..=8.0).contains(seconds));
    let tokens = line["fixture_tokens"].as_array().filter(|_| lasts.is_some())?;
    let name = line["file"].as_str()?.to_owned();
    let samples = wav::decode(&std::fs::read(folder.join(&name)).ok()?, MIC_RATE_HZ).ok()?;
    let tokens = tokens.iter().filter_map(|token| Some(token.as_u64()? as u32)).collect();
    Some(Clip { name, samples, tokens })
}

fn row(whisper: &mut Whisper, clips: &[Clip], weights: &str, context: &str) {
    let (mut sum, mut same) = (0.0, 0);
    let mut others = Vec::new();
    for clip in clips {
        let mut times = Vec::new();
        for _ in 0..=RUNS {
            let begun = Instant::now();
            let utterance = Utterance { audio: &clip.samples, ..Utterance::default() };
            let tokens = whisper
                .transcribe(utterance, &Cancel::default())
                .map(|transcript| transcript.tokens)
                .unwrap_or_default();
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
            if times.len() == 1 {
                if tokens == clip.tokens {
                    same += 1;
                } else {
                    others.push(clip.name.as_str());
                }
            }
        }
        // The first one fills caches.
        times.remove(0);
        times.sort_by(f64::total_cmp);
        sum += times[times.len() / 2];
    }
    let mean = sum / clips.len().max(1) as f64;
    println!(
        "{weights:<10} {context:<10} {mean:>9.1} {same:>9} of {} {}",
        clips.len(),
        others.join(" ")
    );
}
