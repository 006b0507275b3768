//! How many calls a server holds: `cargo bench --bench load`, with the names of some of `hundred knee recognised`, or all
//! of them (about nine minutes).
//!
//! The server is a process of its own, on the machine of its callers; what each of them uses is printed apart. Callers send
//! Opus that was encoded beforehand and speak a fifth of the time: recordings of the tests (`SOTTO_SHARED`). In `hundred`
//! and `knee` recognition and speech are engines with fixed answers in this process, so that what is measured is everything
//! else: WebRTC, jitter buffer, Opus, echo cancellation, Silero on every frame, end of turn, protocol. `recognised` has
//! Whisper tiny.en, and the voice that the server finds. Settings in the environment win, for example
//! `SOTTO__TURN__ENGINE=silence`.

mod support {
    pub mod engines;
    pub mod sections;
    pub mod server;
    pub mod shared;
}

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use sotto::client::load::knee::{Ended, Search};
use sotto::client::load::{Aim, Crowd, Load};
use sotto::client::script::Script;
use sotto::client::{Background, CallOptions};

use support::engines::FixedEngines;
use support::sections::wanted;
use support::server::{self, Server};
use support::shared::{Clip, clips};

/// How long the fixed engine takes to recognise anything.
const RECOGNITION: Duration = Duration::from_millis(150);
const CALLS: usize = 100;
const HOLD: Duration = Duration::from_mins(1);
/// Calls begin at this rate.
const CALLS_A_SECOND: f64 = 8.0;
/// What is wanted of a hundred calls.
const FRAME_P99: Duration = Duration::from_millis(10);
/// What is wanted of the numbers that are tried.
const AIM: Aim = Aim {
    target: Duration::from_millis(900),
    hold: Duration::from_secs(20),
    ramp: Some(Duration::from_secs(6)),
    within: Duration::from_mins(5),
};

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if wanted("hundred") {
            hundred().await?;
        }
        if wanted("knee") {
            let engines = FixedEngines::start(RECOGNITION).await?;
            knee("knee, recognition and speech fixed", &engines.settings(), 48).await?;
        }
        if wanted("recognised") {
            knee("knee, recognition on", &server::recognised(), 4).await?;
        }
        Ok(())
    })
}

/// A hundred calls for a minute.
async fn hundred() -> anyhow::Result<()> {
    let engines = FixedEngines::start(RECOGNITION).await?;
    let server = Server::start(&engines.settings()).await?;
    let mut crowd = begin("hundred", &server).await?;
    let ramp = Duration::from_secs_f64(CALLS as f64 / CALLS_A_SECOND);
    let report = crowd.hold(CALLS, ramp, HOLD).await;
    crowd.disband().await;
    println!("{report}");
    let frames = report.frames.context("the server does not say how it handles sound")?;
    let there = report.connected == CALLS && report.missing() == 0 && frames.handled > 0;
    anyhow::ensure!(there, "not all of {CALLS} calls went on: the figures are those of others");
    let as_wanted = frames.dropped == 0 && u128::from(frames.p99_us) <= FRAME_P99.as_micros();
    let verdict = if as_wanted { "as wanted" } else { "NOT as wanted" };
    println!("{verdict}: no packet dropped, p99 of a frame at most {} ms", FRAME_P99.as_millis());
    Ok(())
}

/// More and more calls until 95 % of the answers are no longer heard in time.
async fn knee(
    title: &str,
    settings: &[(&'static str, String)],
    first: usize,
) -> anyhow::Result<()> {
    let server = Server::start(settings).await?;
    let mut crowd = begin(title, &server).await?;
    let mut search = Search::new(first, usize::MAX / 2);
    let ended = crowd.search(&mut search, AIM, |tried| println!("{tried}")).await;
    crowd.disband().await;
    let sure = if ended == Ended::Known { "" } else { ", and that is not known well" };
    let broke = search.broke().map_or_else(|| "-".to_owned(), |calls| calls.to_string());
    println!("{} calls hold, {broke} do not{sure}", search.held());
    Ok(())
}

/// Nobody yet, and which engines wait for them.
async fn begin(title: &str, server: &Server) -> anyhow::Result<Crowd> {
    let cores = std::thread::available_parallelism()?;
    println!("\n## {title}, on {cores} cores\n");
    for (stage, engine) in engines(&server.url).await? {
        println!("  {stage:<5} {engine}");
    }
    println!();
    let said: Vec<PathBuf> =
        clips()?.iter().filter(|clip| clip.is_complete()).map(Clip::path).collect();
    Ok(Crowd::new(Load {
        call: CallOptions {
            background: Some(Background::silence()?),
            ..CallOptions::new(server.url.clone())
        },
        script: Arc::new(Script::of(&said).load(Path::new(""))?),
        repeats: true,
        seed: 1,
        server: Some(server.process.clone()),
    })?)
}

async fn engines(url: &str) -> anyhow::Result<Vec<(String, String)>> {
    let http = sotto::engine::http::client(url, None)?;
    let status: Value = http.get(format!("{url}/api/v1/status")).send().await?.json().await?;
    let engines = status["engines"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(engines.iter().map(|engine| (text(&engine["stage"]), text(&engine["name"]))).collect())
}
