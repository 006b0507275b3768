//! What can go wrong.

use std::path::PathBuf;

/// Why a model or a voice could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder could not be read.
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
    /// There are no weights.
    #[error("{folder} holds neither kokoro-v1_0.pth nor another .pth or .safetensors file")]
    NoWeights {
        /// Where they were looked for.
        folder: PathBuf,
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

/// Why nothing could be spoken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to say.
    #[error("there are no phonemes that the model knows")]
    Nothing,
    /// More than the model takes at once.
    #[error("{count} phonemes are more than the {most} that the model takes at once")]
    TooLong {
        /// So many were given.
        count: usize,
        /// So many are possible.
        most: usize,
    },
    /// A speed that is no speed.
    #[error("the speed must be a number above zero")]
    Speed,
    /// A token that the model does not know.
    #[error("there is no token {0}")]
    Token(u32),
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
