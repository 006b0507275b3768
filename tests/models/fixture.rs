//! A small model, the hub that has it, and the folder that it is pulled into.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sotto::models::{Manifest, Model, Progress, PullError, Puller, Store};
use tempfile::TempDir;

use crate::support::hub::Hub;

/// The model's name.
pub const MODEL: &str = "small";
/// Its large file, and where that grows.
pub const WEIGHTS: &str = "model.safetensors";
pub const PART: &str = ".model.safetensors.part";
/// Its small file, in a folder of its own.
pub const CONFIG: &str = "sub/config.json";

/// See the module.
pub struct Fixture {
    pub hub: Hub,
    pub store: Store,
    folder: TempDir,
}

/// The large file: 300 kB that do not repeat.
pub fn weights() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn config() -> Vec<u8> {
    b"{\"d_model\": 384}".to_vec()
}

/// A line of a manifest for a file with this content.
pub fn entry(path: &str, content: &[u8], more: &str) -> String {
    let sum =
        Sha256::digest(content).iter().fold(String::new(), |sum, byte| format!("{sum}{byte:02x}"));
    format!("    - {{path: {path}, size: {}, sha256: {sum}{more}}}\n", content.len())
}

/// A manifest with one model of these files.
pub fn manifest(hub: bool, files: &str) -> Manifest {
    let hub = if hub { "  hub: {repository: owner/name, revision: abc123}\n" } else { "" };
    let head = format!("- name: {MODEL}\n  stage: stt\n  about: for tests\n  licence: MIT\n");
    Manifest::parse(&format!("{head}{hub}  files:\n{files}")).unwrap()
}

impl Fixture {
    /// A hub that behaves.
    pub async fn new() -> Self {
        let files = entry(WEIGHTS, &weights(), "") + &entry(CONFIG, &config(), "");
        let hub = Hub::start(vec![(WEIGHTS, weights()), (CONFIG, config())]).await;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(manifest(true, &files), vec![folder.path().to_owned()]);
        Self { hub, store, folder }
    }

    pub fn model(&self) -> &Model {
        self.store.manifest().get(MODEL).unwrap()
    }

    /// A file of the model's folder.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(MODEL).join(file)
    }

    /// Puts a file into the model's folder.
    pub fn put(&self, file: &str, content: &[u8]) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Something that pulls from the hub at `url`.
    pub fn puller(url: &str, offline: bool) -> Puller {
        Puller::new(sotto::engine::http::client(url, None).unwrap(), url, offline)
    }

    /// Pulls the model and says how that went.
    pub async fn pull(&self) -> (Result<(), PullError>, Log) {
        self.pull_with(&Self::puller(&self.hub.url, false)).await
    }

    pub async fn pull_with(&self, puller: &Puller) -> (Result<(), PullError>, Log) {
        let mut log = Log::default();
        let result = puller.pull(self.model(), &self.store.target(self.model()), &mut log).await;
        (result, log)
    }

    /// Fails unless the model is whole and right, and nothing half done is left.
    pub fn assert_whole(&self) {
        self.store.verify(self.model()).unwrap();
        assert_eq!(names(&self.path("")), [WEIGHTS, "sub"]);
        assert_eq!(names(&self.path("sub")), ["config.json"]);
    }
}

/// The names in a folder, except that of the lock.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".pull.lock");
    names.sort();
    names
}

/// What a progress bar is told.
#[derive(Debug, Default)]
pub struct Log {
    /// The files begun, and how much of each was here.
    pub begun: Vec<(String, u64)>,
    /// Bytes that came.
    pub came: u64,
    /// Files that were finished.
    pub ended: usize,
}

impl Progress for Log {
    fn begin(&mut self, file: &str, _: u64, have: u64) {
        self.begun.push((file.to_owned(), have));
    }

    fn advance(&mut self, bytes: u64) {
        self.came += bytes;
    }

    fn end(&mut self) {
        self.ended += 1;
    }
}
