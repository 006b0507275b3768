//! What every figure needs: recordings, models, a seeded source of chance, and a person who speaks from a script.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use sotto::config::Config;
use sotto::engine::onnxruntime_path;
use sotto::engine::ort::OnnxRuntime;
use sotto::models::{Manifest, Store};
use sotto::pipeline::codec::wav;
use sotto::pipeline::conversation::Hints;
use sotto::pipeline::frame::Samples;
use sotto::pipeline::history::Role;
use sotto::pipeline::rehearsal::{Cast, Costs, GATE, Output, Rehearsal, drone, settings};
use sotto::pipeline::stt::{Transcript, Urgency};
use sotto::pipeline::text::Text;
use sotto::pipeline::tts::Speech;
use sotto::pipeline::vad::{Silero, VadModel};

/// Samples a second of the microphone.
pub const RATE: usize = 16_000;
/// A reply of about 25 s in the voice of rehearsals.
pub const STORY: &str = "Once upon a time there was a king who had three daughters, and all of them could sing. \
One day a stranger came to the castle, and he asked for the youngest of them. The king said that she was free to go \
wherever she liked, but that her songs had to stay. So the stranger built a house of glass beside the river, and every \
evening the water carried her voice back to the castle.";

/// A recording that somebody speaks in.
pub struct Clip {
    pub text: String,
    pub sound: Vec<f32>,
    pub language: String,
    /// Cut before the sentence was over.
    pub unfinished: bool,
    /// Cut, there or at its end: `text` is what was said by then.
    pub cut: bool,
}

pub struct Stage {
    pub vad: Arc<dyn VadModel>,
    pub runtime: OnnxRuntime,
    pub turn_model: PathBuf,
    pub clips: Vec<Clip>,
    pub noises: Vec<(String, Vec<f32>)>,
}

fn shared() -> PathBuf {
    std::env::var_os("SOTTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

fn sound(path: &Path) -> Option<Vec<f32>> {
    wav::decode(&std::fs::read(path).ok()?, RATE as u32).ok()
}

impl Stage {
    /// `None`, and why, where something is missing.
    pub fn load() -> Option<Self> {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let store = Store::new(Manifest::built_in(), vec![models, shared().join("models")]);
        let path = onnxruntime_path(&Config::default(), &store)
            .or_else(|| missing("onnxruntime is not here (make models)"))?;
        let runtime = OnnxRuntime::load(&path).ok()?;
        let silero = store.find("silero-vad").ok().or_else(|| missing("silero-vad is not here"))?;
        let silero = Silero::load(&runtime, &silero.join("silero_vad.onnx"), 1).ok()?;
        let turn_model = shared().join("models/smart-turn-v3/smart-turn-v3.2-cpu.onnx");
        let audio = shared().join("audio");
        let mut clips = Vec::new();
        for (folder, manifest) in [("", "manifest.jsonl"), ("", "endpoint/manifest.jsonl")] {
            let lines = std::fs::read_to_string(audio.join(folder).join(manifest))
                .ok()
                .or_else(|| missing("the recordings are not here (SOTTO_SHARED)"))?;
            for line in lines.lines() {
                let Ok(entry) = serde_json::from_str::<Value>(line) else { continue };
                let (Some(name), Some(text)) = (entry["file"].as_str(), entry["text"].as_str())
                else {
                    continue;
                };
                let Some(sound) = sound(&audio.join(name)) else { continue };
                let unfinished = entry["label"] == "incomplete";
                let language = entry["lang"].as_str().unwrap_or("en").to_owned();
                let (text, cut) = (text.to_owned(), entry["label"].is_string());
                clips.push(Clip { text, sound, language, unfinished, cut });
            }
        }
        let mut noises = Vec::new();
        for entry in std::fs::read_dir(audio.join("noise")).ok()?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            noises.extend(sound(&entry.path()).map(|sound| (name, sound)));
        }
        noises.sort_by(|one, other| one.0.cmp(&other.0));
        Some(Self { vad: Arc::new(silero), runtime, turn_model, clips, noises })
    }

    /// A call with somebody who speaks from a script.
    pub fn call(&self, person: Person, output: Output) -> Rehearsal<Person> {
        let costs = Costs::default();
        Rehearsal::new(person, costs, settings(), &self.vad, GATE, output)
    }
}

fn missing<T>(what: &str) -> Option<T> {
    println!("left out: {what}");
    None
}

/// What somebody says and when: the words are known to recognition as far as they were said.
#[derive(Default)]
pub struct Person {
    pub said: Vec<(Samples, Samples, String)>,
    pub reply: String,
    /// The reply's voice, instead of the constant sound.
    pub voice: Option<Vec<f32>>,
}

impl Cast for Person {
    fn complete(&mut self, _: &[f32]) -> f32 {
        0.95
    }

    fn transcribe(&mut self, audio: &[f32], end: Samples, hints: &Hints) -> Transcript {
        let begin = end.0.saturating_sub(audio.len() as u64);
        let mut text = Text::default();
        for (from, to, words) in &self.said {
            if to.0 <= begin || from.0 >= end.0 {
                continue;
            }
            // Half a word is no word yet.
            let part = (end.0.min(to.0) - from.0) as f32 / (to.0 - from.0) as f32;
            let count = words.split_whitespace().count();
            let heard = (count as f32 * part + 0.1) as usize;
            // Whoever has been heard for a third of a second has said a word.
            let heard = heard.max(usize::from(end.0 > from.0 + 5_000 && count > 0));
            let complete = hints.urgency != Urgency::Interim && end >= *to;
            let heard = if complete { count } else { heard.min(count) };
            let words: Vec<&str> = words.split_whitespace().take(heard).collect();
            text.push_phrase(&words.join(" "));
        }
        Transcript { text, ..Transcript::default() }
    }

    fn answer(&mut self, _: &[(Role, Text)]) -> Vec<String> {
        self.reply.split_inclusive(' ').map(str::to_owned).collect()
    }

    fn speak(&mut self, text: &str) -> Speech {
        let mut speech = drone(text);
        if let Some(voice) = &mut self.voice {
            let length = speech.samples.len().min(voice.len());
            speech.samples = voice.drain(..length).collect();
        }
        speech
    }
}

/// Chance with a seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// From 0 to 1.
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.next() * (high - low)
    }

    /// As many below the middle as above it, in proportion.
    pub fn log_between(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    pub fn below(&mut self, count: usize) -> usize {
        (self.next() * count as f64) as usize % count.max(1)
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.next().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }
}

/// The value below which this part of all values is.
pub fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (part * values.len() as f64).ceil() as usize;
    values.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
