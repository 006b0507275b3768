//! Whisper over recordings of 1 to 8 s, as `benches/peers/whisper_peers.py` runs others: `cargo bench --bench recognition`.
//!
//! Weights and recordings are those of the tests (`SOTTO_SHARED`). For each recording the median of some runs counts, of
//! these the mean. Sections can be chosen by name:
//!
//! * `clips`: each way to run the fixture. `SOTTO_BENCH_CLIPS` takes only the first recordings, `--json auto/full` gives
//!   one row for programs.
//! * `memory`: what stays resident after 100 and after 1,000 utterances.
//! * `weights`: 3 s of sound, in the shape of the checkpoint in `SOTTO_BENCH_WEIGHTS` (the peers' script makes one).

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Device;
use serde_json::{Value, json};
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::codec::wav;
use sotto::pipeline::stt::{
    Effort, Options, Precision, SpeechToText, Utterance, Whisper, WhisperSettings,
};

const MIC_RATE_HZ: u32 = 16_000;
const RUNS: usize = 3;
/// As the peers.
const THREADS: usize = 2;
/// Tokens that are counted for a checkpoint whose text means nothing.
const TOKENS: u32 = 20;

struct Clip {
    name: String,
    samples: Vec<f32>,
    tokens: Vec<u32>,
}

/// A way to run it over all recordings.
struct Row {
    mean_ms: f64,
    same: usize,
    others: Vec<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--json") {
        return one_row(arguments.get(at + 1).map_or("auto/trimmed", String::as_str));
    }
    let wanted: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let runs =
        |section: &str| wanted.is_empty() || wanted.iter().any(|word| section.contains(*word));
    if runs("clips") {
        clips_section();
    }
    if runs("memory") {
        memory_section();
    }
    if let Some(folder) = std::env::var_os("SOTTO_BENCH_WEIGHTS").filter(|_| runs("weights")) {
        weights_section(Path::new(&folder));
    }
}

fn clips_section() {
    let clips = clips();
    println!("{} recordings, {THREADS} threads, mean of medians of {RUNS} runs", clips.len());
    println!("{:<10} {:<10} {:>9} {:>13}", "weights", "context", "ms", "same tokens");
    for way in ["auto/full", "auto/trimmed", "f32/full", "f32/trimmed"] {
        let Some(mut whisper) = fixture(way) else { return };
        let Row { mean_ms, same, others } = measure(&mut whisper, &clips);
        let (weights, context) = way.split_once('/').unwrap_or_default();
        let (of, others) = (clips.len(), others.join(" "));
        println!("{weights:<10} {context:<10} {mean_ms:>9.1} {same:>9} of {of} {others}");
    }
}

/// A row of the peers' table.
fn one_row(way: &str) {
    let clips = clips();
    let Some(mut whisper) = fixture(way) else { return };
    let Row { mean_ms, same, others } = measure(&mut whisper, &clips);
    let (weights, context) = way.split_once('/').unwrap_or_default();
    let row = json!({
        "peer": "sotto", "weights": weights, "context": context, "clips": clips.len(),
        "mean_ms": (mean_ms * 10.0).round() / 10.0, "same_tokens": same, "other_tokens": others,
    });
    println!("{row}");
}

/// Whether memory grows with what was recognised.
fn memory_section() {
    let clips = clips();
    let Some(mut whisper) = fixture("auto/trimmed") else { return };
    let mut done = 0;
    for until in [100, 1_000] {
        while done < until && !clips.is_empty() {
            transcribe(&mut whisper, &clips[done % clips.len()].samples, Options::default());
            done += 1;
        }
        match resident_mib() {
            Some(mib) => println!("resident after {done} utterances: {mib:.1} MiB"),
            None => return println!("left out: this system does not say what is resident"),
        }
    }
}

