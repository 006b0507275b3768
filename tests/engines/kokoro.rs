//! Kokoro as an engine, on weights from a formula and real voices. What it says is no language, but it takes as long, has
//! words in the same places and fails in the same ways.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use candle_core::Device;
use sotto::client::{Call, CallOptions, HangUp, Recording};
use sotto::engine::Engines;
use sotto::engine::handles::Voice;
use sotto::engine::worker::Worker;
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::failure::EngineError;
use sotto::pipeline::tts::{Kokoro, KokoroSettings, Speech, SpeechRequest, TextToSpeech};
use sotto_llm::Reach;
use tokio_util::sync::CancellationToken;

use crate::support::fakes;
use crate::support::server::TestServer;
use crate::support::shared;

const TEXT: &str = "It costs $5, and he could wait no longer.";

fn folder() -> Option<PathBuf> {
    let folder = shared::folder()?.join("models/kokoro");
    if folder.join("config.json").exists() {
        return Some(folder);
    }
    shared::skip("the voices of Kokoro are not there");
    None
}

/// The engine, made once; `None` if tests with it have to be skipped.
fn kokoro() -> Option<Kokoro> {
    static KOKORO: OnceLock<Kokoro> = OnceLock::new();
    let folder = folder()?;
    let make = || {
        let model = sotto_kokoro::seeded::model(&folder, &Device::Cpu).unwrap();
        let espeak = sotto::engine::program::find("espeak-ng");
        let settings = KokoroSettings { espeak, ..KokoroSettings::default() };
        Kokoro::with(model, &folder, settings).unwrap()
    };
    Some(KOKORO.get_or_init(make).clone())
}

fn request(text: &str) -> SpeechRequest<'_> {
    SpeechRequest { text, voice: None, speed: 1.0, reach: Reach::Anywhere }
}

fn say(kokoro: &mut Kokoro, request: SpeechRequest<'_>) -> Result<Vec<Speech>, EngineError> {
    let mut pieces = Vec::new();
    kokoro.synthesize(request, &Cancel::default(), &mut |piece| {
        pieces.push(piece);
        ControlFlow::Continue(())
    })?;
    Ok(pieces)
}

#[test]
fn words_have_their_times_and_the_sound_is_usable() {
    let Some(mut kokoro) = kokoro() else { return };
    let pieces = say(&mut kokoro, request(TEXT)).unwrap();
    let [Speech { samples, words }] = pieces.as_slice() else { panic!("one phrase") };
    let lasts_ms = (samples.len() / 24) as u32;
    assert!(samples.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.0));
    let said: Vec<&str> = words
        .iter()
        .scan(0, |from, word| {
            let text = TEXT[*from..word.text_end].trim();
            *from = word.text_end;
            Some(text)
        })
        .collect();
    assert_eq!(said, ["It", "costs", "$5,", "and", "he", "could", "wait", "no", "longer."]);
    assert!(words.iter().all(|word| word.start_ms < word.end_ms && word.end_ms <= lasts_ms));
    assert!(words.windows(2).all(|pair| pair[0].end_ms <= pair[1].start_ms));
}

#[test]
fn the_same_request_makes_the_same_samples() {
    let Some(mut kokoro) = kokoro() else { return };
    let first = say(&mut kokoro, request(TEXT)).unwrap();
    assert!(say(&mut kokoro.clone(), request(TEXT)).unwrap() == first);
    let voice = SpeechRequest { voice: Some("bm_george"), ..request(TEXT) };
    let other = say(&mut kokoro, voice).unwrap();
    assert!(other != first, "another voice is another sound");
    let mix = SpeechRequest { voice: Some("af_heart:0.6,bm_george:0.4"), ..request(TEXT) };
    let mixed = say(&mut kokoro, mix).unwrap();
    assert!(mixed != first && mixed != other);
    let quick = SpeechRequest { speed: 2.0, ..request(TEXT) };
    let length = |pieces: &[Speech]| pieces.iter().map(|piece| piece.samples.len()).sum::<usize>();
    assert!(length(&say(&mut kokoro, quick).unwrap()) < length(&first) * 3 / 4);
}

