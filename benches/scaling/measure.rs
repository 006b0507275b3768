//! Two servers here, one for calls and one for recognition and speech, and what the simulation says of them.
//!
//! Each stage is measured alone, then many calls are made at once; the simulation is given the former and has to
//! foretell the latter. Servers and callers share the cores of this machine, and so they do in the simulation.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sotto::client::{Call, CallOptions, HangUp, Recording, Turn};
use sotto::engine::http::client;
use sotto::pipeline::codec::wav;
use sotto::pipeline::tts::clauses::Clauses;

use super::costs::{Costs, Stage, TWO_CORES};
use super::layout::{Balance, Layout, Span};
use super::random::Random;
use super::report::percentile;
use super::talk::Talk;
use super::world::World;
use super::{Settings, folder, write};

/// Whisper tiny.en, fitted on the recordings.
const WHISPER: &str = "whisper-tiny.en-fixture";
/// Recordings that are spoken: as long as usual turns, and without a doubt complete.
const CLIP_S: (f64, f64) = (1.5, 5.0);
const COMPLETE: f64 = 0.9;
const CLIPS: usize = 6;
/// How often a stage is measured alone.
const RUNS: usize = 5;
/// From the end of a reply to the next turn, at least and more on average.
const THOUGHT_S: (f64, f64) = (0.3, 1.0);
/// `echo` writes so many words a second.
const WORDS_A_SECOND: f64 = 50.0;
/// Recognition runs on one core, so that the other is for the calls.
const THREADS: usize = 1;
/// Calls that say nothing, and for how long.
const SILENT: usize = 8;
const IDLE: Duration = Duration::from_secs(10);
/// A key that protects nothing.
const KEY: &str = "q0fSMdxjWjTsmXvUCfMnHmbUvEAeREXTPqIl4bHfsdc=";

struct Clip {
    path: PathBuf,
    text: String,
    seconds: f64,
}

/// What is known of the stages when each is alone.
struct Alone {
    stt_s: f64,
    tts_s: f64,
    write_s: f64,
    /// Of the time it is written in, from one recording to the other.
    write_variation: f64,
    reply_s: f64,
    turn_s: f64,
    /// Of a core, for a call that says nothing: its server's, and its caller's.
    call_cores: f64,
}

pub fn run(settings: &Settings) -> Result<()> {
    let calls: String = settings.get("calls", "1,8,16,24".to_owned())?;
    let calls: Vec<usize> = calls.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let seconds = settings.get("seconds", 90)?;
    let clips = clips()?;
    if clips.is_empty() {
        println!("left out: measure needs the recordings and weights of the tests (SOTTO_SHARED)");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let speech = Server::speech().await?;
        let media = Server::media(&speech).await?;
        let alone = alone(&clips, &speech, &media).await?;
        // One caller first: what is left of the wait when the stages are taken off is the way in between.
        let first = spoken(&media, &clips, 1, Duration::from_secs(seconds), 0).await?;
        let mut costs = alone.costs();
        let (cores, talk) =
            (std::thread::available_parallelism()?.get() as f64, alone.talk(&costs));
        let unexplained = middle(&first) - foretold(1, cores, &costs, &talk, 1.0e4).0;
        costs.network_s = (costs.network_s + unexplained).max(0.0);
        alone.show(unexplained, &talk, cores);
        println!(
            "\n{:>5} {:>6} {:>18} {:>18}   from the end of speech to the first sound",
            "calls", "turns", "measured p50, p95", "foretold p50, p95"
        );
        let mut lines = vec![
            "calls,turns,measured_p50_ms,measured_p95_ms,foretold_p50_ms,foretold_p95_ms"
                .to_owned(),
        ];
        for (number, count) in calls.into_iter().enumerate() {
            let length = Duration::from_secs(seconds);
            let waits = spoken(&media, &clips, count, length, 1 + number as u64).await?;
            let p95 = percentile(&waits, 0.95).unwrap_or(f64::NAN);
            let measured = [middle(&waits), p95].map(|s| (1_000.0 * s).round());
            let known = foretold(count, cores, &costs, &talk, 2.0e4 / count as f64);
            let foretold = [known.0, known.1].map(|s| (1_000.0 * s).round());
            let turns = waits.len();
            println!(
                "{count:>5} {turns:>6} {:>7} ms, {:>4} ms {:>7} ms, {:>4} ms",
                measured[0], measured[1], foretold[0], foretold[1]
            );
            let [a, b] = measured;
            let [c, d] = foretold;
            lines.push(format!("{count},{turns},{a},{b},{c},{d}"));
        }
        write(&folder()?.join("measured.csv"), &(lines.join("\n") + "\n"))
    })
}

