//! Whole calls against the real server in a process of its own: `cargo bench --bench calls`.
//!
//! Prints how long it takes to connect and to be understood, what a silent call costs, and what two hundred
//! calls leave behind. Sections can be chosen by name: `cargo bench --bench calls -- latency`.
//! Recordings and weights come from `SOTTO_SHARED` (default `../shared`).

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use sotto::client::{Background, Call, CallOptions, HangUp, Recording};
use sotto::pipeline::codec::wav;

/// Whisper tiny.en, fitted on the recordings: a real test of the path, no figure of accuracy.
const WHISPER: &str = "whisper-tiny.en-fixture";
/// From this probability on Smart Turn calls a turn complete.
const COMPLETE: f32 = 0.5;
/// Clips longer than this are left out, in seconds.
const LONGEST_CLIP: f32 = 6.0;
const SILENT_CALLS: usize = 50;
const SILENT_TIME: Duration = Duration::from_secs(30);
const MANY_CALLS: usize = 200;

type Result<T> = anyhow::Result<T>;

#[derive(Deserialize)]
struct Clip {
    file: String,
    dur: f32,
    fixture_text: Option<String>,
    smart_turn_v3_2: Option<f32>,
}

fn main() -> Result<()> {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let runs = |section: &str| {
        wanted.is_empty() || wanted.iter().any(|name| section.contains(name.as_str()))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if runs("connect") {
            connect().await?;
        }
        if runs("latency") {
            latency().await?;
        }
        if runs("silent") {
            silent().await?;
        }
        if runs("many") {
            many().await?;
        }
        Ok(())
    })
}

/// From the answer to the connection.
async fn connect() -> Result<()> {
    let server = Server::start()?;
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
    let server = Server::start()?;
    let text = std::fs::read_to_string(shared().join("audio/manifest.jsonl"))?;
    let clips: Vec<Clip> =
        text.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
    let clips: Vec<Clip> = clips
        .into_iter()
        .filter(|clip| clip.dur < LONGEST_CLIP && clip.fixture_text.is_some())
        .collect();
    let (mut endpoints, mut transcripts, mut sounds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut complete, mut exact) = (0, 0);
    let (mut early, mut waited) = (Vec::new(), Vec::new());
    for clip in &clips {
        let mut call = Call::place(CallOptions::new(&server.url)).await?;
        let recording = Recording::read(&shared().join("audio").join(&clip.file))?;
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
        let sure = clip.smart_turn_v3_2.is_some_and(|p| p >= COMPLETE);
        if sure {
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
    let server = Server::start()?;
    let noise = shared().join("audio/noise/noise_lk_office-ambience.wav");
    let samples = wav::decode(&std::fs::read(noise)?, 16_000)?;
    let background = Background::new(&samples)?;
    // One call first, so that what lives as long as the process is there.
    Call::place(CallOptions::new(&server.url)).await?.hang_up(HangUp::Close).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let memory_before = server.memory_kib()?;
    let mut calls = Vec::new();
    for _ in 0..SILENT_CALLS {
        let options =
            CallOptions { background: Some(background.clone()), ..CallOptions::new(&server.url) };
        calls.push(Call::place(options).await?);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let cpu_before = server.cpu()?;
    tokio::time::sleep(SILENT_TIME).await;
    let cpu = server.cpu()?.saturating_sub(cpu_before).as_secs_f64() / SILENT_TIME.as_secs_f64();
    let memory = server.memory_kib()? - memory_before;
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
    let server = Server::start()?;
    Call::place(CallOptions::new(&server.url)).await?.hang_up(HangUp::Close).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (fds, threads, memory) = (server.fds()?, server.threads()?, server.memory_kib()?);
    for _ in 0..MANY_CALLS / 4 {
        let calls = (0..4).map(|_| Call::place(CallOptions::new(&server.url)));
        for call in futures_util::future::join_all(calls).await {
            call?.hang_up(HangUp::Close).await?;
        }
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("many: {MANY_CALLS} calls opened and closed");
    println!("  file descriptors {fds} before, {} after", server.fds()?);
    println!("  threads {threads} before, {} after", server.threads()?);
    println!("  memory {:.1} MiB more", (server.memory_kib()? as f64 - memory as f64) / 1_024.0);
    Ok(())
}

/// The server, in a process of its own.
struct Server {
    child: Child,
    url: String,
    /// What it keeps.
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sotto"))
            .args(["serve", "--bind", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(folder.path())
            .env("SECRET_KEY", "q0fSMdxjWjTsmXvUCfMnHmbUvEAeREXTPqIl4bHfsdc=")
            .env("SOTTO__STT__ENGINE", "whisper")
            .env("SOTTO__STT__MODEL", shared().join("models").join(WHISPER))
            .env("SOTTO__VAD__ENGINE", "silero")
            .env("SOTTO__TURN__ENGINE", "smart_turn_v3")
            .env("SOTTO__LLM__PROVIDER", "echo")
            .env("SOTTO__MODELS__OFFLINE", "true")
            .env("SOTTO__WEBRTC__UDP_PORT", "0")
            .env("SOTTO__LIMITS__CALLS", "500")
            .env("SOTTO__LIMITS__OFFERS_PER_MINUTE", "100000")
            .env("SOTTO__TELEMETRY__LOG", "warn")
            .stdout(Stdio::null())
            .spawn()?;
        let url = format!("http://127.0.0.1:{port}");
        for _ in 0..300 {
            std::thread::sleep(Duration::from_millis(100));
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                std::thread::sleep(Duration::from_millis(500));
                return Ok(Self { child, url, _folder: folder });
            }
        }
        child.kill()?;
        anyhow::bail!("the server did not start")
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(file)
    }

    /// Processor time so far.
    fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(self.proc("stat"))?;
        let fields: Vec<&str> =
            stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    fn memory_kib(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    fn threads(&self) -> Result<u64> {
        self.status("Threads:")
    }

    fn status(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(self.proc("status"))?;
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        Ok(line.split_whitespace().nth(1).unwrap_or("0").parse()?)
    }

    fn fds(&self) -> Result<usize> {
        Ok(std::fs::read_dir(self.proc("fd"))?.count())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours, and has nothing to finish.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shared() -> PathBuf {
    let folder = std::env::var_os("SOTTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    folder.canonicalize().unwrap_or(folder)
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
