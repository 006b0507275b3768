//! From configuration to engines: the one place where a name becomes something that runs.
//!
//! `auto` takes the best that is here and quick enough on this machine, and says why.

mod turn;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sotto_llm::Reach;
use sotto_phonemes::Lexicon;
use tokio::runtime::Handle;

use super::cost::{self, Cost};
use super::desk::Desk;
use super::device::{self, Opened};
use super::handles::{Defaults, Recogniser, Voice};
use super::http::{Server, premises};
use super::ort::OnnxRuntime;
use super::program::{Runner, find};
use super::worker::Worker;
use super::{Choice, EngineLoadError};
use crate::config::{Config, SttContext, SttEngine, TtsEngine, VadEngine};
use crate::models::{Stage, Store};
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::wav;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::{MIC_RATE_HZ, SPEECH_RATE_HZ};
use crate::pipeline::meter::duration;
use crate::pipeline::stt::{self, SpeechToText, Utterance, Whisper, WhisperSettings};
use crate::pipeline::text::Text;
use crate::pipeline::tts::cast::Cast;
use crate::pipeline::tts::{self, Kokoro, KokoroSettings, SpeechRequest, TextToSpeech};
use crate::pipeline::vad::{Energy, Silero, VadModel};

pub use turn::TurnModel;
pub(super) use turn::find_smart_turn_v2;

/// Engines of one kind, and what they are called.
type Named<T> = (String, Vec<Box<T>>);

/// An engine that takes longer than this part of the time that the sound lasts is passed over.
const QUICK_ENOUGH: f32 = 0.7;
/// A second and a half of public-domain speech (see assets/README.md): to warm up and to measure with.
const WARM_UP: &[u8] = include_bytes!("../../assets/warmup.wav");
/// What Kokoro is warmed up and measured with.
const WARM_UP_TEXT: &str = "It is a bright day, and there is much to do.";
/// In the manifest, and to people.
const KOKORO: &str = "kokoro";
/// Programs that can recognise and speak, in order of preference.
const RECOGNITION_PROGRAMS: [&str; 1] = ["pocketsphinx_continuous"];
const SPEECH_PROGRAMS: [&str; 2] = ["espeak-ng", "espeak"];
/// What distributions call the library.
const SYSTEM_ONNXRUNTIME: [&str; 4] = [
    "/usr/lib/libonnxruntime.so",
    "/usr/local/lib/libonnxruntime.so",
    "/usr/lib/x86_64-linux-gnu/libonnxruntime.so",
    "/opt/homebrew/lib/libonnxruntime.dylib",
];

/// What the engines of one process are made from.
pub(super) struct Chooser<'a> {
    pub config: &'a Config,
    pub store: &'a Store,
    pub runtime: Handle,
    pub choices: Vec<Choice>,
    /// What Whisper computes on, once it has been opened.
    pub device: Option<Opened>,
}

type Result<T> = std::result::Result<T, EngineLoadError>;

