//! Where weights live and where they come from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Where weights live and where they come from.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// A folder for each model, named as in `models/manifest.yml`.
    pub dir: PathBuf,
    /// The model hub. The environment variable `HF_ENDPOINT` is honoured too.
    pub hub: String,
    /// Never asks the network for weights.
    pub offline: bool,
    /// Lets engines chosen by `auto` fetch better weights in the background, for the calls that follow.
    pub pull: bool,
    /// The onnxruntime library; empty: `ORT_DYLIB_PATH`, then the models folder, then the system's.
    pub onnxruntime: PathBuf,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("models"),
            hub: "https://huggingface.co".to_owned(),
            offline: false,
            pull: true,
            onnxruntime: PathBuf::new(),
        }
    }
}
