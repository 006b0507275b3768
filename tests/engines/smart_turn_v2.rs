//! Smart Turn v2 as an engine, small and on weights from a formula: what it says means nothing, but it is chosen, asked
//! and refused in the same ways. `crates/sotto-turn` compares it with its reference.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Arc;

use sotto::client::{Call, HangUp, Recording};
use sotto::config::{Config, Device, SttEngine, TtsEngine, TurnEngine, VadEngine};
use sotto::engine::{Engines, TurnModel, turn_model};
use sotto::models::{Manifest, Store};
use sotto::pipeline::failure::EngineError;
use sotto::pipeline::turn::{SmartTurnV2, TurnDetector};
use sotto_turn::seeded::{Size, sound, write};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::support::server::TestServer;
use crate::support::{engines, fakes};

/// A folder `models` with the model in it.
fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("smart-turn-v2");
    fs::create_dir(&model).unwrap();
    write(&model, Size::Small).unwrap();
    folder
}

fn config(engine: TurnEngine) -> Config {
    let mut config = engines::config();
    config.turn.engine = engine;
    config.turn.device = Device::Cpu;
    config
}

fn chosen(config: &Config, models: &Path) -> Result<TurnModel, String> {
    let store = Store::new(Manifest::built_in(), vec![models.to_owned()]);
    turn_model(config, &store, Handle::current()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn it_is_found_by_its_name_and_by_a_path() {
    let models = models();
    let mut config = config(TurnEngine::SmartTurnV2);
    let mut model = chosen(&config, models.path()).unwrap();
    assert_eq!((model.engine, model.name.as_str()), (TurnEngine::SmartTurnV2, "smart-turn-v2"));
    let audio = sound(1, 30_000);
    let expected = model.detector.predict(&audio).unwrap();
    assert!((0.0..=1.0).contains(&expected));
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = models.path().join("smart-turn-v2");
    for path in [folder.clone(), folder.join("model.safetensors")] {
        config.turn.model = path.to_str().unwrap().to_owned();
        let mut model = chosen(&config, elsewhere.path()).unwrap();
        assert_eq!(model.detector.predict(&audio).unwrap().to_bits(), expected.to_bits());
    }
}

#[tokio::test]
async fn without_a_gpu_auto_leaves_it_and_says_so() {
    let models = models();
    // Not even onnxruntime is here.
    let mut config = config(TurnEngine::Auto);
    config.models.onnxruntime = "/no/such/library".into();
    let Err(words) = chosen(&config, models.path()) else { panic!("there is no GPU") };
    assert!(words.contains("smart-turn-v2 was passed over: it is for a GPU"), "{words}");
}

#[tokio::test]
async fn weights_that_are_missing_or_cut_short_are_named() {
    let models = models();
    let folder = models.path().join("smart-turn-v2");
    let config = config(TurnEngine::SmartTurnV2);
    let refused = || match chosen(&config, models.path()) {
        Ok(_) => panic!("that should not load"),
        Err(words) => words,
    };
    let weights = folder.join("model.safetensors");
    let whole = weights.metadata().unwrap().len();
    for length in [whole - 1, whole / 2, 4, 0] {
        OpenOptions::new().write(true).open(&weights).unwrap().set_len(length).unwrap();
        let words = refused();
        assert!(words.contains("model.safetensors") && words.contains("cut short"), "{words}");
    }
    fs::remove_file(&weights).unwrap();
    let words = refused();
    assert!(words.contains("model.safetensors is not here"), "{words}");
    assert!(words.contains("docs/operations.md"), "{words}");
    write(&folder, Size::Small).unwrap();
    fs::write(folder.join("config.json"), r#"{"hidden_size": 0}"#).unwrap();
    assert!(refused().contains("config.json: hidden_size"), "{}", refused());
    fs::remove_file(folder.join("config.json")).unwrap();
    assert!(refused().contains("config.json is not here"), "{}", refused());
}

#[cfg(not(feature = "cuda"))]
#[tokio::test]
async fn a_device_that_is_not_here_is_refused() {
    let models = models();
    let mut config = config(TurnEngine::SmartTurnV2);
    config.turn.device = Device::Cuda;
    let words = chosen(&config, models.path()).err().unwrap();
    assert!(words.starts_with("turn.device: cuda cannot be used here"), "{words}");
}

#[test]
fn what_is_no_sound_is_refused_and_the_model_lives() {
    let models = models();
    let folder = models.path().join("smart-turn-v2");
    let mut model = SmartTurnV2::load(&folder, &candle_core::Device::Cpu).unwrap();
    assert_eq!(model.together(), 1, "a processor hears one at a time");
    for audio in [&[][..], &[0.1, f32::NAN]] {
        let refused = model.predict(audio);
        assert!(matches!(refused, Err(EngineError::Input(_))), "{refused:?}");
    }
    let turns = [sound(1, 16_000), sound(2, 24_000)];
    let turns: Vec<&[f32]> = turns.iter().map(Vec::as_slice).collect();
    let together = model.predict_batch(&turns, &|| false).unwrap().unwrap();
    for (turn, answer) in turns.iter().zip(together) {
        assert!((model.predict(turn).unwrap() - answer).abs() < 1e-5);
    }
    assert!(model.predict_batch(&turns, &|| true).unwrap().is_none(), "nobody listens");
}

/// The whole way: it is chosen by the configuration, and asked at the pauses of a call.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_asks_it() {
    let models = models();
    let mut config = config(TurnEngine::SmartTurnV2);
    config.turn.model = models.path().join("smart-turn-v2").to_str().unwrap().to_owned();
    // It may never be sure.
    config.turn.max_silence_ms = 1_000;
    let mut programs = config.clone();
    programs.vad.engine = VadEngine::Energy;
    programs.stt.engine = SttEngine::Command;
    programs.tts.engine = TtsEngine::Command;
    for program in [&mut programs.stt.command.program, &mut programs.tts.command.program] {
        "cat".clone_into(program);
    }
    let store = Store::new(Manifest::built_in(), vec![models.path().to_owned()]);
    let address = config.server.bind;
    let loaded = Engines::load(Arc::new(programs), Arc::new(store), address).await.unwrap();
    let choice = loaded.choices.iter().find(|choice| choice.stage == "turn").unwrap();
    assert_eq!((choice.name.as_str(), choice.why.as_str()), ("smart-turn-v2", "configured"));
    let engines = Engines { turn: loaded.turn, ..fakes::engines(&["so be it"]) };
    let server = TestServer::with(config, engines).await;
    let mut call = Call::place(server.options()).await.unwrap();
    call.say(Recording::new(fakes::voice_like(900))).await;
    assert_eq!(call.turns(0)[0].reply_text, "so be it");
    let events = call.events();
    let created = events.iter().find(|event| event["type"] == "session.created").unwrap();
    assert_eq!(created["session"]["sotto"]["engines"]["turn"], "smart-turn-v2");
    let turn = events.iter().find(|event| event["type"] == "sotto.turn").unwrap();
    let checks = turn["decision"]["checks"].as_array().unwrap();
    assert!(!checks.is_empty(), "{turn}");
    for check in checks {
        let probability = check["probability"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&probability), "{check}");
    }
    call.hang_up(HangUp::Close).await.unwrap();
}