impl Chooser<'_> {
    fn chose(&mut self, stage: &'static str, name: &str, why: impl Into<String>) {
        self.choices.push(Choice::new(stage, name, why));
    }

    /// What the engine that was chosen last for this stage was measured to need.
    fn measured(&mut self, stage: &'static str, cost: Cost) {
        if let Some(choice) = self.choices.iter_mut().rfind(|choice| choice.stage == stage) {
            choice.cost = Some(cost);
        }
    }

    fn chose_remote(&mut self, stage: &'static str, address: &str) {
        self.choices.push(Choice::new(stage, "remote", "configured").at(address));
    }

    fn start<E: Send + 'static>(&self, name: &'static str, engines: Vec<E>) -> Result<Worker<E>> {
        let failed = |source| EngineLoadError::Thread { engine: name, source };
        Worker::start(name, engines, self.config.limits.queue).map_err(failed)
    }

    /// onnxruntime, or why not.
    pub(super) fn onnxruntime(&self) -> Result<OnnxRuntime> {
        let path =
            onnxruntime_path(self.config, self.store).ok_or(EngineLoadError::NoOnnxRuntime)?;
        Ok(OnnxRuntime::load(&path)?)
    }

    pub(super) fn vad(&mut self, runtime: &Result<OnnxRuntime>) -> Result<Box<dyn VadModel>> {
        let model = self.vad_model(runtime)?;
        let cost = cost::of_frames(&*model, &warm_up()).map_err(EngineLoadError::WarmUp)?;
        self.measured("vad", cost);
        Ok(model)
    }

    fn vad_model(&mut self, runtime: &Result<OnnxRuntime>) -> Result<Box<dyn VadModel>> {
        let config = &self.config.vad;
        if config.engine == VadEngine::Energy {
            self.chose("vad", "energy", "configured");
            return Ok(Box::new(Energy));
        }
        let silero = with_runtime(runtime).and_then(|runtime| {
            let path = self.store.find_file(&config.model, "onnx")?;
            Ok(Silero::load(runtime, &path, cores())?)
        });
        match silero {
            Ok(silero) => {
                self.chose("vad", silero.name(), reason(config.engine == VadEngine::Silero));
                Ok(Box::new(silero))
            }
            Err(error) if config.engine == VadEngine::Auto => {
                self.chose("vad", "energy", error.to_string());
                Ok(Box::new(Energy))
            }
            Err(error) => Err(error),
        }
    }

    /// Recognition; `None` if there is nothing on this machine that can do it.
    pub(super) fn recogniser(&mut self) -> Result<Option<Recogniser>> {
        let config = &self.config.stt;
        let defaults = Defaults {
            language: Some(config.language.clone()).filter(|language| language != "auto"),
            languages: config.languages.clone(),
            prompt: Text::from(config.prompt.as_str()),
        };
        let (name, engines) = match config.engine {
            SttEngine::Remote => {
                self.chose_remote("stt", &config.remote.base_url);
                ("remote".to_owned(), self.remote_recognition()?)
            }
            SttEngine::Command => {
                let (name, runner) =
                    self.program(&config.command.program, &RECOGNITION_PROGRAMS)?;
                self.chose("stt", &name, "configured");
                (name, self.program_recognition(&runner))
            }
            // Whoever names a model wants that one.
            SttEngine::Whisper | SttEngine::Auto if config.model != "auto" => {
                let mut whisper = self.load_whisper(&config.model)?;
                let took = real_time_factor(&mut *whisper)?;
                let name = short_name(&config.model);
                let why = [Some("configured".to_owned()), self.device()?.news(), Some(pace(took))];
                self.chose("stt", &name, why.into_iter().flatten().collect::<Vec<_>>().join("; "));
                self.measure_recognition(&mut *whisper)?;
                (name, vec![whisper])
            }
            SttEngine::Whisper | SttEngine::Auto => match self.best_recognition()? {
                Some(best) => best,
                None => return Ok(None),
            },
        };
        let failed = |source| EngineLoadError::Thread { engine: "recognition", source };
        let desk = Desk::start(engines, self.config.limits.queue).map_err(failed)?;
        Ok(Some(Recogniser::new(name, defaults, desk)))
    }

    /// Speech; `None` if there is nothing on this machine that can do it.
    pub(super) fn voice(&mut self) -> Result<Option<Voice>> {
        let config = &self.config.tts;
        match config.engine {
            TtsEngine::Remote => {
                self.chose_remote("tts", &config.remote.base_url);
                let server = self.server(&config.remote)?;
                let engine = || Box::new(tts::Remote::new(server.clone())) as Box<_>;
                let engines = std::iter::repeat_with(engine).take(config.remote.concurrency);
                self.speaking("remote".to_owned(), Cast::open(&config.voice), engines.collect())
            }
            TtsEngine::Kokoro => {
                let (kokoro, cost) = self.load_kokoro()?;
                self.chose("tts", KOKORO, format!("configured; {}", speaking_pace(cost)));
                self.measured("tts", cost);
                self.speaking(KOKORO.to_owned(), kokoro.cast(), vec![Box::new(kokoro)])
            }
            TtsEngine::Command => {
                let (name, runner) = self.program(&config.command.program, &SPEECH_PROGRAMS)?;
                self.chose("tts", &name, "configured");
                let engines = self.program_speech(&runner);
                self.speaking(name, Cast::single(&config.voice), engines)
            }
            TtsEngine::Auto => self.best_voice(),
        }
    }

    /// Kokoro, when it is here and quick enough, or else a program.
    fn best_voice(&mut self) -> Result<Option<Voice>> {
        let config = &self.config.tts;
        let note = match self.load_kokoro() {
            Ok((kokoro, cost)) if cost.took.as_secs_f32() <= QUICK_ENOUGH => {
                let why = format!("the best that is here; {}", speaking_pace(cost));
                self.chose("tts", KOKORO, why);
                self.measured("tts", cost);
                return self.speaking(KOKORO.to_owned(), kokoro.cast(), vec![Box::new(kokoro)]);
            }
            Ok((_, cost)) => format!("{KOKORO} was passed over: {}", speaking_pace(cost)),
            Err(error) => error.to_string(),
        };
        match self.program(&config.command.program, &SPEECH_PROGRAMS) {
            Ok((name, runner)) => {
                self.chose("tts", &name, note);
                // A voice that was configured for Kokoro means nothing to a program.
                let voice = if config.command.program.is_empty() { "" } else { &config.voice };
                let engines = self.program_speech(&runner);
                self.speaking(name, Cast::single(voice), engines)
            }
            Err(error) => {
                self.chose("tts", "none", format!("{note}; {error}"));
                Ok(None)
            }
        }
    }

    fn speaking(
        &self,
        name: String,
        cast: Cast,
        engines: Vec<Box<dyn TextToSpeech>>,
    ) -> Result<Option<Voice>> {
        Ok(Some(Voice::new(name, cast, self.start("speech", engines)?)))
    }

    /// Kokoro, warm, and what it takes for a second of speech.
    fn load_kokoro(&self) -> Result<(Kokoro, Cost)> {
        let config = &self.config.tts;
        let name = if config.model == "auto" { KOKORO } else { &config.model };
        let folder = self.store.find(name)?;
        let fail = |source| EngineLoadError::Kokoro { folder: folder.clone(), source };
        let settings = KokoroSettings {
            voice: config.voice.clone(),
            lexicon: lexicon(&config.lexicon)?,
            espeak: if config.espeak.is_empty() { None } else { find(&config.espeak) },
        };
        // Not the one of recognition, though it may be the same GPU: what runs on that one's stream while its graphs are
        // recorded would be recorded, too.
        let device = device::open("tts", config.device)?.candle;
        let mut kokoro = Kokoro::load(&folder, &device, settings).map_err(fail)?;
        let mut took = 0.0;
        for _ in 0..2 {
            took = pace_of_speech(&mut kokoro).map_err(EngineLoadError::WarmUp)?;
        }
        let cores = if device.is_cpu() { cores() } else { 0 };
        Ok((kokoro, Cost { took: Duration::from_secs_f32(took), side_by_side: 1, cores }))
    }

    /// The best Whisper that is here and quick enough, or else a program.
    fn best_recognition(&mut self) -> Result<Option<Named<dyn SpeechToText>>> {
        let opened = self.device()?;
        let mut slow: Option<(String, f32, Box<dyn SpeechToText>)> = None;
        let candidates: Vec<String> = self
            .store
            .manifest()
            .candidates(Stage::Stt, opened.kind())
            .into_iter()
            .map(|model| model.name.clone())
            .collect();
        let mut notes: Vec<String> = opened.news().into_iter().collect();
        let known = notes.len();
        for name in candidates {
            match self.store.find(&name) {
                Err(crate::models::ModelError::Missing { .. }) => continue,
                Err(error) => {
                    notes.push(error.to_string());
                    continue;
                }
                Ok(_) => {}
            }
            let mut whisper = self.load_whisper(&name)?;
            let took = real_time_factor(&mut *whisper)?;
            if took <= QUICK_ENOUGH {
                notes.push(format!("the best that is here; {}", pace(took)));
                self.chose("stt", &name, notes.join("; "));
                self.measure_recognition(&mut *whisper)?;
                return Ok(Some((name, vec![whisper])));
            }
            notes.push(format!("{name} was passed over: {}", pace(took)));
            slow.get_or_insert((name, took, whisper));
        }
        if notes.len() == known {
            notes.push(EngineLoadError::NoWeights.to_string());
        }
        let program = if self.config.stt.engine == SttEngine::Whisper {
            Err(EngineLoadError::NoWeights)
        } else {
            self.program(&self.config.stt.command.program, &RECOGNITION_PROGRAMS)
        };
        match program {
            Ok((name, runner)) => {
                self.chose("stt", &name, notes.join("; "));
                Ok(Some((name, self.program_recognition(&runner))))
            }
            Err(error) => match slow {
                Some((name, _, mut engine)) => {
                    self.chose("stt", &name, notes.join("; "));
                    self.measure_recognition(&mut *engine)?;
                    Ok(Some((name, vec![engine])))
                }
                None if matches!(error, EngineLoadError::NoWeights) => Err(error),
                None => {
                    notes.push(error.to_string());
                    self.chose("stt", "none", notes.join("; "));
                    Ok(None)
                }
            },
        }
    }

    fn load_whisper(&mut self, name: &str) -> Result<Box<dyn SpeechToText>> {
        let config = &self.config.stt;
        let folder = self.store.find(name)?;
        let device = self.device()?.candle;
        let settings = WhisperSettings {
            trim_context: match config.context {
                SttContext::Auto => device.is_cpu(),
                SttContext::Full => false,
                SttContext::Trimmed => true,
            },
            threads: config.threads,
            precision: config.precision,
            width: 0,
            graphs: config.graphs,
        };
        let fail = |source| EngineLoadError::Whisper { folder: folder.clone(), source };
        Ok(Box::new(Whisper::load(&folder, &device, settings).map_err(fail)?))
    }

    /// Measures what the chosen Whisper takes for what people usually say.
    fn measure_recognition(&mut self, engine: &mut dyn SpeechToText) -> Result<()> {
        let sound = cost::utterance(&warm_up());
        let took = cost::time(|| {
            let utterance = Utterance { audio: &sound, ..Utterance::default() };
            engine.transcribe(utterance, &Cancel::default())
        });
        let threads = self.config.stt.threads;
        let threads = if threads == 0 { cores() } else { threads };
        let cores = if self.device()?.candle.is_cpu() { threads } else { 0 };
        let took = took.map_err(EngineLoadError::WarmUp)?;
        self.measured("stt", Cost { took, side_by_side: engine.width(), cores });
        Ok(())
    }

    /// What Whisper computes on.
    fn device(&mut self) -> Result<Opened> {
        if let Some(opened) = &self.device {
            return Ok(opened.clone());
        }
        let opened = device::open("stt", self.config.stt.device)?;
        Ok(self.device.insert(opened).clone())
    }

    fn program(&self, configured: &str, known: &[&str]) -> Result<(String, Runner)> {
        let names: Vec<&str> =
            if configured.is_empty() { known.to_vec() } else { vec![configured] };
        names
            .iter()
            .find_map(|name| Some(((*name).to_owned(), find(name)?)))
            .map(|(name, path)| (name, Runner::new(path, self.runtime.clone())))
            .ok_or_else(|| EngineLoadError::NoProgram { program: names.join(" or ") })
    }

    fn program_recognition(&self, runner: &Runner) -> Vec<Box<dyn SpeechToText>> {
        let configured = &self.config.stt.command;
        let args = if configured.program.is_empty() || configured.args.is_empty() {
            stt::Command::pocketsphinx_args()
        } else {
            configured.args.clone()
        };
        let engine = || Box::new(stt::Command::new(runner.clone(), args.clone())) as Box<_>;
        std::iter::repeat_with(engine).take(cores()).collect()
    }

    fn program_speech(&self, runner: &Runner) -> Vec<Box<dyn TextToSpeech>> {
        let configured = &self.config.tts.command;
        let (mut args, mut voice) = tts::Command::espeak();
        if !configured.program.is_empty() && !configured.args.is_empty() {
            args.clone_from(&configured.args);
        }
        if !self.config.tts.voice.is_empty() {
            voice.clone_from(&self.config.tts.voice);
        }
        let engine =
            || Box::new(tts::Command::new(runner.clone(), args.clone(), voice.clone())) as Box<_>;
        std::iter::repeat_with(engine).take(cores()).collect()
    }

    fn remote_recognition(&self) -> Result<Vec<Box<dyn SpeechToText>>> {
        let remote = &self.config.stt.remote;
        let server = self.server(remote)?;
        let engine = || Box::new(stt::Remote::new(server.clone())) as Box<_>;
        Ok(std::iter::repeat_with(engine).take(remote.concurrency).collect())
    }

    fn server(&self, remote: &crate::config::Remote) -> Result<Server> {
        Server::new(remote.clone(), premises(&self.config.privacy), self.runtime.clone())
            .map_err(EngineLoadError::Client)
    }
}

