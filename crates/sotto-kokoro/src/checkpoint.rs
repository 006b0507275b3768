//! The model's weights, by name, from PyTorch's format or from safetensors. They are read one by one.

pub(crate) mod pth;
mod safetensors;

use std::path::{Path, PathBuf};

use crate::LoadError;

/// The name that the weights are published under.
const PUBLISHED: &str = "kokoro-v1_0.pth";

/// Weights that are taken out one by one.
pub(crate) struct Checkpoint {
    path: PathBuf,
    source: Source,
}

enum Source {
    Pth(pth::File),
    Safetensors(safetensors::File),
    /// Weights that are made as they are asked for.
    #[cfg(test)]
    Made(fn(&str, &[usize]) -> Vec<f32>),
}

impl Checkpoint {
    /// Opens the weights in this folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, LoadError> {
        let path = find(folder)?;
        let source = if path.extension().is_some_and(|extension| extension == "pth") {
            Source::Pth(pth::File::open(&path)?)
        } else {
            Source::Safetensors(safetensors::File::open(&path)?)
        };
        Ok(Self { path, source })
    }

    #[cfg(test)]
    pub(crate) fn made(make: fn(&str, &[usize]) -> Vec<f32>) -> Self {
        Self { path: PathBuf::from("made"), source: Source::Made(make) }
    }

    /// A tensor, which must have this shape.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        self.find(name, shape)?.ok_or_else(|| LoadError::MissingTensor {
            path: self.path.clone(),
            name: name.to_owned(),
        })
    }

    /// A tensor, which must have this shape if it is there.
    pub(crate) fn find(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Option<Vec<f32>>, LoadError> {
        let found = match &mut self.source {
            Source::Pth(file) => file.read(name, shape)?,
            Source::Safetensors(file) => file.read(name, shape)?,
            #[cfg(test)]
            Source::Made(make) => Some(make(name, shape)),
        };
        Ok(found)
    }

    /// The weight of a convolution, [first, …], kept as a direction and a length for each of `first`:
    /// `length · direction / |direction|`.
    pub(crate) fn folded(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let mut lengths_shape = vec![1; shape.len()];
        lengths_shape[0] = shape[0];
        let named = |kind: &str| format!("{name}.{kind}");
        let old = self.find(&named("weight_v"), shape)?;
        let (mut weight, lengths) = if let Some(directions) = old {
            (directions, self.take(&named("weight_g"), &lengths_shape)?)
        } else if let Some(directions) =
            self.find(&named("parametrizations.weight.original1"), shape)?
        {
            let lengths = named("parametrizations.weight.original0");
            (directions, self.take(&lengths, &lengths_shape)?)
        } else {
            return self.take(&named("weight_v"), shape);
        };
        let size: usize = shape[1..].iter().product();
        for (direction, length) in weight.chunks_exact_mut(size).zip(lengths) {
            let squares: f64 = direction.iter().map(|value| f64::from(*value).powi(2)).sum();
            let factor = if squares > 0.0 { f64::from(length) / squares.sqrt() } else { 0.0 };
            for value in direction {
                *value = (f64::from(*value) * factor) as f32;
            }
        }
        Ok(weight)
    }
}

/// The published file, or else the first other one.
fn find(folder: &Path) -> Result<PathBuf, LoadError> {
    let published = folder.join(PUBLISHED);
    if published.exists() {
        return Ok(published);
    }
    let read = |source| LoadError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        files.push(entry.map_err(read)?.path());
    }
    files.sort();
    let of_kind =
        |kind: &str| files.iter().find(|path| path.extension().is_some_and(|e| e == kind));
    let found = of_kind("safetensors").or_else(|| of_kind("pth")).cloned();
    found.ok_or_else(|| LoadError::NoWeights { folder: folder.to_owned() })
}

/// What was read, if it is of the right shape.
fn checked(path: &Path, name: &str, found: &[usize], expected: &[usize]) -> Result<(), LoadError> {
    if found == expected {
        return Ok(());
    }
    Err(LoadError::Shape {
        path: path.to_owned(),
        name: name.to_owned(),
        found: found.to_vec(),
        expected: expected.to_vec(),
    })
}

/// A name as the model has it: without what a wrapper around one of its parts has put in.
fn plain(name: &str) -> String {
    name.replacen(".module.", ".", 1)
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> LoadError {
    let problem = format!("cut short or damaged ({why}); pull the model again");
    LoadError::Content { path: path.to_owned(), problem }
}
