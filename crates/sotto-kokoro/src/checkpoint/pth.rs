//! The format of `PyTorch`: a zip archive of pickled objects and of what their tensors hold.

use std::collections::HashMap;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use candle_core::pickle::{Object, Stack, TensorInfo};
use candle_core::{DType, Device, Tensor};

use super::{checked, damaged, plain};
use crate::LoadError;

type Archive = zip::ZipArchive<BufReader<std::fs::File>>;

/// A dictionary of dictionaries of tensors.
pub(crate) struct File {
    path: PathBuf,
    archive: Archive,
    tensors: HashMap<String, TensorInfo>,
}

impl File {
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let (archive, object, folder) = objects(path)?;
        let mut tensors = HashMap::new();
        for (part, value) in entries(object) {
            for (name, value) in entries(value) {
                let name = plain(&format!("{part}.{name}"));
                let found = value
                    .into_tensor_info(Object::Unicode(name), &folder)
                    .map_err(|error| damaged(path, error))?;
                tensors.extend(found.map(|tensor| (tensor.name.clone(), tensor)));
            }
        }
        Ok(Self { path: path.to_owned(), archive, tensors })
    }

    pub(super) fn read(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Option<Vec<f32>>, LoadError> {
        let Some(tensor) = self.tensors.get(name) else { return Ok(None) };
        checked(&self.path, name, tensor.layout.dims(), shape)?;
        let values = values(&mut self.archive, tensor)
            .map_err(|error| damaged(&self.path, format!("{name}: {error}")))?;
        Ok(Some(values))
    }
}

/// The shape and the values of a file that holds a single tensor.
pub(crate) fn read_one(path: &Path) -> Result<(Vec<usize>, Vec<f32>), LoadError> {
    let (mut archive, object, folder) = objects(path)?;
    let tensor = object
        .into_tensor_info(Object::Unicode("voice".to_owned()), &folder)
        .map_err(|error| damaged(path, error))?
        .ok_or_else(|| damaged(path, "it does not hold a tensor"))?;
    let values = values(&mut archive, &tensor).map_err(|error| damaged(path, error))?;
    Ok((tensor.layout.dims().to_vec(), values))
}

/// The archive, what is pickled in it, and the folder in the archive that holds the values.
fn objects(path: &Path) -> Result<(Archive, Object, PathBuf), LoadError> {
    let file = std::fs::File::open(path)
        .map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    let mut archive =
        zip::ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(path, error))?;
    let index = (0..archive.len())
        .find(|index| {
            archive
                .name_for_index(*index)
                .is_some_and(|name| name.is_ok_and(|name| name.ends_with("data.pkl")))
        })
        .ok_or_else(|| damaged(path, "it holds no data.pkl"))?;
    let pickled = archive.by_index(index).map_err(|error| damaged(path, error))?;
    let name = pickled.name().map_err(|error| damaged(path, error))?.into_owned();
    let folder = PathBuf::from(name.trim_end_matches(".pkl"));
    let mut stack = Stack::empty();
    stack.read_loop(&mut BufReader::new(pickled)).map_err(|error| damaged(path, error))?;
    let object = stack.finalize().map_err(|error| damaged(path, error))?;
    Ok((archive, object, folder))
}

/// What a dictionary holds under names, also one that has attributes of its own.
fn entries(object: Object) -> Vec<(String, Object)> {
    match object {
        Object::Dict(entries) => entries
            .into_iter()
            .filter_map(|(name, value)| Some((name.unicode().ok()?, value)))
            .collect(),
        Object::Build { callable, .. } => entries(*callable),
        _ => Vec::new(),
    }
}

fn values(archive: &mut Archive, tensor: &TensorInfo) -> candle_core::Result<Vec<f32>> {
    let wrong = |why: &str| candle_core::Error::msg(why.to_owned());
    if !tensor.layout.is_contiguous() {
        return Err(wrong("its values are not in their order"));
    }
    let size = tensor.dtype.size_in_bytes();
    let count = tensor.layout.shape().elem_count();
    let mut file = archive.by_name(&tensor.path).map_err(candle_core::Error::wrap)?;
    // candle counts it in bytes.
    let skipped = tensor.layout.start_offset() as u64;
    std::io::copy(&mut file.by_ref().take(skipped), &mut std::io::sink())?;
    let mut bytes = vec![0; count * size];
    file.read_exact(&mut bytes)?;
    let tensor = Tensor::from_raw_buffer(&bytes, tensor.dtype, &[count], &Device::Cpu)?;
    tensor.to_dtype(DType::F32)?.to_vec1()
}
