//! Weights from safetensors, in one file or in shards, f16, bf16 or f32.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use candle_core::safetensors::SliceSafetensors;
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use super::config::{LoadError, read_json};

/// Which shard holds which tensor.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

/// The tensors of a checkpoint, by name, as they are in its files. They are taken out one by one.
pub(super) struct Weights {
    tensors: HashMap<String, Tensor>,
    device: Device,
    dtype: DType,
    /// Makes those that are not there.
    #[cfg(test)]
    make: Option<fn(&str, &[usize]) -> Tensor>,
}

impl Weights {
    /// Weights that are made as they are asked for.
    #[cfg(test)]
    pub(super) fn made(make: fn(&str, &[usize]) -> Tensor, device: &Device, dtype: DType) -> Self {
        let device = device.clone();
        Self { tensors: HashMap::new(), device, dtype, make: Some(make) }
    }

    /// Reads every safetensors file of `folder`, for a model that computes on `device` in `dtype`.
    pub(super) fn open(folder: &Path, device: &Device, dtype: DType) -> Result<Self, LoadError> {
        let files = files(folder)?;
        if files.is_empty() {
            return Err(LoadError::NoWeights { folder: folder.to_owned() });
        }
        let mut tensors = HashMap::new();
        for path in files {
            let bytes = std::fs::read(&path)
                .map_err(|source| LoadError::Read { path: path.clone(), source })?;
            let damaged = |error: candle_core::Error| LoadError::Content {
                path: path.clone(),
                problem: format!("cut short or damaged ({error}); pull the model again"),
            };
            let file = SliceSafetensors::new(&bytes).map_err(damaged)?;
            for (name, _) in file.tensors() {
                let tensor = file.load(&name, &Device::Cpu)?;
                // Some exporters leave the prefix out.
                let name = name.strip_prefix("model.").unwrap_or(&name).to_owned();
                tensors.insert(name, tensor);
            }
        }
        Ok(Self {
            tensors,
            device: device.clone(),
            dtype,
            #[cfg(test)]
            make: None,
        })
    }

    /// Where the model will be.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// What the model computes in.
    pub(super) fn dtype(&self) -> DType {
        self.dtype
    }

    /// Takes a tensor, which must have this shape, to the model's device in its precision.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        #[cfg(test)]
        if let Some(make) = self.make {
            self.tensors.insert(name.to_owned(), make(name, shape));
        }
        let tensor = self
            .tensors
            .remove(name)
            .ok_or_else(|| LoadError::MissingTensor { name: name.to_owned() })?;
        if tensor.dims() != shape {
            return Err(LoadError::Shape {
                name: name.to_owned(),
                found: tensor.dims().to_vec(),
                expected: shape.to_vec(),
            });
        }
        Ok(tensor.to_device(&self.device)?.to_dtype(self.dtype)?)
    }
}

/// The shards named by the index, or else all safetensors files, in order. A folder that holds both one
/// complete file and shards is read once.
fn files(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let whole = folder.join("model.safetensors");
    if whole.exists() {
        return Ok(vec![whole]);
    }
    let index = folder.join("model.safetensors.index.json");
    if index.exists() {
        let index: Index = read_json(&index)?;
        let names: BTreeSet<String> = index.weight_map.into_values().collect();
        return Ok(names.iter().map(|name| folder.join(name)).collect());
    }
    let read = |source| LoadError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
