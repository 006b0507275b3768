//! The language model's stage: a conversation in, pieces of text out.

use futures_util::StreamExt;
use sotto_llm::{ChatRequest, Delta, Error, Message, Provider, Reach};
use tokio::sync::mpsc;

use super::conversation::{Event, Failure, Finish, ReplyId, Usage};
use super::failure::EngineError;
use super::history::Role;
use super::jobs::Result;
use super::text::Text;

/// What to ask `model`, or the usual one: to answer `messages`, which go no farther than `reach` says.
pub(super) fn request(
    messages: Vec<(Role, Text)>,
    max_tokens: Option<u32>,
    reach: Reach,
    model: Option<String>,
) -> ChatRequest {
    let messages: Vec<Message> = messages.into_iter().map(message).collect();
    ChatRequest { max_tokens, reach, model, ..ChatRequest::new(messages) }
}

/// Lets the model write a reply and reports every piece of it, then its end.
pub(super) async fn write(
    provider: &dyn Provider,
    reply: ReplyId,
    request: ChatRequest,
    results: &mpsc::Sender<Result>,
) {
    let mut stream = provider.chat(request);
    let mut end = Err(Error::Interrupted);
    while let Some(delta) = stream.next().await {
        match delta {
            Ok(Delta::Text(text)) => {
                let event = Event::Wrote { reply, delta: Text::from(text) };
                if results.send(Result::Event(event)).await.is_err() {
                    return;
                }
            }
            Ok(Delta::Done { finish, usage }) => {
                end = Ok((reason(finish), usage.map(tokens)));
            }
            Err(error) => {
                end = Err(error);
                break;
            }
        }
    }
    let result = end.map_err(|error| failure(provider, &error));
    let _ = results.send(Result::Event(Event::Written { reply, result })).await;
}

pub(crate) fn message((role, text): (Role, Text)) -> Message {
    let content = text.into_string();
    match role {
        Role::System => Message::system(content),
        Role::User => Message::user(content),
        Role::Assistant => Message::assistant(content),
    }
}

fn reason(finish: sotto_llm::Finish) -> Finish {
    match finish {
        sotto_llm::Finish::Length => Finish::Length,
        sotto_llm::Finish::ContentFilter => Finish::ContentFilter,
        sotto_llm::Finish::Stop | sotto_llm::Finish::Other => Finish::Stop,
    }
}

fn tokens(usage: sotto_llm::Usage) -> Usage {
    Usage { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens }
}

/// A provider's failure in words for the client, which hold no address. The log has the rest.
pub(crate) fn failure(provider: &dyn Provider, error: &Error) -> Failure {
    tracing::warn!(provider = provider.name(), model = provider.model(), %error, "no reply");
    let code = match error {
        Error::NotOnPremises => return not_on_premises(),
        Error::Connect { .. } => "llm_unreachable",
        Error::Timeout { .. } => "llm_timeout",
        Error::Status { .. } | Error::Reported { .. } => "llm_refused",
        Error::Interrupted => "llm_interrupted",
        _ => "llm_failed",
    };
    let message = match error {
        // Where it is is the operator's business, and stands in the log.
        Error::Connect { .. } => "the language model cannot be reached".to_owned(),
        error => format!("the language model: {error}"),
    };
    Failure { code, message }
}

fn not_on_premises() -> Failure {
    let error = EngineError::NotOnPremises("the language model");
    Failure { code: error.code(), message: error.to_string() }
}
