//! Files of keys, as they are written: whole or not at all, and for their owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

/// Writes a file that was not there before.
pub(super) fn create(path: &Path, keys: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => anyhow::anyhow!(
            "{} is there already and is left as it is; for a new key in it: sotto keys rotate --file",
            path.display()
        ),
        _ => anyhow::anyhow!("cannot make {}: {error}", path.display()),
    })?;
    let written = write(&mut file, keys).and_then(|()| sync_folder(path));
    if written.is_err() {
        // It is ours, and half a key is worse than none.
        let _ = fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Puts a new file in the place of one that is there. At every moment there is one of the two, whole.
pub(super) fn replace(path: &Path, keys: &str) -> anyhow::Result<()> {
    replace_at(path, keys).with_context(|| format!("cannot change {}", path.display()))
}

fn replace_at(path: &Path, keys: &str) -> anyhow::Result<()> {
    // The file itself, where `path` is a link to it.
    let path = fs::canonicalize(path)?;
    let folder = path.parent().context("it is not in a folder")?;
    // Made for the owner alone, as all temporary files are.
    let mut file = tempfile::Builder::new().prefix(".sotto-keys-").tempfile_in(folder)?;
    keep_owner(&path, file.as_file())?;
    write(file.as_file_mut(), keys)?;
    file.persist(&path)?;
    sync_folder(&path)?;
    Ok(())
}

/// Gives the new file to whom the old one belongs: a server that runs as somebody else has to read it.
#[cfg(unix)]
fn keep_owner(old: &Path, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let (old, made) = (fs::metadata(old)?, new.metadata()?);
    if (old.uid(), old.gid()) == (made.uid(), made.gid()) {
        return Ok(());
    }
    fchown(new, Some(old.uid()), Some(old.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

fn write(file: &mut File, keys: &str) -> io::Result<()> {
    file.write_all(keys.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Makes a file's name as lasting as its content.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
