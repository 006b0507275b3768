//! Whisper against transformers, on a fixture with real weights.

use std::time::Instant;

use candle_core::Device;
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::stt::{SpeechToText, Utterance, Whisper, WhisperSettings};

use crate::support::shared;

const FIXTURE: &str = "models/whisper-tiny.en-fixture";

fn run(trim_context: bool) -> Option<(usize, usize)> {
    let folder = shared::file(FIXTURE)?;
    let settings = WhisperSettings { trim_context, threads: 0 };
    let mut whisper = Whisper::load(&folder, &Device::Cpu, settings).unwrap();
    let (mut exact, mut all) = (0, 0);
    for clip in shared::clips("audio/manifest.jsonl") {
        let Some(expected) = &clip.fixture_tokens else { continue };
        let samples = shared::samples(&clip.file);
        if samples.len() > 30*16000 { eprintln!("long {}", clip.file); continue; }
        let start = Instant::now();
        let utterance = Utterance { audio: &samples, language: None };
        let transcript = whisper.transcribe(utterance, &Cancel::default()).unwrap();
        eprintln!("{} {:.1}s {:?}", clip.file, clip.dur, start.elapsed());
        all += 1;
        if &transcript.tokens == expected {
            exact += 1;
        } else {
            eprintln!("{}: {:?} instead of {:?}", clip.file, transcript.text.as_str(), clip.fixture_text);
        }
    }
    Some((exact, all))
}

#[test]
fn every_clip_gives_the_tokens_of_the_reference() {
    if let Some((exact, all)) = run(false) {
        assert_eq!(exact, all);
    }
}

#[test]
fn a_trimmed_context_is_nearly_as_good() {
    if let Some((exact, all)) = run(true) {
        assert!(exact >= all - 2, "{exact} of {all}");
    }
}