/// Encoder over the whole window and the text, by the way weights are kept.
fn weights_section(folder: &Path) {
    let seconds = 3;
    let audio: Vec<f32> = (0..seconds * MIC_RATE_HZ).map(chirp).collect();
    println!(
        "{}: {seconds} s, whole window, {THREADS} threads, median of {RUNS}",
        folder.display()
    );
    println!(
        "{:<8} {:>10} {:>10} {:>8} {:>9} {:>18}",
        "weights", "encode ms", "write ms", "tokens", "ms/token", "ms with 20 tokens"
    );
    let device = device();
    let ways = [Precision::Auto, Precision::Q8_0];
    let ways = if device.is_cpu() { &ways[..] } else { &ways[..1] };
    for precision in ways {
        let settings = settings(*precision, false);
        let mut whisper = match Whisper::load(folder, &device, settings) {
            Ok(whisper) => whisper,
            Err(error) => return println!("left out: {error}"),
        };
        let language = Some("en".to_owned());
        let greedy = Options { temperature: Some(0.0), language, ..Options::default() };
        let mut efforts: Vec<Effort> = (0..=RUNS)
            .map(|_| transcribe(&mut whisper, &audio, greedy.clone()).1.unwrap_or_default())
            .skip(1)
            .collect();
        efforts.sort_by_key(|effort| effort.encoding + effort.writing);
        let Effort { tokens, encoding, writing, .. } = efforts[efforts.len() / 2];
        let (encoding, writing) =
            (encoding.as_secs_f64() * 1_000.0, writing.as_secs_f64() * 1_000.0);
        let each = writing / f64::from(tokens.max(1));
        println!(
            "{:<8} {encoding:>10.0} {writing:>10.0} {tokens:>8} {each:>9.2} {:>18.0}",
            format!("{precision:?}").to_lowercase(),
            encoding + each * f64::from(TOKENS)
        );
    }
}

/// A tone that rises.
fn chirp(at: u32) -> f32 {
    let t = at as f32 / MIC_RATE_HZ as f32;
    0.3 * (std::f32::consts::TAU * (200.0 + 300.0 * t) * t).sin()
}

/// The GPU of a build for it.
fn device() -> Device {
    if cfg!(feature = "cuda") {
        Device::cuda_if_available(0).unwrap_or(Device::Cpu)
    } else {
        Device::Cpu
    }
}

fn settings(precision: Precision, trim_context: bool) -> WhisperSettings {
    WhisperSettings { trim_context, threads: THREADS, precision, ..WhisperSettings::default() }
}

/// The fixture, run in a way such as `auto/trimmed`.
fn fixture(way: &str) -> Option<Whisper> {
    let (weights, context) = way.split_once('/')?;
    let precision = if weights == "f32" { Precision::F32 } else { Precision::Auto };
    let folder = shared().join("models/whisper-tiny.en-fixture");
    match Whisper::load(&folder, &Device::Cpu, settings(precision, context == "trimmed")) {
        Ok(whisper) => Some(whisper),
        Err(error) => {
            println!("left out: {error}");
            None
        }
    }
}

fn shared() -> PathBuf {
    std::env::var_os("SOTTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

fn clips() -> Vec<Clip> {
    let folder = shared().join("audio");
    let Ok(manifest) = std::fs::read_to_string(folder.join("manifest.jsonl")) else {
        println!("left out: there are no recordings in {}", folder.display());
        return Vec::new();
    };
    let first = std::env::var("SOTTO_BENCH_CLIPS").ok().and_then(|n| n.parse().ok());
    let all = manifest.lines().filter_map(|line| clip(&folder, line));
    all.take(first.unwrap_or(usize::MAX)).collect()
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

fn transcribe(
    whisper: &mut Whisper,
    audio: &[f32],
    options: Options,
) -> (Vec<u32>, Option<Effort>) {
    let utterance = Utterance { audio, options };
    let transcript = whisper.transcribe(utterance, &Cancel::default()).unwrap_or_default();
    (transcript.tokens, transcript.effort)
}

fn measure(whisper: &mut Whisper, clips: &[Clip]) -> Row {
    let (mut sum, mut others) = (0.0, Vec::new());
    for clip in clips {
        // The first one fills caches.
        let (tokens, _) = transcribe(whisper, &clip.samples, Options::default());
        if tokens != clip.tokens {
            others.push(clip.name.clone());
        }
        let mut times: Vec<f64> = (0..RUNS)
            .map(|_| {
                let begun = Instant::now();
                transcribe(whisper, &clip.samples, Options::default());
                begun.elapsed().as_secs_f64() * 1_000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        sum += times[times.len() / 2];
    }
    let mean_ms = sum / clips.len().max(1) as f64;
    Row { mean_ms, same: clips.len() - others.len(), others }
}

/// Of this process. Linux only.
fn resident_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1_024.0)
}
