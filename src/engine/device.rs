//! What Whisper, Kokoro and Smart Turn v2 compute on: the processor, an NVIDIA GPU or an Apple GPU.
//!
//! A program that was built for GPUs also runs where there is none: nothing of CUDA is used before `cuda` has
//! looked whether all of it is here.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(any(test, feature = "cuda"))]
mod requirements;

use candle_core::Device as Candle;

use super::EngineLoadError;
use crate::config::Device;
use crate::models;

/// A device that works.
#[derive(Debug, Clone)]
pub struct Opened {
    /// For candle. Made once and cloned: two CUDA devices would not share what is on them.
    pub(super) candle: Candle,
    /// What it is, and why it is no GPU if it is none; for people.
    pub name: String,
}

impl Opened {
    fn processor(why: &str) -> Self {
        Self { candle: Candle::Cpu, name: format!("the processor; {why}") }
    }

    /// Which models it is good for.
    pub(super) fn kind(&self) -> models::Device {
        if self.candle.is_cpu() { models::Device::Cpu } else { models::Device::Gpu }
    }

    /// What to say of it beside an engine: nothing if this program knows no other device.
    pub(super) fn news(&self) -> Option<String> {
        let gpus = cfg!(any(feature = "cuda", feature = "metal"));
        gpus.then(|| format!("on {}", self.name))
    }
}

/// Opens the device that is asked for, for a stage (`turn`, `stt` or `tts`). `auto` takes the processor if there is no GPU that
/// works.
///
/// Opening a GPU takes up to a second, and blocks.
pub fn open(stage: &'static str, wanted: Device) -> Result<Opened, EngineLoadError> {
    let or_refuse = |device| move |reason| EngineLoadError::Device { stage, device, reason };
    match wanted {
        Device::Cpu => Ok(Opened::processor("configured")),
        Device::Cuda => cuda().map_err(or_refuse("cuda")),
        Device::Metal => metal().map_err(or_refuse("metal")),
        Device::Auto if cfg!(feature = "metal") => Ok(metal().unwrap_or_else(processor)),
        Device::Auto if cfg!(feature = "cuda") => Ok(cuda().unwrap_or_else(processor)),
        Device::Auto => Ok(Opened::processor("this program was built without GPUs")),
    }
}

fn processor(no_gpu: String) -> Opened {
    Opened::processor(&no_gpu)
}

#[cfg(feature = "cuda")]
use cuda::open as cuda;

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Opened, String> {
    Err("this program was built without CUDA; build it with: make cuda".to_owned())
}

#[cfg(feature = "metal")]
fn metal() -> Result<Opened, String> {
    let candle = Candle::new_metal(0).map_err(|error| error.to_string())?;
    Ok(Opened { candle, name: "the Apple GPU".to_owned() })
}

#[cfg(not(feature = "metal"))]
fn metal() -> Result<Opened, String> {
    Err("this program was built without Metal; build it with: make build FEATURES=metal".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_always_finds_a_device() {
        assert!(!open("stt", Device::Auto).unwrap().name.is_empty());
        assert!(open("stt", Device::Cpu).unwrap().candle.is_cpu());
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn a_device_that_was_not_built_in_is_refused_with_what_to_do() {
        let refusal = |device| open("stt", device).unwrap_err().to_string();
        let cuda = refusal(Device::Cuda);
        assert!(cuda.starts_with("stt.device: cuda") && cuda.contains("make cuda"), "{cuda}");
        let metal = refusal(Device::Metal);
        assert!(metal.starts_with("stt.device: metal") && metal.contains("metal"), "{metal}");
        assert_eq!(open("stt", Device::Auto).unwrap().news(), None);
    }
}
