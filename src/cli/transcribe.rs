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
use crate::pipeline::stt::{self, MAX_UTTERANCE_MS};
use crate::pipeline::text::Text;
use crate::pipeline::vad::{FRAME, VadModel};

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
        for piece in pieces(&audio, &*engines.vad)? {
            let transcript = recogniser
                .transcribe(piece.to_vec(), stt::Options::default(), &Cancel::default())
                .await?;
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

/// Pieces that can be recognised at once, cut where it is quietest.
fn pieces<'a>(audio: &'a [f32], vad: &dyn VadModel) -> anyhow::Result<Vec<&'a [f32]>> {
    let longest = Samples::from_ms(MAX_UTTERANCE_MS).0 as usize;
    if audio.len() <= longest {
        return Ok(vec![audio]);
    }
    let mut vad = vad.open();
    let (frames, _) = audio.as_chunks::<FRAME>();
    let speech: Vec<f32> =
        frames.iter().map(|frame| vad.probability(frame)).collect::<Result<_, _>>()?;
    let mut pieces = Vec::new();
    let mut rest = 0;
    while audio.len() - rest > longest {
        let (from, to) = ((rest + longest / 3) / FRAME, (rest + longest) / FRAME);
        let quietest = quietest(&speech, from, to.min(speech.len()));
        pieces.push(&audio[rest..quietest * FRAME]);
        rest = quietest * FRAME;
    }
    pieces.push(&audio[rest..]);
    Ok(pieces)
}

/// The frame in the middle of the third of a second with the least speech.
fn quietest(speech: &[f32], from: usize, to: usize) -> usize {
    const AROUND: usize = 5;
    let least = |frame: &usize| -> f32 {
        let around = frame.saturating_sub(AROUND)..(frame + AROUND).min(speech.len());
        speech[around].iter().sum()
    };
    (from..to).min_by(|a, b| least(a).total_cmp(&least(b))).unwrap_or(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::frame::MIC_RATE_HZ;
    use crate::pipeline::vad::Energy;

    #[test]
    fn long_recordings_are_cut_where_it_is_quiet() {
        let second = MIC_RATE_HZ as usize;
        let mut audio: Vec<f32> = (0..60 * second).map(|i| (i as f32 * 0.1).sin() * 0.5).collect();
        audio[20 * second..21 * second].fill(0.0);
        let cut = pieces(&audio, &Energy).unwrap_or_default();
        assert_eq!(cut.iter().map(|piece| piece.len()).sum::<usize>(), audio.len());
        assert!(cut.iter().all(|piece| piece.len() <= 28 * second));
        let first = cut[0].len() as f32 / second as f32;
        assert!((20.0..21.1).contains(&first), "{first}");
    }
}
