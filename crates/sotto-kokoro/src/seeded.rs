//! The model on weights from a formula, for tests that cannot have the published ones: see `tests/reference/kokoro_model.py`.
//! What it says is no language, but it takes as long.

use std::path::Path;

use candle_core::Device;
use sotto_kernels::seeded::scaled;

use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::{Kokoro, LoadError, Settings};

/// The model of the configuration in `folder`.
pub fn model(folder: &Path, device: &Device) -> Result<Kokoro, LoadError> {
    let config = Config::read(&folder.join("config.json"))?;
    Kokoro::build(&config, &mut Checkpoint::made(made), device, Settings::default())
}

/// A tensor of the formula, if the model has it.
pub(crate) fn made(name: &str, shape: &[usize]) -> Option<Vec<f32>> {
    // Norms of rows have no gain and shift but those of the style.
    let exists = !(name.contains("text_encoder.lstms") && name.contains(".norm."));
    exists.then(|| tensor(name, shape))
}

pub(crate) fn tensor(name: &str, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    let around_one = [".norm.weight", ".gamma", "LayerNorm.weight", "layer_norm.weight"];
    if around_one.iter().any(|end| name.ends_with(end)) || name.contains(".alpha") {
        return scaled(name, count, 0.1, 1.0);
    }
    if name.ends_with("weight_g") {
        let middle: f64 = if name.contains("conv_post") { 0.3 } else { 0.7 };
        return scaled(name, count, (middle / 10.0) as f32, middle as f32);
    }
    if shape.len() == 1 {
        let shift = match name {
            "predictor.F0_proj.bias" => 40.0,
            "predictor.duration_proj.linear_layer.bias" => -7.0,
            _ => 0.0,
        };
        return scaled(name, count, 0.1, shift);
    }
    let inputs: usize = shape[1..].iter().product();
    let mut values = scaled(name, count, (3.0 / inputs as f64).sqrt() as f32, 0.0);
    let factor = match name {
        "predictor.F0_proj.weight" => 200.0,
        "predictor.duration_proj.linear_layer.weight" => 30.0,
        _ => return values,
    };
    for value in &mut values {
        *value *= factor;
    }
    values
}
