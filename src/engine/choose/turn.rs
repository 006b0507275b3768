//! Which end-of-turn model runs.

use std::path::PathBuf;

use super::super::cost::{self, Cost};
use super::super::device::{self, Opened};
use super::super::handles::EndOfTurn;
use super::super::ort::OnnxRuntime;
use super::super::questions::Questions;
use super::{Chooser, EngineLoadError, Result, cores, reason, short_name, warm_up, with_runtime};
use crate::config::{Config, SMART_TURN_V2, TurnEngine};
use crate::models::{ModelError, Store};
use crate::pipeline::turn::{SmartTurn, SmartTurnV2, TurnDetector};

/// An end-of-turn model, warm.
pub struct TurnModel {
    /// What it runs in.
    pub engine: TurnEngine,
    /// What people see of it.
    pub name: String,
    /// The model itself.
    pub detector: Box<dyn TurnDetector>,
}

impl Chooser<'_> {
    pub(in crate::engine) fn turn(&mut self, runtime: &Result<OnnxRuntime>) -> Result<EndOfTurn> {
        let Some(mut model) = self.turn_model(runtime)? else { return Ok(EndOfTurn::Silence) };
        let sound = cost::utterance(&warm_up());
        let took =
            cost::time(|| model.detector.predict(&sound)).map_err(EngineLoadError::WarmUp)?;
        let together = model.detector.together();
        let mut detectors = vec![model.detector];
        // One that gains from hearing several together is on a GPU. v3 keeps one core busy, v2 all of them.
        let cores = match model.engine {
            _ if together > 1 => 0,
            TurnEngine::SmartTurnV2 => cores(),
            _ => {
                for _ in 1..threads(cores()) {
                    detectors.push(self.smart_turn_v3(runtime)?.detector);
                }
                1
            }
        };
        let side_by_side = together * detectors.len();
        self.measured("turn", Cost { took, side_by_side, cores });
        let questions = Questions::new(self.start("end-of-turn", detectors)?);
        Ok(EndOfTurn::Model { name: model.name, questions })
    }

    /// The model; `None` if silence decides.
    pub(in crate::engine) fn turn_model(
        &mut self,
        runtime: &Result<OnnxRuntime>,
    ) -> Result<Option<TurnModel>> {
        match self.config.turn.engine {
            TurnEngine::Silence => {
                self.chose("turn", "silence", "configured");
                Ok(None)
            }
            TurnEngine::SmartTurnV2 => {
                let path = find_smart_turn_v2(self.config, self.store)?;
                let opened = device::open("turn", self.config.turn.device)?;
                let model = self.smart_turn_v2(path, &opened)?;
                self.chose_turn(&model, opened.news().into_iter().collect());
                Ok(Some(model))
            }
            TurnEngine::SmartTurnV3 => {
                let model = self.smart_turn_v3(runtime)?;
                self.chose_turn(&model, Vec::new());
                Ok(Some(model))
            }
            TurnEngine::Auto => Ok(self.best_turn_model(runtime)),
        }
    }

    /// v2 on a GPU, else v3, else none.
    fn best_turn_model(&mut self, runtime: &Result<OnnxRuntime>) -> Option<TurnModel> {
        let mut notes = Vec::new();
        // Whoever names a model without an engine means one of v3. A GPU is not looked for if there is nothing to do on it.
        let here = find_smart_turn_v2(self.config, self.store);
        if let Some(path) = here.ok().filter(|_| self.config.turn.has_default_model()) {
            match self.smart_turn_v2_on_gpu(path) {
                Ok((model, opened)) => {
                    self.chose_turn(&model, opened.news().into_iter().collect());
                    return Some(model);
                }
                Err(why) => notes.push(format!("{SMART_TURN_V2} was passed over: {why}")),
            }
        }
        match self.smart_turn_v3(runtime) {
            Ok(model) => {
                self.chose_turn(&model, notes);
                Some(model)
            }
            Err(error) => {
                notes.push(error.to_string());
                self.chose("turn", "silence", notes.join("; "));
                None
            }
        }
    }

    fn smart_turn_v2_on_gpu(
        &self,
        path: PathBuf,
    ) -> std::result::Result<(TurnModel, Opened), String> {
        let in_words = |error: EngineLoadError| error.to_string();
        let opened = device::open("turn", self.config.turn.device).map_err(in_words)?;
        if opened.candle.is_cpu() {
            return Err(format!("it is for a GPU, and there is {}", opened.name));
        }
        Ok((self.smart_turn_v2(path, &opened).map_err(in_words)?, opened))
    }

    fn smart_turn_v2(&self, path: PathBuf, opened: &Opened) -> Result<TurnModel> {
        let detector = SmartTurnV2::load(&path, &opened.candle)
            .map_err(|source| EngineLoadError::SmartTurnV2 { source })?;
        let name = short_name(self.config.turn.v2_model());
        warm(TurnEngine::SmartTurnV2, name, Box::new(detector))
    }

    fn smart_turn_v3(&self, runtime: &Result<OnnxRuntime>) -> Result<TurnModel> {
        let runtime = with_runtime(runtime)?;
        let name = &self.config.turn.model;
        let path = self.store.find_file(name, "onnx")?;
        let detector = SmartTurn::load(runtime, &path)?;
        warm(TurnEngine::SmartTurnV3, name.clone(), Box::new(detector))
    }

    fn chose_turn(&mut self, model: &TurnModel, mut notes: Vec<String>) {
        notes.insert(0, reason(self.config.turn.engine != TurnEngine::Auto).to_owned());
        self.chose("turn", &model.name, notes.join("; "));
    }
}

/// How many of v3 run side by side: one for two cores is enough for as many calls as these carry, and so on; the rest is for
/// the calls themselves.
fn threads(cores: usize) -> usize {
    (cores / 4).clamp(1, 4)
}

/// The first inference allocates; better now than in somebody's first pause.
fn warm(
    engine: TurnEngine,
    name: String,
    mut detector: Box<dyn TurnDetector>,
) -> Result<TurnModel> {
    detector.predict(&warm_up()).map_err(EngineLoadError::WarmUp)?;
    Ok(TurnModel { engine, name, detector })
}

/// The folder or the weights of Smart Turn v2, if its files are there.
pub(in crate::engine) fn find_smart_turn_v2(config: &Config, store: &Store) -> Result<PathBuf> {
    let name = config.turn.v2_model();
    let path = match store.find(name) {
        Err(ModelError::Unknown { .. }) => store.place(name),
        found => found?,
    };
    let is_file = path.extension().is_some_and(|extension| extension == "safetensors");
    let weights = if is_file { path.clone() } else { path.join("model.safetensors") };
    for path in [weights.with_file_name("config.json"), weights] {
        if !path.is_file() {
            return Err(EngineLoadError::NoSmartTurnV2 { path });
        }
    }
    Ok(path)
}
