//! `sotto speak`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use sotto_llm::Reach;

use super::{Common, runtime};
use crate::config::{LlmProvider, SttEngine};
use crate::engine::Engines;
use crate::engine::handles::Manner;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::wav;
use crate::pipeline::frame::SPEECH_RATE_HZ;
use crate::pipeline::tts::clauses::Clauses;
use crate::pipeline::tts::speakable::speakable;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// What to say.
    text: String,
    /// Where to put it (WAV).
    #[arg(short, long, value_name = "OUT.wav")]
    output: PathBuf,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(options: Options) -> anyhow::Result<()> {
    let mut config = options.common.load()?;
    // Nothing but speech is needed.
    config.llm.provider = LlmProvider::Echo;
    config.stt.engine = SttEngine::Auto;
    "auto".clone_into(&mut config.stt.model);
    let config = Arc::new(config);
    let store = Arc::new(super::store(&config));
    runtime()?.block_on(async {
        let engines = Engines::load(Arc::clone(&config), store, config.server.bind).await?;
        let voice = engines.voice.context("there is no voice; see sotto doctor")?;
        let name = Some(config.tts.voice.clone()).filter(|voice| !voice.is_empty());
        let manner = Manner { voice: name, speed: config.tts.speed };
        let mut clauses = Clauses::default();
        let mut samples = Vec::new();
        let all = clauses.push(&options.text).into_iter().chain(clauses.finish());
        for clause in all.map(|clause| speakable(&clause)).filter(|words| !words.is_empty()) {
            let (mut pieces, speaking) =
                voice.speak(clause, manner.clone(), Reach::Anywhere, Cancel::default());
            let collect = async {
                while let Some(piece) = pieces.recv().await {
                    samples.extend(piece.samples);
                }
            };
            tokio::join!(speaking, collect).0?;
        }
        anyhow::ensure!(!samples.is_empty(), "there is nothing to say in that text");
        std::fs::write(&options.output, wav::encode(&samples, SPEECH_RATE_HZ))
            .with_context(|| options.output.display().to_string())?;
        Ok(())
    })
}
