//! Smart Turn v2: has somebody finished speaking, or only stopped to think? It hears the sound itself, not words.
//!
//! A wav2vec2 encoder, pooled by attention, and a small classifier. The reference computes 16 s for every turn, most of it
//! padding; here only what is heard is computed, with the same result (see `clip.rs`): a turn of 3 s takes about a
//! sixth of that.
//!
//! On a processor everything is computed in f32 with kernels of our own, one turn at a time. On other devices candle
//! does it, several turns together if there are several, in f16 if asked to.

mod checkpoint;
mod clip;
mod config;
mod encoder;
mod error;
mod features;
mod head;
mod layer;
mod position;
#[cfg(any(test, feature = "seeded"))]
pub mod seeded;

#[cfg(test)]
mod files;
#[cfg(test)]
mod parity;

use std::fmt;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use sotto_kernels::Reading;

pub use self::clip::{MOST, SAMPLE_RATE};
pub use self::error::{Error, LoadError};

use self::checkpoint::Checkpoint;
use self::clip::{Clip, ends};
use self::config::Config;
use self::encoder::Encoder;
use self::error::{Halt, go_on};
use self::features::Features;
use self::head::Head;
use self::layer::{Before, Linear, Norm, Place, Reader};
use self::position::Positions;

/// The most turns that are computed together.
const TOGETHER: usize = 16;

/// What the model is computed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// f32.
    #[default]
    Full,
    /// f16 where the device is not a processor, which has no use for it. Norms and softmax stay in f32.
    Half,
}

/// The model. It does not change: any number of threads can ask it.
pub struct SmartTurn {
    config: Config,
    features: Features,
    entry: Norm,
    projection: Linear,
    positions: Positions,
    encoder: Encoder,
    head: Head,
    place: Place,
}

impl fmt::Debug for SmartTurn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SmartTurn").finish_non_exhaustive()
    }
}

/// What is shown to tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Features,
    Projection,
    Positions,
    Layer(usize),
    Pooled,
}

impl SmartTurn {
    /// Reads the model in f32 from a folder with `model.safetensors` and `config.json`, as it was published in
    /// pipecat-ai/smart-turn-v2, or from a `.safetensors` file with `config.json` beside it.
    pub fn load(folder_or_file: &Path, device: &Device) -> Result<Self, LoadError> {
        Self::load_in(folder_or_file, device, Precision::Full)
    }

    /// [`Self::load`] in another precision.
    pub fn load_in(
        folder_or_file: &Path,
        device: &Device,
        precision: Precision,
    ) -> Result<Self, LoadError> {
        let is_folder = folder_or_file.is_dir();
        let weights = if is_folder {
            folder_or_file.join("model.safetensors")
        } else {
            folder_or_file.to_owned()
        };
        let config = Config::read(&weights.with_file_name("config.json"))?;
        let mut checkpoint = Checkpoint::open(&weights)?;
        Self::build(config, &mut checkpoint, &Place::of(device, precision))
    }

    fn build(
        config: Config,
        checkpoint: &mut Checkpoint,
        place: &Place,
    ) -> Result<Self, LoadError> {
        let mut read = Reader { checkpoint, place };
        let (channels, width) = (*config.conv_dim.last().unwrap_or(&1), config.hidden_size);
        let projection = "wav2vec2.feature_projection";
        let norm = format!("{projection}.layer_norm");
        Ok(Self {
            features: Features::load(&mut read, &config)?,
            entry: read.norm(&norm, channels, config.layer_norm_eps)?,
            projection: read.linear(&format!("{projection}.projection"), channels, width)?,
            positions: Positions::load(&mut read, &config)?,
            encoder: Encoder::load(&mut read, &config)?,
            head: Head::load(&mut read, &config)?,
            place: place.clone(),
            config,
        })
    }

    /// How probable it is that whoever said this has finished: 0 to 1, finished above 0.5.
    ///
    /// `audio` is the whole turn until now at 16 kHz, one channel, of any loudness; its last 8 s ([`MOST`]) are heard. One
    /// sample is enough, but less than 25 ms tell nothing and, since the reference has no frame to look at
    /// then and looks at all of the padding, take as long as 16 s.
    ///
    /// # Errors
    /// If there are no samples, or one that is heard is not finite, or if the device fails.
    pub fn predict(&self, audio: &[f32]) -> Result<f32, Error> {
        // Nobody stops it, so there always is an answer.
        Ok(self.predict_unless(audio, &|| false)?.unwrap_or_default())
    }

