//! Work that takes time, beside the call's own task: each job asks an engine and reports back.
//!
//! Every job belongs to something that can be cancelled: a recognition, a reply, the call. The token of the
//! call is the parent of the others, so nothing outlives it.

use std::collections::HashMap;
use std::sync::Arc;

use sotto_llm::{Provider, Reach};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cancel::Cancel;
use super::conversation::{Event, Failure, Hints, Recognition, ReplyId, TurnId};
use super::failure::EngineError;
use super::history::Role;
use super::llm;
use super::mouth::Piece;
use super::stt::{Options, Urgency};
use super::text::Text;
use crate::engine::handles::{EndOfTurn, Expected, Manner, Recogniser, Spoken, Voice};
use crate::engine::worker::Awaited;

/// Results that wait for the call. Full: the job waits, which is what a fast model should do.
const RESULTS: usize = 64;

/// Whether a clause was spoken.
type Said = std::result::Result<(), EngineError>;

/// What a job reports.
pub(super) enum Result {
    /// Something for the conversation.
    Event(Event),
    /// A piece of a clause's sound; the last one may be empty.
    Speech { reply: ReplyId, clause: u32, speech: Piece, last: bool },
}

/// See the module.
pub(super) struct Jobs {
    tracker: TaskTracker,
    call: CancellationToken,
    /// How far the words of this call may go.
    reach: Reach,
    /// The model that answers, if not the usual one.
    model: Option<String>,
    sender: mpsc::Sender<Result>,
    results: mpsc::Receiver<Result>,
    recognitions: HashMap<Recognition, CancellationToken>,
    /// The last question whether the turn is over.
    question: CancellationToken,
    reply: Option<(ReplyId, CancellationToken)>,
}

impl Jobs {
    pub(super) fn new(
        tracker: TaskTracker,
        call: CancellationToken,
        reach: Reach,
        model: Option<String>,
    ) -> Self {
        let (sender, results) = mpsc::channel(RESULTS);
        let (recognitions, question, reply) = (HashMap::new(), call.child_token(), None);
        Self { tracker, call, reach, model, sender, results, recognitions, question, reply }
    }

