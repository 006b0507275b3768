//! `sotto call` as a load test: many calls that do what a script says, one report, and how many calls a server holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::at_least_one;
use crate::client::load::knee::{Ended, Search, Tried};
use crate::client::load::{Aim, Crowd, Load, usual_ramp};
use crate::client::process::Process;
use crate::client::script::{Script, duration};
use crate::client::{Background, CallOptions};

/// How long a number of calls is watched while capacity is looked for, if nothing else is said.
const USUAL_HOLD: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
#[command(next_help_heading = "Load: any of these makes one report of all calls")]
pub(super) struct LoadOptions {
    /// What callers do, a step a line: `talk FILE`, `interrupt FILE after 800ms` (right after a talk), `pause 2s`,
    /// `pause 2s to 6s`, `pause until 20% speech`. Files lie beside the script. Without a script: each of --audio, and
    /// pauses so long that 20 % of the time is speech.
    #[arg(long, value_name = "FILE", conflicts_with = "audio")]
    script: Option<PathBuf>,
    /// The time in which the calls begin, evenly [default: four a second].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ramp: Option<Duration>,
    /// Repeats the script until all calls have gone on for this long.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    hold: Option<Duration>,
    /// Finds how many calls hold: more and more, each number for --hold [default: 20s], until answers come too late or
    /// calls fail. Begins with --calls.
    #[arg(long)]
    find_capacity: bool,
    /// An answer comes in time if its first sound is heard this long after the last word; 95 % have to.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "900ms")]
    target_p95: Duration,
    /// No more calls than this are tried.
    #[arg(long, value_name = "N", value_parser = at_least_one, default_value_t = 1_000)]
    most: usize,
    /// No new number of calls is tried after this time.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10min")]
    within: Duration,
    /// The server's process, where it runs on this machine: its processor time and memory are reported.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
}

impl LoadOptions {
    pub(super) fn wanted(&self) -> bool {
        let Self { script, ramp, hold, find_capacity, server_pid, .. } = self;
        let timed = ramp.is_some() || hold.is_some();
        script.is_some() || timed || *find_capacity || server_pid.is_some()
    }
}

pub(super) fn run(options: &super::Options, call: CallOptions) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.record.is_none(),
        "--record keeps what one caller hears; leave it out of a load test"
    );
    let load = load(options, call)?;
    super::runtime()?.block_on(async {
        if options.load.find_capacity {
            find_capacity(options, load).await
        } else {
            hold(options, load).await
        }
    })
}

fn load(options: &super::Options, call: CallOptions) -> anyhow::Result<Load> {
    let script = match &options.load.script {
        None => Script::of(&options.audio).load(Path::new(""))?,
        Some(path) => {
            let named = || path.display().to_string();
            let text = std::fs::read_to_string(path).with_context(named)?;
            let script = Script::parse(&text).with_context(named)?;
            script.load(path.parent().unwrap_or(Path::new("")))?
        }
    };
    let server = options.load.server_pid.map(Process::new);
    if let Some(server) = &server {
        server.usage().context("--server-pid")?;
    }
    // Silence is encoded beforehand, too.
    let background = call.background.map_or_else(Background::silence, Ok)?;
    Ok(Load {
        call: CallOptions { background: Some(background), ..call },
        script: Arc::new(script),
        repeats: options.load.hold.is_some() || options.load.find_capacity,
        seed: options.network.seed,
        server,
    })
}

/// So many calls, and one report.
async fn hold(options: &super::Options, load: Load) -> anyhow::Result<()> {
    let calls = options.calls;
    let ramp = options.load.ramp.unwrap_or_else(|| usual_ramp(calls));
    let mut crowd = Crowd::new(load)?;
    let report = match options.load.hold {
        Some(hold) => crowd.hold(calls, ramp, hold).await,
        None => crowd.once(calls, ramp).await,
    };
    crowd.disband().await;
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    let missing = report.missing();
    anyhow::ensure!(missing == 0, "{missing} of {calls} calls were refused, failed or lost");
    Ok(())
}

/// More and more calls, until they do not hold.
async fn find_capacity(options: &super::Options, load: Load) -> anyhow::Result<()> {
    let LoadOptions { target_p95: target, most, within, hold, ramp, .. } = options.load;
    let aim = Aim { target, hold: hold.unwrap_or(USUAL_HOLD), ramp, within };
    let mut search = Search::new(options.calls, most);
    let mut crowd = Crowd::new(load)?;
    let mut steps = Vec::new();
    let ended = crowd
        .search(&mut search, aim, |tried| {
            if !options.json {
                println!("{tried}");
            }
            steps.push(tried);
        })
        .await;
    crowd.disband().await;
    tell(options, &search, ended, &steps)
}

fn tell(
    options: &super::Options,
    search: &Search,
    ended: Ended,
    steps: &[Tried],
) -> anyhow::Result<()> {
    let (held, broke) = (search.held(), search.broke());
    if options.json {
        let found = json!({ "capacity": held, "broke_at": broke, "ended": ended, "steps": steps });
        println!("{found}");
    }
    let why = steps.iter().rev().find_map(|step| step.broke.as_ref());
    let why = why.map_or_else(String::new, |broke| format!(": {broke}"));
    anyhow::ensure!(held > 0, "not even one call holds{why}");
    if options.json {
        return Ok(());
    }
    let beyond = broke.map(|broke| format!("{broke} do not; "));
    let ended = match (ended, broke) {
        (Ended::Known, Some(_)) => "nothing between is worth trying",
        (Ended::Known, None) => "more were not tried (--most)",
        (Ended::Time, _) => "the time (--within) was over before this was known well",
        (Ended::Nothing, _) => "of more, nothing was answered in the time: watch longer (--hold)",
    };
    println!("\n{held} calls hold; {}{ended}", beyond.unwrap_or_default());
    println!("in config.yml:\n\nlimits:\n  calls: {held}");
    Ok(())
}