    /// [`Self::predict`]; `None` soon after `stop` says yes. It is asked from this thread, several times in each layer.
    pub fn predict_unless(
        &self,
        audio: &[f32],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<f32>, Error> {
        let clip = Clip::new(audio, &self.config)?;
        answered(self.answers(&[clip], stop).map(|answers| answers[0]))
    }

    /// [`Self::predict`] of several turns, in their order. A GPU computes turns of similar lengths together; a processor has
    /// enough to do with one.
    ///
    /// # Errors
    /// As for one; a turn that cannot be predicted spoils the others.
    pub fn predict_batch(&self, turns: &[&[f32]]) -> Result<Vec<f32>, Error> {
        Ok(self.predict_batch_unless(turns, &|| false)?.unwrap_or_default())
    }

    /// [`Self::predict_batch`]; `None` soon after `stop` says yes.
    pub fn predict_batch_unless(
        &self,
        turns: &[&[f32]],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>, Error> {
        let clips = turns.iter().map(|audio| Clip::new(audio, &self.config));
        let clips = clips.collect::<Result<Vec<_>, _>>()?;
        let together = if self.place.filters { 1 } else { TOGETHER };
        let sizes: Vec<usize> = clips.iter().map(|clip| clip.samples.len()).collect();
        let mut answers = vec![0.0; clips.len()];
        for group in groups(&sizes, together) {
            let clips: Vec<Clip> = group.iter().map(|index| clips[*index].clone()).collect();
            let Some(of_group) = answered(self.answers(&clips, stop))? else { return Ok(None) };
            for (index, answer) in group.into_iter().zip(of_group) {
                answers[index] = answer;
            }
        }
        Ok(Some(answers))
    }

    fn answers(&self, clips: &[Clip], stop: &dyn Fn() -> bool) -> error::Result<Vec<f32>> {
        let odds = self.odds(clips, stop, &mut |_, _| {})?;
        if odds.iter().any(|odds| odds.is_nan()) {
            // Damaged weights, or f16 that was not wide enough.
            return Err(candle_core::Error::msg("the answer is no number").into());
        }
        Ok(odds.into_iter().map(probability).collect())
    }

    /// The logarithms of the odds of turns that are computed together.
    fn odds(
        &self,
        clips: &[Clip],
        stop: &dyn Fn() -> bool,
        seen: &mut dyn FnMut(Step, &Tensor),
    ) -> error::Result<Vec<f32>> {
        let of = |count: fn(&Clip) -> usize| clips.iter().map(count).collect::<Vec<usize>>();
        let (visible, pooled) = (of(|clip| clip.visible), of(|clip| clip.pooled));
        let most = |counts: &[usize]| counts.iter().max().copied().unwrap_or_default();
        let rows = most(&of(|clip| clip.rows));
        go_on(stop)?;
        let features = self.features.apply(clips, stop)?;
        let features = features.narrow(1, 0, most(&visible))?.contiguous()?;
        seen(Step::Features, &features);
        let x = self.projection.apply(&self.entry.apply(&features)?, Before::Nothing, stop)?;
        seen(Step::Projection, &x);
        let mut x = x.pad_with_zeros(1, 0, rows - most(&visible))?;
        if clips.len() > 1 {
            x = x.broadcast_mul(&ends(&visible, rows, &x)?)?;
        }
        go_on(stop)?;
        let x = self.positions.apply(&x, stop)?;
        seen(Step::Positions, &x);
        let reading = Reading::whole(&visible, &self.place.device)?;
        let x = self.encoder.apply(&x, &reading, stop, &mut |i, x| seen(Step::Layer(i), x))?;
        let mean = self.head.pool(&x, &pooled, stop)?;
        seen(Step::Pooled, &mean);
        self.head.answer(&mean, stop)
    }
}

impl Place {
    fn of(device: &Device, precision: Precision) -> Self {
        let filters = device.is_cpu();
        let half = precision == Precision::Half && !filters;
        let dtype = if half { DType::F16 } else { DType::F32 };
        Self { device: device.clone(), dtype, filters }
    }
}

/// Of the logarithm of the odds.
fn probability(odds: f32) -> f32 {
    1.0 / (1.0 + (-odds).exp())
}

fn answered<T>(answer: error::Result<T>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Halt::Cancelled) => Ok(None),
        Err(Halt::Failed(error)) => Err(error.into()),
    }
}

/// Which turns are computed together: at most so many, and none that is shorter than half of the longest.
fn groups(sizes: &[usize], most: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(sizes[*index]));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match groups.last_mut() {
            Some(group) if group.len() < most && 2 * sizes[index] >= sizes[group[0]] => {
                group.push(index);
            }
            _ => groups.push(vec![index]),
        }
    }
    groups
}
