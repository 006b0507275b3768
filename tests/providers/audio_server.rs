//! A server of recognition and speech on loopback, as `OpenAI`'s API has them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use sotto::config::Remote;
use sotto::pipeline::codec::wav;
use tokio::task::JoinSet;

use crate::support::loopback;

/// What it does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Sends this, as this kind.
    Sends(&'static str, Vec<u8>),
    /// Takes the request and does not answer.
    Hangs,
    /// Refuses, with these words.
    Refuses(u16, &'static str),
}

impl Reply {
    /// A transcript.
    pub fn text(text: &str) -> Self {
        Self::Sends("application/json", json!({ "text": text }).to_string().into_bytes())
    }

    /// So much of a tone, as bare samples.
    pub fn samples(ms: usize) -> Self {
        Self::Sends("audio/pcm", wav::encode(&tone(ms), 24_000)[44..].to_vec())
    }

    /// So much of a tone, as a WAV.
    pub fn wav(ms: usize) -> Self {
        Self::Sends("audio/wav", wav::encode(&tone(ms), 24_000))
    }
}

/// So much of a tone, 24 kHz.
pub fn tone(ms: usize) -> Vec<f32> {
    (0..24 * ms).map(|i| (i as f32 * 0.1).sin() * 0.3).collect()
}

/// A recording that was sent to be recognised.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    pub sound: Vec<u8>,
    pub fields: Vec<(String, String)>,
    pub key: Option<String>,
}

#[derive(Default)]
struct Inner {
    transcription: Mutex<Option<Reply>>,
    speech: Mutex<Option<Reply>>,
    uploads: Mutex<Vec<Upload>>,
    texts: Mutex<Vec<Value>>,
}

/// See the module. Dropping it stops it.
pub struct AudioServer {
    url: String,
    inner: Arc<Inner>,
    _tasks: JoinSet<()>,
}

impl AudioServer {
    /// Recognises "good morning" and speaks tones.
    pub async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let router = Router::new()
            .route("/v1/audio/transcriptions", post(transcribe))
            .route("/v1/audio/speech", post(speak))
            .with_state(Arc::clone(&inner));
        let (address, tasks) = loopback::serve(router).await;
        let server = Self { url: format!("http://{address}/v1"), inner, _tasks: tasks };
        server.transcribes(Reply::text("good morning"));
        server.speaks(Reply::samples(400));
        server
    }

    /// How to reach it. It is not waited for long.
    pub fn remote(&self) -> Remote {
        let timeout_ms = Duration::from_millis(700).as_millis() as u64;
        Remote { base_url: self.url.clone(), timeout_ms, ..Remote::default() }
    }

    /// From now on this answers what is sent to be recognised.
    pub fn transcribes(&self, reply: Reply) {
        *self.inner.transcription.lock().unwrap() = Some(reply);
    }

    /// From now on this answers what is sent to be spoken.
    pub fn speaks(&self, reply: Reply) {
        *self.inner.speech.lock().unwrap() = Some(reply);
    }

    pub fn uploads(&self) -> Vec<Upload> {
        self.inner.uploads.lock().unwrap().clone()
    }

    /// What was sent to be spoken.
    pub fn texts(&self) -> Vec<Value> {
        self.inner.texts.lock().unwrap().clone()
    }
}

async fn transcribe(
    State(server): State<Arc<Inner>>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Response {
    let key = headers.get(header::AUTHORIZATION).map(|key| key.to_str().unwrap().to_owned());
    let mut upload = Upload { key, ..Upload::default() };
    while let Some(field) = form.next_field().await.unwrap() {
        let name = field.name().unwrap().to_owned();
        if name == "file" {
            upload.sound = field.bytes().await.unwrap().to_vec();
        } else {
            upload.fields.push((name, field.text().await.unwrap()));
        }
    }
    server.uploads.lock().unwrap().push(upload);
    let reply = server.transcription.lock().unwrap().clone();
    respond(reply.unwrap()).await
}

async fn speak(State(server): State<Arc<Inner>>, Json(request): Json<Value>) -> Response {
    server.texts.lock().unwrap().push(request);
    let reply = server.speech.lock().unwrap().clone();
    respond(reply.unwrap()).await
}

async fn respond(reply: Reply) -> Response {
    match reply {
        Reply::Sends(kind, bytes) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        Reply::Hangs => std::future::pending().await,
        Reply::Refuses(status, words) => {
            let body = json!({ "error": { "message": words, "code": "not_now" } });
            (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
        }
    }
}
