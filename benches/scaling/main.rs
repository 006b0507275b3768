//! How many calls so many machines hold, by simulation, and whether the simulation is right here:
//! `cargo bench --bench scaling`, with the names of some of `capacity balance media measure`, or all.
//!
//! docs/scaling.md explains what is simulated and quotes the figures. Settings follow the names:
//!
//! * `target_ms=1500` the 95th percentile from the end of a turn to the first sound of its reply; `share=0.2` the part
//!   of the time that a person speaks; `turn_s=3`, `reply_s=7` how long a turn and a reply are; `concurrency=8`,
//!   `queue=32` as configured; `hardware=cpu8` one kind only; `seed=7`.
//! * for `measure`: `calls=1,8,16,24` and `seconds=90`. It needs the recordings and weights of the tests (`SOTTO_SHARED`).
//!
//! Files are left in `target/scaling`: CSV, and a picture for each kind of hardware.

mod capacity;
mod costs;
mod events;
mod layout;
mod machine;
mod measure;
mod random;
mod report;
mod talk;
mod world;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};

use self::capacity::Question;
use self::costs::{EIGHT_CORES, Hardware};
use self::layout::Balance;
use self::report::{HEADING, Point, line, svg};
use self::talk::Talk;

/// Speech nodes that are looked at; 0: one machine does everything.
const SPEECH_NODES: [usize; 8] = [0, 1, 2, 4, 8, 16, 32, 64];
/// Of these, those that are drawn.
const DRAWN: [usize; 4] = [1, 4, 16, 64];
/// Loads of a curve, as parts of the most calls.
const LOADS: [f64; 10] = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.05, 1.1, 1.2];

fn main() -> Result<()> {
    let settings = Settings(std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect());
    let question = settings.question()?;
    if settings.wants("capacity") {
        capacity(&settings, &question)?;
    }
    if settings.wants("balance") {
        balance(&question);
    }
    if settings.wants("media") {
        media(&question);
    }
    if settings.wants("measure") {
        measure::run(&settings)?;
    }
    Ok(())
}

/// The most calls, by hardware and speech nodes; and how the wait grows with calls.
fn capacity(settings: &Settings, question: &Question) -> Result<()> {
    let folder = folder()?;
    let only: String = settings.get("hardware", String::new())?;
    let mut lines = vec![HEADING.to_owned()];
    for hardware in costs::ALL.iter().filter(|one| only.is_empty() || one.name == only) {
        println!("\n{} ({})", hardware.name, hardware.basis);
        println!(
            "{:>7} {:>8} {:>12} {:>7} {:>7} {:>10} {:>9}",
            "speech", "calls", "calls a node", "p50", "p95", "speech use", "media use"
        );
        let mut curves = Vec::new();
        for nodes in SPEECH_NODES.into_iter().filter(|nodes| *nodes > 0 || hardware.alone) {
            let Some(most) = question.most(hardware, nodes) else {
                println!("{nodes:>7} none: one call alone takes longer than that");
                continue;
            };
            show(&most);
            if DRAWN.contains(&nodes) {
                let points = curve(question, hardware, &most);
                lines.extend(points.iter().map(|point| line(hardware.name, point)));
                let plural = if nodes == 1 { "" } else { "s" };
                curves.push((format!("{nodes} speech node{plural}"), points));
            }
        }
        let title = format!("{}: 95th percentile, end of turn to first sound", hardware.name);
        let picture = svg(&title, question.target_s, &curves);
        write(&folder.join(format!("{}.svg", hardware.name)), &picture)?;
    }
    write(&folder.join("capacity.csv"), &(lines.join("\n") + "\n"))
}

fn curve(question: &Question, hardware: &Hardware, most: &Point) -> Vec<Point> {
    let calls = LOADS.map(|load| ((most.calls as f64 * load) as usize).max(1));
    calls.map(|calls| question.point(hardware, most.speech_nodes, calls)).to_vec()
}

fn show(point: &Point) {
    println!(
        "{:>7} {:>8} {:>12.1} {:>4.0} ms {:>4.0} ms {:>8.0} % {:>7.0} %",
        point.speech_nodes,
        point.calls,
        point.calls_a_node(),
        1_000.0 * point.p50_s,
        1_000.0 * point.p95_s,
        100.0 * point.speech_use,
        100.0 * point.media_use
    );
}

/// What it is worth that somebody looks which speech node is free.
fn balance(question: &Question) {
    println!("\n{}: the most calls, by how a speech node is found", EIGHT_CORES.name);
    println!("{:>7} {:>10} {:>10} {:>10}", "speech", "least", "random", "sticky");
    for nodes in [2, 4, 8, 16] {
        let most = [Balance::Least, Balance::Random, Balance::Sticky].map(|balance| {
            let question = Question { balance, ..*question };
            question.most(&EIGHT_CORES, nodes).map_or(0, |point| point.calls)
        });
        println!("{nodes:>7} {:>10} {:>10} {:>10}", most[0], most[1], most[2]);
    }
}

/// What limits a node for calls when there is speech enough.
fn media(question: &Question) {
    println!(
        "\n{}: calls on one media node, with more speech nodes than they need",
        EIGHT_CORES.name
    );
    println!("{:>7} {:>9} {:>9} {:>10}", "calls", "p50", "p95", "media use");
    for calls in [50, 100, 200, 300, 400, 500] {
        let point = question.media_point(&EIGHT_CORES, calls);
        let (p50, p95) = (1_000.0 * point.stopwatch_p50_s, 1_000.0 * point.stopwatch_p95_s);
        println!("{calls:>7} {p50:>6.0} ms {p95:>6.0} ms {:>8.0} %", 100.0 * point.media_use);
    }
    println!("  from the end of speech to the first sound of the reply");
}

/// What was asked for on the command line: names, and `key=value`.
struct Settings(Vec<String>);

impl Settings {
    fn wants(&self, section: &str) -> bool {
        let mut names = self.0.iter().filter(|word| !word.contains('=')).peekable();
        names.peek().is_none() || names.any(|name| section.contains(name.as_str()))
    }

    fn get<T: FromStr>(&self, key: &str, default: T) -> Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let given = self.0.iter().filter_map(|word| word.split_once('=')).find(|(k, _)| *k == key);
        given.map_or(Ok(default), |(_, value)| {
            value.parse().with_context(|| format!("{key}={value}"))
        })
    }

    fn question(&self) -> Result<Question> {
        let usual = Talk::default();
        let talk = Talk {
            share: self.get("share", usual.share)?,
            turn_s: self.get("turn_s", usual.turn_s)?,
            reply_s: self.get("reply_s", usual.reply_s)?,
            ..usual
        };
        Ok(Question {
            talk,
            target_s: self.get("target_ms", 1_500.0)? / 1_000.0,
            balance: Balance::Least,
            concurrency: self.get("concurrency", 8)?,
            queue: self.get("queue", 32)?,
            seed: self.get("seed", 7)?,
        })
    }
}

fn folder() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let folder = Path::new(&target).join("scaling");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())?;
    println!("wrote {}", path.display());
    Ok(())
}
