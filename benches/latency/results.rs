//! What was measured: kept as JSON, told as tables.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sotto::client::phases::{Phase, Phases};
use sotto::client::statistics::Values;
use sotto::client::{CallOptions, Turn};
use sotto::engine::http::client_with_token;

/// See the module.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    /// When, in seconds since 1970.
    when: u64,
    version: String,
    machine: String,
    /// Which engine did what, by stage.
    pub engines: BTreeMap<String, String>,
    /// Recordings that are in no percentile, by why.
    left_out: BTreeMap<String, usize>,
    /// What ended turns: `model`, `silence`, …
    endings: BTreeMap<String, usize>,
    connect_ms: Vec<u64>,
    /// From the last energetic sample to the end of a phase.
    at_ms: BTreeMap<Phase, Vec<u64>>,
    /// What a phase took by itself.
    took_ms: BTreeMap<Phase, Vec<u64>>,
    /// How long jobs waited for an engine, by stage, and how long it worked.
    waited_ms: BTreeMap<String, Vec<u64>>,
    worked_ms: BTreeMap<String, Vec<u64>>,
    /// The server's resident memory at the end, if it was started here.
    pub server_memory_kib: Option<u64>,
}

impl Results {
    /// Nothing yet, about the server that is called so.
    pub async fn about(call: &CallOptions) -> anyhow::Result<Self> {
        let http = client_with_token(&call.url, Some(Duration::from_secs(10)), &call.token)?;
        let status = format!("{}/api/v1/status", call.url.trim_end_matches('/'));
        let status: Value = http.get(status).send().await?.error_for_status()?.json().await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let engines = status["engines"].as_array().context("it does not say its engines")?;
        Ok(Self {
            when: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
            version: text(&status["version"]),
            machine: machine(),
            engines: engines.iter().map(|e| (text(&e["stage"]), text(&e["name"]))).collect(),
            left_out: BTreeMap::new(),
            endings: BTreeMap::new(),
            connect_ms: Vec::new(),
            at_ms: BTreeMap::new(),
            took_ms: BTreeMap::new(),
            waited_ms: BTreeMap::new(),
            worked_ms: BTreeMap::new(),
            server_memory_kib: None,
        })
    }

    /// Says what will be measured.
    pub fn announce(&self, calls: usize) {
        println!("{calls} calls to Sotto {} on {}", self.version, self.machine);
        for (stage, name) in &self.engines {
            println!("  {stage:<5} {name}");
        }
    }

    pub fn connected(&mut self, after: Duration) {
        self.connect_ms.push(after.as_millis() as u64);
    }

    pub fn left_out(&mut self, why: &str) {
        *self.left_out.entry(why.to_owned()).or_default() += 1;
    }

    pub fn answered(&mut self, phases: &Phases, turn: &Turn) {
        if phases.at(Phase::FirstAudio).is_none() {
            return self.left_out(turn.error.as_deref().unwrap_or("no_answer"));
        }
        for phase in Phase::ALL {
            self.at_ms.entry(phase).or_default().extend(phases.at(phase));
            self.took_ms.entry(phase).or_default().extend(phases.took(phase));
        }
        let Some(record) = &turn.server else { return };
        *self.endings.entry(record.decision.reason.clone()).or_default() += 1;
        for work in &record.work {
            self.waited_ms.entry(work.stage.clone()).or_default().push(work.waited_ms);
            self.worked_ms.entry(work.stage.clone()).or_default().push(work.worked_ms);
        }
    }

    /// When a phase was over.
    pub fn at(&self, phase: Phase) -> Values {
        self.at_ms.get(&phase).cloned().unwrap_or_default().into()
    }

    /// What it took by itself.
    pub fn took(&self, phase: Phase) -> Values {
        self.took_ms.get(&phase).cloned().unwrap_or_default().into()
    }

    /// How many answers were heard.
    pub fn count(&self) -> usize {
        self.at(Phase::FirstAudio).len()
    }

    pub fn read(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(name).with_extension("json");
        let text = std::fs::read_to_string(&path);
        let text = text.with_context(|| format!("{}: keep one with --save", path.display()))?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    pub fn write(&self, folder: &Path, name: &str) -> anyhow::Result<()> {
        let path = folder.join(name).with_extension("json");
        Ok(std::fs::write(path, serde_json::to_string_pretty(self)?)?)
    }
}

/// The processor, and how many cores of it there are.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model =
        line.map_or(std::env::consts::ARCH, |line| line.trim_start_matches(['\t', ' ', ':']));
    format!("{cores} cores of {model}")
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = format!("{:>9}{:>9}{:>9}", "p50", "p95", "p99");
        writeln!(f, "\n{:<14}{:>27}  {:>27}", "ms", "after the last word", "by itself")?;
        writeln!(f, "{:<14}{heads}  {heads}", "")?;
        for phase in Phase::ALL {
            let columns = [self.at(phase), self.took(phase)].map(|values| columns(&values));
            writeln!(f, "{:<14}{}  {}", phase.name(), columns[0], columns[1])?;
        }
        writeln!(f, "\n{:<14}{:>27}  {:>27}", "engine, ms", "waited for it", "worked")?;
        for (stage, worked) in &self.worked_ms {
            let waited = Values::from(self.waited_ms.get(stage).cloned().unwrap_or_default());
            let worked = Values::from(worked.clone());
            let columns = [waited, worked].map(|values| columns(&values));
            writeln!(f, "{stage:<14}{}  {}", columns[0], columns[1])?;
        }
        if self.worked_ms.is_empty() {
            writeln!(f, "  (the server does not say)")?;
        }
        let connect = Values::from(self.connect_ms.clone());
        writeln!(f, "\nconnected     {} after the server's answer", columns(&connect))?;
        write!(f, "{} answers; turns ended by: {}", self.count(), counts(&self.endings))?;
        writeln!(f, "; left out: {}", counts(&self.left_out))?;
        if self.count() < 100 {
            writeln!(f, "of fewer than 100 values p99 is the largest; --rounds makes more")?;
        }
        let mib = self.server_memory_kib.map(|kib| kib / 1_024);
        mib.map_or(Ok(()), |mib| writeln!(f, "the server has {mib} MiB"))
    }
}

fn columns(values: &Values) -> String {
    let text = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|part| text(values.quantile(part)));
    format!("{p50:>9}{p95:>9}{p99:>9}")
}

fn counts(counts: &BTreeMap<String, usize>) -> String {
    let named: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if named.is_empty() { "none".to_owned() } else { named.join(", ") }
}
