//! Kokoro-82M: phonemes and a voice in, speech out.
//!
//! Speaking has two steps. [`Kokoro::plan`] reads the phonemes: how long each one is, pitch and loudness. It is quick, and
//! its durations tell when each phoneme is heard. [`Kokoro::speak`] makes the sound of a plan, which takes nearly all of
//! the time, and ends early when nobody wants it any more.
//!
//! On a processor everything is computed in f32 with kernels of our own. On other devices candle does what the sound is
//! made of, if asked to in f16; what would suffer from that (durations, the source, spectra) stays on the host in f32.

mod albert;
mod block;
mod checkpoint;
mod config;
mod decoder;
mod error;
mod generator;
mod maths;
mod melody;
mod noise;
#[cfg(any(test, feature = "seeded"))]
pub mod seeded;
mod source;
mod spectrum;
mod style;
mod text;
mod vocabulary;
mod voice;

#[cfg(test)]
mod parity;

use std::fmt;
use std::path::Path;

use candle_core::{DType, Device};

pub use self::config::SAMPLE_RATE;
pub use self::error::{Error, LoadError};
pub use self::vocabulary::Vocabulary;
pub use self::voice::Voice;

use self::checkpoint::Checkpoint;
use self::config::{Config, PER_PITCH};
use self::decoder::{Decoder, Score};
use self::error::Halt;
use self::maths::Maths;
use self::melody::Curve;
use self::text::{Read, Text};
use self::vocabulary::EDGE;

/// Samples of a frame: 25 ms.
pub const FRAME: usize = 2 * PER_PITCH;
/// Speeds that are possible.
pub const SPEEDS: std::ops::RangeInclusive<f32> = 0.1..=10.0;

/// How the model is loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Of the convolutions.
    pub precision: Precision,
}

/// What convolutions are computed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// f32.
    #[default]
    Full,
    /// f16 where the device is not a processor, which has no use for it.
    Half,
}

/// The model. It does not change: any number of threads can speak with it.
pub struct Kokoro {
    vocabulary: Vocabulary,
    text: Text,
    sound: Sound,
    tokens: usize,
}

/// Who makes the sound.
enum Sound {
    Host(Box<Voicing<sotto_kernels::Filter, Vec<f32>>>),
    Device {
        voicing: Box<Voicing<maths::DeviceFilter, candle_core::Tensor>>,
        device: Device,
        dtype: DType,
    },
}

/// What the sound is made with.
struct Voicing<F, R> {
    pitch: Curve<F, R>,
    loudness: Curve<F, R>,
    decoder: Decoder<F, R>,
}

/// What will be spoken.
pub struct Plan {
    durations: Vec<u32>,
    /// [frames, width]
    text: Vec<f32>,
    /// In Hz, twice a frame.
    pitch: Vec<f32>,
    /// Twice a frame.
    loudness: Vec<f32>,
    style: Vec<f32>,
}

impl fmt::Debug for Kokoro {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Kokoro").finish_non_exhaustive()
    }
}

/// What is said does not go to logs.
impl fmt::Debug for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Plan").finish_non_exhaustive()
    }
}

impl Kokoro {
    /// Reads the model from a folder with `config.json` and its weights: `kokoro-v1_0.pth`, or else a `.safetensors` file
    /// with the same names (`bert.…`, `decoder.…`), or another `.pth`.
    pub fn load(folder: &Path, device: &Device, settings: Settings) -> Result<Self, LoadError> {
        let config = Config::read(&folder.join("config.json"))?;
        Self::build(&config, &mut Checkpoint::open(folder)?, device, settings)
    }

    fn build(
        config: &Config,
        checkpoint: &mut Checkpoint,
        device: &Device,
        settings: Settings,
    ) -> Result<Self, LoadError> {
        let text = Text::load(checkpoint, config, device)?;
        let sound = if device.is_cpu() {
            let maths = maths::Host::new(&|| false);
            Sound::Host(Box::new(Voicing::load(&maths, checkpoint, config)?))
        } else {
            let dtype = match settings.precision {
                Precision::Full => DType::F32,
                Precision::Half => DType::F16,
            };
            Self::on_device(config, checkpoint, device, dtype)?
        };
        let positions = config.plbert.max_position_embeddings;
        let vocabulary = Vocabulary::new(config.vocab.clone(), positions);
        Ok(Self { vocabulary, text, sound, tokens: config.n_token })
    }

    fn on_device(
        config: &Config,
        checkpoint: &mut Checkpoint,
        device: &Device,
        dtype: DType,
    ) -> Result<Sound, LoadError> {
        let maths = maths::Device::new(device, dtype, &|| false);
        let voicing = Box::new(Voicing::load(&maths, checkpoint, config)?);
        Ok(Sound::Device { voicing, device: device.clone(), dtype })
    }

