//! onnxruntime, loaded when the server starts: nothing links to it, so a machine without it still runs
//! everything that does not need it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

/// Processors with AVX2 and without VNNI add products of 8-bit numbers in 16 bits, which overflows and makes
/// quantised models wrong (Smart Turn by up to 0.7). With this onnxruntime converts the weights, on all of them: where there is
/// VNNI it would be for nothing, and takes 1.4 times as long.
const PRECISE: &str = "session.x64quantprecision";

/// Whether this processor adds products of 8-bit numbers in 32 bits.
fn is_exact() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    true
}

/// onnxruntime or a model for it cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrtError {
    /// No library.
    #[error(
        "onnxruntime cannot be loaded from {}: {reason}; get it with: sotto models pull onnxruntime, \
         and see models.onnxruntime",
        path.display()
    )]
    Library {
        /// The library tried.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// No model.
    #[error("{}: not a model that onnxruntime can load: {source}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<ort::Error>,
    },
}

/// The loaded library.
#[derive(Clone)]
pub struct OnnxRuntime {
    environment: Environment,
}

impl OnnxRuntime {
    /// Loads the library at `path` (1.24 or newer). A process loads one library; later calls give the one
    /// that was loaded first.
    pub fn load(path: &Path) -> Result<Self, OrtError> {
        static LOADED: Mutex<Option<OnnxRuntime>> = Mutex::new(None);
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*loaded {
            return Ok(runtime.clone());
        }
        let runtime = Self::load_first(path)?;
        Ok(loaded.insert(runtime).clone())
    }

    fn load_first(path: &Path) -> Result<Self, OrtError> {
        let fail = |reason: String| OrtError::Library { path: path.to_owned(), reason };
        let builder = ort::init_from(path).map_err(|error| fail(error.to_string()))?;
        let environment =
            builder.with_name("sotto").build().map_err(|error| fail(error.to_string()))?;
        Ok(Self { environment })
    }

    /// Opens a model for one thread. Calls run side by side, so a session needs no threads of its own.
    pub fn session(&self, path: &Path) -> Result<Session, OrtError> {
        let fail = |source: ort::Error| OrtError::Model {
            path: path.to_owned(),
            source: Box::new(source),
        };
        Session::builder(&self.environment)
            .map_err(fail)?
            .with_optimization_level(GraphOptimizationLevel::Level3)
            .map_err(|error| fail(error.into()))?
            .with_config_entry(PRECISE, if is_exact() { "0" } else { "1" })
            .map_err(|error| fail(error.into()))?
            .with_intra_threads(1)
            .map_err(|error| fail(error.into()))?
            .with_inter_threads(1)
            .map_err(|error| fail(error.into()))?
            .commit_from_file(path)
            .map_err(fail)
    }
}
