//! Kokoro-82M in this process: `sotto-phonemes` reads the words, `sotto-kokoro` speaks them.
//!
//! ```text
//! words ─▶ front end ─▶ phrases ─▶ plan: durations, pitch ─▶ sound ─▶ shape ─▶ piece, with times of words
//! ```

mod phrases;
mod shape;
mod voices;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use candle_core::Device;
use sotto_kokoro::{Precision, Settings, Voice};
use sotto_phonemes::{FrontEnd, Language, Lexicon};

use self::phrases::{Phrase, phrases};
use self::voices::Voices;
use super::cast::{Cast, Part};
use super::{Speech, SpeechRequest, TextToSpeech, WordTiming};
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;

pub use sotto_kokoro::LoadError as ModelError;
pub use sotto_phonemes::{Error as FrontEndError, UnsupportedLanguage};

/// Milliseconds of a frame of the model.
const FRAME_MS: u32 = 25;
/// Mixed voices that are remembered.
const MIXES: usize = 16;

/// How Kokoro is set up.
#[derive(Debug, Clone, Default)]
pub struct KokoroSettings {
    /// The usual voice, or a mix; empty: `af_heart`, or the first there is.
    pub voice: String,
    /// A person's own pronunciations.
    pub lexicon: Lexicon,
    /// The program espeak-ng, for voices of other languages than English; `None`: they are left out.
    pub espeak: Option<PathBuf>,
}

