//! Where models are looked for, and what the command line does about those that are not there.

use std::path::Path;
use std::process::Output;

use axum::http::StatusCode;
use sotto::models::{Manifest, ModelError, Status, Store};
use tokio::process::Command;

use super::fixture::{Fixture, WEIGHTS};
use crate::support::hub::{Hub, Manner};

/// Runs `sotto models …` in a folder of its own, with this in its environment.
async fn sotto(folder: &Path, environment: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
    command.arg("models").args(args).arg("--models-dir").arg(folder.join("models"));
    command.current_dir(folder).env_remove("HF_ENDPOINT").envs(environment.iter().copied());
    command.kill_on_drop(true).output().await.unwrap()
}

#[tokio::test]
async fn the_hub_of_the_environment_is_asked_before_that_of_the_configuration() {
    let (theirs, ours) = (Hub::start(Vec::new()).await, Hub::start(Vec::new()).await);
    let folder = tempfile::tempdir().unwrap();
    ours.behave(Manner::Refuses(StatusCode::UNAUTHORIZED));
    let configured = ("SOTTO__MODELS__HUB", ours.url.as_str());
    let pull = ["pull", "whisper-tiny.en"];
    let output = sotto(folder.path(), &[configured], &pull).await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("401"), "{words}");
    assert_eq!((ours.asked().len(), theirs.asked().len()), (1, 0));
    let revision =
        Manifest::built_in().get("whisper-tiny.en").unwrap().hub.clone().unwrap().revision;
    assert_eq!(
        ours.asked()[0].path,
        format!("openai/whisper-tiny.en@{revision}/model.safetensors")
    );
    // The environment wins, as it does with every other program that honours this variable; an empty one
    // says nothing.
    for (endpoint, asked) in [(theirs.url.as_str(), (1, 1)), ("", (2, 1))] {
        sotto(folder.path(), &[configured, ("HF_ENDPOINT", endpoint)], &pull).await;
        assert_eq!((ours.asked().len(), theirs.asked().len()), asked);
    }
}

#[tokio::test]
async fn the_command_line_is_offline_when_told_to() {
    let hub = Hub::start(Vec::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let environment = [("HF_ENDPOINT", hub.url.as_str())];
    let output = sotto(folder.path(), &environment, &["pull", "whisper-base", "--offline"]).await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{words}");
    assert!(words.contains("whisper-base is not here, and this is offline"), "{words}");
    let output = sotto(folder.path(), &environment, &["pull", "wisper-base"]).await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("did you mean whisper-base?"), "{words}");
    assert_eq!(hub.asked(), []);
}

#[tokio::test]
async fn the_command_line_finds_a_damaged_file() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = Manifest::built_in();
    let file = manifest.get("silero-vad").unwrap().files().next().unwrap();
    let model = folder.path().join("models/silero-vad");
    std::fs::create_dir_all(&model).unwrap();
    let verify = async || {
        let output = sotto(folder.path(), &[], &["verify"]).await;
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert!(verify().await.0, "what is not here is not damaged");
    std::fs::write(model.join(&file.path), vec![0; file.size as usize]).unwrap();
    let (good, words) = verify().await;
    assert!(!good && words.contains(&file.path) && words.contains("SHA-256"), "{words}");
    std::fs::write(model.join(&file.path), b"short").unwrap();
    let (good, words) = verify().await;
    assert!(!good && words.contains("it has 5 bytes"), "{words}");
}

#[tokio::test]
async fn a_whole_model_in_a_later_folder_is_preferred_to_a_damaged_one() {
    let fixture = Fixture::new().await;
    fixture.pull().await.0.unwrap();
    let (before, whole) =
        (tempfile::tempdir().unwrap(), fixture.path("").parent().unwrap().to_owned());
    let folders = vec![before.path().to_owned(), whole.clone()];
    let store = Store::new(fixture.store.manifest().clone(), folders);
    let model = fixture.model();
    assert_eq!(store.find("small").unwrap(), whole.join("small"));
    assert_eq!(store.target(model), before.path().join("small"), "new ones go to the first");
    let damaged = before.path().join("small");
    std::fs::create_dir_all(damaged.join("sub")).unwrap();
    std::fs::write(damaged.join(WEIGHTS), b"short").unwrap();
    assert_eq!(store.find("small").unwrap(), whole.join("small"));
    std::fs::remove_file(fixture.path(WEIGHTS)).unwrap();
    // Now the damaged one is all there is: it is named, not passed over as if nothing were there.
    assert_eq!(store.status(model), Status::Damaged);
    let ModelError::Wrong { path, .. } = store.find("small").unwrap_err() else { panic!("wrong") };
    assert_eq!(path, damaged.join(WEIGHTS));
}
