//! Whisper against transformers, on a fixture with real weights.

use std::path::Path;
use std::time::Duration;

use candle_core::Device;
use sotto::engine::desk::Desk;
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::meter::Metered;
use sotto::pipeline::stt::{
    Detail, LoadError, Options, SpeechToText, Transcript, Utterance, Whisper, WhisperSettings,
};

use crate::support::engines::{WHISPER, model};
use crate::support::shared;

/// Recognises every clip of the manifest that fits the window; how many come out exactly, of how many.
fn recognise_all(trim_context: bool) -> Option<(usize, usize)> {
    let settings = WhisperSettings { trim_context, ..WhisperSettings::default() };
    let mut whisper = Whisper::load(&model(WHISPER)?, &Device::Cpu, settings).unwrap();
    let (mut exact, mut all) = (0, 0);
    for clip in shared::clips("audio/manifest.jsonl") {
        let Some(expected) = &clip.fixture_tokens else { continue };
        let samples = shared::samples(&clip.file);
        let utterance = Utterance { audio: &samples, ..Utterance::default() };
        let transcript = whisper.transcribe(utterance, &Cancel::default()).unwrap();
        all += 1;
        if &transcript.tokens == expected {
            assert_eq!(Some(transcript.text.as_str()), clip.fixture_text.as_deref());
            exact += 1;
        } else {
            eprintln!("{}: {}", clip.file, transcript.text.as_str());
        }
    }
    assert!(all > 45, "{all}");
    Some((exact, all))
}

#[test]
fn every_clip_gives_the_tokens_of_the_reference() {
    if let Some((exact, all)) = recognise_all(false) {
        assert_eq!(exact, all);
    }
}

#[test]
fn a_trimmed_context_is_nearly_as_good() {
    if let Some((exact, all)) = recognise_all(true) {
        assert!(exact >= all - 2, "{exact} of {all}");
    }
}

#[test]
fn a_cancelled_recognition_stops() {
    let Some(folder) = model(WHISPER) else { return };
    let mut whisper = Whisper::load(&folder, &Device::Cpu, WhisperSettings::default()).unwrap();
    let token = tokio_util::sync::CancellationToken::new();
    token.cancel();
    let utterance = Utterance { audio: &vec![0.0; 16_000], ..Utterance::default() };
    let result = whisper.transcribe(utterance, &Cancel::new(token));
    assert!(matches!(result, Err(sotto::pipeline::failure::EngineError::Cancelled)));
}

/// A copy of the fixture in a folder of its own, to be damaged.
fn copy() -> Option<tempfile::TempDir> {
    let from = model(WHISPER)?;
    let to = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(from.join(name), to.path().join(name)).unwrap();
    }
    Some(to)
}

fn problem(folder: &Path) -> LoadError {
    match Whisper::load(folder, &Device::Cpu, WhisperSettings::default()) {
        Ok(_) => panic!("that should not load"),
        Err(error) => error,
    }
}

#[test]
fn weights_cut_short_are_named() {
    let Some(folder) = copy() else { return };
    let weights = folder.path().join("model.safetensors");
    let length = weights.metadata().unwrap().len();
    let file = std::fs::OpenOptions::new().write(true).open(&weights).unwrap();
    file.set_len(length / 2).unwrap();
    let message = problem(folder.path()).to_string();
    assert!(message.contains("model.safetensors") && message.contains("cut short"), "{message}");
}

#[test]
fn a_checkpoint_that_is_not_whole_is_named() {
    let Some(folder) = copy() else { return };
    std::fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    assert!(matches!(problem(folder.path()), LoadError::Read { .. }));
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), "{").unwrap();
    assert!(problem(folder.path()).to_string().contains("tokenizer.json"));
    assert!(matches!(problem(&folder.path().join("nowhere")), LoadError::Read { .. }));
}

#[test]
fn a_configuration_that_does_not_fit_the_weights_is_named() {
    let Some(folder) = copy() else { return };
    let path = folder.path().join("config.json");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replace("\"d_model\": 384", "\"d_model\": 192")).unwrap();
    assert!(matches!(problem(folder.path()), LoadError::Shape { .. }));
    std::fs::write(&path, config.replace("\"d_model\": 384", "\"d_model\": 385")).unwrap();
    assert!(matches!(problem(folder.path()), LoadError::Content { .. }));
}

#[test]
fn shards_and_other_precisions_give_the_same_tokens() {
    let Some(folder) = copy() else { return };
    let weights = folder.path().join("model.safetensors");
    // The same weights in f32, in two shards.
    let tensors = candle_core::safetensors::load(&weights, &Device::Cpu).unwrap();
    let mut shards = [std::collections::HashMap::new(), std::collections::HashMap::new()];
    for (i, (name, tensor)) in tensors.into_iter().enumerate() {
        let tensor = tensor.to_dtype(candle_core::DType::F32).unwrap();
        shards[i % 2].insert(name, tensor);
    }
    for (i, shard) in shards.iter().enumerate() {
        let name = format!("model-0000{}-of-00002.safetensors", i + 1);
        candle_core::safetensors::save(shard, folder.path().join(name)).unwrap();
    }
    std::fs::remove_file(weights).unwrap();
    let mut whisper =
        Whisper::load(folder.path(), &Device::Cpu, WhisperSettings::default()).unwrap();
    let clip = shared::clip("speech/gcp_today.wav").unwrap();
    let samples = shared::samples(&clip.file);
    let utterance = Utterance { audio: &samples, ..Utterance::default() };
    let transcript = whisper.transcribe(utterance, &Cancel::default()).unwrap();
    assert_eq!(Some(transcript.tokens), clip.fixture_tokens);
}

