//! What goes to a model and what comes back.
//!
//! These types carry what people say. Their `Debug` shows lengths, never text, so that a careless
//! `{:?}` in a log line cannot leak a conversation.

use std::fmt;

use crate::Reach;

/// A conversation to be answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatRequest {
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// The model to ask for; `None`: the provider's own.
    pub model: Option<String>,
    /// How far the conversation may go.
    pub reach: Reach,
    /// Longest reply in tokens; `None` leaves it to the provider.
    pub max_tokens: Option<u32>,
    /// Randomness of the reply; `None` leaves it to the provider.
    pub temperature: Option<f32>,
}

impl ChatRequest {
    /// Creates a request that may go anywhere and leaves everything but the messages to the provider.
    pub fn new(messages: impl Into<Vec<Message>>) -> Self {
        Self { messages: messages.into(), ..Self::default() }
    }
}

/// One message of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// Creates an instruction to the model.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// Creates a message of the person.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// Creates a message of the model.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// Who speaks in a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Whoever set the assistant up.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A piece of a reply.
#[derive(Clone, PartialEq, Eq)]
pub enum Delta {
    /// The next piece of text; never empty.
    Text(String),
    /// The reply is complete.
    Done {
        /// Why it ended.
        finish: Finish,
        /// What it cost, if the provider says so.
        usage: Option<Usage>,
    },
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finish {
    /// The model had nothing more to say, or the server ended the stream in order without a reason.
    Stop,
    /// The limit of tokens was reached.
    Length,
    /// The provider withheld the rest.
    ContentFilter,
    /// Anything else, such as a tool call.
    Other,
}

/// Tokens read and written for a reply, as the provider counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the conversation.
    pub input_tokens: u32,
    /// Tokens of the reply, thinking included.
    pub output_tokens: u32,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("role", &self.role)
            .field("content", &format_args!("{} bytes", self.content.len()))
            .finish()
    }
}

impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Done { finish, usage } => {
                f.debug_struct("Done").field("finish", finish).field("usage", usage).finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_lengths_and_never_text() {
        let request = ChatRequest::new([
            Message::system("be brief"),
            Message::user("my pin is 4711"),
            Message::assistant("noted"),
        ]);
        let debug = format!("{request:?} {request:#?}");
        for word in ["brief", "pin", "4711", "noted"] {
            assert!(!debug.contains(word), "{debug}");
        }
        assert!(debug.contains("Message { role: User, content: 14 bytes }"), "{debug}");
        assert_eq!(format!("{:?}", Delta::Text("secret".into())), "Text(6 bytes)");
    }

    #[test]
    fn debug_of_the_end_shows_why() {
        let done = Delta::Done { finish: Finish::Length, usage: None };
        assert_eq!(format!("{done:?}"), "Done { finish: Length, usage: None }");
    }
}