/// Where onnxruntime is: as configured, `ORT_DYLIB_PATH`, among the models, or where systems keep it.
pub(super) fn onnxruntime_path(config: &Config, store: &Store) -> Option<PathBuf> {
    let configured = &config.models.onnxruntime;
    if !configured.as_os_str().is_empty() {
        return Some(configured.clone());
    }
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH") {
        return Some(PathBuf::from(path));
    }
    let extension = std::env::consts::DLL_EXTENSION;
    if let Ok(path) = store.find_file("onnxruntime", extension) {
        // Relative paths would be looked for beside the program.
        return path.canonicalize().ok();
    }
    SYSTEM_ONNXRUNTIME.iter().map(PathBuf::from).find(|path| path.exists())
}

fn with_runtime(runtime: &Result<OnnxRuntime>) -> Result<&OnnxRuntime> {
    runtime.as_ref().map_err(|error| EngineLoadError::Runtime(error.to_string()))
}

fn warm_up() -> Vec<f32> {
    // The clip is built in and a test reads it.
    wav::decode(WARM_UP, MIC_RATE_HZ).unwrap_or_default()
}

/// How long recognition takes, as a part of how long the sound lasts. The first run, which fills caches,
/// does not count.
fn real_time_factor(engine: &mut dyn SpeechToText) -> Result<f32> {
    let audio = warm_up();
    let lasts = duration(audio.len());
    let mut took = Duration::MAX;
    for _ in 0..2 {
        let begun = Instant::now();
        let utterance = Utterance { audio: &audio, ..Utterance::default() };
        engine.transcribe(utterance, &Cancel::default()).map_err(EngineLoadError::WarmUp)?;
        took = begun.elapsed();
    }
    Ok(took.as_secs_f32() / lasts.as_secs_f32())
}