/// What the simulation says: the median and the 95th percentile.
fn foretold(calls: usize, cores: f64, costs: &Costs, talk: &Talk, measured_s: f64) -> (f64, f64) {
    let layout = Layout {
        calls,
        media_nodes: 1,
        media_cores: cores,
        speech_nodes: 1,
        speech_cores: cores,
        concurrency: 8,
        balance: Balance::Least,
        queue: 32,
        together: true,
    };
    let span = Span { warm_up_s: 60.0, measured_s, seed: 1 };
    let waits = World::run(layout, costs, talk, span).stopwatch_s;
    let at = |part| percentile(&waits, part).unwrap_or(f64::NAN);
    (at(0.5), at(0.95))
}

impl Alone {
    fn costs(&self) -> Costs {
        let stage = |base_s, threads, workers| Stage { base_s, each_s: 0.0, threads, workers };
        Costs {
            call_cores: self.call_cores,
            stt: stage(self.stt_s, THREADS as f64, 1),
            // A program for each core.
            tts: stage(
                self.tts_s,
                1.0,
                std::thread::available_parallelism().map_or(1, usize::from),
            ),
            write_s: self.write_s,
            write_variation: self.write_variation,
            network_s: 0.0,
            hop_s: 0.0,
            interim_s: None,
            ..TWO_CORES.costs
        }
    }

    fn talk(&self, costs: &Costs) -> Talk {
        let usual = Talk {
            turn_s: self.turn_s,
            turn_variation: 0.0,
            pauses_per_s: 0.0,
            sure: 1.0,
            reply_s: self.reply_s,
            clause_s: self.reply_s,
            ..Talk::default()
        };
        // The share that leaves callers as long to think as those here take.
        let cycle = self.turn_s + self.reply_s + costs.alone_s(&usual) + THOUGHT_S.0 + THOUGHT_S.1;
        Talk { share: self.turn_s / cycle, ..usual }
    }

    fn show(&self, unexplained_s: f64, talk: &Talk, cores: f64) {
        let ms = |seconds: f64| 1_000.0 * seconds;
        println!(
            "\nmeasure: a node for calls and a node for speech, and the callers, on {cores} cores"
        );
        println!("  recognition alone, asked by HTTP       {:>6.1} ms", ms(self.stt_s));
        println!("  speech alone, likewise                 {:>6.1} ms", ms(self.tts_s));
        println!(
            "  written until the first clause         {:>6.1} ms, ± {:.0} %",
            ms(self.write_s),
            100.0 * self.write_variation
        );
        println!("  what is left of one call               {:>6.1} ms", ms(unexplained_s));
        if unexplained_s < 0.0 {
            println!(
                "  less than nothing: the machine was busy with something else; measure again"
            );
        }
        println!("  a silent call and its caller, of a core {:>5.2} %", 100.0 * self.call_cores);
        println!(
            "  turns of {:.2} s, replies of {:.2} s, people speak {:.0} % of the time",
            talk.turn_s,
            talk.reply_s,
            100.0 * talk.share
        );
    }
}

