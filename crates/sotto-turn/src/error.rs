//! What can go wrong.

use std::path::PathBuf;

/// Why the model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file could not be read.
    #[error("{path} cannot be read")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {problem}")]
    Content {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A tensor is missing.
    #[error("{path}: the tensor {name} is missing")]
    MissingTensor {
        /// The file of the weights.
        path: PathBuf,
        /// Which one.
        name: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{path}: the tensor {name} has the shape {found:?} and not {expected:?}")]
    Shape {
        /// The file of the weights.
        path: PathBuf,
        /// Which one.
        name: String,
        /// What the file says.
        found: Vec<usize>,
        /// What the configuration says.
        expected: Vec<usize>,
    },
    /// The device refused.
    #[error("the model cannot be brought to its device")]
    Device(#[from] candle_core::Error),
}

/// Why nothing could be said about a turn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no sound.
    #[error("there are no samples")]
    Empty,
    /// The sound has values that are no numbers, or infinite ones.
    #[error("a sample is not a finite number")]
    NotFinite,
    /// The device failed.
    #[error("the device failed")]
    Device(#[from] candle_core::Error),
}

/// Why a computation ended early.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Nobody wants its result any more.
    Cancelled,
    /// The device failed.
    Failed(candle_core::Error),
}

impl From<candle_core::Error> for Halt {
    fn from(error: candle_core::Error) -> Self {
        Self::Failed(error)
    }
}

/// What a computation that may be cancelled gives.
pub(crate) type Result<T> = std::result::Result<T, Halt>;

/// Ends a computation that nobody wants any more.
pub(crate) fn go_on(stop: &dyn Fn() -> bool) -> Result<()> {
    if stop() { Err(Halt::Cancelled) } else { Ok(()) }
}
