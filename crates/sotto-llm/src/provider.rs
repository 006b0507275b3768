//! The one trait of this crate.

use futures_util::stream::BoxStream;

use crate::{ChatRequest, Delta, Error};

/// A language model that answers a conversation, delta by delta.
///
/// # The promise
///
/// * Calling [`chat`](Provider::chat) does nothing yet. Work begins when the stream is first polled.
/// * Dropping the stream is cancellation: connections are closed, nothing goes on in the background.
/// * A good stream ends with exactly one [`Delta::Done`]. A bad one ends with one [`Error`].
/// * No delta carries an empty text, and none carries what the model thought to itself.
pub trait Provider: Send + Sync + 'static {
    /// Returns the kind of provider, such as `openai` or `echo`: a word for logs and metrics.
    fn name(&self) -> &str;

    /// Returns the model that answers; empty as long as it is not known.
    fn model(&self) -> &str;

    /// Answers the conversation. The stream needs a tokio runtime with timers.
    fn chat(&self, request: ChatRequest) -> ReplyStream;
}

/// The deltas of one reply, as they come.
pub type ReplyStream = BoxStream<'static, Result<Delta, Error>>;
