//! A text read aloud from its beginning to its end: clause by clause, as replies are spoken.

use futures_util::stream::{self, BoxStream, StreamExt};
use sotto_llm::Reach;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::cancel::Cancel;
use super::failure::EngineError;
use super::tts::Speech;
use super::tts::clauses::Clauses;
use super::tts::speakable::speakable;
use crate::engine::handles::{Manner, Voice};

/// See the module. Dropping it ends what the engine does for it.
pub struct Reading {
    pieces: BoxStream<'static, Result<Speech, EngineError>>,
    _hang_up: DropGuard,
}

impl Reading {
    /// Begins when it is asked for the first piece. `ending` ends it, too. The text goes no farther than `reach` says.
    pub fn begin(
        voice: Voice,
        text: &str,
        manner: Manner,
        reach: Reach,
        ending: CancellationToken,
    ) -> Self {
        let mut clauses = Clauses::default();
        let mut all = clauses.push(text);
        all.extend(clauses.finish());
        let words = all.into_iter().map(|clause| speakable(&clause)).filter(|w| !w.is_empty());
        let cancel = Cancel::new(ending.clone());
        let clause =
            move |words| clause(voice.clone(), words, manner.clone(), reach, cancel.clone());
        let pieces = stream::iter(words.collect::<Vec<_>>()).map(clause).flatten();
        Self { pieces: pieces.boxed(), _hang_up: ending.drop_guard() }
    }

    /// The next piece of sound; `None` after the last one. After an error there is no use in asking on.
    pub async fn next(&mut self) -> Option<Result<Speech, EngineError>> {
        self.pieces.next().await
    }
}

/// The pieces of one clause, and how it failed if it did.
fn clause(
    voice: Voice,
    words: String,
    manner: Manner,
    reach: Reach,
    cancel: Cancel,
) -> BoxStream<'static, Result<Speech, EngineError>> {
    let read = async move { voice.read(&words, &manner, reach, &cancel).await };
    let pieces = stream::once(read).flat_map(|read| match read {
        Ok(pieces) => stream::iter(pieces).map(Ok).boxed(),
        Err(error) => stream::once(async { Err(error) }).boxed(),
    });
    pieces.boxed()
}
