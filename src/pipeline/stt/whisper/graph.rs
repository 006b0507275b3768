//! CUDA graphs: work that is recorded once and then started with one call, because a large GPU takes less time for a
//! kernel than a processor takes to start it. Without CUDA there are none.

use candle_core::{Device, Result};

/// Starts what was recorded. It reads and writes the memory that the recorded work did, so whatever that was must
/// outlive it.
pub(super) type Launch = Box<dyn Fn() -> Result<()> + Send>;

/// Whether CUDA graphs are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Graphs {
    /// Where they are possible.
    #[default]
    Auto,
    /// Never.
    Off,
}

#[cfg(feature = "cuda")]
#[path = "graph/cuda.rs"]
mod imp;

#[cfg(not(feature = "cuda"))]
mod imp {
    use candle_core::{Device, Error, Result};

    use super::Launch;

    pub(in super::super) fn record(_: &Device, _: &dyn Fn() -> Result<()>) -> Result<Launch> {
        Err(Error::msg("this program was built without CUDA"))
    }

    pub(in super::super) fn with_lasting_parameters<T>(_: &Device, work: impl FnOnce() -> T) -> T {
        work()
    }
}

pub(super) use self::imp::{record, with_lasting_parameters};

/// Whether to try.
pub(super) fn are_wanted(graphs: Graphs, device: &Device) -> bool {
    graphs == Graphs::Auto && device.is_cuda()
}