fn word_reference() -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/whisper_words.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A recording, with the times of its words.
fn with_words(whisper: &mut Whisper, file: &str) -> Transcript {
    let samples = shared::samples(file);
    let options = Options { detail: Detail::Words, ..Options::default() };
    whisper.transcribe(Utterance { audio: &samples, options }, &Cancel::default()).unwrap()
}

#[test]
fn words_come_when_the_reference_says() {
    let Some(folder) = model(WHISPER) else { return };
    let reference = word_reference();
    // The fixture names no heads: the reference for that is its `fallback`, whose last one is the end.
    let mut whisper = Whisper::load(&folder, &Device::Cpu, WhisperSettings::default()).unwrap();
    let mut words = 0;
    for clip in reference["clips"].as_array().unwrap() {
        let file = clip["file"].as_str().unwrap();
        let transcript = with_words(&mut whisper, file);
        let starts: Vec<f64> =
            clip["fallback"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).collect();
        let theirs = clip["words"].as_array().unwrap();
        assert_eq!(transcript.words.len(), theirs.len(), "{file}");
        for (ours, theirs) in transcript.words.iter().zip(theirs) {
            assert_eq!(ours.text.as_str(), theirs["word"].as_str().unwrap().trim(), "{file}");
            let near =
                |time: Duration| starts.iter().any(|s| (s - time.as_secs_f64()).abs() <= 0.04);
            assert!(near(ours.start) && near(ours.end), "{file}: {ours:?}");
            assert!(ours.probability > 0.0 && ours.probability <= 1.0);
            words += 1;
        }
        let spoken: Vec<&str> = transcript.segments.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(spoken.join(" "), transcript.text.as_str());
    }
    assert!(words > 80, "{words}");
}

#[test]
fn words_come_when_the_reference_says_with_the_published_heads() {
    let Some(folder) = copy() else { return };
    let reference = word_reference();
    let generation = serde_json::json!({ "alignment_heads": reference["heads"] });
    std::fs::write(folder.path().join("generation_config.json"), generation.to_string()).unwrap();
    let mut whisper =
        Whisper::load(folder.path(), &Device::Cpu, WhisperSettings::default()).unwrap();
    for clip in reference["clips"].as_array().unwrap() {
        let file = clip["file"].as_str().unwrap();
        let transcript = with_words(&mut whisper, file);
        for (ours, theirs) in transcript.words.iter().zip(clip["words"].as_array().unwrap()) {
            let apart = |time: Duration, theirs: &serde_json::Value| {
                (time.as_secs_f64() - theirs.as_f64().unwrap()).abs()
            };
            let worst = apart(ours.start, &theirs["start"]).max(apart(ours.end, &theirs["end"]));
            assert!(worst <= 0.04, "{file}: {ours:?} and {theirs}");
        }
    }
}

#[test]
fn noise_gives_no_words_also_where_nobody_has_looked_for_speech() {
    let Some(folder) = model(WHISPER) else { return };
    let settings = WhisperSettings { trim_context: true, ..WhisperSettings::default() };
    let mut whisper = Whisper::load(&folder, &Device::Cpu, settings).unwrap();
    for name in ["noise_2", "noise_3", "noise_lk_keyboard-typing", "noise_lk_office-ambience"] {
        let mut samples = shared::samples(&format!("noise/{name}.wav"));
        samples.truncate(28 * 16_000);
        let utterance = Utterance { audio: &samples, ..Utterance::default() };
        let transcript = whisper.transcribe(utterance, &Cancel::default()).unwrap();
        assert_eq!(transcript.text.as_str(), "", "{name}");
    }
}

#[tokio::test]
async fn utterances_side_by_side_give_what_each_gives_alone() {
    let Some(folder) = model(WHISPER) else { return };
    let settings = WhisperSettings { trim_context: true, width: 3, ..WhisperSettings::default() };
    let whisper = Whisper::load(&folder, &Device::Cpu, settings).unwrap();
    let desk = Desk::start(vec![Box::new(whisper)], 8).unwrap();
    let files = ["gcp_today", "cards_001", "sb_spk1_snt4", "lj_LJ001-0002", "gcp_today", "ss_0880"];
    let work = files.map(|name| {
        let clip = shared::clip(&format!("speech/{name}.wav")).unwrap();
        let desk = &desk;
        async move {
            let samples = shared::samples(&clip.file);
            let cancel = Cancel::default();
            let transcript = desk
                .recognise(samples, Options::default(), &cancel, &Metered::default())
                .await
                .unwrap();
            assert_eq!(Some(transcript.tokens), clip.fixture_tokens, "{name}");
        }
    });
    futures_util::future::join_all(work).await;
}
