//! Reads a reply against the clock.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use sse_stream::{Sse, SseByteStream};
use tokio::time::{Instant, timeout, timeout_at};

use super::{config::Timeouts, decoder::Decoder};
use crate::{Delta, Error, Phase};

/// The most that is read for one reply: far beyond any reply, and no way to fill the memory.
const MAX_BYTES: usize = 16 << 20;
/// After the reason to finish only usage and `[DONE]` can come; a reply is not held up for them.
const TAIL: Duration = Duration::from_millis(500);
/// How long the end of the body may take, so that the connection can serve the next reply.
const DRAIN: Duration = Duration::from_millis(100);

/// Where `Duration::MAX` is used for "no limit": beyond any process, within any clock.
const NEVER: Duration = Duration::from_hours(30 * 365 * 24);

/// Why a body cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the connection broke")]
    Broken,
    #[error("the body is too large")]
    TooLarge,
}

pub(super) type Body = BoxStream<'static, Result<Bytes, BodyError>>;

/// Makes a body of what comes over the connection.
pub(super) fn body<E>(parts: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Body {
    let mut left = MAX_BYTES;
    parts
        .map(move |part| {
            let part = part.map_err(|_| BodyError::Broken)?;
            left = left.checked_sub(part.len()).ok_or(BodyError::TooLarge)?;
            Ok(part)
        })
        .boxed()
}

/// When the reply was asked for, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) started: Instant,
    pub(super) timeouts: Timeouts,
}

impl Clock {
    pub(super) fn first_token_deadline(&self) -> Instant {
        after(self.started, self.timeouts.first_token)
    }

    pub(super) fn first_token_error(&self) -> Error {
        Error::Timeout { phase: Phase::FirstToken, after: self.timeouts.first_token }
    }

    fn idle_error(&self) -> Error {
        Error::Timeout { phase: Phase::Idle, after: self.timeouts.idle }
    }
}

/// Reads a reply that comes as server-sent events.
pub(super) fn streamed(
    body: Body,
    decoder: Decoder,
    clock: Clock,
) -> impl Stream<Item = Result<Delta, Error>> + Send {
    let reply = Reply { events: SseByteStream::new(body), decoder, clock, first_token: None };
    stream::try_unfold(reply, |mut reply| async move {
        Ok(reply.next().await?.map(|delta| (delta, reply)))
    })
}

/// Reads a reply that comes in one piece, from servers that do not stream.
pub(super) async fn whole(
    mut body: Body,
    mut decoder: Decoder,
    clock: Clock,
) -> Result<impl Stream<Item = Result<Delta, Error>> + Send, Error> {
    let mut json = Vec::new();
    while let Some(part) =
        timeout(clock.timeouts.idle, body.next()).await.map_err(|_| clock.idle_error())?
    {
        json.extend_from_slice(&part.map_err(BodyError::into_error)?);
    }
    let json =
        String::from_utf8(json).map_err(|_| Error::Decode { reason: "text is not UTF-8" })?;
    decoder.push(&json)?;
    if !decoder.begun() && decoder.finish().is_none() {
        return Err(Error::Decode { reason: "the answer holds no message" });
    }
    decoder.close();
    Ok(stream::iter(std::iter::from_fn(move || decoder.next().map(Ok))))
}

struct Reply {
    events: SseByteStream<Body>,
    decoder: Decoder,
    clock: Clock,
    first_token: Option<Duration>,
}

impl Reply {
    async fn next(&mut self) -> Result<Option<Delta>, Error> {
        loop {
            if let Some(delta) = self.decoder.next() {
                if let Delta::Done { finish, usage } = delta {
                    let first_token_ms = self.first_token.map(|after| after.as_millis());
                    let total_ms = self.clock.started.elapsed().as_millis();
                    tracing::debug!(?finish, ?usage, first_token_ms, total_ms, "reply complete");
                }
                return Ok(Some(delta));
            }
            if self.decoder.closed() {
                self.drain().await;
                return Ok(None);
            }
            self.read().await?;
        }
    }

    /// Reads one event, or finds that there will be no more.
    async fn read(&mut self) -> Result<(), Error> {
        let finished = self.decoder.finish().is_some();
        // Every wait but the first begins when somebody wants more: who listens slowly is not to blame
        // the server.
        let deadline = if finished {
            Instant::now() + TAIL
        } else if self.decoder.begun() {
            after(Instant::now(), self.clock.timeouts.idle)
        } else {
            self.clock.first_token_deadline()
        };
        match timeout_at(deadline, self.events.next()).await {
            Ok(Some(Ok(event))) => self.take(&event),
            _ if finished => {
                self.decoder.close();
                Ok(())
            }
            Ok(Some(Err(error))) => Err(translate(&error)),
            Ok(None) => Err(Error::Interrupted),
            Err(_) if self.decoder.begun() => Err(self.clock.idle_error()),
            Err(_) => Err(self.clock.first_token_error()),
        }
    }

    fn take(&mut self, event: &Sse) -> Result<(), Error> {
        if let Some(data) = &event.data {
            self.decoder.push(data)?;
            if self.first_token.is_none() && self.decoder.begun() {
                self.first_token = Some(self.clock.started.elapsed());
            }
        }
        Ok(())
    }

    /// Reads to the end of the body. A connection whose body was not read to its end is closed, and the
    /// next reply would have to wait for a new one.
    async fn drain(&mut self) {
        let _ = timeout(DRAIN, async { while let Some(Ok(_)) = self.events.next().await {} }).await;
    }
}

fn after(start: Instant, limit: Duration) -> Instant {
    start + limit.min(NEVER)
}

fn translate(error: &sse_stream::Error) -> Error {
    match error {
        sse_stream::Error::Body(cause) => {
            cause.downcast_ref::<BodyError>().map_or(Error::Interrupted, |error| error.into_error())
        }
        _ => Error::Decode { reason: "text is not UTF-8" },
    }
}

impl BodyError {
    fn into_error(self) -> Error {
        match self {
            Self::Broken => Error::Interrupted,
            Self::TooLarge => Error::Decode { reason: "the answer is too large" },
        }
    }
}

#[cfg(test)]
mod tests;
