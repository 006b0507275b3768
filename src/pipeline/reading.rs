//! A text read aloud from its beginning to its end: clause by clause, as replies are spoken.

use std::collections::VecDeque;

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
    voice: Voice,
    manner: Manner,
    reach: Reach,
    /// What is still to be read.
    clauses: VecDeque<String>,
    /// What was read of the clause before them.
    pieces: VecDeque<Speech>,
    cancel: Cancel,
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
        let words = all.iter().map(|clause| speakable(clause)).filter(|words| !words.is_empty());
        Self {
            voice,
            manner,
            reach,
            clauses: words.collect(),
            pieces: VecDeque::new(),
            cancel: Cancel::new(ending.clone()),
            _hang_up: ending.drop_guard(),
        }
    }

    /// The next piece of sound; `None` after the last one. After an error there is no use in asking on.
    pub async fn next(&mut self) -> Option<Result<Speech, EngineError>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Some(Ok(piece));
            }
            let words = self.clauses.pop_front()?;
            let read = self.voice.read(&words, &self.manner, self.reach, &self.cancel).await;
            match read {
                Ok(pieces) => self.pieces.extend(pieces),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