    /// The next result. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Result> {
        let result = self.results.recv().await;
        if let Some(Result::Event(Event::Recognised { job, .. })) = &result {
            self.recognitions.remove(job);
        }
        result
    }

    /// The token of the call.
    pub(super) fn call(&self) -> &CancellationToken {
        &self.call
    }

    /// Whether this reply is the one being made.
    pub(super) fn is_current(&self, reply: ReplyId) -> bool {
        self.reply.as_ref().is_some_and(|(current, _)| *current == reply)
    }

    /// Asks whether the turn is over. The question before need not be answered any more.
    pub(super) fn predict(
        &mut self,
        engine: &EndOfTurn,
        turn: TurnId,
        question: u32,
        audio: Vec<f32>,
    ) {
        let engine = engine.clone();
        self.question.cancel();
        self.question = self.call.child_token();
        self.start(self.question.clone(), async move |results, cancel| {
            let answer = engine.predict(audio, &cancel).await;
            match &answer {
                Ok(_) | Err(EngineError::Cancelled) => {}
                Err(error) => tracing::warn!(%error, "end of turn was not judged"),
            }
            let probability = answer.as_ref().ok().map(|answer| answer.probability);
            let took = answer.map(|answer| answer.took).unwrap_or_default();
            let event = Event::Predicted { turn, question, probability, took };
            let _ = results.send(Result::Event(event)).await;
        });
    }

    pub(super) fn recognise(
        &mut self,
        engine: Option<&Recogniser>,
        job: Recognition,
        audio: Vec<f32>,
        hints: Hints,
        expected: Expected,
    ) {
        let engine = engine.cloned();
        let reach = self.reach;
        let token = self.call.child_token();
        self.recognitions.insert(job, token.clone());
        self.start(token, async move |results, cancel| {
            let Hints { urgency, speech, draft, language } = hints;
            let result = match engine {
                Some(engine) => {
                    let speech = Some(speech);
                    let language = expected.language.or(language);
                    let prompt = expected.prompt;
                    let options = Options {
                        language,
                        prompt,
                        draft,
                        speech,
                        urgency,
                        reach,
                        ..Options::default()
                    };
                    engine.transcribe(audio, options, &cancel).await
                }
                None => Err(EngineError::Input("there is no recognition engine".to_owned())),
            };
            let result = result.map_err(|error| match urgency {
                // There will be another one.
                Urgency::Interim => in_words(&error),
                Urgency::Recording | Urgency::Final => failure(&error),
            });
            let _ = results.send(Result::Event(Event::Recognised { job, result })).await;
        });
    }

    pub(super) fn cancel_recognition(&mut self, job: Recognition) {
        if let Some(token) = self.recognitions.remove(&job) {
            token.cancel();
        }
    }

    pub(super) fn write(
        &mut self,
        provider: &Arc<dyn Provider>,
        reply: ReplyId,
        messages: Vec<(Role, Text)>,
        max_tokens: Option<u32>,
    ) {
        let provider = Arc::clone(provider);
        let request = llm::request(messages, max_tokens, self.reach, self.model.clone());
        let token = self.token_of(reply);
        self.start(token, async move |results, cancel| {
            tokio::select! {
                () = llm::write(&*provider, reply, request, &results) => {}
                // Dropping the stream drops the connection, and the model stops.
                () = cancel.cancelled() => {}
            }
        });
    }

    pub(super) fn speak(
        &mut self,
        voice: Option<&Voice>,
        reply: ReplyId,
        clause: u32,
        text: Text,
        manner: Manner,
    ) {
        let voice = voice.cloned();
        let reach = self.reach;
        let token = self.token_of(reply);
        self.start(token, async move |results, cancel| {
            let said = match voice {
                Some(voice) => {
                    // Later clauses are made while earlier ones are heard.
                    let awaited = if clause == 0 { Awaited::Now } else { Awaited::Later };
                    let spoken = voice.speak(text.into_string(), manner, reach, awaited, cancel);
                    say(spoken, reply, clause, &results).await
                }
                None => Err(EngineError::Input("there is no voice".to_owned())),
            };
            let end = match said {
                Ok(()) => Result::Speech { reply, clause, speech: Piece::default(), last: true },
                Err(error) => {
                    Result::Event(Event::SpeechFailed { reply, failure: failure(&error) })
                }
            };
            let _ = results.send(end).await;
        });
    }

    pub(super) fn cancel_reply(&mut self, reply: ReplyId) {
        if let Some((_, token)) = self.reply.take_if(|(current, _)| *current == reply) {
            token.cancel();
        }
    }

    /// The token of the reply being made, which is this one from now on.
    fn token_of(&mut self, reply: ReplyId) -> CancellationToken {
        if !self.is_current(reply) {
            self.reply = Some((reply, self.call.child_token()));
        }
        self.reply.as_ref().map_or_else(|| self.call.child_token(), |(_, token)| token.clone())
    }

    fn start<F>(
        &self,
        token: CancellationToken,
        work: impl FnOnce(mpsc::Sender<Result>, Cancel) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let results = self.sender.clone();
        let work = work(results, Cancel::new(token.clone()));
        self.tracker.spawn(async move {
            tokio::select! {
                () = work => {}
                // Also when it waits to report what nobody wants any more.
                () = token.cancelled() => {}
            }
        });
    }
}

/// Reports the pieces of a clause as they are spoken.
async fn say(
    (mut pieces, speaking): (mpsc::Receiver<Spoken>, impl Future<Output = Said>),
    reply: ReplyId,
    clause: u32,
    results: &mpsc::Sender<Result>,
) -> Said {
    let forward = async {
        while let Some(spoken) = pieces.recv().await {
            let speech = Piece::from(spoken);
            let _ = results.send(Result::Speech { reply, clause, speech, last: false }).await;
        }
    };
    let (said, ()) = tokio::join!(speaking, forward);
    said
}

/// An engine's failure in words for the client. Engines do not repeat what was said.
fn failure(error: &EngineError) -> Failure {
    if !matches!(error, EngineError::Cancelled) {
        tracing::warn!(%error, "an engine failed");
    }
    in_words(error)
}

fn in_words(error: &EngineError) -> Failure {
    Failure { code: error.code(), message: error.to_string() }
}

#[cfg(test)]
mod tests;