/// Kokoro cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KokoroError {
    /// The weights, the configuration or a voice.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// What reads the words.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
    /// The language of the voice.
    #[error(transparent)]
    Language(#[from] UnsupportedLanguage),
    /// No voice of a language that can be read.
    #[error("{} holds no voices; get some with: sotto models pull kokoro", folder.display())]
    NoVoices {
        /// Where they were looked for.
        folder: PathBuf,
    },
    /// The voice that was configured.
    #[error("tts.voice: {0}")]
    Voice(#[from] super::cast::VoiceError),
}

/// The engine. Copies share everything but their memory of mixed voices.
#[derive(Clone)]
pub struct Kokoro {
    shared: Arc<Shared>,
    mixes: HashMap<String, Voice>,
}

struct Shared {
    model: sotto_kokoro::Kokoro,
    voices: Voices,
    /// The voices that there are, and what is said where nobody asks for one.
    cast: Cast,
    /// One for each language, loaded when it is first spoken.
    front_ends: HashMap<Language, OnceLock<FrontEnd>>,
    lexicon: Lexicon,
    espeak: Option<PathBuf>,
}

impl Kokoro {
    /// Loads the model from `folder` (see [`sotto_kokoro::Kokoro::load`]) and the voices from its folder `voices`, and what
    /// the usual voice needs to read.
    pub fn load(
        folder: &Path,
        device: &Device,
        settings: KokoroSettings,
    ) -> Result<Self, KokoroError> {
        // Voices first: they are quick to miss.
        let voices = Voices::open(folder, settings.espeak.is_some())?;
        let precision = Precision::Half;
        let model = sotto_kokoro::Kokoro::load(folder, device, Settings { precision })?;
        Self::of(model, voices, settings)
    }

    /// The same with a model that is loaded already.
    pub fn with(
        model: sotto_kokoro::Kokoro,
        folder: &Path,
        settings: KokoroSettings,
    ) -> Result<Self, KokoroError> {
        let voices = Voices::open(folder, settings.espeak.is_some())?;
        Self::of(model, voices, settings)
    }

    fn of(
        model: sotto_kokoro::Kokoro,
        voices: Voices,
        settings: KokoroSettings,
    ) -> Result<Self, KokoroError> {
        let KokoroSettings { voice, lexicon, espeak } = settings;
        let cast = voices.cast().clone();
        let cast = if voice.is_empty() { cast } else { cast.with_default(&voice)? };
        let parts = cast.parts(cast.default())?;
        let languages = voices.languages().map(|language| (language, OnceLock::new()));
        let front_ends = languages.collect();
        let shared = Arc::new(Shared { model, voices, cast, front_ends, lexicon, espeak });
        let mut kokoro = Self { shared, mixes: HashMap::new() };
        kokoro.shared.front_end(language(&parts)?)?;
        let wanted = kokoro.shared.cast.default().to_owned();
        kokoro.voice(&wanted, &parts)?;
        Ok(kokoro)
    }

    /// The voices that there are.
    pub fn cast(&self) -> Cast {
        self.shared.cast.clone()
    }

    /// The voice that `wanted` stands for, made of these parts.
    fn voice(&mut self, wanted: &str, parts: &[Part]) -> Result<Voice, KokoroError> {
        if let Some(voice) = self.mixes.get(wanted) {
            return Ok(voice.clone());
        }
        let read = |part: &Part| Ok((part.weight, self.shared.voices.read(&part.id)?));
        let all: Vec<(f32, Voice)> = parts.iter().map(read).collect::<Result<_, KokoroError>>()?;
        let all: Vec<(f32, &Voice)> = all.iter().map(|(weight, voice)| (*weight, voice)).collect();
        let voice = Voice::mix(&all).ok_or_else(|| self.shared.voices.none())?;
        if self.mixes.len() >= MIXES {
            self.mixes.clear();
        }
        self.mixes.insert(wanted.to_owned(), voice.clone());
        Ok(voice)
    }

    fn say(&self, phrase: &Phrase, voice: &Voice, speed: f32, cancel: &Cancel) -> Said {
        let model = &self.shared.model;
        let plan = model
            .plan(&phrase.ids, voice, speed, &|| cancel.is_cancelled())
            .map_err(EngineError::failed("speech"))?
            .ok_or(EngineError::Cancelled)?;
        let sound = model
            .speak(&plan, seed(&phrase.ids, speed), &|| cancel.is_cancelled())
            .map_err(EngineError::failed("speech"))?
            .ok_or(EngineError::Cancelled)?;
        let durations = plan.durations();
        let silence = shape::Silence::of(durations, phrase.mark, speed);
        let (samples, cut) = shape::shape(sound, &silence);
        Ok(Speech { words: timings(phrase, durations, cut, samples.len()), samples })
    }
}

type Said = Result<Speech, EngineError>;

impl Shared {
    fn front_end(&self, language: Language) -> Result<&FrontEnd, KokoroError> {
        let place = self.front_ends.get(&language).ok_or_else(|| self.voices.none())?;
        if let Some(loaded) = place.get() {
            return Ok(loaded);
        }
        // Two threads may load the same; the first one stays.
        let loaded = FrontEnd::load(language, self.lexicon.clone(), self.espeak.clone())?;
        Ok(place.get_or_init(|| loaded))
    }
}

impl TextToSpeech for Kokoro {
    fn synthesize(
        &mut self,
        request: SpeechRequest<'_>,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Speech) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let input = |error: &dyn std::fmt::Display| EngineError::Input(error.to_string());
        let wanted = request.voice.unwrap_or(self.shared.cast.default()).to_owned();
        let parts = self.shared.cast.parts(&wanted).map_err(|error| input(&error))?;
        let voice = self.voice(&wanted, &parts).map_err(EngineError::failed("speech"))?;
        let shared = Arc::clone(&self.shared);
        let language = language(&parts).map_err(|error| input(&error))?;
        let front_end = shared.front_end(language).map_err(EngineError::failed("speech"))?;
        let tokens = front_end.phonemes(request.text).map_err(|error| input(&error))?;
        let vocabulary = shared.model.vocabulary();
        for phrase in phrases(&tokens, |phoneme| vocabulary.id(phoneme)) {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let speech = self.say(&phrase, &voice, request.speed, cancel)?;
            if sink(speech).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A mix is read in the language of its greatest part.
fn language(parts: &[Part]) -> Result<Language, UnsupportedLanguage> {
    let greatest = parts.iter().max_by(|one, other| one.weight.total_cmp(&other.weight));
    Language::of_voice(greatest.map_or("", |part| &part.id))
}

/// The same request makes the same samples.
fn seed(ids: &[u32], speed: f32) -> u64 {
    let mut hasher = DefaultHasher::new();
    (ids, speed.to_bits()).hash(&mut hasher);
    hasher.finish()
}

/// When words are heard, in sound of so many `samples` whose beginning was `cut` off.
fn timings(phrase: &Phrase, durations: &[u32], cut: usize, samples: usize) -> Vec<WordTiming> {
    let per_ms = super::super::frame::SPEECH_RATE_HZ as usize / 1_000;
    let (cut_ms, end_ms) = ((cut / per_ms) as u32, (samples / per_ms) as u32);
    // Before each phoneme, and at the end; the first duration is the silence before.
    let mut at = 0;
    let begins: Vec<u32> = durations
        .iter()
        .map(|frames| {
            at += frames * FRAME_MS;
            at.saturating_sub(cut_ms).min(end_ms)
        })
        .collect();
    let of = |index: usize| begins.get(index).copied().unwrap_or(end_ms);
    phrase
        .words
        .iter()
        .map(|word| WordTiming {
            text_end: word.text_end,
            start_ms: of(word.phonemes.start),
            end_ms: of(word.phonemes.end),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::phrases::Word;
    use super::*;

    #[test]
    fn words_are_heard_when_their_phonemes_are() {
        let word = |text_end, phonemes| Word { text_end, phonemes };
        let phrase = Phrase {
            ids: vec![1, 2, 3, 4],
            words: vec![word(3, 0..2), word(8, 3..4)],
            mark: Some('.'),
        };
        // 100 ms of silence, phonemes of 50, 50, 25 (a space) and 100 ms, and silence; 75 ms are cut off.
        let times = timings(&phrase, &[4, 2, 2, 1, 4, 8], 75 * 24, 400 * 24);
        let expected = [(3, 25, 125), (8, 150, 250)];
        let found: Vec<_> = times.iter().map(|t| (t.text_end, t.start_ms, t.end_ms)).collect();
        assert_eq!(found, expected);
        // What is shorter than it was planned ends with the sound.
        let times = timings(&phrase, &[4, 2, 2, 1, 4, 8], 75 * 24, 200 * 24);
        assert_eq!(times[1].end_ms, 200);
    }

    #[test]
    fn the_seed_is_of_what_is_said_and_how() {
        assert_eq!(seed(&[1, 2], 1.0), seed(&[1, 2], 1.0));
        assert_ne!(seed(&[1, 2], 1.0), seed(&[1, 2], 1.1));
        assert_ne!(seed(&[1, 2], 1.0), seed(&[2, 1], 1.0));
    }

    #[test]
    fn a_mix_is_read_as_its_greatest_part() {
        let part = |id: &str, weight| Part { id: id.to_owned(), weight };
        let mix = [part("bf_emma", 0.7), part("af_heart", 0.3)];
        assert_eq!(language(&mix).unwrap(), Language::EnglishGb);
        assert!(language(&[part("jf_alpha", 1.0)]).is_err());
    }
}
