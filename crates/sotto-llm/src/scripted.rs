//! A provider for tests: it says what it was told to, when it was told to.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::{self, BoxFuture},
    stream,
};
use tokio::time::sleep;

use crate::{ChatRequest, Delta, Error, Finish, Provider, ReplyStream};

/// Answers every request with the same deltas. Time is tokio's, so tests that pause it do not wait.
///
/// Clones share what they saw: keep one, give the other away.
///
/// ```
/// # use std::time::Duration;
/// # use sotto_llm::{Error, scripted::Scripted};
/// let model = Scripted::new(["Hello, ", "world."])
///     .first_after(Duration::from_millis(40))
///     .then_every(Duration::from_millis(10))
///     .fails_with(|| Error::Interrupted);
/// ```
#[derive(Clone)]
pub struct Scripted {
    deltas: Vec<String>,
    first: Duration,
    next: Duration,
    finish: Finish,
    failure: Option<Arc<dyn Fn() -> Error + Send + Sync>>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    requests: Vec<ChatRequest>,
    cancelled: usize,
}

impl Scripted {
    /// Creates a provider that says these deltas at once and is done.
    pub fn new<T: Into<String>>(deltas: impl IntoIterator<Item = T>) -> Self {
        Self {
            deltas: deltas.into_iter().map(Into::into).collect(),
            first: Duration::ZERO,
            next: Duration::ZERO,
            finish: Finish::Stop,
            failure: None,
            seen: Arc::default(),
        }
    }

    /// Sets the time to the first delta, or to the end if there is none.
    #[must_use]
    pub fn first_after(mut self, delay: Duration) -> Self {
        self.first = delay;
        self
    }

    /// Sets the time from one delta to the next. The end follows the last at once.
    #[must_use]
    pub fn then_every(mut self, delay: Duration) -> Self {
        self.next = delay;
        self
    }

    /// Sets why a reply ends; [`Finish::Stop`] unless set.
    #[must_use]
    pub fn finishes_with(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }

    /// Ends every reply with this failure in place of [`Delta::Done`].
    #[must_use]
    pub fn fails_with(mut self, failure: impl Fn() -> Error + Send + Sync + 'static) -> Self {
        self.failure = Some(Arc::new(failure));
        self
    }

    /// Returns the requests whose replies were begun, oldest first.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.seen(|seen| seen.requests.clone())
    }

    /// Returns how many replies were dropped after they were begun and before they came to their end.
    pub fn cancelled(&self) -> usize {
        self.seen(|seen| seen.cancelled)
    }

    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        // Another test thread that panicked has left nothing half done here.
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn end(&self) -> Result<Delta, Error> {
        match &self.failure {
            Some(failure) => Err(failure()),
            None => Ok(Delta::Done { finish: self.finish, usage: None }),
        }
    }
}

impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn model(&self) -> &'static str {
        "scripted"
    }

    /// It is in this process.
    fn on_premises(&self) -> BoxFuture<'_, bool> {
        future::ready(true).boxed()
    }

    fn chat(&self, request: ChatRequest) -> ReplyStream {
        let script = self.clone();
        let begin = async move {
            script.seen(|seen| seen.requests.push(request));
            let begun = Begun { script, said: 0, ended: false };
            stream::unfold(begun, |mut begun| async move {
                let item = begun.next().await?;
                Some((item, begun))
            })
        };
        stream::once(begin).flatten().boxed()
    }
}

/// A reply under way; notices when it is dropped.
struct Begun {
    script: Scripted,
    said: usize,
    ended: bool,
}

impl Begun {
    async fn next(&mut self) -> Option<Result<Delta, Error>> {
        if self.ended {
            return None;
        }
        let delta = self.script.deltas.get(self.said).cloned();
        if self.said == 0 {
            sleep(self.script.first).await;
        } else if delta.is_some() {
            sleep(self.script.next).await;
        }
        self.said += 1;
        self.ended = delta.is_none();
        Some(delta.map_or_else(|| self.script.end(), |text| Ok(Delta::Text(text))))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.ended {
            self.script.seen(|seen| seen.cancelled += 1);
        }
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("deltas", &self.deltas.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::Message;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn deltas_come_when_they_were_told_to() {
        let model = Scripted::new(["a", "b", "c"]).first_after(ms(40)).then_every(ms(10));
        let started = Instant::now();
        let mut reply = model.chat(ChatRequest::new([Message::user("hi")]));
        let mut at = Vec::new();
        while let Some(delta) = reply.next().await {
            at.push((started.elapsed().as_millis(), delta.is_ok()));
        }
        assert_eq!(at, [(40, true), (50, true), (60, true), (60, true)]);
        drop(reply);
        assert_eq!(model.requests(), [ChatRequest::new([Message::user("hi")])]);
        assert_eq!(model.cancelled(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_takes_the_place_of_the_end() {
        let model = Scripted::new(["a"]).fails_with(|| Error::Interrupted);
        let reply: Vec<_> = model.chat(ChatRequest::default()).collect().await;
        assert!(matches!(reply[..], [Ok(Delta::Text(_)), Err(Error::Interrupted)]));
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_replies_are_counted_once_they_were_begun() {
        let model = Scripted::new(["a", "b"]);
        drop(model.chat(ChatRequest::default()));
        assert_eq!((model.cancelled(), model.requests().len()), (0, 0));
        let mut reply = model.chat(ChatRequest::default());
        let _ = reply.next().await;
        drop(reply);
        assert_eq!((model.cancelled(), model.requests().len()), (1, 1));
    }
}
