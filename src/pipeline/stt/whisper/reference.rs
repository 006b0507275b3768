//! Ours against transformers, tensor by tensor, on a small checkpoint with random weights: see
//! `tests/reference/whisper.py`, which made both.
//!
//! Both compute in f32, in different orders, which costs some units in the last place for each layer.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use super::{Whisper, WhisperSettings};
use crate::pipeline::cancel::Cancel;
use crate::pipeline::stt::{Options, SpeechToText, Utterance};

const FEATURES: f32 = 2e-5;
const ENCODED: f32 = 1e-4;
const SCORES: f32 = 1e-3;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/whisper")
}

pub(super) fn whisper() -> Whisper {
    Whisper::load(&folder(), &Device::Cpu, WhisperSettings::default()).unwrap()
}

pub(super) fn reference(name: &str) -> Tensor {
    let path = folder().join("reference.safetensors");
    candle_core::safetensors::load(path, &Device::Cpu).unwrap().remove(name).unwrap()
}

pub(super) fn audio() -> Vec<f32> {
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
    let frames = 2 * whisper.model.context();
    let ours = Tensor::from_vec(whisper.mel.compute(&audio(), frames), (80, frames), &Device::Cpu);
    let worst = difference(&ours.unwrap(), &reference("mel"));
    assert!(worst < FEATURES, "{worst}");
}

#[test]
fn encoder_and_decoder() {
    let whisper = whisper();
    let model = &whisper.model;
    let mel = reference("mel").t().unwrap().contiguous().unwrap().unsqueeze(0).unwrap();
    let encoded = model.encode(&mel, &|| false).unwrap().unwrap();
    let worst = difference(&encoded.squeeze(0).unwrap(), &reference("encoded"));
    assert!(worst < ENCODED, "{worst}");

    let (tokens, theirs) = (numbers("tokens"), reference("scores"));
    // Two utterances side by side, of which the second is what is looked at.
    let mut caches = model.caches(2).unwrap();
    let read = |caches: &mut _, part: &[u32], from: usize| {
        let states = model.read(caches, 1, part).unwrap();
        let ours = model.scores(&states).unwrap().squeeze(0).unwrap();
        let worst = difference(&ours, &theirs.narrow(0, from, part.len()).unwrap());
        assert!(worst < SCORES, "{part:?} after {from}: {worst}");
    };
    model.remember(&mut caches, 1, &encoded).unwrap();
    // One token after the other, over the cache; and some at once, as a prompt is read.
    for (i, token) in tokens.iter().enumerate() {
        read(&mut caches, &[*token], i);
    }
    caches.rewind(1, 0);
    read(&mut caches, &tokens[..4], 0);
    read(&mut caches, &tokens[4..], 4);
    // What is read in vain is forgotten.
    caches.rewind(1, 4);
    read(&mut caches, &tokens[4..], 4);
}

#[test]
fn the_language_and_the_text() {
    let mut whisper = whisper();
    let mut greedy = |options: Options| {
        let options = Options { temperature: Some(0.0), ..options };
        let utterance = Utterance { audio: &audio(), options };
        whisper.transcribe(utterance, &Cancel::default()).unwrap()
    };
    let asking = |code: &str| Options { language: Some(code.to_owned()), ..Options::default() };
    let scores: Vec<f32> = reference("languages").to_vec1().unwrap();
    let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    let found = greedy(Options::default());
    let total: f32 = scores.iter().map(|score| (score - scores[best]).exp()).sum();
    let spoken = found.language.clone().unwrap();
    assert_eq!(spoken.code, ["en", "de", "fr"][best]);
    assert!((spoken.probability.unwrap() - 1.0 / total).abs() < 1e-3);
    // A random text is not believed, but what was written is known.
    let theirs = numbers("greedy");
    assert_eq!(found.rejection, Some(crate::pipeline::stt::Rejection::TooManyWords));
    let written = |options| written(&options);
    assert_eq!(written(Options::default()), theirs[..written(Options::default()).len()]);
    assert!(written(Options::default()).len() > 20);
    // A draft changes nothing, right or wrong.
    for draft in [theirs.clone(), theirs[..5].to_vec(), vec![theirs[0], 7, 7], vec![9_999]] {
        let drafted = written(Options { draft, ..Options::default() });
        assert_eq!(drafted, written(Options::default()));
    }
    // Nor does it change anything when tokens are chosen without looking.
    let ahead = super::batch::written(&self::whisper(), &audio(), &Options::default(), true);
    assert_eq!(ahead, written(Options::default()));
    // A language that is asked for is another prompt, and with it another text.
    let other = ["en", "de", "fr"][(best + 1) % 3];
    let asked = greedy(asking(other)).language.unwrap();
    assert_eq!((asked.code.as_str(), asked.probability), (other, None));
    assert_ne!(written(asking(other)), written(Options::default()));
    assert_eq!(greedy(asking("xx")).language, found.language, "an unknown language is found out");
    // One that is not allowed is not found.
    let allowed = Options { languages: vec![other.to_owned()], ..Options::default() };
    let spoken = greedy(allowed).language.unwrap();
    assert_eq!(spoken.code, other);
    assert!((spoken.probability.unwrap() - 1.0).abs() < 1e-6);
}

#[test]
fn side_by_side_it_is_the_same_whoever_chooses() {
    let whisper = whisper();
    let audio = audio();
    let temperatures = [Some(0.0), None, Some(0.6), Some(0.0), None, Some(0.0)];
    let utterances: Vec<(Vec<f32>, Options)> = temperatures
        .into_iter()
        .enumerate()
        .map(|(i, temperature)| {
            let sound = audio.iter().skip(1_000 * i).map(|x| x * (1.0 - 0.1 * i as f32));
            (sound.collect(), Options { temperature, ..Options::default() })
        })
        .collect();
    let [host, ahead] =
        [false, true].map(|ahead| super::batch::side_by_side(&whisper, (3, ahead), &utterances));
    assert_eq!(host.len(), utterances.len());
    let mut different = std::collections::HashSet::new();
    for (host, ahead) in host.iter().zip(&ahead) {
        let (a, b) = (host.confidence.unwrap(), ahead.confidence.unwrap());
        // A mean over all tokens is the same only where these are.
        assert!((a.mean_log_probability - b.mean_log_probability).abs() < 1e-5);
        assert!((a.no_speech_probability - b.no_speech_probability).abs() < 1e-6);
        assert_eq!(host.rejection, ahead.rejection);
        assert_eq!(host.language.as_ref().unwrap().code, ahead.language.as_ref().unwrap().code);
        different.insert(a.mean_log_probability.to_bits());
    }
    assert!(different.len() > 3, "the utterances are too much alike");
}

/// What is written at temperature 0, believed or not.
fn written(options: &Options) -> Vec<u32> {
    super::batch::written(&whisper(), &audio(), options, false)
}