/// Each stage alone.
async fn alone(clips: &[Clip], speech: &Server, media: &Server) -> Result<Alone> {
    let http = client(&speech.url, None)?;
    let (mut stt, mut tts, mut sounds) = (Vec::new(), Vec::new(), Vec::new());
    for clip in clips {
        let bytes = std::fs::read(&clip.path)?;
        for _ in 0..RUNS {
            let file = Part::bytes(bytes.clone()).file_name("speech.wav").mime_str("audio/wav")?;
            let form = Form::new().part("file", file).text("model", "whisper-1");
            let url = format!("{}/v1/audio/transcriptions", speech.url);
            let begun = Instant::now();
            http.post(url).multipart(form).send().await?.error_for_status()?.bytes().await?;
            stt.push(begun.elapsed().as_secs_f64());
            let body = json!({ "model": "tts-1", "input": clip.text, "voice": "alloy", "response_format": "pcm" });
            let url = format!("{}/v1/audio/speech", speech.url);
            let begun = Instant::now();
            let sound =
                http.post(url).json(&body).send().await?.error_for_status()?.bytes().await?;
            tts.push(begun.elapsed().as_secs_f64());
            sounds.push(sound.len() as f64 / 2.0 / 24_000.0);
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    // The first word comes at once.
    let written = |clip: &Clip| (words_of_a_clause(&clip.text) - 1) as f64 / WORDS_A_SECOND;
    let written: Vec<f64> = clips.iter().map(written).collect();
    let write_s = mean(&written);
    let apart: Vec<f64> = written.iter().map(|s| (s - write_s).powi(2)).collect();
    let turn_s = mean(&clips.iter().map(|clip| clip.seconds).collect::<Vec<_>>());
    // What a call costs that says nothing, and its caller.
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(Call::place(CallOptions::new(&media.url)).await?);
    }
    let before = media.cpu_s()? + cpu_s("self")?;
    tokio::time::sleep(IDLE).await;
    let used = media.cpu_s()? + cpu_s("self")? - before;
    let call_cores = used / IDLE.as_secs_f64() / silent.len() as f64;
    for call in silent {
        call.hang_up(HangUp::Delete).await?;
    }
    Ok(Alone {
        stt_s: middle(&stt),
        tts_s: middle(&tts),
        write_s,
        write_variation: mean(&apart).sqrt() / write_s,
        reply_s: mean(&sounds),
        turn_s,
        call_cores,
    })
}

/// How many words of an echo are written before there is something to say.
fn words_of_a_clause(text: &str) -> usize {
    let mut clauses = Clauses::default();
    let words = text.split_inclusive(' ');
    let before = words.clone().take_while(|word| clauses.push(word).is_empty()).count();
    (before + 1).min(words.count()).max(1)
}

/// So many calls at once, for so long: how long each turn waited for its reply.
async fn spoken(
    media: &Server,
    clips: &[Clip],
    calls: usize,
    length: Duration,
    seed: u64,
) -> Result<Vec<f64>> {
    let until = Instant::now() + length;
    let one = |number: usize| async move {
        let mut random = Random::new((seed << 32) | number as u64);
        let options =
            CallOptions { patience: Duration::from_secs(30), ..CallOptions::new(&media.url) };
        let mut call = Call::place(options).await?;
        // Not all in step.
        call.wait(Duration::from_secs_f64(5.0 * random.uniform())).await;
        while Instant::now() < until {
            let clip = &clips[random.below(clips.len())];
            call.say(Recording::read(&clip.path)?).await;
            let thought = THOUGHT_S.0 + random.exponential(THOUGHT_S.1);
            call.wait(Duration::from_secs_f64(thought)).await;
        }
        let turns = call.turns(number);
        call.hang_up(HangUp::Delete).await?;
        anyhow::Ok(turns)
    };
    let mut waits = Vec::new();
    for turns in futures_util::future::join_all((0..calls).map(one)).await {
        waits.extend(turns?.iter().filter_map(wait_s));
    }
    ensure!(!waits.is_empty(), "no turn was answered");
    Ok(waits)
}

/// From the end of speech, as voice activity hears it, to the first sound that leaves the server.
fn wait_s(turn: &Turn) -> Option<f64> {
    let heard = turn.server.as_ref()?.timings.first_audio_ms?;
    Some(heard as f64 / 1_000.0)
}

fn middle(values: &[f64]) -> f64 {
    percentile(values, 0.5).unwrap_or(f64::NAN)
}

/// Recordings that are one turn each.
fn clips() -> Result<Vec<Clip>> {
    let folder = shared().join("audio");
    let Ok(manifest) = std::fs::read_to_string(folder.join("manifest.jsonl")) else {
        return Ok(Vec::new());
    };
    let lines: Vec<Value> = manifest.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let is_turn = |line: &&Value| {
        line["dur"].as_f64().is_some_and(|s| (CLIP_S.0..CLIP_S.1).contains(&s))
            && line["smart_turn_v3_2"].as_f64().is_some_and(|p| p >= COMPLETE)
            // What is written as if it went on is waited for.
            && line["fixture_text"].as_str().is_some_and(|text| !text.ends_with([',', ';']))
    };
    let mut clips = Vec::new();
    for line in lines.iter().filter(is_turn).take(CLIPS) {
        let path = folder.join(line["file"].as_str().unwrap_or_default());
        let samples = wav::decode(&std::fs::read(&path)?, 16_000)?;
        let text = line["fixture_text"].as_str().unwrap_or_default().trim().to_owned();
        clips.push(Clip { path, text, seconds: samples.len() as f64 / 16_000.0 });
    }
    Ok(clips)
}

fn shared() -> PathBuf {
    let folder = std::env::var_os("SOTTO_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    folder.canonicalize().unwrap_or(folder)
}

/// A server in a process of its own.
struct Server {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Recognises and speaks for others.
    async fn speech() -> Result<Self> {
        let whisper = shared().join("models").join(WHISPER);
        Self::start(&[
            ("SOTTO__STT__ENGINE", "whisper"),
            ("SOTTO__STT__MODEL", &whisper.display().to_string()),
            ("SOTTO__STT__THREADS", &THREADS.to_string()),
            ("SOTTO__TTS__ENGINE", "command"),
            ("SOTTO__TURN__ENGINE", "silence"),
        ])
        .await
    }

    /// Takes calls, and has `speech` recognise and speak.
    async fn media(speech: &Self) -> Result<Self> {
        let base_url = format!("{}/v1", speech.url);
        Self::start(&[
            ("SOTTO__STT__ENGINE", "remote"),
            ("SOTTO__STT__REMOTE__BASE_URL", &base_url),
            ("SOTTO__TTS__ENGINE", "remote"),
            ("SOTTO__TTS__REMOTE__BASE_URL", &base_url),
            ("SOTTO__TURN__ENGINE", "smart_turn_v3"),
        ])
        .await
    }

    async fn start(environment: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sotto"))
            .args(["serve", "--bind", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(folder.path())
            .env("SECRET_KEY", KEY)
            .env("SOTTO__VAD__ENGINE", "silero")
            .env("SOTTO__LLM__PROVIDER", "echo")
            .env("SOTTO__MODELS__OFFLINE", "true")
            .env("SOTTO__WEBRTC__UDP_PORT", "0")
            .env("SOTTO__LIMITS__CALLS", "500")
            .env("SOTTO__LIMITS__OFFERS_PER_MINUTE", "100000")
            .env("SOTTO__LIMITS__REQUESTS_PER_MINUTE__ADDRESS", "1000000")
            .env("SOTTO__LIMITS__REQUESTS_PER_MINUTE__GLOBAL", "1000000")
            .env("SOTTO__TELEMETRY__LOG", "error")
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .spawn()?;
        let url = format!("http://127.0.0.1:{port}");
        let ready = format!("{url}/readyz");
        let http = client(&url, Some(Duration::from_secs(5)))?;
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let answer = http.get(&ready).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(Self { child, url, _folder: folder });
            }
        }
        child.kill()?;
        anyhow::bail!("a server did not start")
    }

    /// Processor time so far.
    fn cpu_s(&self) -> Result<f64> {
        cpu_s(&self.child.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours, and has nothing to finish.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of a process so far. Linux only.
fn cpu_s(process: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("/proc has no processor time")?;
    Ok((user + system) as f64 / 100.0)
}
