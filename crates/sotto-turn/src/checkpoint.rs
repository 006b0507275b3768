//! The model's weights, by name.

use std::path::{Path, PathBuf};

use candle_core::safetensors::BufferedSafetensors;
use candle_core::{DType, Device};

use crate::LoadError;

/// Weights that are taken out one by one.
pub(crate) struct Checkpoint {
    path: PathBuf,
    source: Source,
}

enum Source {
    Safetensors(BufferedSafetensors),
    /// Weights that are made as they are asked for.
    #[cfg(any(test, feature = "seeded"))]
    Made(Make),
}

/// Makes the tensor of a name and a shape, if the model has it.
#[cfg(any(test, feature = "seeded"))]
type Make = Box<dyn FnMut(&str, &[usize]) -> Option<Vec<f32>>>;

impl Checkpoint {
    /// Reads the file.
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let bytes = std::fs::read(path)
            .map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
        let file = BufferedSafetensors::new(bytes).map_err(|error| damaged(path, &error))?;
        Ok(Self { path: path.to_owned(), source: Source::Safetensors(file) })
    }

    #[cfg(any(test, feature = "seeded"))]
    pub(crate) fn made(make: Make) -> Self {
        Self { path: PathBuf::from("made"), source: Source::Made(make) }
    }

    /// A tensor, which must have this shape, row after row.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        self.find(name, shape)?.ok_or_else(|| LoadError::MissingTensor {
            path: self.path.clone(),
            name: name.to_owned(),
        })
    }

    /// A tensor, which must have this shape if it is there.
    fn find(&mut self, name: &str, shape: &[usize]) -> Result<Option<Vec<f32>>, LoadError> {
        match &mut self.source {
            Source::Safetensors(file) => read(&self.path, file, name, shape),
            #[cfg(any(test, feature = "seeded"))]
            Source::Made(make) => Ok(make(name, shape)),
        }
    }

    /// The weight [outputs, inputs, taps] of a convolution that is kept as a direction and a length for each tap:
    /// `length · direction / |direction|`. Torch has had two spellings for the two.
    pub(crate) fn folded(&mut self, name: &str, shape: &[usize; 3]) -> Result<Vec<f32>, LoadError> {
        let taps = shape[2];
        let lengths_shape = [1, 1, taps];
        let old = self.find(&format!("{name}.weight_v"), shape)?;
        let (mut weight, lengths) = match old {
            Some(directions) => {
                (directions, self.take(&format!("{name}.weight_g"), &lengths_shape)?)
            }
            None => (
                self.take(&format!("{name}.parametrizations.weight.original1"), shape)?,
                self.take(&format!("{name}.parametrizations.weight.original0"), &lengths_shape)?,
            ),
        };
        let mut squares = vec![0.0_f64; taps];
        for row in weight.chunks_exact(taps) {
            for (sum, value) in squares.iter_mut().zip(row) {
                *sum += f64::from(*value).powi(2);
            }
        }
        let factor = |(square, length): (&f64, &f32)| {
            if *square > 0.0 { f64::from(*length) / square.sqrt() } else { 0.0 }
        };
        let factors: Vec<f64> = squares.iter().zip(&lengths).map(factor).collect();
        for row in weight.chunks_exact_mut(taps) {
            for (value, factor) in row.iter_mut().zip(&factors) {
                *value = (f64::from(*value) * factor) as f32;
            }
        }
        Ok(weight)
    }
}

fn read(
    path: &Path,
    file: &BufferedSafetensors,
    name: &str,
    shape: &[usize],
) -> Result<Option<Vec<f32>>, LoadError> {
    let Ok(view) = file.get(name) else { return Ok(None) };
    if view.shape() != shape {
        return Err(LoadError::Shape {
            path: path.to_owned(),
            name: name.to_owned(),
            found: view.shape().to_vec(),
            expected: shape.to_vec(),
        });
    }
    let values = || {
        let tensor = file.load(name, &Device::Cpu)?.to_dtype(DType::F32)?;
        tensor.flatten_all()?.to_vec1::<f32>()
    };
    values().map(Some).map_err(|error| damaged(path, &format!("{name}: {error}")))
}

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> LoadError {
    let problem = format!("cut short or damaged ({why}); get the file again");
    LoadError::Content { path: path.to_owned(), problem }
}