/// How long a sentence takes, as a part of how long it lasts.
fn pace_of_speech(kokoro: &mut Kokoro) -> std::result::Result<f32, EngineError> {
    let request =
        SpeechRequest { text: WARM_UP_TEXT, voice: None, speed: 1.0, reach: Reach::OnPremises };
    let (begun, mut samples) = (Instant::now(), 0);
    kokoro.synthesize(request, &Cancel::default(), &mut |speech| {
        samples += speech.samples.len();
        ControlFlow::Continue(())
    })?;
    let lasts = samples.max(1) as f32 / SPEECH_RATE_HZ as f32;
    Ok(begun.elapsed().as_secs_f32() / lasts)
}

/// A person's own pronunciations.
fn lexicon(path: &Path) -> Result<Lexicon> {
    if path.as_os_str().is_empty() {
        return Ok(Lexicon::default());
    }
    let problem = |problem: String| EngineLoadError::Lexicon { path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    Lexicon::parse(&text).map_err(|error| problem(error.to_string()))
}

fn speaking_pace(cost: Cost) -> String {
    format!("speaks in {:.2} of the time that its speech takes", cost.took.as_secs_f32())
}

fn pace(factor: f32) -> String {
    format!("recognises in {factor:.2} of the time that speech takes")
}

fn reason(configured: bool) -> &'static str {
    if configured { "configured" } else { "the best that is here" }
}

fn short_name(model: &str) -> String {
    Path::new(model)
        .file_name()
        .map_or_else(|| model.to_owned(), |n| n.to_string_lossy().into_owned())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_clip_is_speech() {
        let clip = warm_up();
        assert!(clip.len() > MIC_RATE_HZ as usize);
        assert!(clip.iter().any(|sample| sample.abs() > 0.1));
    }
}
