//! Where the time of an answer goes: whole calls over loopback WebRTC with the real pipeline.
//!
//! `cargo bench --bench latency` starts the server in a process of its own, with whatever engines are here (it says
//! which), speaks the recordings of the tests in a call each, and prints for every phase when it was over on a stopwatch
//! that starts with the last spoken sample, what it took by itself, and how long each engine worked. Beside the table it
//! writes JSON and a waterfall into `target/sotto-latency/`.
//!
//! ```sh
//! cargo bench --bench latency -- --save before       # keeps the result under a name
//! cargo bench --bench latency -- --compare before    # ratios, and which of them are more than chance
//! cargo bench --bench latency -- --url http://…      # a server that runs already
//! SOTTO__TTS__ENGINE=kokoro cargo bench --bench latency    # settings of the environment go to the server
//! ```

mod compare;
mod measure;
mod results;
#[path = "../support"]
mod support {
    pub mod server;
    pub mod shared;
}
mod waterfall;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use sotto::client::{CallOptions, Recording};
use sotto::config::Secret;

use results::Results;
use support::server::{self, Server};
use support::shared::clips;

/// Latency of whole calls.
#[derive(Debug, Parser)]
struct Options {
    /// Keeps the result under this name.
    #[arg(long, value_name = "NAME", value_parser = name)]
    save: Option<String>,
    /// Compares the result with one that was kept.
    #[arg(long, value_name = "NAME", value_parser = name)]
    compare: Option<String>,
    /// How often each recording is spoken. More rounds tell smaller differences from chance.
    #[arg(long, value_name = "N", default_value_t = 1)]
    rounds: usize,
    /// A server that runs already, instead of one that is started. `SOTTO_TOKEN` may hold a token for it.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// What to speak (WAV), instead of the recordings of the tests.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    audio: Vec<PathBuf>,
    /// Cargo says so to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let folder = folder()?;
    // Before minutes are spent.
    let before = options.compare.as_ref().map(|name| Results::read(&folder, name)).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let results = runtime.block_on(measured(&options))?;
    print!("{results}");
    if let Some(before) = &before {
        print!("\n{}", compare::table(before, &results));
    }
    results.write(&folder, "latest")?;
    let picture = folder.join("latest.svg");
    std::fs::write(&picture, waterfall::svg(&results))?;
    println!("\nwritten: {} and latest.json beside it", picture.display());
    if let Some(name) = &options.save {
        results.write(&folder, name)?;
        println!("kept as {name}: compare with `-- --compare {name}`");
    }
    Ok(())
}

async fn measured(options: &Options) -> anyhow::Result<Results> {
    let recordings = recordings(options)?;
    let server = match options.url {
        Some(_) => None,
        None => Some(Server::start(&server::recognised()).await?),
    };
    let url = server.as_ref().map(|server| &server.url).or(options.url.as_ref());
    let url = url.context("no server")?.clone();
    let token = Secret::new(std::env::var("SOTTO_TOKEN").unwrap_or_default());
    let call = CallOptions { token, ..CallOptions::new(url) };
    let mut results = Results::about(&call).await?;
    results.announce(recordings.len() * options.rounds);
    measure::warm_up(&call, &recordings).await?;
    for _ in 0..options.rounds {
        for recording in &recordings {
            measure::speak(&call, recording, &mut results).await?;
        }
    }
    if let Some(server) = &server {
        results.server_memory_kib = Some(server.process.usage()?.memory_kib);
    }
    Ok(results)
}

fn recordings(options: &Options) -> anyhow::Result<Vec<Recording>> {
    let paths = if options.audio.is_empty() {
        let clips = clips().context("nothing to speak; name recordings with --audio")?;
        let complete = clips.iter().filter(|clip| clip.is_complete()).count();
        println!("{} recordings, of which Smart Turn v3.2 calls {complete} complete", clips.len());
        clips.iter().map(support::shared::Clip::path).collect()
    } else {
        options.audio.clone()
    };
    Ok(paths.iter().map(|path| Recording::read(path)).collect::<Result<_, _>>()?)
}

/// Where results are kept.
fn folder() -> anyhow::Result<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().context("no target folder")?;
    let folder = target.join("sotto-latency");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let good = !text.is_empty() && text != "latest" && text.chars().all(plain);
    let why = "needs letters, digits, - and _; `latest` is what every run writes";
    good.then(|| text.to_owned()).ok_or_else(|| why.to_owned())
}
