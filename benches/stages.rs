//! Single stages on one thread, on real speech where it matters: `cargo bench --bench stages`.
//!
//! Those that are pure are in `instructions/pure.rs`, where their instructions are counted too. Sealing is in `vault.rs`,
//! storing in `history.rs`, recognition beside others in `recognition.rs`.
//!
//! Recordings and weights come from `SOTTO_SHARED` (default `../shared`) and `models/`; what is not there is left
//! out, and said so.

#[path = "instructions/pure.rs"]
#[expect(dead_code, reason = "how many steps are counted is for `instructions`")]
mod pure;

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use candle_core::Device;
use criterion::{Criterion, criterion_group, criterion_main};
use sotto::config::Config;
use sotto::engine::onnxruntime_path;
use sotto::engine::ort::OnnxRuntime;
use sotto::models::{Manifest, Store};
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::codec::jitter::Unit;
use sotto::pipeline::codec::opus::{Decoder, Encoder, SPEECH_FRAME};
use sotto::pipeline::codec::wav;
use sotto::pipeline::stt::{SpeechToText, Utterance, Whisper, WhisperSettings};
use sotto::pipeline::tts::clauses::Clauses;
use sotto::pipeline::tts::speakable::speakable;
use sotto::pipeline::tts::{Kokoro, KokoroSettings, SpeechRequest, TextToSpeech};
use sotto::pipeline::turn::{SmartTurn, TurnDetector};
use sotto::pipeline::vad::{FRAME, Silero, VadModel};
use sotto_llm::Reach;

const MIC_RATE_HZ: u32 = 16_000;
/// Sixteen seconds of a real voice.
const CLIP: &str = "audio/speech/jfk.wav";
/// A question of three seconds.
const QUESTION: &str = "audio/speech/sb_spk1_snt4.wav";
const REPLY: &str = "Well, **that** is a good question. The tide follows the moon, which passes overhead \
fifty minutes later every day, so high water is later too. Shall I say more about it?";
/// As quick as local models write.
const BETWEEN_TOKENS: Duration = Duration::from_millis(20);
const TEN_WORDS: &str = "The tide follows the moon, which passes fifty minutes later.";

fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SOTTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    println!("left out: {} is not there", path.display());
    None
}

fn samples(name: &str) -> Option<Vec<f32>> {
    wav::decode(&std::fs::read(shared(name)?).ok()?, MIC_RATE_HZ).ok()
}

fn onnxruntime() -> Option<(OnnxRuntime, Store)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let store = Store::new(Manifest::built_in(), vec![folder]);
    let Some(path) = onnxruntime_path(&Config::default(), &store) else {
        println!("left out: onnxruntime is not there (make models)");
        return None;
    };
    Some((OnnxRuntime::load(&path).ok()?, store))
}

fn pure(c: &mut Criterion) {
    let mut group = c.benchmark_group("pure");
    for mut stage in pure::all() {
        group.bench_function(stage.name, |b| b.iter(|| (stage.step)()));
    }
    group.finish();
}

fn codec(c: &mut Criterion) {
    let mut group = c.benchmark_group("codec");
    let tone: Vec<f32> = (0..SPEECH_FRAME).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
    let Ok(mut encoder) = Encoder::new() else { return };
    group.bench_function("opus: encode 20 ms", |b| b.iter(|| encoder.encode(black_box(&tone))));
    let Ok(packet) = encoder.encode(&tone) else { return };
    let payload = Bytes::from(packet);
    let Ok(mut decoder) = Decoder::new() else { return };
    let unit = Unit::Packet(payload.clone());
    group.bench_function("opus: decode 20 ms to 16 kHz", |b| {
        b.iter(|| decoder.decode(black_box(&unit)).len());
    });
    group.finish();
}

