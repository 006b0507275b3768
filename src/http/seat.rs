//! What a call is opened with: its settings, its place in the server, what it goes on with, and its seat in a conversation,
//! the one that it names or a new one of whoever calls.

use std::sync::Arc;

use axum::http::StatusCode;

use super::guard::Admitted;
use super::{ApiError, AppState};
use crate::auth::Person;
use crate::call::admission::Permit;
use crate::call::{Opening, Resumption, Seat, Session};
use crate::chat::{ChatError, NewConversation, Tier, Use};

/// A conversation that was begun for a call: whose, and which.
pub type BegunFor = Option<(String, String)>;

/// A seat, and whether its conversation was begun for it.
struct Taken {
    seat: Seat,
    begun_for: BegunFor,
}

/// Everything for a call whose client sets what `apply` does, and what to give up if it is not opened. A server that is
/// full says so before it has done anything for it.
pub async fn open(
    state: &AppState,
    admitted: &Admitted,
    apply: impl Fn(&mut Session) -> Result<(), ApiError>,
) -> Result<(Opening, Permit, BegunFor), ApiError> {
    let person = admitted.person.as_ref().map(|person| person.id.as_str());
    let mut session = state.calls.session();
    apply(&mut session)?;
    let (resumed, permit);
    if let Some(lost) = session.resume() {
        let (found, place) = state.calls.resume(lost, person).await?;
        let mut continued = found.session(session);
        let conversation = continued.conversation().map(str::to_owned);
        // What the client sets now holds instead of what it had set then.
        apply(&mut continued)?;
        if continued.conversation() != conversation.as_deref() {
            let text = "a call goes on in the conversation that it was in";
            let error = ApiError::bad_request("invalid_value", text);
            return Err(error.with_param("session.sotto.conversation"));
        }
        session = continued;
        (resumed, permit) = (Some(found), place);
    } else {
        (resumed, permit) = (None, state.calls.admit()?);
    }
    let taken = take(state, admitted, &session, resumed.as_ref()).await?;
    let (seat, begun_for) = taken.map_or((None, None), |t| (Some(t.seat), t.begun_for));
    let person = person.map(Arc::from);
    Ok((Opening { session, seat, person, resumed }, permit, begun_for))
}

/// The seat that a call asks for. A call of somebody unknown has none, and nothing of it is kept.
async fn take(
    state: &AppState,
    admitted: &Admitted,
    session: &Session,
    resumed: Option<&Resumption>,
) -> Result<Option<Taken>, ApiError> {
    let Some(person) = &admitted.person else {
        if session.conversation().is_some() || session.tier().is_some() {
            let text = "only somebody who is signed in, or shows an API token, has conversations";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "sign_in", text));
        }
        return Ok(None);
    };
    let id = person.id.as_str();
    if let Some(conversation) = session.conversation() {
        let seat = match state.chats.writer(id, conversation, Use::Call).await {
            // Nothing had been said in it: then it is gone, and another like it will do.
            Err(ChatError::NotFound) if resumed.is_some_and(Resumption::is_blank) => {
                return begin(state, id, session.tier().unwrap_or_default()).await.map(Some);
            }
            writer => Seat::take(writer?).await?,
        };
        if session.tier().is_some_and(|tier| tier != seat.tier()) {
            let text = "this conversation has another tier, and a tier never changes";
            let error = ApiError::bad_request("invalid_value", text);
            return Err(error.with_param("session.sotto.tier"));
        }
        return Ok(Some(Taken { seat, begun_for: None }));
    }
    begin(state, id, tier_of_new(person, session)?).await.map(Some)
}

/// A seat in a conversation that is begun for the call.
async fn begin(state: &AppState, person: &str, tier: Tier) -> Result<Taken, ApiError> {
    let new = NewConversation { tier, ..NewConversation::default() };
    let conversation = state.chats.create(person, new).await?.id;
    let writer = state.chats.writer(person, &conversation, Use::Call).await?;
    let seat = Seat::take(writer).await?.begun();
    Ok(Taken { seat, begun_for: Some((person.to_owned(), conversation)) })
}

/// The call was not opened after all: a conversation that was begun for it goes again.
pub async fn give_up(state: &AppState, begun_for: BegunFor) {
    if let Some((person, conversation)) = begun_for
        && let Err(error) = state.chats.delete(&person, &conversation).await
    {
        tracing::warn!(%error, "an empty conversation stays");
    }
}

/// The tier of a conversation that is begun for a call. Private ones are begun by browsers, which have the keys:
/// a call by somebody whose default they are is kept nowhere, and stays on the premises, unless it names one.
fn tier_of_new(person: &Person, session: &Session) -> Result<Tier, ApiError> {
    match session.tier() {
        Some(Tier::Private) => {
            let text = "a private conversation is begun in the browser; name one with conversation";
            Err(ApiError::bad_request("invalid_value", text).with_param("session.sotto.tier"))
        }
        Some(tier) => Ok(tier),
        None => Ok(match Tier::parse(&person.default_tier).unwrap_or_default() {
            Tier::Private => Tier::Ephemeral,
            usual => usual,
        }),
    }
}
