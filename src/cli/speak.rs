//! `sotto speak`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use sotto_llm::Reach;
use tokio_util::sync::CancellationToken;

use super::{Common, runtime};
use crate::config::{LlmProvider, SttEngine};
use crate::engine::Engines;
use crate::engine::handles::Manner;
use crate::pipeline::codec::wav;
use crate::pipeline::frame::SPEECH_RATE_HZ;
use crate::pipeline::reading::Reading;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// What to say.
    text: String,
    /// A voice, or a mix such as `af_heart:0.6,am_michael:0.4`; without: as configured.
    #[arg(long)]
    voice: Option<String>,
    /// Speaking rate, 0.25 to 4; without: as configured.
    #[arg(long)]
    speed: Option<f32>,
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
        let configured = Some(config.tts.voice.clone()).filter(|voice| !voice.is_empty());
        let name = options.voice.or(configured);
        if let Some(name) = &name {
            voice.cast().check(name)?;
        }
        let speed = options.speed.unwrap_or(config.tts.speed);
        anyhow::ensure!((0.25..=4.0).contains(&speed), "--speed must be between 0.25 and 4");
        let manner = Manner { voice: name, speed };
        let ending = CancellationToken::new();
        let mut reading = Reading::begin(voice, &options.text, manner, Reach::Anywhere, ending);
        let mut samples = Vec::new();
        while let Some(piece) = reading.next().await {
            samples.extend(piece?.samples);
        }
        anyhow::ensure!(!samples.is_empty(), "there is nothing to say in that text");
        std::fs::write(&options.output, wav::encode(&samples, SPEECH_RATE_HZ))
            .with_context(|| options.output.display().to_string())?;
        Ok(())
    })
}
