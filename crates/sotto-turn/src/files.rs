//! Tests of what is read from files.

use std::collections::HashMap;
use std::path::Path;

use candle_core::safetensors::save;
use candle_core::{DType, Device, Tensor};

use crate::seeded::{Size, config, model, sound, tensors, write};
use crate::{Error, LoadError, SmartTurn};

const POSITIONS: &str = "wav2vec2.encoder.pos_conv_embed.conv";

/// A small model in a folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Size::Small).unwrap();
    folder
}

fn load(path: &Path) -> Result<SmartTurn, LoadError> {
    SmartTurn::load(path, &Device::Cpu)
}

/// What is said about a model whose tensors were changed.
fn changed(change: impl FnOnce(&mut HashMap<String, Tensor>)) -> Result<SmartTurn, LoadError> {
    let folder = folder();
    let mut tensors = tensors(config(Size::Small)).unwrap();
    change(&mut tensors);
    save(&tensors, folder.path().join("model.safetensors")).unwrap();
    load(folder.path())
}

fn answer(model: &SmartTurn) -> f32 {
    model.predict(&sound(1, 12_000)).unwrap()
}

#[test]
fn a_folder_and_its_file_are_the_same_model() {
    let folder = folder();
    let expected = answer(&model(folder.path(), &Device::Cpu).unwrap());
    for path in [folder.path().to_owned(), folder.path().join("model.safetensors")] {
        assert_eq!(answer(&load(&path).unwrap()).to_bits(), expected.to_bits());
    }
}

#[test]
fn the_older_spelling_and_what_is_not_needed_are_read() {
    let expected = answer(&changed(|_| {}).unwrap());
    let old = changed(|tensors| {
        for (new, old) in [("original0", "weight_g"), ("original1", "weight_v")] {
            let tensor = tensors.remove(&format!("{POSITIONS}.parametrizations.weight.{new}"));
            tensors.insert(format!("{POSITIONS}.{old}"), tensor.unwrap());
        }
        let mask = Tensor::zeros(64, DType::F32, &Device::Cpu).unwrap();
        tensors.insert("wav2vec2.masked_spec_embed".to_owned(), mask);
    });
    assert_eq!(answer(&old.unwrap()).to_bits(), expected.to_bits());
}

#[test]
fn weights_in_half_precision_are_read() {
    let expected = answer(&changed(|_| {}).unwrap());
    let half = changed(|tensors| {
        for tensor in tensors.values_mut() {
            *tensor = tensor.to_dtype(DType::F16).unwrap();
        }
    });
    assert!((answer(&half.unwrap()) - expected).abs() < 0.02);
}

#[test]
fn damaged_weights_give_no_answer() {
    let broken = changed(|tensors| {
        let nothing = Tensor::full(f32::NAN, 64, &Device::Cpu).unwrap();
        tensors.insert("wav2vec2.encoder.layer_norm.bias".to_owned(), nothing);
    });
    assert!(matches!(broken.unwrap().predict(&sound(1, 12_000)), Err(Error::Device(_))));
}

#[test]
fn lengths_are_of_taps() {
    let folded = |lengths: [f32; 2], directions: [f32; 8]| {
        let lengths = move |name: &str, _: &[usize]| match name {
            "c.weight_v" => Some(directions.to_vec()),
            "c.weight_g" => Some(lengths.to_vec()),
            _ => None,
        };
        crate::checkpoint::Checkpoint::made(Box::new(lengths)).folded("c", &[2, 2, 2]).unwrap()
    };
    // The first tap is (3, 0, 4, 0), the second (0, 0, 0, 2), of two outputs by two inputs.
    let weight = folded([10.0, 1.0], [3.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 2.0]);
    let expected = [6.0, 0.0, 0.0, 0.0, 8.0, 0.0, 0.0, 1.0];
    assert!(weight.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{weight:?}");
    assert!(folded([10.0, 1.0], [0.0; 8]).iter().all(|x| *x == 0.0));
}

#[test]
fn a_missing_tensor_is_named() {
    for missing in [
        "wav2vec2.feature_extractor.conv_layers.3.conv.weight",
        "wav2vec2.feature_extractor.conv_layers.0.layer_norm.bias",
        "wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original0",
        "wav2vec2.encoder.layers.1.attention.k_proj.bias",
        "classifier.6.weight",
    ] {
        let error = changed(|tensors| drop(tensors.remove(missing))).unwrap_err();
        assert!(matches!(&error, LoadError::MissingTensor { name, .. } if name == missing));
        assert!(error.to_string().contains("model.safetensors"), "{error}");
    }
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    for (name, found, expected) in [
        ("pool_attention.0.weight", vec![256, 32], vec![256, 64]),
        ("wav2vec2.encoder.layers.0.attention.q_proj.weight", vec![64, 63], vec![64, 64]),
        (
            "wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original0",
            vec![64, 1, 1],
            vec![1, 1, 128],
        ),
    ] {
        let error = changed(|tensors| {
            let other = Tensor::zeros(found.clone(), DType::F32, &Device::Cpu).unwrap();
            tensors.insert(name.to_owned(), other);
        });
        let said = error.unwrap_err().to_string();
        let parts = [name.to_owned(), format!("{found:?}"), format!("{expected:?}")];
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
}

#[test]
fn a_file_that_is_missing_or_cut_short_is_named() {
    let folder = folder();
    let weights = folder.path().join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    for length in [0, 5, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&weights, &whole[..length]).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("model.safetensors") && error.contains("damaged"), "{error}");
    }
    std::fs::remove_file(&weights).unwrap();
    for (gone, path) in
        [("model.safetensors", folder.path()), ("config.json", Path::new("/nothing"))]
    {
        let error = load(path).unwrap_err();
        assert!(matches!(error, LoadError::Read { .. }));
        assert!(error.to_string().contains(gone), "{error}");
    }
    std::fs::write(folder.path().join("config.json"), r#"{"hidden_act": "relu"}"#).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("config.json") && error.contains("hidden_act"), "{error}");
}
