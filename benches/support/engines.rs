//! Recognition and speech that cost the server nothing but the asking: a server on loopback that speaks `OpenAI`'s HTTP
//! API, recognises always the same words after a stated time, and speaks always the same tone.

use std::time::Duration;

use axum::Router;
use axum::extract::{Multipart, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use sotto::pipeline::codec::wav;
use tokio::task::JoinSet;

/// What is heard, and said back by `echo`.
const TEXT: &str = "Is it going to rain here tomorrow?";
/// How long that takes to say, in milliseconds.
const SPOKEN_MS: usize = 1_800;
/// Utterances that are recognised at the same time.
const AT_ONCE: usize = 32;
/// A header of 44 bytes precedes the samples of a WAV.
const WAV_HEADER: usize = 44;

/// See the module. Dropping it stops it.
pub struct FixedEngines {
    url: String,
    _serving: JoinSet<()>,
}

impl FixedEngines {
    /// Engines that recognise after `delay`.
    pub async fn start(delay: Duration) -> anyhow::Result<Self> {
        let router = Router::new()
            .route("/v1/audio/transcriptions", post(transcribe))
            .with_state(delay)
            .route("/v1/audio/speech", post(speak));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            // It ends with the bench.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, _serving: serving })
    }

    /// Settings of a server that uses them.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let remote = || "remote".to_owned();
        vec![
            ("SOTTO__LLM__PROVIDER", "echo".to_owned()),
            ("SOTTO__STT__ENGINE", remote()),
            ("SOTTO__STT__REMOTE__BASE_URL", self.url.clone()),
            ("SOTTO__STT__REMOTE__CONCURRENCY", AT_ONCE.to_string()),
            ("SOTTO__TTS__ENGINE", remote()),
            ("SOTTO__TTS__REMOTE__BASE_URL", self.url.clone()),
            ("SOTTO__TTS__REMOTE__CONCURRENCY", AT_ONCE.to_string()),
        ]
    }
}

async fn transcribe(State(delay): State<Duration>, mut form: Multipart) -> impl IntoResponse {
    while let Ok(Some(field)) = form.next_field().await {
        // Like one that listens, it takes all of the sound.
        let _ = field.bytes().await;
    }
    tokio::time::sleep(delay).await;
    axum::Json(serde_json::json!({ "text": TEXT }))
}

async fn speak() -> impl IntoResponse {
    let tone: Vec<f32> = (0..24 * SPOKEN_MS).map(|i| (i as f32 * 0.1).sin() * 0.3).collect();
    let samples = wav::encode(&tone, 24_000).split_off(WAV_HEADER);
    ([(header::CONTENT_TYPE, "audio/pcm")], samples)
}