fn speech_in(c: &mut Criterion) {
    let Some(clip) = samples(CLIP) else { return };
    let mut group = c.benchmark_group("speech in");
    if let Some((runtime, store)) = onnxruntime() {
        let model = store.find("silero-vad").map(|folder| folder.join("silero_vad.onnx"));
        if let Some(silero) = model.ok().and_then(|path| Silero::load(&runtime, &path, 1).ok()) {
            let mut vad = silero.open();
            let (frames, _) = clip.as_chunks::<FRAME>();
            let mut frames = frames.iter().cycle();
            group.bench_function("silero: one frame of 32 ms", |b| {
                b.iter(|| frames.next().map(|frame| vad.probability(frame)));
            });
        }
        let model = shared("models/smart-turn-v3/smart-turn-v3.2-cpu.onnx");
        if let Some(mut turn) = model.and_then(|path| SmartTurn::load(&runtime, &path).ok()) {
            let last = &clip[clip.len() - 8 * MIC_RATE_HZ as usize..];
            group.bench_function("smart turn: features and model, 8 s", |b| {
                b.iter(|| turn.predict(black_box(last)));
            });
        }
    }
    if let (Some(turn), Some(question)) = (smart_turn_v2(), samples(QUESTION)) {
        group.sample_size(10);
        group.bench_function("smart turn v2, weights from a formula: 3 s trimmed", |b| {
            b.iter(|| turn.predict(black_box(&question)));
        });
    }
    if let (Some(folder), Some(question)) =
        (shared("models/whisper-tiny.en-fixture"), samples(QUESTION))
    {
        group.sample_size(10);
        for (name, trim_context) in [("trimmed", true), ("full", false)] {
            let settings = WhisperSettings { trim_context, ..WhisperSettings::default() };
            let Ok(mut whisper) = Whisper::load(&folder, &Device::Cpu, settings) else { continue };
            let name = format!("whisper tiny.en: {name} context, 3 s");
            group.bench_function(name, |b| {
                b.iter(|| {
                    let utterance = Utterance { audio: &question, ..Utterance::default() };
                    whisper.transcribe(utterance, &Cancel::default()).map(|t| t.tokens.len())
                });
            });
        }
    }
    group.finish();
}

/// The model in its published size. What it answers means nothing, but it takes as long.
fn smart_turn_v2() -> Option<sotto_turn::SmartTurn> {
    let folder = tempfile::tempdir().ok()?;
    // As published is the default.
    std::fs::write(folder.path().join("config.json"), "{}").ok()?;
    sotto_turn::seeded::model(folder.path(), &Device::Cpu).ok()
}

fn speech_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("speech out");
    if let Some(mut kokoro) = kokoro() {
        group.sample_size(10);
        group.bench_function("kokoro, weights from a formula: ten words", |b| {
            b.iter(|| speak(&mut kokoro, TEN_WORDS));
        });
        group.bench_function("first sound after the first of 50 tokens a second", |b| {
            b.iter(|| first_sound(&mut kokoro));
        });
    }
    group.finish();
}

/// The voice as calls have it, but that it speaks no language: it takes as long.
fn kokoro() -> Option<Kokoro> {
    let folder = shared("models/kokoro")?;
    let model = sotto_kokoro::seeded::model(&folder, &Device::Cpu).ok()?;
    Kokoro::with(model, &folder, KokoroSettings::default()).ok()
}

/// Speaks up to the first piece, and says how long that took.
fn speak(kokoro: &mut Kokoro, text: &str) -> Duration {
    let began = Instant::now();
    let request = SpeechRequest { text, voice: None, speed: 1.0, reach: Reach::Anywhere };
    let spoken = kokoro.synthesize(request, &Cancel::default(), &mut |piece| {
        black_box(piece);
        ControlFlow::Break(())
    });
    spoken.map_or(Duration::MAX, |()| began.elapsed())
}

/// Hands over a reply token by token, and speaks its first clause as soon as it is one.
fn first_sound(kokoro: &mut Kokoro) -> Duration {
    let began = Instant::now();
    let mut clauses = Clauses::default();
    for (count, token) in REPLY.split_inclusive(' ').enumerate() {
        let due = BETWEEN_TOKENS * count as u32;
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        if let Some(clause) = clauses.push(token).first() {
            speak(kokoro, &speakable(clause));
            break;
        }
    }
    began.elapsed()
}

criterion_group! {
    name = stages;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    targets = pure, codec, speech_in, speech_out
}
criterion_main!(stages);
