//! A provider that says what you said. It tries out everything but the model.

use std::time::Duration;

use futures_util::{
    FutureExt, StreamExt,
    future::{self, BoxFuture},
    stream,
};
use tokio::time::{Instant, sleep_until};

use crate::{ChatRequest, Delta, Error, Finish, Provider, ReplyStream, Role};

/// Fifty words a second, about as fast as a model on a good machine.
const WORD: Duration = Duration::from_millis(20);

/// Answers with the last message of the person, verbatim, a word at a time at 50 words a second.
///
/// Time is tokio's, so tests that pause it do not wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

impl Provider for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn model(&self) -> &'static str {
        "echo"
    }

    /// It is in this process.
    fn on_premises(&self) -> BoxFuture<'_, bool> {
        future::ready(true).boxed()
    }

    fn chat(&self, request: ChatRequest) -> ReplyStream {
        let said = request.messages.into_iter().rfind(|message| message.role == Role::User);
        let deltas = words(said.as_ref().map_or("", |message| &message.content))
            .into_iter()
            .map(Delta::Text)
            .chain([Delta::Done { finish: Finish::Stop, usage: None }]);
        stream::unfold((deltas, None), |(mut deltas, due)| async move {
            let delta = deltas.next()?;
            // Absolute times, so that a slow listener does not slow down the talk as well. The end follows
            // the last word at once.
            let due = due.unwrap_or_else(Instant::now);
            if matches!(delta, Delta::Text(_)) {
                sleep_until(due).await;
            }
            Some((Ok::<_, Error>(delta), (deltas, Some(due + WORD))))
        })
        .boxed()
    }
}

/// Splits after the white space that follows a word; put together again it is the same text.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let lead = rest.len() - rest.trim_start().len();
        let word = rest[lead..].find(char::is_whitespace).map_or(rest.len(), |at| lead + at);
        let end =
            rest[word..].find(|c: char| !c.is_whitespace()).map_or(rest.len(), |at| word + at);
        words.push(rest[..end].to_owned());
        rest = &rest[end..];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    async fn echo(messages: impl Into<Vec<Message>>) -> Vec<Delta> {
        Echo.chat(ChatRequest::new(messages)).map(Result::unwrap).collect().await
    }

    #[test]
    fn white_space_stays() {
        assert_eq!(words("  one two\n\nthree "), ["  one ", "two\n\n", "three "]);
        assert_eq!(words(" \n"), [" \n"]);
        assert!(words("").is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_words_of_the_person_come_back_at_fifty_words_a_second() {
        let started = Instant::now();
        let deltas = echo([
            Message::user("first"),
            Message::user("What is\u{a0}that?  你好 "),
            Message::assistant("An answer."),
        ])
        .await;
        let text = |text: &str| Delta::Text(text.to_owned());
        assert_eq!(
            deltas,
            [
                text("What "),
                text("is\u{a0}"),
                text("that?  "),
                text("你好 "),
                Delta::Done { finish: Finish::Stop, usage: None },
            ]
        );
        assert_eq!(started.elapsed().as_millis(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_said_is_nothing_answered() {
        let deltas = echo([Message::system("Be brief.")]).await;
        assert_eq!(deltas, [Delta::Done { finish: Finish::Stop, usage: None }]);
    }
}
