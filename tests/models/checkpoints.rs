//! Whisper checkpoints in shards, and what is said of those that cannot be loaded.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use serde_json::json;
use sotto::config::{SttEngine, TurnEngine, VadEngine};
use sotto::engine::Engines;
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::stt::{LoadError, SpeechToText, Utterance, Whisper, WhisperSettings};
use tempfile::TempDir;

use crate::support::engines::{self, WHISPER, model};
use crate::support::shared;

const INDEX: &str = "model.safetensors.index.json";

fn load(folder: &Path) -> Result<Whisper, LoadError> {
    Whisper::load(folder, &Device::Cpu, WhisperSettings::default())
}

fn problem(folder: &Path) -> LoadError {
    match load(folder) {
        Ok(_) => panic!("that should not load"),
        Err(error) => error,
    }
}

fn shard(number: usize) -> String {
    format!("model-0000{number}-of-00002.safetensors")
}

/// The fixture in two shards, as its f16 tensors are, with their index.
fn sharded() -> Option<TempDir> {
    let from = model(WHISPER)?;
    let to = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(from.join(name), to.path().join(name)).unwrap();
    }
    let tensors = candle_core::safetensors::load(from.join("model.safetensors"), &Device::Cpu);
    let mut shards: [HashMap<String, Tensor>; 2] = Default::default();
    let mut places = serde_json::Map::new();
    for (name, tensor) in tensors.unwrap() {
        // As exporters do it: the encoder comes first.
        let number = usize::from(!name.contains("encoder."));
        places.insert(name.clone(), json!(shard(number + 1)));
        shards[number].insert(name, tensor);
    }
    for (i, tensors) in shards.iter().enumerate() {
        candle_core::safetensors::save(tensors, to.path().join(shard(i + 1))).unwrap();
    }
    let index = json!({ "metadata": { "total_size": 1 }, "weight_map": places });
    std::fs::write(to.path().join(INDEX), index.to_string()).unwrap();
    Some(to)
}

#[test]
fn shards_are_read_as_their_index_says() {
    let Some(folder) = sharded() else { return };
    // Something else that lies there is not weights of this model.
    std::fs::write(folder.path().join("adapter.safetensors"), b"no such thing").unwrap();
    let mut whisper = load(folder.path()).unwrap();
    let clip = shared::clip("speech/gcp_today.wav").unwrap();
    let samples = shared::samples(&clip.file);
    let utterance = Utterance { audio: &samples, ..Utterance::default() };
    let transcript = whisper.transcribe(utterance, &Cancel::default()).unwrap();
    // The same as from one file: another test holds that to this.
    assert_eq!(Some(transcript.tokens), clip.fixture_tokens);
}

#[test]
fn a_shard_that_is_missing_or_damaged_is_named() {
    let Some(folder) = sharded() else { return };
    let second = folder.path().join(shard(2));
    let length = second.metadata().unwrap().len();
    let file = std::fs::OpenOptions::new().write(true).open(&second).unwrap();
    file.set_len(length - 1_000).unwrap();
    let words = problem(folder.path()).to_string();
    assert!(words.contains(&shard(2)) && words.contains("cut short"), "{words}");
    std::fs::remove_file(&second).unwrap();
    let words = problem(folder.path()).to_string();
    assert!(words.contains(&shard(2)) && words.contains("cannot read"), "{words}");
    std::fs::write(folder.path().join(INDEX), "{\"weight_map\": 7}").unwrap();
    let words = problem(folder.path()).to_string();
    assert!(words.contains(INDEX), "{words}");
}

#[test]
fn a_header_that_is_none_is_named() {
    let Some(from) = model(WHISPER) else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(from.join(name), folder.path().join(name)).unwrap();
    }
    let header = |length: u64, text: &[u8]| [&length.to_le_bytes(), text].concat();
    let wrong = [
        Vec::new(),
        header(u64::MAX, b"{}"),
        header(1 << 40, b"{}"),
        header(7, b"not {} "),
        header(100, b"{}"),
        // A tensor that lies beyond the end of the file.
        header(58, b"{\"w\":{\"dtype\":\"F16\",\"shape\":[9],\"data_offsets\":[0,18]}}    "),
        b"version 1\noid sha256:0\nsize 75539528\n".to_vec(),
    ];
    for (number, content) in wrong.into_iter().enumerate() {
        std::fs::write(folder.path().join("model.safetensors"), content).unwrap();
        let error = problem(folder.path());
        assert!(matches!(error, LoadError::Content { .. }), "{number}: {error}");
        assert!(error.to_string().contains("model.safetensors"), "{number}: {error}");
    }
    // Good, and not a model.
    std::fs::write(folder.path().join("model.safetensors"), header(2, b"{}")).unwrap();
    assert!(matches!(problem(folder.path()), LoadError::MissingTensor { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_damaged_weights_does_not_start_and_names_the_file() {
    let Some(from) = model(WHISPER) else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(from.join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("model.safetensors"), b"half of a header").unwrap();
    let mut config = engines::config();
    config.vad.engine = VadEngine::Energy;
    config.turn.engine = TurnEngine::Silence;
    config.stt.engine = SttEngine::Whisper;
    config.stt.model = folder.path().to_str().unwrap().to_owned();
    let address = config.server.bind;
    let loaded = Engines::load(Arc::new(config), Arc::new(engines::store()), address).await;
    let Err(error) = loaded else { panic!("that should not load") };
    let words = error.to_string();
    assert!(words.contains("model.safetensors") && words.contains("cut short"), "{words}");
}
