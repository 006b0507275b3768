//! The model's weights, by name, from `PyTorch`'s format or from safetensors. They are read one by one.

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
    #[cfg(any(test, feature = "seeded"))]
    Made(fn(&str, &[usize]) -> Option<Vec<f32>>),
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

    #[cfg(any(test, feature = "seeded"))]
    pub(crate) fn made(make: fn(&str, &[usize]) -> Option<Vec<f32>>) -> Self {
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
            #[cfg(any(test, feature = "seeded"))]
            Source::Made(make) => make(name, shape),
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::{Kokoro, Settings, Voice};

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/kokoro").join(name)
    }

    /// A folder with this file in it.
    fn folder(name: &str, content: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), content).unwrap();
        folder
    }

    fn safetensors(head: &str, values: &[f32]) -> Vec<u8> {
        let mut file = (head.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(head.as_bytes());
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        file
    }

    /// Two convolutions with two filters of two values: (3, 4) of length 10, and (0, 2) of length 1.
    const HEAD: &str = r#"{"__metadata__":{"format":"pt"},
        "decoder.a.weight_v":{"dtype":"F32","shape":[2,1,2],"data_offsets":[0,16]},
        "decoder.a.weight_g":{"dtype":"F32","shape":[2,1,1],"data_offsets":[16,24]},
        "decoder.module.b.parametrizations.weight.original1":{"dtype":"F32","shape":[2,1,2],"data_offsets":[0,16]},
        "decoder.module.b.parametrizations.weight.original0":{"dtype":"F32","shape":[2,1,1],"data_offsets":[16,24]}}"#;
    const VALUES: [f32; 6] = [3.0, 4.0, 0.0, 2.0, 10.0, 1.0];

    fn close(ours: &[f32], theirs: &[f32]) -> bool {
        ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn directions_and_lengths_are_folded_under_both_names() {
        let folder = folder("any.safetensors", &safetensors(HEAD, &VALUES));
        let mut checkpoint = Checkpoint::open(folder.path()).unwrap();
        for name in ["decoder.a", "decoder.b"] {
            let folded = checkpoint.folded(name, &[2, 1, 2]).unwrap();
            assert!(close(&folded, &[6.0, 8.0, 0.0, 1.0]), "{folded:?}");
        }
    }

    #[test]
    fn both_formats_of_pytorch_are_read() {
        for name in ["weights.pth", "parametrized.pth"] {
            let folder = folder(PUBLISHED, &std::fs::read(fixture(name)).unwrap());
            let mut checkpoint = Checkpoint::open(folder.path()).unwrap();
            let folded = checkpoint.folded("decoder.a", &[2, 1, 2]).unwrap();
            assert!(close(&folded, &[6.0, 8.0, 0.0, 1.0]), "{folded:?}");
            let weight = checkpoint.take("bert.linear.weight", &[2, 3]).unwrap();
            assert!(close(&weight, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
            // A part of a larger tensor, and half precision.
            assert!(close(&checkpoint.take("bert.part", &[2]).unwrap(), &[4.0, 5.0]));
            assert!(close(&checkpoint.take("bert.half", &[1]).unwrap(), &[1.5]));
        }
    }

    #[test]
    fn what_is_missing_or_mismatched_is_named() {
        let published = std::fs::read(fixture("weights.pth")).unwrap();
        for (name, content) in
            [("any.safetensors", safetensors(HEAD, &VALUES)), ("any.pth", published)]
        {
            let folder = folder(name, &content);
            let mut checkpoint = Checkpoint::open(folder.path()).unwrap();
            let error = checkpoint.take("decoder.nothing", &[1]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("decoder.nothing"), "{error}");
            let error = checkpoint.folded("decoder.a", &[2, 1, 3]).unwrap_err().to_string();
            let all = [name, "decoder.a.weight_v", "[2, 1, 2]", "[2, 1, 3]"];
            assert!(all.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_cut_short_is_named() {
        let published = std::fs::read(fixture("weights.pth")).unwrap();
        let whole = [("any.safetensors", safetensors(HEAD, &VALUES)), ("any.pth", published)];
        for (name, content) in whole {
            for length in [0, 5, 40, content.len() / 2, content.len() - 1] {
                let folder = folder(name, &content[..length]);
                let error = Checkpoint::open(folder.path()).err().unwrap().to_string();
                assert!(error.contains(name) && error.contains("damaged"), "{length}: {error}");
            }
        }
    }

    #[test]
    fn a_model_that_is_not_all_there_is_refused() {
        let load = |folder: &Path| {
            Kokoro::load(folder, &candle_core::Device::Cpu, Settings::default())
                .err()
                .unwrap()
                .to_string()
        };
        let folder = folder("any.safetensors", &safetensors(HEAD, &VALUES));
        assert!(load(folder.path()).contains("config.json"));
        let config = folder.path().join("config.json");
        std::fs::write(&config, "{}").unwrap();
        assert!(load(folder.path()).contains("config.json"));
        std::fs::write(&config, crate::parity::CONFIG.replace("[10, 6]", "[10, 5]")).unwrap();
        assert!(load(folder.path()).contains("upsample_rates"));
        std::fs::write(&config, crate::parity::CONFIG).unwrap();
        assert!(load(folder.path()).contains("bert.embeddings.position_embeddings.weight"));
        std::fs::remove_file(folder.path().join("any.safetensors")).unwrap();
        assert!(load(folder.path()).contains("neither"));
    }

    #[test]
    fn a_voice_of_pytorch_is_read() {
        // The file has everything but its values, which would be half a megabyte.
        let values: Vec<f32> = (0..510 * 256).map(|i| i as f32).collect();
        let mut hollow =
            zip::ZipArchive::new(std::fs::File::open(fixture("voice.pt")).unwrap()).unwrap();
        let mut whole = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        for index in 0..hollow.len() {
            let mut file = hollow.by_index(index).unwrap();
            let name = file.name().unwrap().into_owned();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            if name.ends_with("data/0") {
                content = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            }
            whole.start_file(name, options).unwrap();
            whole.write_all(&content).unwrap();
        }
        let content = whole.finish().unwrap().into_inner();
        let folder = folder("voice.pt", &content);
        let voice = Voice::read(&folder.path().join("voice.pt")).unwrap();
        assert!(voice == Voice::new(values).unwrap());
        let error = Voice::read(&fixture("voice.pt")).unwrap_err().to_string();
        assert!(error.contains("voice.pt") && error.contains("damaged"), "{error}");
        let error = Voice::read(&fixture("weights.pth")).unwrap_err().to_string();
        assert!(error.contains("bytes"), "{error}");
    }
}
