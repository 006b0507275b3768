//! The programs that a machine without weights uses, where they are installed.

use sotto::config::{SttEngine, TtsEngine};
use sotto::engine::handles::Manner;
use sotto::engine::program::find;
use sotto::engine::worker::Awaited;
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::stt;
use sotto_llm::Reach;

use super::stage::{config, load};
use crate::support::shared;

#[tokio::test(flavor = "multi_thread")]
async fn espeak_speaks() {
    if find("espeak-ng").is_none() {
        return shared::skip("espeak-ng is not installed");
    }
    let mut config = config();
    config.tts.command.program.clear();
    config.tts.engine = TtsEngine::Auto;
    let engines = load(&config).await.unwrap();
    let voice = engines.voice.unwrap();
    assert_eq!(voice.name(), "espeak-ng");
    let mut lengths = Vec::new();
    for speed in [1.0, 1.5] {
        let manner = Manner { voice: None, speed };
        let text = "Four score and seven years ago.".to_owned();
        let (mut pieces, speaking) =
            voice.speak(text, manner, Reach::Anywhere, Awaited::Now, Cancel::default());
        let (said, piece) = tokio::join!(speaking, pieces.recv());
        said.unwrap();
        let samples = piece.unwrap().speech.samples;
        assert!(samples.iter().any(|sample| sample.abs() > 0.1));
        lengths.push(samples.len());
    }
    assert!((24_000..96_000).contains(&lengths[0]), "{lengths:?}");
    assert!(lengths[1] * 10 < lengths[0] * 9, "faster is shorter: {lengths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pocketsphinx_recognises() {
    if find("pocketsphinx_continuous").is_none() {
        return shared::skip("pocketsphinx_continuous is not installed");
    }
    if shared::file("audio/speech/jfk.wav").is_none() {
        return;
    }
    let mut config = config();
    config.stt.command.program.clear();
    config.stt.engine = SttEngine::Auto;
    let recogniser = load(&config).await.unwrap().recogniser.unwrap();
    assert_eq!(recogniser.name(), "pocketsphinx_continuous");
    let audio = shared::samples("speech/jfk.wav");
    let heard =
        recogniser.transcribe(audio, stt::Options::default(), &Cancel::default()).await.unwrap();
    // It is no Whisper; one word of the speech that every version gets right is enough.
    assert!(heard.text.as_str().contains("country"), "{}", heard.text.as_str());
}
