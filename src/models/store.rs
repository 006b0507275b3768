//! Where weights lie on this machine, and whether they are what they must be.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::{File, Manifest, Model};

/// A model cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// There is no such model.
    #[error("there is no model {name}{}", .nearest.as_ref().map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    Unknown {
        /// As given.
        name: String,
        /// A name that exists.
        nearest: Option<String>,
    },
    /// It is not on this machine.
    #[error("{name} is not here; get it with: sotto models pull {name}")]
    Missing {
        /// The model.
        name: String,
    },
    /// A file is not what it must be.
    #[error("{}: {problem}; get it again with: sotto models pull {name}", path.display())]
    Wrong {
        /// The model.
        name: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// How a model stands on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All files are there and have their size.
    Here,
    /// Some are not.
    Missing,
    /// One has the wrong size.
    Damaged,
}

/// The folders with models, the first of which takes new ones.
#[derive(Debug, Clone)]
pub struct Store {
    manifest: Manifest,
    folders: Vec<PathBuf>,
}

impl Store {
    /// Models are looked for in `folders`, in this order.
    pub fn new(manifest: Manifest, folders: Vec<PathBuf>) -> Self {
        Self { manifest, folders }
    }

    /// The list of models.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where new models go.
    pub fn target(&self, model: &Model) -> PathBuf {
        self.place(&model.name)
    }

    /// Where people put a model that is not in the manifest.
    pub fn place(&self, name: &str) -> PathBuf {
        let first = self.folders.first().map_or(Path::new("models"), PathBuf::as_path);
        first.join(name)
    }

    /// The folder of a model: a name of the manifest, the name of a folder beside them, or a path.
    pub fn find(&self, name: &str) -> Result<PathBuf, ModelError> {
        if let Some(model) = self.manifest.get(name) {
            return self.find_model(model);
        }
        let beside = self.folders.iter().map(|folder| folder.join(name));
        let given = std::iter::once(PathBuf::from(name));
        beside.chain(given).find(|path| path.exists()).ok_or_else(|| ModelError::Unknown {
            name: name.to_owned(),
            nearest: self.manifest.nearest(name).map(str::to_owned),
        })
    }

    /// The one file of a model that has one, or a path to a file.
    pub fn find_file(&self, name: &str, extension: &str) -> Result<PathBuf, ModelError> {
        let found = self.find(name)?;
        if found.is_file() {
            return Ok(found);
        }
        let read = |source| ModelError::Read { path: found.clone(), source };
        let mut files: Vec<_> = fs::read_dir(&found)
            .map_err(read)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .collect();
        files.sort();
        files.into_iter().next().ok_or_else(|| ModelError::Missing { name: name.to_owned() })
    }

    /// How a model stands.
    pub fn status(&self, model: &Model) -> Status {
        match self.find_model(model) {
            Ok(_) => Status::Here,
            Err(ModelError::Wrong { .. }) => Status::Damaged,
            Err(_) => Status::Missing,
        }
    }

    /// Checks every file's sum. Reads all of it: seconds for large models.
    pub fn verify(&self, model: &Model) -> Result<PathBuf, ModelError> {
        let folder = self.find_model(model)?;
        for file in model.files() {
            let path = folder.join(&file.path);
            let sum =
                sha256(&path).map_err(|source| ModelError::Read { path: path.clone(), source })?;
            if sum != file.sha256 {
                let problem = format!("its SHA-256 is {sum}, and must be {}", file.sha256);
                return Err(ModelError::Wrong { name: model.name.clone(), path, problem });
            }
        }
        Ok(folder)
    }

    fn find_model(&self, model: &Model) -> Result<PathBuf, ModelError> {
        let mut first_problem = None;
        for folder in self.folders.iter().map(|folder| folder.join(&model.name)) {
            match model.files().try_for_each(|file| check_size(model, &folder, file)) {
                Ok(()) if model.has_files() => return Ok(folder),
                // A damaged copy must not hide a good one in a later folder, nor be passed over in silence.
                Err(problem @ ModelError::Wrong { .. }) => {
                    first_problem.get_or_insert(problem);
                }
                Ok(()) | Err(_) => {}
            }
        }
        Err(first_problem.unwrap_or_else(|| ModelError::Missing { name: model.name.clone() }))
    }
}

fn check_size(model: &Model, folder: &Path, file: &File) -> Result<(), ModelError> {
    let path = folder.join(&file.path);
    let Ok(data) = path.metadata() else {
        return Err(ModelError::Missing { name: model.name.clone() });
    };
    if data.len() == file.size {
        return Ok(());
    }
    let problem = format!("it has {} bytes, and must have {}", data.len(), file.size);
    Err(ModelError::Wrong { name: model.name.clone(), path, problem })
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn sha256(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash_file(path, &mut hash)?;
    Ok(hex(&hash.finalize()))
}

/// Adds what a file holds to a sum.
pub(super) fn hash_file(path: &Path, hash: &mut Sha256) -> io::Result<()> {
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        hash.update(&buffer[..read]);
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "
- name: small
  stage: vad
  about: for tests
  licence: MIT
  hub: {repository: a/b, revision: 0000000000000000000000000000000000000000}
  files:
    - {path: model.onnx, size: 5, sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824}
";

    fn store(folders: &[&Path]) -> Store {
        let folders = folders.iter().map(|folder| folder.to_path_buf()).collect();
        Store::new(Manifest::parse(MANIFEST).unwrap(), folders)
    }

    fn put(folder: &Path, name: &str, content: &str) {
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("model.onnx"), content).unwrap();
    }

    #[test]
    fn a_model_is_found_in_the_first_folder_that_has_it_whole() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = store(&[a.path(), b.path()]);
        assert!(matches!(store.find("small"), Err(ModelError::Missing { .. })));
        put(b.path(), "small", "hello");
        assert_eq!(store.find("small").unwrap(), b.path().join("small"));
        put(a.path(), "small", "hel");
        assert_eq!(store.find("small").unwrap(), b.path().join("small"), "a's is cut short");
        put(a.path(), "small", "hello");
        assert_eq!(store.find("small").unwrap(), a.path().join("small"));
        assert_eq!(store.find_file("small", "onnx").unwrap(), a.path().join("small/model.onnx"));
    }

    #[test]
    fn a_file_cut_short_is_named() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "small", "hel");
        let message = store(&[folder.path()]).find("small").unwrap_err().to_string();
        assert!(message.contains("it has 3 bytes, and must have 5"), "{message}");
        assert!(message.contains("sotto models pull small"), "{message}");
    }

    #[test]
    fn a_wrong_sum_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&[folder.path()]);
        let model = store.manifest().get("small").unwrap();
        put(folder.path(), "small", "hello");
        store.verify(model).unwrap();
        put(folder.path(), "small", "jello");
        assert!(store.verify(model).unwrap_err().to_string().contains("SHA-256"));
    }

    #[test]
    fn a_folder_that_is_not_in_the_manifest_must_be_named_to_be_used() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "mine", "x");
        let store = store(&[folder.path()]);
        assert!(store.find("mine").is_ok());
        assert!(store.find(folder.path().join("mine").to_str().unwrap()).is_ok());
        let message = store.find("smal").unwrap_err().to_string();
        assert_eq!(message, "there is no model smal; did you mean small?");
    }
}
