//! A safetensors file: the length of its head, the head in JSON, then the values.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use serde::Deserialize;

use super::{checked, damaged, plain};
use crate::LoadError;

/// A longer head is none: that of this model has a tenth of it.
const LONGEST_HEAD: u64 = 1 << 20;

pub(super) struct File {
    path: PathBuf,
    values: std::fs::File,
    /// Where the values begin.
    begin: u64,
    entries: HashMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    dtype: Kind,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

#[derive(Deserialize, Clone, Copy)]
enum Kind {
    F32,
    F16,
    BF16,
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }
}

impl File {
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let read = |source| LoadError::Read { path: path.to_owned(), source };
        let mut file = std::fs::File::open(path).map_err(read)?;
        let length = file.metadata().map_err(read)?.len();
        let mut head = [0; 8];
        file.read_exact(&mut head).map_err(|error| damaged(path, error))?;
        let head = u64::from_le_bytes(head);
        if head > LONGEST_HEAD {
            return Err(damaged(path, "the head is too long"));
        }
        let mut text = vec![0; head as usize];
        file.read_exact(&mut text).map_err(|error| damaged(path, error))?;
        let mut values: HashMap<String, serde_json::Value> =
            serde_json::from_slice(&text).map_err(|error| damaged(path, error))?;
        values.remove("__metadata__");
        let begin = 8 + head;
        let mut entries = HashMap::new();
        for (name, value) in values {
            let entry: Entry = serde_json::from_value(value)
                .map_err(|error| damaged(path, format!("{name}: {error}")))?;
            let [start, end] = entry.data_offsets;
            let size = entry.shape.iter().try_fold(entry.dtype.size(), |n, of| n.checked_mul(*of));
            let fits = end.checked_sub(start) == size.map(|size| size as u64)
                && begin.checked_add(end).is_some_and(|end| end <= length);
            if !fits {
                return Err(damaged(path, format!("{name} is not all there")));
            }
            entries.insert(plain(&name), entry);
        }
        Ok(Self { path: path.to_owned(), values: file, begin, entries })
    }

    pub(super) fn read(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Option<Vec<f32>>, LoadError> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        checked(&self.path, name, &entry.shape, shape)?;
        let [start, end] = entry.data_offsets;
        let mut bytes = vec![0; (end - start) as usize];
        self.values
            .seek(SeekFrom::Start(self.begin + start))
            .and_then(|_| self.values.read_exact(&mut bytes))
            .map_err(|source| LoadError::Read { path: self.path.clone(), source })?;
        let (pairs, _) = bytes.as_chunks();
        let values = match entry.dtype {
            Kind::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Kind::F16 => pairs.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Kind::BF16 => pairs.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
        };
        Ok(Some(values))
    }
}
