//! Whole calls against the real server in a process of its own: `cargo bench --bench calls`.
//!
//! Prints how long it takes to connect and to be understood, what a silent call costs, and what two hundred
//! calls leave behind. Sections can be chosen by name: `cargo bench --bench calls -- latency`.
//! Recordings and weights come from `SOTTO_SHARED` (default `../shared`).

mod support {
    pub mod sections;
    pub mod server;
    pub mod shared;
}

use std::time::Duration;

use sotto::client::{Background, Call, CallOptions, HangUp, Recording};

use support::sections::wanted;
use support::server::{self, Server};
use support::shared::{LONGEST_CLIP, clips, shared};

const SILENT_CALLS: usize = 50;
const SILENT_TIME: Duration = Duration::from_secs(30);
const MANY_CALLS: usize = 200;

type Result<T> = anyhow::Result<T>;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if wanted("connect") {
            connect().await?;
        }
        if wanted("latency") {
            latency().await?;
        }
        if wanted("silent") {
            silent().await?;
        }
        if wanted("many") {
            many().await?;
        }
        Ok(())
    })
}

/// From the answer to the connection.
async fn connect() -> Result<()> {
    let server = start().await?;
    let mut times = Vec::new();
    for _ in 0..20 {
        let call = Call::place(CallOptions::new(&server.url)).await?;
        times.push(call.connect_time.as_millis() as u64);
        call.hang_up(HangUp::Close).await?;
    }
    println!("connect: answer to connected, 20 calls: {}", spread(&mut times));
    Ok(())
}

/// From the last energetic sample to the final transcript.
async fn latency() -> Result<()> {
    let server = start().await?;
    let clips = clips()?;
    let (mut endpoints, mut transcripts, mut sounds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut complete, mut exact) = (0, 0);
    let (mut early, mut waited) = (Vec::new(), Vec::new());
    for clip in &clips {
        let mut call = Call::place(CallOptions::new(&server.url)).await?;
        let recording = Recording::read(&clip.path())?;
        call.say(recording).await;
        let events = call.events().to_vec();
        let turns = call.turns(0);
        call.hang_up(HangUp::Close).await?;
        let Some(last) = turns.last() else {
            println!("  {}: no turn", clip.file);
            continue;
        };
        let reason = events
            .iter()
            .rfind(|e| e["type"] == "sotto.turn")
            .map(|e| e["decision"]["reason"].clone());
        let by_model = reason.is_some_and(|reason| reason == "model");
        let understood = turns.len() == 1 && Some(&last.user_text) == clip.fixture_text.as_ref();
        if clip.is_complete() {
            complete += 1;
            exact += usize::from(understood);
            if !understood {
                println!(
                    "  {}: {:?}",
                    clip.file,
                    turns.iter().map(|t| &t.user_text).collect::<Vec<_>>()
                );
            }
        }
        let after =
            |at: Option<u64>| at.zip(last.speech_end_ms).map(|(at, end)| at.saturating_sub(end));
        let Some(transcript) = after(last.transcript_ms) else { continue };
        // A trailing breath is louder than 1 % of the loudest word: the turn was over before the sound was.
        let before_the_end = last.speech_end_ms > last.endpoint_ms;
        if by_model && understood && before_the_end {
            early.push(transcript);
        } else if by_model && understood {
            transcripts.push(transcript);
            endpoints.extend(after(last.endpoint_ms));
            sounds.extend(after(last.first_audio_ms));
        } else {
            waited.push(transcript);
        }
    }
    println!(
        "latency: {} clips under {LONGEST_CLIP} s, after the last energetic sample",
        clips.len()
    );
    println!("  turns that Smart Turn called complete and that were understood");
    println!("    turn over        {}", spread(&mut endpoints));
    println!("    final transcript {}", spread(&mut transcripts));
    println!("    first sound      {}", spread(&mut sounds));
    println!(
        "  such turns that were over before the last energetic sample: {}",
        spread(&mut early)
    );
    println!("  other turns: {}", spread(&mut waited));
    println!("  {exact} of {complete} complete clips word for word");
    Ok(())
}

/// What a connected call costs in which nobody speaks.
async fn silent() -> Result<()> {
    let server = start().await?;
    let noise = shared().join("audio/noise/noise_lk_office-ambience.wav");
    let background = Background::read(&noise)?;
    // One call first, so that what lives as long as the process is there.
    Call::place(CallOptions::new(&server.url)).await?.hang_up(HangUp::Close).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let memory_before = server.process.usage()?.memory_kib;
    let mut calls = Vec::new();
    for _ in 0..SILENT_CALLS {
        let options =
            CallOptions { background: Some(background.clone()), ..CallOptions::new(&server.url) };
        calls.push(Call::place(options).await?);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let cpu_before = server.process.usage()?.cpu;
    tokio::time::sleep(SILENT_TIME).await;
    let cpu = server.process.usage()?.cpu.saturating_sub(cpu_before).as_secs_f64()
        / SILENT_TIME.as_secs_f64();
    let memory = server.process.usage()?.memory_kib - memory_before;
    let alive = calls.iter().filter(|call| call.is_connected()).count();
    println!("silent: {alive} calls streaming office noise for {} s", SILENT_TIME.as_secs());
    println!("  {:.2} % of a core a call", 100.0 * cpu / SILENT_CALLS as f64);
    println!("  {:.2} MiB a call", memory as f64 / 1_024.0 / SILENT_CALLS as f64);
    for call in calls {
        call.hang_up(HangUp::Close).await?;
    }
    Ok(())
}

/// What many calls leave behind.
async fn many() -> Result<()> {
    let server = start().await?;
    Call::place(CallOptions::new(&server.url)).await?.hang_up(HangUp::Close).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (fds, threads, memory) = (
        server.process.descriptors()?,
        server.process.threads()?,
        server.process.usage()?.memory_kib,
    );
    for _ in 0..MANY_CALLS / 4 {
        let calls = (0..4).map(|_| Call::place(CallOptions::new(&server.url)));
        for call in futures_util::future::join_all(calls).await {
            call?.hang_up(HangUp::Close).await?;
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("many: {MANY_CALLS} calls opened and closed");
    println!("  file descriptors {fds} before, {} after", server.process.descriptors()?);
    println!("  threads {threads} before, {} after", server.process.threads()?);
    println!(
        "  memory {:.1} MiB more",
        (server.process.usage()?.memory_kib as f64 - memory as f64) / 1_024.0
    );
    Ok(())
}

/// A server with the engines that the figures of docs/benchmarks.md are about; it does not start without them.
async fn start() -> Result<Server> {
    let mut settings = server::recognised();
    settings.push(("SOTTO__STT__ENGINE", "whisper".to_owned()));
    settings.push(("SOTTO__VAD__ENGINE", "silero".to_owned()));
    settings.push(("SOTTO__TURN__ENGINE", "smart_turn_v3".to_owned()));
    Server::start(&settings).await
}

fn spread(values: &mut [u64]) -> String {
    values.sort_unstable();
    let at =
        |part: usize| values.get(values.len().saturating_sub(1) * part / 100).copied().unwrap_or(0);
    format!(
        "median {} ms, p90 {} ms, {} to {} ms ({} values)",
        at(50),
        at(90),
        at(0),
        at(100),
        values.len()
    )
}
