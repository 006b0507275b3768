//! Runs this program again under callgrind, and reads what it counted.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The function whose instructions count, and those of all that it calls.
const COUNTED: &str = "instructions::counted";

/// valgrind's name and version; `None` where it is not installed.
pub fn version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What the program said, and the instructions of each call of [`COUNTED`], in order.
pub fn run(program: &Path, folder: &Path) -> Result<(String, Vec<u64>)> {
    let file = folder.join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--combine-dumps=yes"])
        .args([format!("--toggle-collect={COUNTED}"), format!("--dump-after={COUNTED}")])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .arg("--counted")
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .output()
        .context("valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind: {}\n{said}", output.status);
    let dump = std::fs::read_to_string(&file).context("valgrind left no file")?;
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), totals(&dump)))
}

/// The instructions of each part that a call of [`COUNTED`] ended.
pub fn totals(dump: &str) -> Vec<u64> {
    let mut totals = Vec::new();
    let mut is_counted = false;
    for line in dump.lines() {
        if let Some(trigger) = line.strip_prefix("desc: Trigger: ") {
            is_counted = trigger.contains("--dump-after");
        } else if let Some(total) = line.strip_prefix("totals: ").filter(|_| is_counted) {
            totals.extend(total.trim().parse::<u64>().ok());
        }
    }
    totals
}
