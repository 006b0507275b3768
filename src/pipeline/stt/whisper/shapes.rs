//! The real shapes of Whisper, on weights from a formula, against transformers: see
//! `tests/reference/whisper_shapes.md` and the script beside it.

use candle_core::{DType, Device, Tensor};
use half::f16;
use rayon::prelude::*;
use serde::Deserialize;
use sotto_kernels::seeded::uniform;

use super::config::ModelConfig;
use super::model::{Model, Precision};
use super::weights::Weights;
use crate::pipeline::mel::LogMel;

const FEATURES: f32 = 2e-5;
/// Of the encoder's output and of scores, as a part of the largest.
const EXACT: f32 = 1e-4;
/// Of the same, where weights are rounded to so many bits, and what they are multiplied with to eight.
const Q8_0: f32 = 2e-2;
const Q5_0: f32 = 2e-1;

#[derive(Deserialize)]
struct Reference {
    audio: Audio,
    #[serde(flatten)]
    shapes: std::collections::HashMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Audio {
    samples: usize,
    first: Vec<f32>,
    sum_of_squares: f64,
}

#[derive(Deserialize)]
struct Expected {
    shape: Shape,
    mel: Sample,
    encoded: Sample,
    fed: Vec<u32>,
    scores: Vec<Sample>,
    greedy: Vec<u32>,
}

#[derive(Deserialize)]
struct Shape {
    #[serde(flatten)]
    config: ModelConfig,
    prompt: Vec<u32>,
}

/// Some values of a tensor.
#[derive(Deserialize)]
struct Sample {
    offset: usize,
    stride: usize,
    largest: f32,
    values: Vec<f32>,
}

impl Sample {
    /// The largest difference to those values of `ours`.
    fn difference(&self, ours: &[f32]) -> f32 {
        let ours = ours[self.offset..].iter().step_by(self.stride);
        self.values.iter().zip(ours).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }
}

fn reference() -> Reference {
    // Within the program: it is also taken to machines with a GPU and without a checkout.
    serde_json::from_str(include_str!("../../../../tests/reference/whisper_shapes.json")).unwrap()
}

fn scale(name: &str, shape: &[usize]) -> f32 {
    let inputs: usize = shape[1..].iter().product();
    let by_inputs = |factor: f64| (3.0_f64.sqrt() * factor / (inputs as f64).sqrt()) as f32;
    match name {
        _ if name.split('.').next_back() == Some("bias") => 0.1,
        _ if name.contains("layer_norm") => 0.2,
        "model.decoder.embed_positions.weight" => 3.0,
        "model.decoder.embed_tokens.weight" => by_inputs(4.0),
        _ if name.contains("q_proj") || name.contains("k_proj") => by_inputs(1.5),
        _ => by_inputs(1.0),
    }
}

/// A tensor of the formula, by its name without `model.`.
fn tensor(name: &str, shape: &[usize]) -> Tensor {
    let name = format!("model.{name}");
    let count = shape.iter().product();
    let rounded = |value: f32| f16::from_f32(value).to_f32();
    let values: Vec<f32> = if name == "model.encoder.embed_positions.weight" {
        sinusoids(shape[0], shape[1]).into_iter().map(rounded).collect()
    } else {
        let one = if name.contains("layer_norm") && name.ends_with(".weight") { 1.0 } else { 0.0 };
        let scale = scale(&name, shape);
        uniform(&name, count).into_par_iter().map(|u| rounded(u * scale + one)).collect()
    };
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn sinusoids(length: usize, width: usize) -> Vec<f32> {
    let half = width / 2;
    let speed = |j: usize| (-(j as f64) * 10_000.0_f64.ln() / (half as f64 - 1.0)).exp();
    let row = |p: usize| {
        let angles = (0..half).map(move |j| p as f64 * speed(j));
        angles.clone().map(f64::sin).chain(angles.map(f64::cos)).map(|x| x as f32)
    };
    (0..length).flat_map(row).collect()
}

pub(super) fn audio(count: usize) -> Vec<f32> {
    let noise = uniform("audio", count);
    let sample = |(i, u): (usize, f32)| {
        let t = i as f64 / 16_000.0;
        let tone = 0.3 * (std::f64::consts::TAU * (200.0 + 900.0 * t) * t).sin();
        ((tone + 0.02 * f64::from(u)) * 32_768.0).round_ties_even() as f32 / 32_768.0
    };
    noise.into_iter().enumerate().map(sample).collect()
}

/// A model of a shape, on a device.
#[cfg(feature = "cuda")]
pub(super) fn model(name: &str, device: &Device, dtype: DType) -> (Model, ModelConfig) {
    let expected = reference().shapes.remove(name).unwrap();
    let Expected { shape, .. } = serde_json::from_value(expected).unwrap();
    let weights = Weights::made(tensor, device, dtype);
    (Model::load(weights, &shape.config, Precision::Auto).unwrap(), shape.config)
}

/// Compares a shape, step by step. Encoder and scores may differ by `tolerance`, and where weights are not rounded
/// the text is the same.
fn compare(name: &str, precision: Precision, tolerance: f32) {
    let mut reference = reference();
    let expected = reference.shapes.remove(name).unwrap();
    let Expected { shape, mel, encoded, fed, scores, greedy } =
        serde_json::from_value(expected).unwrap();
    let sound = audio(reference.audio.samples);
    let first =
        sound.iter().zip(&reference.audio.first).all(|(a, b)| (a - b).abs() <= 1.0 / 32_768.0);
    let squares: f64 = sound.iter().map(|s| f64::from(*s).powi(2)).sum();
    assert!(first && (squares - reference.audio.sum_of_squares).abs() < 1e-3, "the sound");

    let config = &shape.config;
    let frames = 2 * config.max_source_positions;
    let (bands, shown) = (config.num_mel_bins, 200);
    let features = LogMel::<f32>::new(bands).compute(&sound, frames);
    let looked_at: Vec<f32> =
        features.chunks(frames).flat_map(|row| &row[..shown]).copied().collect();
    assert!(mel.difference(&looked_at) < FEATURES, "features");

    let weights = Weights::made(tensor, &Device::Cpu, DType::F32);
    let model = Model::load(weights, config, precision).unwrap();
    let features = model.features(features, (1, bands, frames)).unwrap();
    let output = model.encode(&features, &|| false).unwrap().unwrap();
    let ours: Vec<f32> = output.flatten_all().unwrap().to_vec1().unwrap();
    let worst = encoded.difference(&ours) / encoded.largest;
    eprintln!("{name}, {precision:?}: encoder {worst:.1e}");
    assert!(worst < tolerance, "encoder: {worst}");

    let mut caches = model.caches(1).unwrap();
    model.remember(&mut caches, 0, &output).unwrap();
    let read = |caches: &mut _, tokens: &[u32]| -> Vec<Vec<f32>> {
        let states = model.read(caches, 0, tokens).unwrap();
        model.scores(&states).unwrap().squeeze(0).unwrap().to_vec2().unwrap()
    };
    let check = |ours: &[Vec<f32>], theirs: &[Sample]| {
        for (ours, theirs) in ours.iter().zip(theirs) {
            let worst = theirs.difference(ours) / theirs.largest;
            eprintln!("{name}, {precision:?}: scores {worst:.1e}");
            assert!(worst < tolerance, "scores: {worst}");
        }
    };
    for (token, theirs) in fed.iter().zip(scores.chunks(1)) {
        check(&read(&mut caches, &[*token]), theirs);
    }
    let told = shape.prompt.len();
    caches.rewind(0, 0);
    let ours = read(&mut caches, &fed[..told]);
    check(&ours, &scores[..told]);
    check(&read(&mut caches, &fed[told..]), &scores[told..]);

    if tolerance > EXACT {
        return;
    }
    caches.rewind(0, told);
    let mut last = ours.into_iter().next_back().unwrap();
    let mut written = Vec::new();
    while written.len() < greedy.len() {
        let best = (0..last.len()).max_by(|a, b| last[*a].total_cmp(&last[*b])).unwrap();
        written.push(best as u32);
        last = read(&mut caches, &[best as u32]).remove(0);
    }
    assert_eq!(written, greedy);
}

#[test]
fn tiny_en() {
    compare("tiny.en", Precision::Auto, EXACT);
}

#[test]
fn base() {
    compare("base", Precision::Auto, EXACT);
}

#[test]
fn large_v3_turbo() {
    compare("large-v3-turbo", Precision::Auto, EXACT);
}

#[test]
fn base_in_eight_bits() {
    compare("base", Precision::Q8_0, Q8_0);
}

#[test]
fn base_in_five_bits() {
    compare("base", Precision::Q5_0, Q5_0);
}