#[test]
fn a_long_text_comes_in_pieces_and_ends_when_nobody_listens() {
    let Some(mut kokoro) = kokoro() else { return };
    let text = "One two three four five, six seven eight nine ten. ".repeat(12);
    let mut pieces = 0;
    kokoro
        .synthesize(request(&text), &Cancel::default(), &mut |piece| {
            assert!(!piece.words.is_empty() && !piece.samples.is_empty());
            pieces += 1;
            if pieces == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(pieces, 2);
}

#[test]
fn a_cancelled_voice_stops() {
    let Some(mut kokoro) = kokoro() else { return };
    let token = CancellationToken::new();
    let cancel = Cancel::new(token.clone());
    let text = "This sentence is long enough to take more than a moment to be spoken. ".repeat(4);
    let mut pieces = 0;
    let mut count = |_| {
        pieces += 1;
        ControlFlow::Continue(())
    };
    let result = std::thread::scope(|scope| {
        let work = scope.spawn(|| kokoro.synthesize(request(&text), &cancel, &mut count));
        std::thread::sleep(Duration::from_millis(300));
        token.cancel();
        work.join().unwrap()
    });
    assert!(matches!(result, Err(EngineError::Cancelled)), "{result:?}");
    assert_eq!(pieces, 0, "the first would have taken seconds");
}

#[test]
fn what_cannot_be_said_is_refused_and_the_engine_lives() {
    let Some(mut kokoro) = kokoro() else { return };
    for (voice, word) in [("siri", "af_heart"), ("jf_alpha", "af_heart"), ("af_heart:0", "weight")]
    {
        let asked = SpeechRequest { voice: Some(voice), ..request(TEXT) };
        let error = say(&mut kokoro, asked).unwrap_err();
        assert!(
            matches!(error, EngineError::Input(_)) && error.to_string().contains(word),
            "{error}"
        );
    }
    for text in ["", " ", "🙂", "你好", "***", "\u{202e}\u{0}\u{fffd}"] {
        assert!(say(&mut kokoro, request(text)).unwrap().len() <= 1, "{text:?}");
    }
    assert!(say(&mut kokoro, request(&"x".repeat(100_000))).is_err());
    let hostile = "<script>alert('x')</script> $0.0000001 1/0 -5e308 ((((((";
    assert!(!say(&mut kokoro, request(hostile)).unwrap().is_empty());
    assert_eq!(say(&mut kokoro, request("Well.")).unwrap().len(), 1);
}

#[test]
fn other_languages_are_read_by_a_program() {
    if sotto::engine::program::find("espeak-ng").is_none() {
        return shared::skip("espeak-ng is not installed");
    }
    let Some(mut kokoro) = kokoro() else { return };
    let ids: Vec<String> =
        kokoro.cast().speakers().iter().map(|speaker| speaker.id.clone()).collect();
    assert!(ids.contains(&"ef_dora".to_owned()) && ids.contains(&"bf_emma".to_owned()), "{ids:?}");
    let spanish = SpeechRequest { voice: Some("ef_dora"), ..request("Buenos días a todos.") };
    let pieces = say(&mut kokoro, spanish).unwrap();
    assert_eq!(pieces[0].words.len(), 4);
}

#[test]
fn weights_that_are_not_there_are_named() {
    let Some(folder) = folder() else { return };
    let load = |folder: &std::path::Path| match Kokoro::load(
        folder,
        &Device::Cpu,
        KokoroSettings::default(),
    ) {
        Ok(_) => panic!("that should not load"),
        Err(error) => error.to_string(),
    };
    // The shared folder has voices and no weights.
    assert!(load(&folder).contains("kokoro-v1_0.pth"));
    let empty = tempfile::tempdir().unwrap();
    assert!(load(empty.path()).contains("voices"));
    std::fs::create_dir(empty.path().join("voices")).unwrap();
    assert!(load(empty.path()).contains("sotto models pull"));
}

/// The whole way: what is said is echoed in Kokoro's voice.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_aloud() {
    let Some(kokoro) = kokoro() else { return };
    let cast = kokoro.cast();
    let engine: Box<dyn TextToSpeech> = Box::new(kokoro);
    let voice = Voice::new("kokoro", cast, Worker::start("tts", vec![engine], 8).unwrap());
    let engines = Engines { voice: Some(voice), ..fakes::engines(&["so be it"]) };
    let server = TestServer::start(engines).await;
    for blobs in [false, true] {
        let options = CallOptions { blobs, ..server.options() };
        let mut call = Call::place(options).await.unwrap();
        call.say(Recording::new(fakes::voice_like(900))).await;
        let turns = call.turns(0);
        assert_eq!(turns[0].reply_text, "so be it");
        let peak = call.heard().samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        assert!(peak > 0.05, "{peak}");
        call.hang_up(HangUp::Close).await.unwrap();
    }
}
