//! The seat of a call in a conversation: the one that it names, or a new one of whoever calls.

use axum::http::StatusCode;

use super::guard::Admitted;
use super::{ApiError, AppState};
use crate::auth::Person;
use crate::call::{Seat, Session};
use crate::chat::{NewConversation, Tier, Use};

/// A seat, and whether its conversation was begun for it.
pub struct Taken {
    pub seat: Seat,
    begun_for: Option<(String, String)>,
}

/// The seat that a call asks for. A call of somebody unknown has none, and nothing of it is kept.
pub async fn take(
    state: &AppState,
    admitted: &Admitted,
    session: &Session,
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
        let seat = sit(state, id, conversation).await?;
        return Ok(Some(Taken { seat, begun_for: None }));
    }
    let Some(tier) = tier_of_new(person, session)? else { return Ok(None) };
    let new = NewConversation { tier, ..NewConversation::default() };
    let conversation = state.chats.create(id, new).await?.id;
    let seat = sit(state, id, &conversation).await?;
    Ok(Some(Taken { seat, begun_for: Some((id.to_owned(), conversation)) }))
}

/// The call was not opened after all: a conversation that was begun for it goes again.
pub async fn give_up(state: &AppState, begun_for: Option<(String, String)>) {
    if let Some((person, conversation)) = begun_for
        && let Err(error) = state.chats.delete(&person, &conversation).await
    {
        tracing::warn!(%error, "an empty conversation stays");
    }
}

impl Taken {
    /// The seat, and what to give up if the call is not opened.
    pub fn split(taken: Option<Self>) -> (Option<Seat>, Option<(String, String)>) {
        taken.map_or((None, None), |taken| (Some(taken.seat), taken.begun_for))
    }
}

async fn sit(state: &AppState, person: &str, conversation: &str) -> Result<Seat, ApiError> {
    let writer = state.chats.writer(person, conversation, Use::Call).await?;
    Ok(Seat::take(writer).await?)
}

/// The tier of a conversation that is begun for a call. Private ones are begun by browsers, which have the keys:
/// a call by somebody whose default they are is kept nowhere unless it names one.
fn tier_of_new(person: &Person, session: &Session) -> Result<Option<Tier>, ApiError> {
    match session.tier() {
        Some(Tier::Private) => {
            let text = "a private conversation is begun in the browser; name one with conversation";
            Err(ApiError::bad_request("invalid_value", text).with_param("session.sotto.tier"))
        }
        Some(tier) => Ok(Some(tier)),
        None => {
            let usual = Tier::parse(&person.default_tier).unwrap_or_default();
            Ok(Some(usual).filter(|tier| *tier != Tier::Private))
        }
    }
}