    /// The phonemes that the model knows.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Plans how these tokens (of [`Vocabulary::ids`]) are spoken by a voice. Twice the `speed` takes half the time; it
    /// must be in [`SPEEDS`]. `cancelled` is asked every few milliseconds of work, from any thread; `None` comes back soon
    /// after it says yes.
    pub fn plan(
        &self,
        ids: &[u32],
        voice: &Voice,
        speed: f32,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Plan>, Error> {
        if ids.is_empty() {
            return Err(Error::Nothing);
        }
        let most = self.vocabulary.most();
        if ids.len() > most {
            return Err(Error::TooLong { count: ids.len(), most });
        }
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.tokens) {
            return Err(Error::Token(*id));
        }
        if !SPEEDS.contains(&speed) {
            return Err(Error::Speed);
        }
        self.plan_styled(ids, voice.row(ids.len()), speed, cancelled)
    }

    fn plan_styled(
        &self,
        ids: &[u32],
        style: &[f32],
        speed: f32,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Plan>, Error> {
        let edged: Vec<u32> =
            std::iter::once(EDGE).chain(ids.iter().copied()).chain([EDGE]).collect();
        let (sound, melody) = style.split_at(style.len() / 2);
        wanted(self.text.read(&edged, melody, speed, cancelled, |_, _| {}).and_then(|read| {
            let Read { durations, melody: of_frames, sound: text } = read;
            let width = of_frames.len() / durations.iter().sum::<u32>() as usize;
            let (pitch, loudness) = match &self.sound {
                Sound::Host(voicing) => {
                    voicing.curves(&maths::Host::new(cancelled), of_frames, width, melody)?
                }
                Sound::Device { voicing, device, dtype } => {
                    let maths = maths::Device::new(device, *dtype, cancelled);
                    voicing.curves(&maths, of_frames, width, melody)?
                }
            };
            Ok(Plan { durations, text, pitch, loudness, style: sound.to_vec() })
        }))
    }

    /// Makes the sound of a plan: samples at 24 kHz, 600 for each frame. The same seed makes the same samples.
    /// `cancelled` is asked every few milliseconds of work, from this thread; `None` comes back soon after it says yes.
    pub fn speak(
        &self,
        plan: &Plan,
        seed: u64,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>, Error> {
        wanted(match &self.sound {
            Sound::Host(voicing) => voicing.speak(&maths::Host::new(cancelled), plan, seed),
            Sound::Device { voicing, device, dtype } => {
                voicing.speak(&maths::Device::new(device, *dtype, cancelled), plan, seed)
            }
        })
    }
}

/// `None` where nobody wants it any more.
fn wanted<T>(made: maths::Result<T>) -> Result<Option<T>, Error> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(Halt::Cancelled) => Ok(None),
        Err(Halt::Failed(error)) => Err(error.into()),
    }
}

impl<F, R> Voicing<F, R> {
    fn load<M: Maths<Filter = F, Row = R>>(
        maths: &M,
        checkpoint: &mut Checkpoint,
        config: &Config,
    ) -> Result<Self, LoadError> {
        let (width, style) = (config.hidden_dim, config.style_dim);
        Ok(Self {
            pitch: Curve::load(maths, checkpoint, "F0", width, style)?,
            loudness: Curve::load(maths, checkpoint, "N", width, style)?,
            decoder: Decoder::load(maths, checkpoint, config)?,
        })
    }

    /// Pitch and loudness of the melody [frames, width].
    fn curves<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        melody: Vec<f32>,
        width: usize,
        style: &[f32],
    ) -> maths::Result<(Vec<f32>, Vec<f32>)> {
        let melody = maths.signal(melody, width)?;
        let pitch = self.pitch.apply(maths, &melody, style)?;
        Ok((pitch, self.loudness.apply(maths, &melody, style)?))
    }

    fn speak<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        plan: &Plan,
        seed: u64,
    ) -> maths::Result<Vec<f32>> {
        let deviation = self.decoder.source.noise_deviation();
        let mut noise = noise::gaussian(seed, plan.samples());
        for value in &mut noise {
            *value *= deviation;
        }
        self.decoder.apply(maths, plan.score(), &noise)
    }
}

impl Plan {
    /// Frames of 25 ms of each token: of the silence before the first phoneme, of each phoneme, and of the silence after
    /// the last.
    pub fn durations(&self) -> &[u32] {
        &self.durations
    }

    /// Samples of the whole.
    pub fn samples(&self) -> usize {
        self.pitch.len() * PER_PITCH
    }

    fn score(&self) -> Score<'_> {
        let Self { text, pitch, loudness, style, .. } = self;
        Score { text, pitch, loudness, style }
    }
}
