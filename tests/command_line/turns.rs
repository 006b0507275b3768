//! `sotto turn`: whether recordings end where somebody has finished.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sotto::pipeline::codec::wav;
use sotto_turn::seeded::{Size, sound, write};

use super::{recording, sotto, stderr, stdout};
use crate::support::engines::{model, onnxruntime};
use crate::support::shared;

/// The program with Smart Turn v2, small and of a formula, in its models folder.
fn with_v2(folder: &Path) -> Command {
    let models = folder.join("models/smart-turn-v2");
    fs::create_dir_all(&models).unwrap();
    write(&models, Size::Small).unwrap();
    let mut command = sotto(folder);
    command.arg("turn").args(["--engine", "smart_turn_v2"]);
    command
}

fn put(folder: &Path, name: &str, samples: &[f32]) {
    fs::write(folder.join(name), wav::encode(samples, 16_000)).unwrap();
}

fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn v3_gives_the_probabilities_of_the_reference() {
    let Some(v3) = model("smart-turn-v3/smart-turn-v3.2-cpu.onnx") else { return };
    if onnxruntime().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clips = shared::clips("audio/manifest.jsonl");
    let mut clips = clips.into_iter().filter(|clip| clip.smart_turn_v3_2.is_some());
    let clips: Vec<_> = clips.by_ref().take(8).collect();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let output = sotto(folder.path())
        .env("SOTTO_MODELS_DIR", models)
        .args(["turn", "--json", "--engine", "smart_turn_v3", "--model"])
        .arg(std::path::absolute(v3).unwrap())
        .args(clips.iter().map(|clip| recording(&clip.file)))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = lines(&output);
    assert_eq!(lines.len(), clips.len());
    for (line, clip) in lines.iter().zip(&clips) {
        let expected = f64::from(clip.smart_turn_v3_2.unwrap());
        let found = line["probability"].as_f64().unwrap();
        assert!((found - expected).abs() <= 0.02, "{}: {found} and not {expected}", clip.file);
        assert_eq!(line["engine"], "smart_turn_v3");
        assert!(line["file"].as_str().unwrap().ends_with(&clip.file));
        assert!(line["compute_ms"].as_u64().unwrap() > 0);
    }
}

#[test]
fn v2_hears_whatever_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let audio = sound(1, 40_000);
    put(folder.path(), "a.wav", &audio);
    let containers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/containers");
    let mut command = with_v2(folder.path());
    let output = command
        .args(["--json", "a.wav"])
        .args([containers.join("speech.mp3"), containers.join("opus.webm")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = lines(&output);
    assert_eq!(lines.len(), 3);
    let weights = folder.path().join("models/smart-turn-v2");
    let v2 = sotto_turn::SmartTurn::load(&weights, &candle_core::Device::Cpu).unwrap();
    let heard = wav::decode(&fs::read(folder.path().join("a.wav")).unwrap(), 16_000).unwrap();
    let expected = f64::from(v2.predict(&heard).unwrap());
    assert!((lines[0]["probability"].as_f64().unwrap() - expected).abs() < 1e-4);
    for line in &lines {
        let probability = line["probability"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&probability) && line["engine"] == "smart_turn_v2");
    }
    let output = with_v2(folder.path()).arg("a.wav").output().unwrap();
    let text = stdout(&output);
    assert!(text.starts_with(&format!("{expected:.3}")) && text.contains("a.wav"), "{text}");
}

#[test]
fn what_cannot_be_heard_is_named_and_the_rest_is_done() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "good.wav", &sound(1, 16_000));
    put(folder.path(), "short.wav", &sound(1, 200));
    put(folder.path(), "empty.wav", &[]);
    fs::write(folder.path().join("text.wav"), "this is not a recording").unwrap();
    let files = ["short.wav", "empty.wav", "none.wav", "text.wav", "good.wav"];
    let output = with_v2(folder.path()).arg("--json").args(files).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let (lines, errors) = (lines(&output), stderr(&output));
    assert!(lines.len() == 1 && lines[0]["file"] == "good.wav", "{lines:?}");
    for part in ["short.wav: it is too short", "empty.wav: ", "none.wav: ", "text.wav: ", "4 of 5"]
    {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn without_a_model_it_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "good.wav", &sound(1, 16_000));
    for (engine, part) in [
        ("silence", "silence has no opinion"),
        ("auto", "sotto models pull"),
        ("smart_turn_v3", "sotto models pull"),
        ("smart_turn_v2", "models/smart-turn-v2/config.json is not here"),
        ("smart_turn_v4", "smart_turn_v2, smart_turn_v3"),
    ] {
        let arguments = ["turn", "good.wav", "--engine", engine];
        let output = sotto(folder.path()).args(arguments).output().unwrap();
        let errors = stderr(&output);
        assert!(!output.status.success() && errors.contains(part), "{engine}: {errors}");
    }
    assert!(!sotto(folder.path()).arg("turn").output().unwrap().status.success());
}
