//! Ours against transformers, tensor by tensor, on a small checkpoint with random weights: see
//! `tests/reference/whisper.py`, which made both.
//!
//! Both compute in f32, in different orders, which costs some units in the last place for each layer.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use super::decode::{self, Limits};
use super::{Whisper, WhisperSettings};
use crate::pipeline::cancel::Cancel;

const FEATURES: f32 = 2e-5;
const ENCODED: f32 = 1e-4;
const SCORES: f32 = 1e-3;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/whisper")
}

fn whisper() -> Whisper {
    Whisper::load(&folder(), &Device::Cpu, WhisperSettings::default()).unwrap()
}

fn reference(name: &str) -> Tensor {
    let path = folder().join("reference.safetensors");
    candle_core::safetensors::load(path, &Device::Cpu).unwrap().remove(name).unwrap()
}

fn audio() -> Vec<f32> {
    reference("audio").to_vec1().unwrap()
}

fn numbers(name: &str) -> Vec<u32> {
    let numbers: Vec<i64> = reference(name).to_vec1().unwrap();
    numbers.into_iter().map(|number| number as u32).collect()
}

fn difference(ours: &Tensor, theirs: &Tensor) -> f32 {
    assert_eq!(ours.dims(), theirs.dims());
    let largest = (ours - theirs).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
    largest.to_scalar().unwrap()
}

#[test]
fn features() {
    let whisper = whisper();
    let ours = whisper.features(&audio(), whisper.model.context()).unwrap().squeeze(0).unwrap();
    let worst = difference(&ours, &reference("mel"));
    assert!(worst < FEATURES, "{worst}");
}

#[test]
fn encoder_and_decoder() {
    let whisper = whisper();
    let model = &whisper.model;
    let mel = reference("mel").unsqueeze(0).unwrap();
    let output = model.encoder_output(&mel).unwrap().squeeze(0).unwrap();
    let worst = difference(&output, &reference("encoded"));
    assert!(worst < ENCODED, "{worst}");

    let encoded = model.encode(&mel, &|| false).unwrap().unwrap();
    let (tokens, theirs) = (numbers("tokens"), reference("scores"));
    // One token after the other, over the cache; and some at once, as a prompt is read.
    let mut state = model.start().unwrap();
    for (i, token) in tokens.iter().enumerate() {
        let ours = model.step(&mut state, &encoded, &[*token]).unwrap();
        let worst = difference(&ours, &theirs.get(i).unwrap());
        assert!(worst < SCORES, "token {i}: {worst}");
    }
    let mut state = model.start().unwrap();
    for (read, part) in [(4, &tokens[..4]), (6, &tokens[4..])] {
        let ours = model.step(&mut state, &encoded, part).unwrap();
        let worst = difference(&ours, &theirs.get(read - 1).unwrap());
        assert!(worst < SCORES, "{read} tokens: {worst}");
    }
}

#[test]
fn the_language_and_the_text() {
    let whisper = whisper();
    let features = whisper.features(&audio(), whisper.model.context()).unwrap();
    let encoded = whisper.model.encode(&features, &|| false).unwrap().unwrap();
    let greedy = |language| {
        let (limits, cancel) = (Limits::for_duration(1.5), Cancel::default());
        let (model, vocabulary) = (&whisper.model, &whisper.vocabulary);
        decode::greedy(model, &encoded, vocabulary, language, limits, &cancel).unwrap().unwrap()
    };
    let scores: Vec<f32> = reference("languages").to_vec1().unwrap();
    let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    let found = greedy(None);
    assert_eq!(found.language.as_deref(), Some(["en", "de", "fr"][best]));
    let theirs = numbers("greedy");
    assert!(found.tokens.len() > 20, "{:?}", found.tokens);
    assert_eq!(found.tokens, theirs[..found.tokens.len()]);
    // A language that is asked for is another prompt, and with it another text.
    let asked = greedy(Some(["en", "de", "fr"][(best + 1) % 3]));
    assert_ne!(asked.language, found.language);
    assert_ne!(asked.tokens, found.tokens);
    assert_eq!(greedy(Some("xx")), found, "an unknown language is found out");
}
