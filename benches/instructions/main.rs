//! How many instructions the pure stages take, and whether that is more than was committed.
//!
//! ```text
//! target/debug/examples/instructions            compares with counts/ and fails where a stage takes 10 % more
//! target/debug/examples/instructions --renew    writes them anew (make counts)
//! ```
//!
//! Time varies with the machine and with what else it does; instructions do not. They are counted by valgrind, which
//! shows every program the same processor (with AVX2, without AVX-512), whatever it runs on: libraries that choose
//! their way by the processor take the same one everywhere. It is an example and not a bench because `cargo test` builds
//! examples: the counts are of development builds, with `debug_assertions`, and need no build of their own.

mod callgrind;
mod compare;
mod pure;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use self::compare::{Counts, compare, passes, table};

fn main() -> Result<ExitCode> {
    match std::env::args().nth(1).as_deref() {
        Some("--counted") => {
            run_counted();
            Ok(ExitCode::SUCCESS)
        }
        Some("--renew") => renew(),
        Some(other) => anyhow::bail!("{other} is not --renew"),
        None => check(),
    }
}

fn check() -> Result<ExitCode> {
    let Some(valgrind) = callgrind::version() else { return Ok(skip("valgrind is not installed")) };
    let (rustc, path) = committed()?;
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(skip(&format!("no counts are committed for {rustc} (make counts)")));
    };
    let before: Counts = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let now = count(rustc, valgrind)?;
    if before.processor != now.processor {
        return Ok(skip("valgrind shows another processor here: this machine has no AVX2"));
    }
    if before.rustc != now.rustc {
        return Ok(skip(&format!("the counts are of {}, and this is {}", before.rustc, now.rustc)));
    }
    let rows = compare(&before.stages, &now.stages);
    print!("{}", table(&rows));
    Ok(ExitCode::from(u8::from(!passes(&rows))))
}

fn renew() -> Result<ExitCode> {
    let valgrind = callgrind::version().context("valgrind is not installed")?;
    let (rustc, path) = committed()?;
    let now = count(rustc, valgrind)?;
    if let Ok(text) = std::fs::read_to_string(&path) {
        let before: Counts = serde_json::from_str(&text)?;
        print!("{}", table(&compare(&before.stages, &now.stages)));
    }
    std::fs::write(&path, serde_json::to_string_pretty(&now)? + "\n")?;
    println!("wrote {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// As a test that is skipped says it, so that `make test` counts it.
fn skip(why: &str) -> ExitCode {
    println!("SKIPPED: instructions are not compared: {why}");
    ExitCode::SUCCESS
}

/// The compiler on the path, which has built this, and the file with its counts.
fn committed() -> Result<(String, PathBuf)> {
    let output = Command::new("rustc").arg("-vV").output().context("rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let (version, host) =
        field("release:").zip(field("host:")).context("rustc -vV says too little")?;
    let profile = if cfg!(debug_assertions) { "" } else { "-release" };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/counts");
    let full = text.lines().next().unwrap_or(version).to_owned();
    Ok((full, folder.join(format!("{version}-{host}{profile}.json"))))
}

fn count(rustc: String, valgrind: String) -> Result<Counts> {
    let folder = tempfile::tempdir()?;
    let (said, totals) = callgrind::run(&std::env::current_exe()?, folder.path())?;
    let mut lines = said.lines();
    let processor = lines.next().context("it said nothing")?.to_owned();
    let stages: Vec<(&str, u64)> = lines
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(n, s)| Some((n, s.parse().ok()?)))
        .collect();
    ensure!(stages.len() == totals.len(), "{} stages, {} counts", stages.len(), totals.len());
    let stages: BTreeMap<String, u64> = stages
        .iter()
        .zip(totals)
        .map(|((name, steps), total)| ((*name).to_owned(), total / steps))
        .collect();
    let counted_with = format!("{valgrind}, {}", c_library());
    Ok(Counts { rustc, processor, counted_with, stages })
}

fn c_library() -> String {
    let said = Command::new("ldd").arg("--version").output().map(|output| output.stdout);
    let said = String::from_utf8(said.unwrap_or_default()).unwrap_or_default();
    said.lines().next().unwrap_or("an unknown C library").to_owned()
}

/// Runs each stage where callgrind counts, and says in which order.
fn run_counted() {
    println!("{}", processor());
    for mut stage in pure::all() {
        // What is made at first use is not counted.
        (stage.step)();
        counted(&mut stage);
        println!("{}\t{}", stage.name, stage.steps);
    }
}

/// callgrind knows it by its name.
#[inline(never)]
fn counted(stage: &mut pure::Stage) {
    for _ in 0..stage.steps {
        (stage.step)();
    }
}

/// What libraries choose their way by.
#[cfg(target_arch = "x86_64")]
fn processor() -> String {
    let features = [
        ("sse4.1", is_x86_feature_detected!("sse4.1")),
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("aes", is_x86_feature_detected!("aes")),
        ("pclmulqdq", is_x86_feature_detected!("pclmulqdq")),
        ("sha", is_x86_feature_detected!("sha")),
        ("vaes", is_x86_feature_detected!("vaes")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    let here = features.iter().filter(|(_, here)| *here).map(|(name, _)| *name);
    here.collect::<Vec<_>>().join(" ")
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> String {
    std::env::consts::ARCH.to_owned()
}
