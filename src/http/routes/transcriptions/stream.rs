//! A transcript as it is found: server-sent events, a `delta` for each piece.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};

use super::formats::usage;
use super::work::{Heard, Recognition};
use crate::http::ApiError;
use crate::pipeline::text::Text;

/// A proxy in between must not take a long piece for a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Tells the `first` piece and those that follow. Hanging up drops `recognition`, which ends it.
pub(super) fn answer(
    first: Option<Heard>,
    recognition: Recognition,
    duration: Duration,
) -> Response {
    let telling = Telling { first, recognition, duration, told: Text::default(), over: false };
    let events = stream::unfold(telling, |mut telling| async {
        let event = telling.next().await?;
        // JSON has no line breaks outside of its strings, so the data is one line.
        Some((Ok::<_, Infallible>(Event::default().data(event.to_string())), telling))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

struct Telling {
    first: Option<Heard>,
    recognition: Recognition,
    duration: Duration,
    told: Text,
    over: bool,
}

impl Telling {
    async fn next(&mut self) -> Option<Value> {
        while !self.over {
            let heard = match self.first.take() {
                Some(first) => Some(Ok(first)),
                None => self.recognition.next().await,
            };
            match heard {
                Some(Ok(heard)) => {
                    if let Some(delta) = add(&mut self.told, &heard.transcript.text) {
                        return Some(json!({ "type": "transcript.text.delta", "delta": delta }));
                    }
                }
                Some(Err(error)) => {
                    self.over = true;
                    return Some(ApiError::from(error).event());
                }
                None => {
                    self.over = true;
                    return Some(json!({
                        "type": "transcript.text.done",
                        "text": self.told,
                        "usage": usage(self.duration),
                    }));
                }
            }
        }
        None
    }
}

/// Adds what a piece says, and gives what was added: all of that together is the text.
fn add(told: &mut Text, piece: &Text) -> Option<String> {
    let before = told.as_str().len();
    told.push_phrase(piece.as_str());
    let delta = &told.as_str()[before..];
    (!delta.is_empty()).then(|| delta.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_makes_up_the_text() {
        let mut told = Text::default();
        let deltas: Vec<_> = [" Good", "", "morning. "]
            .into_iter()
            .filter_map(|piece| add(&mut told, &Text::from(piece)))
            .collect();
        assert_eq!(deltas, ["Good", " morning."]);
        assert_eq!(told.as_str(), "Good morning.");
    }
}
