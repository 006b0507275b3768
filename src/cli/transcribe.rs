//! `sotto transcribe`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::{Common, runtime};
use crate::config::is_language;
use crate::engine::Engines;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::container;
use crate::pipeline::frame::Samples;
use crate::pipeline::recording::{Piece, pieces};
use crate::pipeline::stt::{self, Detail, Transcript};
use crate::pipeline::text::Text;

/// Longest recording: it is held in memory, about a quarter of a gigabyte an hour.
const LONGEST: Duration = Duration::from_hours(8);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// A recording: WAV, MP3, FLAC, Ogg (Opus or Vorbis), WebM or M4A.
    file: PathBuf,
    /// The language spoken, such as `en`; without: as configured, or found out.
    #[arg(long, value_parser = language)]
    language: Option<String>,
    /// Words that are likely: names, terms.
    #[arg(long)]
    prompt: Option<String>,
    /// Times of words as well; for `--json`.
    #[arg(long, requires = "json")]
    words: bool,
    /// `{"text","tokens","language","segments":[{"start_ms","end_ms","text"}],"audio_ms","compute_ms"}`.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let name = || options.file.display().to_string();
    let bytes = std::fs::read(&options.file).with_context(name)?;
    let audio = container::decode(&bytes, LONGEST, &Cancel::default()).with_context(name)?;
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
        let mut heard = Transcript::default();
        for Piece { range, speech } in pieces(&audio, &*engines.vad, &Cancel::default())? {
            let offset = Duration::from_millis(Samples(range.start as u64).as_ms());
            let piece = options.of_piece(speech);
            let transcript =
                recogniser.transcribe(audio[range].to_vec(), piece, &Cancel::default()).await?;
            heard.append(transcript.shifted(offset));
        }
        let compute_ms = begun.elapsed().as_millis() as u64;
        if options.json {
            let mut result = json!({
                "text": heard.text,
                "tokens": heard.tokens,
                "language": heard.language.map(|spoken| spoken.code),
                "segments": timed(heard.segments.iter().map(|s| (s.start, s.end, &s.text))),
                "audio_ms": Samples(audio.len() as u64).as_ms(),
                "compute_ms": compute_ms,
            });
            if options.words {
                result["words"] = timed(heard.words.iter().map(|w| (w.start, w.end, &w.text)));
            }
            println!("{result}");
        } else {
            println!("{}", heard.text.as_str());
        }
        Ok(())
    })
}

impl Options {
    /// How a piece with so much speech is recognised.
    fn of_piece(&self, speech: Duration) -> stt::Options {
        let detail = match (self.json, self.words) {
            (_, true) => Detail::Words,
            (true, false) => Detail::Segments,
            (false, false) => Detail::Text,
        };
        stt::Options {
            language: self.language.clone(),
            prompt: Text::from(self.prompt.as_deref().unwrap_or_default()),
            detail,
            speech: Some(speech),
            ..stt::Options::default()
        }
    }
}

fn timed<'a>(stretches: impl Iterator<Item = (Duration, Duration, &'a Text)>) -> Value {
    let ms = |time: Duration| time.as_millis() as u64;
    stretches
        .map(|(start, end, text)| json!({ "start_ms": ms(start), "end_ms": ms(end), "text": text }))
        .collect()
}

fn language(code: &str) -> Result<String, &'static str> {
    let is_code = is_language(code);
    is_code.then(|| code.to_owned()).ok_or("needs a code of two or three letters, such as en")
}
