//! `POST /v1/audio/transcriptions`: recordings, as `OpenAI`'s clients send them.
//!
//! ```text
//! form ─▶ fields ─▶ work: decoded, cut, recognised piece by piece ─▶ formats, or stream
//! ```
//!
//! Whoever may call may do this, and nothing is kept. It is over when the client hangs up.

mod fields;
mod formats;
mod stream;
mod work;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use sotto_llm::Reach;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::fields::Fields;
use self::work::{Recognition, Sound};
use crate::auth::Person;
use crate::call::CallError;
use crate::chat::Tier;
use crate::http::guard::Admitted;
use crate::http::{ApiError, AppState, body};
use crate::pipeline::failure::EngineError;
use crate::pipeline::stt::{Options, Urgency};

/// Recordings that are decoded and cut at once: both take a processor.
const DECODING: usize = 2;

/// How many recordings are looked after at once.
#[derive(Clone)]
pub struct Recordings {
    places: Arc<Semaphore>,
    decoding: Arc<Semaphore>,
}

impl Recordings {
    /// `places` recordings in all; one more is refused.
    pub fn new(places: usize) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { places: semaphore(places), decoding: semaphore(DECODING) }
    }

    fn take(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| EngineError::Overloaded("recognition"))
    }
}

/// Transcribes a recording.
pub async fn open(
    admitted: Admitted,
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, ApiError> {
    state.calls.ready()?;
    state.calls.admission().has_time().map_err(CallError::from)?;
    let place = state.recordings.take()?;
    let request = body::read_recording(state.config.limits.recording_bytes, request).await?;
    let fields = Fields::read(request).await?;
    let engines = state.calls.engines();
    let recogniser = engines.recogniser.clone().ok_or_else(ApiError::internal)?;
    let options = Options {
        language: fields.language.clone(),
        prompt: fields.prompt.clone(),
        temperature: fields.temperature,
        detail: fields.detail(),
        urgency: Urgency::Recording,
        reach: reach(admitted.person.as_deref()),
        ..Options::default()
    };
    let (format, times, streamed) = (fields.format, fields.times, fields.stream);
    let decoding = Arc::clone(&state.recordings.decoding);
    let longest = state.config.limits.recording_minutes;
    let sound = Sound::read(fields.file, longest, Arc::clone(&engines.vad), decoding).await?;
    let duration = sound.duration();
    let mut recognition =
        Recognition::begin(recogniser, sound, options, state.calls.ending(), place);
    if streamed {
        // What fails at the first piece fails with a status.
        let first = recognition.next().await.transpose()?;
        return Ok(stream::answer(first, recognition, duration));
    }
    let mut pieces = Vec::new();
    while let Some(piece) = recognition.next().await {
        pieces.push(piece?);
    }
    Ok(formats::Recording { duration, pieces }.answer(format, times))
}

/// How far a recording, or a text that is read aloud, may go: as far as what its sender says in a call that names no
/// conversation.
pub(super) fn reach(person: Option<&Person>) -> Reach {
    let tier = person.map(|person| Tier::parse(&person.default_tier).unwrap_or_default());
    tier.map_or_else(Reach::default, Tier::reach)
}
