//! Turns what a server sends into deltas. No I/O and no clock: data in, deltas out.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;

use super::failure;
use crate::{Delta, Error, Finish, ThinkFilter, Usage, redact::Redactor};

/// One reply in the making.
pub(super) struct Decoder {
    think: ThinkFilter,
    redactor: Redactor,
    ready: VecDeque<Delta>,
    begun: bool,
    finish: Option<Finish>,
    usage: Option<Usage>,
    closed: bool,
}

impl Decoder {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self {
            think: ThinkFilter::new(),
            redactor,
            ready: VecDeque::new(),
            begun: false,
            finish: None,
            usage: None,
            closed: false,
        }
    }

    /// Takes the data of one event, or the whole of an answer that was not streamed.
    pub(super) fn push(&mut self, data: &str) -> Result<(), Error> {
        let data = data.trim();
        if data.is_empty() || self.closed {
            return Ok(());
        }
        if data == "[DONE]" {
            self.close();
            return Ok(());
        }
        // What serde says is not passed on: it quotes.
        let chunk: Chunk = serde_json::from_str(data)
            .map_err(|_| Error::Decode { reason: "an event is not a chat chunk" })?;
        if let Some(error) = chunk.error {
            return Err(failure::from_object(&error, &self.redactor));
        }
        if let Some(usage) = chunk.usage {
            self.usage = Some(Usage {
                input_tokens: usage.prompt_tokens.unwrap_or_default(),
                output_tokens: usage.completion_tokens.unwrap_or_default(),
            });
        }
        // Only one choice was asked for.
        if let Some(choice) = chunk.choices.unwrap_or_default().into_iter().next() {
            self.take(choice);
        }
        Ok(())
    }

    /// Ends the reply: by `[DONE]`, or where nothing more comes after a reason to finish.
    pub(super) fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            let rest = self.think.finish();
            self.say(rest);
            let finish = self.finish.unwrap_or(Finish::Stop);
            self.ready.push_back(Delta::Done { finish, usage: self.usage });
        }
    }

    /// Returns the next delta that is ready.
    pub(super) fn next(&mut self) -> Option<Delta> {
        self.ready.pop_front()
    }

    /// Tells whether the model has begun to answer or to think.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// Returns why the reply is complete, once it is.
    pub(super) fn finish(&self) -> Option<Finish> {
        self.finish
    }

    /// Tells whether the last delta was made.
    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    fn take(&mut self, choice: Choice) {
        if let Some(body) = choice.delta.or(choice.message) {
            let text = body.content.map(Content::into_text).unwrap_or_default();
            let thought = [&body.reasoning_content, &body.reasoning].into_iter().any(|thought| {
                thought.as_ref().and_then(Value::as_str).is_some_and(|t| !t.is_empty())
            });
            self.begun |= thought || !text.is_empty();
            let said = self.think.push(&text);
            self.say(said);
        }
        // Some servers send an empty reason with every chunk.
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.finish = Some(match reason.as_str() {
                "stop" | "eos" | "end_turn" => Finish::Stop,
                "length" | "max_tokens" => Finish::Length,
                "content_filter" => Finish::ContentFilter,
                _ => Finish::Other,
            });
        }
    }

    fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.ready.push_back(Delta::Text(text));
        }
    }
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Body>,
    /// In place of `delta` where the answer was not streamed.
    message: Option<Body>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    content: Option<Content>,
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
}

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

/// Text, or parts of which some are text and others thinking.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    r#type: String,
    text: Option<String>,
}

impl Content {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts
                .into_iter()
                .filter(|part| part.r#type == "text")
                .filter_map(|part| part.text)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn decode(events: &[&str]) -> Result<(String, Vec<Delta>), Error> {
        let mut decoder = Decoder::new(Redactor::default());
        for event in events {
            decoder.push(event)?;
        }
        let deltas: Vec<Delta> = std::iter::from_fn(|| decoder.next()).collect();
        let text = deltas.iter().filter_map(|delta| {
            if let Delta::Text(text) = delta { Some(text.as_str()) } else { None }
        });
        Ok((text.collect(), deltas))
    }

    #[test]
    fn usage_may_come_in_a_chunk_without_choices() {
        let (text, deltas) = decode(&[
            r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":""}],"usage":null}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#,
            "[DONE]",
            "[DONE]",
        ])
        .unwrap();
        assert_eq!(text, "Hi");
        let usage = Some(Usage { input_tokens: 3, output_tokens: 1 });
        assert_eq!(deltas[1..], [Delta::Done { finish: Finish::Length, usage }]);
    }

    #[test]
    fn thinking_counts_as_a_beginning_and_is_not_said() {
        for delta in [
            r#"{"reasoning_content":"hm","content":null}"#,
            r#"{"reasoning":"hm"}"#,
            r#"{"content":"<think>hm"}"#,
        ] {
            let mut decoder = Decoder::new(Redactor::default());
            decoder.push(r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#).unwrap();
            assert!(!decoder.begun(), "a role is no token");
            decoder.push(&format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)).unwrap();
            assert!(decoder.begun(), "{delta}");
            assert_eq!(decoder.next(), None, "{delta}");
        }
    }

    #[test]
    fn of_parts_only_text_is_said() {
        let (text, _) = decode(&[
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"Hi"}]}}]}"#,
        ])
        .unwrap();
        assert_eq!(text, "Hi");
    }

    #[test]
    fn what_looked_like_a_tag_is_said_at_the_end() {
        let (text, _) =
            decode(&[r#"{"choices":[{"delta":{"content":"1 <"}}]}"#, "[DONE]"]).unwrap();
        assert_eq!(text, "1 <");
    }

    #[test]
    fn reasons_to_finish_are_told_apart() {
        for (reason, finish) in [
            ("stop", Finish::Stop),
            ("content_filter", Finish::ContentFilter),
            ("tool_calls", Finish::Other),
        ] {
            let mut decoder = Decoder::new(Redactor::default());
            let chunk = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
            decoder.push(&chunk).unwrap();
            assert_eq!(decoder.finish(), Some(finish));
        }
    }

    #[test]
    fn an_event_that_is_no_chunk_is_not_quoted() {
        let error = decode(&[r#"{"choices":"my pin is 4711"}"#]).unwrap_err();
        assert!(matches!(error, Error::Decode { .. }));
        assert!(!format!("{error} {error:?}").contains("4711"));
    }
}
