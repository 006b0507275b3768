//! `sotto transcribe`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::{Common, runtime};
use crate::engine::Engines;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::container;
use crate::pipeline::frame::Samples;
use crate::pipeline::recording::{Piece, pieces};
use crate::pipeline::stt;
use crate::pipeline::text::Text;

/// Longest recording: it is held in memory, about a quarter of a gigabyte an hour.
const LONGEST: Duration = Duration::from_hours(8);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// A recording: WAV, MP3, FLAC, Ogg (Opus or Vorbis), WebM or M4A.
    file: PathBuf,
    /// `{"text","tokens","language","audio_ms","compute_ms"}`.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let name = || options.file.display().to_string();
    let bytes = std::fs::read(&options.file).with_context(name)?;
    let audio = container::decode(&bytes, LONGEST).with_context(name)?;
    anyhow::ensure!(!audio.is_empty(), "{}: it holds no sound", name());
    let mut config = options.common.load()?;
    // Nothing but recognition and voice activity is needed.
    config.llm.provider = crate::config::LlmProvider::Echo;
    let config = Arc::new(config);
    let store = Arc::new(super::store(&config));
    runtime()?.block_on(async {
        let engines = Engines::load(Arc::clone(&config), store, config.server.bind).await?;
        let recogniser =
            engines.recogniser.context("there is no recognition engine; see sotto doctor")?;
        let begun = Instant::now();
        let (mut text, mut tokens, mut language) = (Text::default(), Vec::new(), None);
        for Piece { range, speech } in pieces(&audio, &*engines.vad)? {
            let piece = stt::Options { speech: Some(speech), ..stt::Options::default() };
            let transcript =
                recogniser.transcribe(audio[range].to_vec(), piece, &Cancel::default()).await?;
            text.push_phrase(transcript.text.as_str());
            tokens.extend(transcript.tokens);
            language = language.or(transcript.language.map(|spoken| spoken.code));
        }
        let compute_ms = begun.elapsed().as_millis() as u64;
        if options.json {
            let result = json!({
                "text": text,
                "tokens": tokens,
                "language": language,
                "audio_ms": Samples(audio.len() as u64).as_ms(),
                "compute_ms": compute_ms,
            });
            println!("{result}");
        } else {
            println!("{}", text.as_str());
        }
        Ok(())
    })
}
