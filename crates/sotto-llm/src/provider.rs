//! The one trait of this crate.

use futures_util::{
    FutureExt,
    future::{self, BoxFuture},
    stream::BoxStream,
};

use crate::{ChatRequest, Delta, Error};

/// A language model that answers a conversation, delta by delta.
///
/// # The promise
///
/// * Calling [`chat`](Provider::chat) does nothing yet. Work begins when the stream is first polled.
/// * Dropping the stream is cancellation: connections are closed, nothing goes on in the background.
/// * A good stream ends with exactly one [`Delta::Done`]. A bad one ends with one [`Error`].
/// * No delta carries an empty text, and none carries what the model thought to itself.
/// * A request with [`Reach::OnPremises`](crate::Reach) makes no connection to an address outside the
///   [`Premises`](crate::Premises); where the provider is outside, it ends with [`Error::NotOnPremises`].
pub trait Provider: Send + Sync + 'static {
    /// Returns the kind of provider, such as `openai` or `echo`: a word for logs and metrics.
    fn name(&self) -> &str;

    /// Returns the model that answers; empty as long as it is not known.
    fn model(&self) -> &str;

    /// Lists the models that it can be asked for, in its own order. The default knows only
    /// [`model`](Provider::model).
    fn models(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        let model = Some(self.model()).filter(|model| !model.is_empty());
        future::ready(Ok(model.map(str::to_owned).into_iter().collect())).boxed()
    }

    /// Tells whether it is on the premises with all its addresses, as far as is known now: to tell people
    /// where their words would go. What keeps them there is the request's reach. Who does not know says no.
    fn on_premises(&self) -> BoxFuture<'_, bool> {
        future::ready(false).boxed()
    }

    /// Answers the conversation. The stream needs a tokio runtime with timers.
    fn chat(&self, request: ChatRequest) -> ReplyStream;
}

/// The deltas of one reply, as they come.
pub type ReplyStream = BoxStream<'static, Result<Delta, Error>>;
