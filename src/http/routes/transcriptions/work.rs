//! A recording on its way: decoded, cut into pieces, and recognised, one piece after the other.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::engine::handles::Recogniser;
use crate::http::ApiError;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::container;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::Samples;
use crate::pipeline::recording::{Piece, pieces};
use crate::pipeline::stt::{Options, Transcript};
use crate::pipeline::vad::VadModel;

/// Pieces of one recording that are recognised at once, where the engine works on several: others want their turn.
const SIDE_BY_SIDE: usize = 8;
/// A recording that has begun does not fail because the engine is busy for a moment: a piece is tried again …
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// … for so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// The sound of a recording, and where somebody speaks in it.
pub(super) struct Sound {
    audio: Arc<Vec<f32>>,
    pieces: Vec<Piece>,
}

impl Sound {
    /// Decodes a file that lasts at most `minutes`, and cuts it, when there is a permit of `decoding`. Ends soon after
    /// the future is dropped.
    pub(super) async fn read(
        file: Bytes,
        minutes: u32,
        vad: Arc<dyn VadModel>,
        decoding: Arc<Semaphore>,
    ) -> Result<Self, ApiError> {
        let permit = decoding.acquire_owned().await.map_err(|_| ApiError::internal())?;
        let longest = Duration::from_secs(u64::from(minutes) * 60);
        let hang_up = CancellationToken::new();
        let cancel = Cancel::new(hang_up.clone());
        let _hang_up = hang_up.drop_guard();
        let read = move || {
            let _permit = permit;
            let audio = container::decode(&file, longest, &cancel)?;
            let pieces = pieces(&audio, &*vad, &cancel)?;
            Ok(Self { audio: Arc::new(audio), pieces })
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| ApiError::internal())?
    }

    /// How long it lasts.
    pub(super) fn duration(&self) -> Duration {
        length(self.audio.len())
    }
}

/// A piece that was recognised.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Where it begins in the recording.
    pub offset: Duration,
    /// How long it is.
    pub length: Duration,
    /// Times in it are those of the recording.
    pub transcript: Transcript,
}

/// Recognition of the pieces, in their order. Dropping it ends what the engine does for it.
pub(super) struct Recognition {
    pieces: BoxStream<'static, Result<Heard, EngineError>>,
    _hang_up: DropGuard,
    _place: OwnedSemaphorePermit,
}

impl Recognition {
    /// Begins when it is asked for the first piece. `ending` ends it, too.
    pub(super) fn begin(
        recogniser: Recogniser,
        sound: Sound,
        options: Options,
        ending: CancellationToken,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let (cancel, width) = (Cancel::new(ending.clone()), recogniser.width());
        let Sound { audio, pieces } = sound;
        let recognise = move |(number, piece): (usize, Piece)| {
            let patience = if number == 0 { Duration::ZERO } else { PATIENCE };
            let options = Options { speech: Some(piece.speech), ..options.clone() };
            let (recogniser, audio, cancel) =
                (recogniser.clone(), Arc::clone(&audio), cancel.clone());
            async move {
                let sound = &audio[piece.range.clone()];
                let transcript = patient(&recogniser, sound, &options, &cancel, patience).await?;
                let offset = length(piece.range.start);
                let transcript = transcript.shifted(offset);
                Ok(Heard { offset, length: length(sound.len()), transcript })
            }
        };
        let pieces = stream::iter(pieces.into_iter().enumerate())
            .map(recognise)
            .buffered(width.clamp(1, SIDE_BY_SIDE));
        Self { pieces: pieces.boxed(), _hang_up: ending.drop_guard(), _place: place }
    }

    /// The next piece; `None` after the last one. After an error there is no use in asking on.
    pub(super) async fn next(&mut self) -> Option<Result<Heard, EngineError>> {
        self.pieces.next().await
    }
}

/// Recognises, and tries again for as long as `patience` says if there is too much work.
async fn patient(
    recogniser: &Recogniser,
    sound: &[f32],
    options: &Options,
    cancel: &Cancel,
    patience: Duration,
) -> Result<Transcript, EngineError> {
    let begun = Instant::now();
    loop {
        match recogniser.transcribe(sound.to_vec(), options.clone(), cancel).await {
            Err(EngineError::Overloaded(_) | EngineError::Timeout(_))
                if begun.elapsed() < patience =>
            {
                sleep(TRY_AGAIN).await;
            }
            result => return result,
        }
    }
}

fn length(samples: usize) -> Duration {
    Duration::from_millis(Samples(samples as u64).as_ms())
}
