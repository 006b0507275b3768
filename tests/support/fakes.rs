//! Engines with fixed answers and a stated delay. No models, no programs.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sotto::engine::Engines;
use sotto::engine::desk::Desk;
use sotto::engine::handles::{Defaults, EndOfTurn, Recogniser, Voice};
use sotto::engine::questions::Questions;
use sotto::engine::worker::Worker;
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::failure::EngineError;
use sotto::pipeline::meter::Metered;
use sotto::pipeline::stt::{SpeechToText, Transcript, Urgency, Utterance};
use sotto::pipeline::text::Text;
use sotto::pipeline::tts::cast::Cast;
use sotto::pipeline::tts::{Speech, SpeechRequest, TextToSpeech};
use sotto::pipeline::turn::TurnDetector;
use sotto::pipeline::vad::Energy;
use sotto_llm::Provider;
use sotto_llm::echo::Echo;

/// How long the fake voice takes for a character.
pub const MS_PER_CHARACTER: usize = 40;

/// While somebody speaks, a word is heard for so much sound: 320 ms.
const SAMPLES_PER_WORD: usize = 5_120;

/// What is recognised, one text after the other, the last one for ever. Captions grow with the sound. Where a language
/// is expected, the final text says so.
pub struct FakeStt {
    pub texts: Vec<&'static str>,
    pub delay: Duration,
    pub heard: Arc<AtomicUsize>,
}

impl SpeechToText for FakeStt {
    fn transcribe(
        &mut self,
        utterance: Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError> {
        std::thread::sleep(self.delay);
        if cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        let interim = utterance.options.urgency == Urgency::Interim;
        let number = self.heard.fetch_add(usize::from(!interim), Ordering::Relaxed);
        let text = self.texts.get(number).or(self.texts.last()).copied().unwrap_or_default();
        let words = if interim { utterance.audio.len() / SAMPLES_PER_WORD } else { usize::MAX };
        let words: Vec<&str> = text.split(' ').take(words).collect();
        let mut text = words.join(" ");
        if let Some(language) = utterance.options.language.filter(|_| !interim) {
            let _ = write!(text, " ({language}: {})", utterance.options.prompt.as_str());
        }
        Ok(Transcript { text: Text::from(text), ..Transcript::default() })
    }
}

/// Always sure that the turn is complete.
struct FakeTurn;

impl TurnDetector for FakeTurn {
    fn predict(&mut self, _: &[f32]) -> Result<f32, EngineError> {
        Ok(0.99)
    }
}

/// A tone as long as the text.
struct FakeVoice;

impl TextToSpeech for FakeVoice {
    fn synthesize(
        &mut self,
        request: SpeechRequest<'_>,
        _: &Cancel,
        sink: &mut dyn FnMut(Speech) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let samples = request.text.chars().count() * MS_PER_CHARACTER * 24;
        let tone = (0..samples).map(|i| (i as f32 * 0.1).sin() * 0.3).collect();
        let _ = sink(Speech { samples: tone, words: Vec::new() });
        Ok(())
    }
}

/// Engines that hear `texts` and echo them.
pub fn engines(texts: &[&'static str]) -> Engines {
    with_llm(texts, Arc::new(Echo))
}

/// Engines that hear `texts` and ask `llm`.
pub fn with_llm(texts: &[&'static str], llm: Arc<dyn Provider>) -> Engines {
    let stt: Box<dyn SpeechToText> = Box::new(FakeStt {
        texts: texts.to_vec(),
        delay: Duration::from_millis(20),
        heard: Arc::default(),
    });
    let turn: Box<dyn TurnDetector> = Box::new(FakeTurn);
    let voice: Box<dyn TextToSpeech> = Box::new(FakeVoice);
    Engines {
        vad: Arc::new(Energy),
        turn: EndOfTurn::Model {
            name: "fake".to_owned(),
            questions: Questions::new(Worker::start("turn", vec![turn], 8).unwrap()),
        },
        recogniser: Some(Recogniser::new(
            "fake",
            Defaults::default(),
            Desk::start(vec![stt], 8).unwrap(),
        )),
        llm,
        llm_is_near: false,
        voice: Some(Voice::new(
            "fake",
            Cast::single(""),
            Worker::start("tts", vec![voice], 8).unwrap(),
        )),
        choices: Vec::new(),
        meter: Metered::default(),
    }
}

/// A second of something that the energy detector calls speech, between silences.
pub fn voice_like(ms: usize) -> Vec<f32> {
    (0..16 * ms).map(|i| ((i as f32 * 0.08).sin() + (i as f32 * 0.21).sin()) * 0.2).collect()
}
