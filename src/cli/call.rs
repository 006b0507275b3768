//! `sotto call`: one call, a few, or a load test.

mod load;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::runtime;
use crate::client::script::{duration, part};
use crate::client::{Background, Call, CallOptions, HangUp, Impairment, Recording, Turn};
use crate::config::Secret;
use crate::pipeline::codec::wav;
use crate::pipeline::frame::MIC_RATE_HZ;

/// Takes a little longer than its speech, to hear the end of the last reply.
const LINGER: Duration = Duration::from_millis(300);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The server, for example <http://localhost:8080>.
    url: String,
    /// Recordings to speak, one after the other (WAV of any rate).
    #[arg(long, required_unless_present = "script", num_args = 1.., value_name = "FILE")]
    audio: Vec<PathBuf>,
    /// Calls at the same time.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = at_least_one)]
    calls: usize,
    /// One JSON object a turn; of a load test, one for all.
    #[arg(long)]
    json: bool,
    /// Keeps what was heard (of the first call).
    #[arg(long, value_name = "OUT.wav")]
    record: Option<PathBuf>,
    /// An API token with the scope `calls`, where the server asks for one. Better in the environment.
    #[arg(long, env = "SOTTO_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The conversation to go on in; without it a call with a token begins one.
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
    /// How to take the reply's sound.
    #[arg(long, value_enum, default_value_t = Output::Track)]
    output: Output,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    load: load::LoadOptions,
}

/// What becomes of the caller's sound on its way to the server.
#[derive(Debug, Args)]
#[command(next_help_heading = "A bad network, on the way to the server")]
struct Network {
    /// Part of the packets that is lost, such as 5%.
    #[arg(long, value_name = "PART", value_parser = part, default_value = "0%")]
    loss: f64,
    /// Part of the packets that the next one overtakes.
    #[arg(long, value_name = "PART", value_parser = part, default_value = "0%")]
    reorder: f64,
    /// How long packets are on their way, such as 50ms.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "0ms")]
    delay: Duration,
    /// At most how much longer than that; each by another part of it.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "0ms")]
    jitter: Duration,
    /// The same number, the same packets; of a load test also the same pauses.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// What the microphone hears while nothing is said (WAV); without it nothing.
    #[arg(long, value_name = "FILE")]
    background: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// As an Opus track.
    Track,
    /// As chunks on a data channel.
    Blob,
}

pub(super) fn run(options: Options) -> anyhow::Result<()> {
    let how = options.how()?;
    if options.load.wanted() {
        return load::run(&options, how);
    }
    let recordings: Vec<Recording> =
        options.audio.iter().map(|path| Recording::read(path)).collect::<Result<_, _>>()?;
    runtime()?.block_on(async {
        let calls = (0..options.calls).map(|number| one(number, &options, &how, &recordings));
        let results = futures_util::future::join_all(calls).await;
        let failed = results.iter().filter(|result| result.is_err()).count();
        for error in results.into_iter().filter_map(Result::err) {
            eprintln!("sotto call: {error:#}");
        }
        anyhow::ensure!(failed == 0, "{failed} of {} calls failed", options.calls);
        Ok(())
    })
}

impl Options {
    /// How each call is made.
    fn how(&self) -> anyhow::Result<CallOptions> {
        let Network { loss, reorder, delay, jitter, seed, ref background } = self.network;
        let impairment = Impairment { loss, reorder, delay, jitter, seed, garbage: 0.0 };
        let background = background.as_ref().map(|path| Background::read(path)).transpose()?;
        Ok(CallOptions {
            blobs: self.output == Output::Blob,
            token: Secret::new(self.token.clone().unwrap_or_default()),
            conversation: self.conversation.clone(),
            impairment,
            background,
            ..CallOptions::new(self.url.clone())
        })
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "needs a number from 1 on".to_owned())
}

async fn one(
    number: usize,
    options: &Options,
    how: &CallOptions,
    recordings: &[Recording],
) -> anyhow::Result<()> {
    let mut call = Call::place(how.clone()).await?;
    let mut shown = 0;
    for recording in recordings {
        call.say(recording.clone()).await;
        let turns = call.turns(number);
        for turn in &turns[shown..] {
            show(turn, options)?;
        }
        shown = turns.len();
    }
    call.wait(LINGER).await;
    let turns = call.turns(number);
    for turn in &turns[shown..] {
        show(turn, options)?;
    }
    if let Some(path) = options.record.as_ref().filter(|_| number == 0) {
        let heard = wav::encode(&call.heard().samples, MIC_RATE_HZ);
        std::fs::write(path, heard).with_context(|| path.display().to_string())?;
    }
    call.hang_up(HangUp::Delete).await?;
    Ok(())
}

fn show(turn: &Turn, options: &Options) -> anyhow::Result<()> {
    if options.json {
        println!("{}", serde_json::to_string(turn)?);
        return Ok(());
    }
    let after = |at: Option<u64>| match (at, turn.speech_end_ms) {
        (Some(at), Some(end)) => format!("{:.2} s", (at as f64 - end as f64) / 1_000.0),
        _ => "-".to_owned(),
    };
    let call = if options.calls > 1 { format!("[{}] ", turn.call) } else { String::new() };
    println!("{call}you:   {}", turn.user_text);
    println!("{call}sotto: {}{}", turn.reply_text, if turn.interrupted { " (cut)" } else { "" });
    println!(
        "{call}       turn over after {}, transcript after {}, first sound after {}",
        after(turn.endpoint_ms),
        after(turn.transcript_ms),
        after(turn.first_audio_ms)
    );
    Ok(())
}
