//! Puts the built page where the program embeds it from.
//!
//! The page is built by `make web`. Without it the program still builds, and serves a page that says so.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>sotto</title>\
<p>The page was not built into this program. Run <code>make web</code> and build again.</p>";

fn main() -> io::Result<()> {
    let source = Path::new("web/dist");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    let target = out.join("web");
    println!("cargo::rerun-if-changed=web/dist");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::create_dir_all(&target)?;
    if source.join("index.html").exists() {
        copy(source, &target)
    } else {
        println!("cargo::warning=web/dist is not there; the page will say so (make web)");
        fs::write(target.join("index.html"), NOT_BUILT)
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
