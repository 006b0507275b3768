//! The model on weights from a formula, for tests that cannot have the published ones: see
//! `tests/reference/smart_turn_v2.py`. What it answers means nothing, but it takes as long, and turns differ.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Tensor};
use sotto_kernels::seeded::{scaled, uniform};

use crate::checkpoint::Checkpoint;
use crate::clip::Clip;
use crate::config::Config;
use crate::layer::Place;
use crate::{Error, LoadError, Precision, SmartTurn, answered};

/// How large a model is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As published: 380 MB.
    Published,
    /// A small one of the same form, which is quick: 0.6 MB.
    Small,
}

/// The model of the configuration in `folder`.
pub fn model(folder: &Path, device: &Device) -> Result<SmartTurn, LoadError> {
    let config = Config::read(&folder.join("config.json"))?;
    build(config, &Place::of(device, Precision::Full))
}

/// Writes `config.json` and `model.safetensors` into a folder, to be read by [`SmartTurn::load`].
pub fn write(folder: &Path, size: Size) -> candle_core::Result<()> {
    let config = config(size);
    let text = serde_json::to_string_pretty(&config).map_err(candle_core::Error::wrap)?;
    std::fs::write(folder.join("config.json"), text)?;
    let tensors = tensors(config).map_err(candle_core::Error::wrap)?;
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors"))
}

/// [`SmartTurn::predict`], computed as the reference does it: all 16 s.
pub fn predict_padded(model: &SmartTurn, audio: &[f32]) -> Result<f32, Error> {
    let clip = Clip::padded(audio, &model.config)?;
    Ok(answered(model.answers(&[clip], &|| false))?.map_or(0.0, |answers| answers[0]))
}

/// A sound of the formula that differs with `index`: steps of `index + 1` samples that become louder and fainter.
pub fn sound(index: usize, samples: usize) -> Vec<f32> {
    let steps = uniform(&format!("audio.{index}"), samples / (index + 1) + 1);
    let value = |i: usize| {
        let loudness = ((i % 6_000) as f32 - 3_000.0).abs() / 3_000.0;
        0.1 + steps[i / (index + 1)] * (0.05 + 0.5 * loudness)
    };
    (0..samples).map(value).collect()
}

pub(crate) fn config(size: Size) -> Config {
    match size {
        Size::Published => Config::default(),
        Size::Small => Config {
            hidden_size: 64,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            intermediate_size: 96,
            conv_dim: vec![32; 7],
            ..Config::default()
        },
    }
}

pub(crate) fn build(config: Config, place: &Place) -> Result<SmartTurn, LoadError> {
    SmartTurn::build(config, &mut Checkpoint::made(Box::new(made)), place)
}

/// All tensors of a model, by name.
pub(crate) fn tensors(config: Config) -> Result<HashMap<String, Tensor>, LoadError> {
    let all = Arc::new(Mutex::new(HashMap::new()));
    let kept = Arc::clone(&all);
    let make = move |name: &str, shape: &[usize]| {
        let values = made(name, shape)?;
        if let Ok(tensor) = Tensor::from_slice(&values, shape, &Device::Cpu) {
            kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), tensor);
        }
        Some(values)
    };
    let place = Place::of(&Device::Cpu, Precision::Full);
    SmartTurn::build(config, &mut Checkpoint::made(Box::new(make)), &place)?;
    let all = std::mem::take(&mut *all.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(all)
}

/// A tensor of the formula, if the model has it.
pub(crate) fn made(name: &str, shape: &[usize]) -> Option<Vec<f32>> {
    // The other spelling is used.
    let exists = !name.ends_with("weight_v") && !name.ends_with("weight_g");
    exists.then(|| tensor(name, shape))
}

fn tensor(name: &str, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    if name.ends_with("layer_norm.weight") || name == "classifier.1.weight" {
        return scaled(name, count, 0.1, 1.0);
    }
    if name.ends_with("original0") {
        return scaled(name, count, 0.24, 2.4);
    }
    if shape.len() == 1 {
        return scaled(name, count, 0.1, 0.0);
    }
    let inputs: usize = shape[1..].iter().product();
    let mut values = scaled(name, count, (3.0 / inputs as f64).sqrt() as f32, 0.0);
    let factor = match name {
        "pool_attention.2.weight" => 4.0,
        "classifier.6.weight" => 16.0,
        _ if name.contains("conv_layers") => 1.5,
        _ => return values,
    };
    for value in &mut values {
        *value *= factor;
    }
    values
}
