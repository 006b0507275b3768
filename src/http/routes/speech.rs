//! `POST /v1/audio/speech`: a text read aloud, as `OpenAI`'s clients ask for it; `GET /v1/audio/voices`: by whom.
//!
//! ```text
//! body ─▶ wanted ─▶ reading: clause by clause ─▶ encode ─▶ sound as it is made, or events
//! ```
//!
//! Whoever may call may do this, and nothing is kept. It is over when the client hangs up.

mod encode;
mod wanted;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::encode::Encoder;
use self::wanted::{Wanted, Way};
use super::transcriptions::reach;
use crate::call::CallError;
use crate::engine::handles::{Manner, Voice};
use crate::http::guard::Admitted;
use crate::http::{ApiError, AppState, body};
use crate::pipeline::failure::EngineError;
use crate::pipeline::reading::Reading;

/// How many texts are read at once.
#[derive(Clone)]
pub struct Readings(Arc<Semaphore>);

impl Readings {
    /// `places` in all; one more is refused.
    pub fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places)))
    }

    fn take(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| EngineError::Overloaded("speech"))
    }
}

/// Reads a text aloud.
pub async fn open(
    admitted: Admitted,
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, ApiError> {
    let voice = state.calls.voice()?;
    state.calls.admission().has_time().map_err(CallError::from)?;
    let place = state.readings.take()?;
    let request = body::read_text(request).await?;
    let wanted = Wanted::read(request, voice.cast()).await?;
    let manner = Manner { voice: wanted.voice, speed: wanted.speed };
    let reach = reach(admitted.person.as_deref());
    let mut reading = Reading::begin(voice, &wanted.input, manner, reach, state.calls.ending());
    let encoder = Encoder::new(wanted.format)?;
    // What fails at the first piece fails with a status.
    let first = reading.next().await.transpose()?;
    let Some(first) = first else {
        return Err(ApiError::bad_request(
            "nothing_to_say",
            "there is nothing to say in that text",
        )
        .with_param("input"));
    };
    let telling =
        Telling { reading, encoder: Some(encoder), first: Some(first.samples), _place: place };
    let characters = wanted.input.chars().count();
    Ok(match wanted.way {
        Way::Sound => ([(CONTENT_TYPE, wanted.format.mime())], Body::from_stream(sound(telling)))
            .into_response(),
        Way::Events => Sse::new(events(telling, characters)).into_response(),
    })
}

/// The voices. With ids and names, as programs expect that choose one.
pub async fn voices(_: Admitted, State(state): State<AppState>) -> Json<Value> {
    let engines = state.calls.engines();
    let cast = engines.voice.as_ref().map(Voice::cast);
    let speakers = cast.map(|cast| cast.speakers()).unwrap_or_default();
    let voices: Vec<Value> = speakers
        .iter()
        .map(|one| json!({ "id": one.id, "name": one.name, "language": one.language }))
        .collect();
    Json(json!({ "voices": voices, "default": cast.map(|cast| cast.default()) }))
}

/// A reading on its way out.
struct Telling {
    reading: Reading,
    /// Taken at the end.
    encoder: Option<Encoder>,
    first: Option<Vec<f32>>,
    _place: OwnedSemaphorePermit,
}

impl Telling {
    /// The next bytes; `None` after the last ones.
    async fn next(&mut self) -> Option<Result<Bytes, EngineError>> {
        loop {
            let mut encoder = self.encoder.take()?;
            let samples = match self.first.take() {
                Some(first) => Some(first),
                None => match self.reading.next().await {
                    Some(Ok(piece)) => Some(piece.samples),
                    Some(Err(error)) => return Some(Err(error)),
                    None => None,
                },
            };
            let Some(samples) = samples else {
                return Some(blocking(move || encoder.finish()).await.map(Bytes::from));
            };
            let encode = move || encoder.push(&samples).map(|bytes| (bytes, encoder));
            let (bytes, encoder) = match blocking(encode).await {
                Ok(encoded) => encoded,
                Err(error) => return Some(Err(error)),
            };
            self.encoder = Some(encoder);
            if !bytes.is_empty() {
                return Some(Ok(Bytes::from(bytes)));
            }
        }
    }
}

/// Encoding takes longer than the runtime may be held up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(EngineError::failed("speech")("encoding panicked")))
}

/// Bytes as they are made. A failure in the middle breaks the connection, so that nobody takes it for the end.
fn sound(telling: Telling) -> impl Stream<Item = Result<Bytes, EngineError>> {
    stream::unfold(telling, async |mut telling| Some((telling.next().await?, telling))).inspect(
        |bytes| {
            if let Err(error) = bytes {
                tracing::warn!(%error, "a text was not read to its end");
            }
        },
    )
}

fn events(telling: Telling, characters: usize) -> impl Stream<Item = Result<Event, Infallible>> {
    // Nothing here has tokens; characters are what a voice is given.
    let usage =
        json!({ "input_tokens": characters, "output_tokens": 0, "total_tokens": characters });
    let done = json!({ "type": "speech.audio.done", "usage": usage });
    let told = sound(telling).map(|bytes| match bytes {
        Ok(bytes) => (json!({ "type": "speech.audio.delta", "audio": BASE64.encode(bytes) }), true),
        Err(error) => (ApiError::from(error).event(), false),
    });
    let all = told.chain(stream::once(async { (done, true) }));
    // After an error nothing is done.
    all.scan(true, |goes_on, (event, well)| {
        let next = goes_on.then(|| Ok(Event::default().data(event.to_string())));
        *goes_on &= well;
        async { next }
    })
}
