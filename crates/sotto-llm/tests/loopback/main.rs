//! Talks to a small server on loopback that behaves the way real ones do, well and badly.

#![expect(clippy::unwrap_used, reason = "tests")]

mod server;

mod replies;

mod failures;

mod timeouts;

mod cancellation;

mod premises;

mod discovery;

use std::time::Duration;

use futures_util::StreamExt;
use server::Server;
use sotto_llm::{
    ChatRequest, Delta, Error, Message, Phase, Provider,
    openai::{OpenAi, OpenAiConfig, Timeouts},
};

/// Limits that no good test comes near.
fn config(server: &Server) -> OpenAiConfig {
    OpenAiConfig::new(format!("http://{}/v1", server.addr), "test-model")
}

fn openai(server: &Server) -> OpenAi {
    OpenAi::new(&config(server)).unwrap()
}

/// A provider with one limit short enough to wait for. The others are long: a busy machine that is late
/// must not turn one failure into another.
fn impatient(server: &Server, phase: Phase) -> OpenAi {
    let mut timeouts = Timeouts::default();
    let limit = match phase {
        Phase::FirstToken => &mut timeouts.first_token,
        Phase::Idle => &mut timeouts.idle,
        other => panic!("{other} is tested by itself"),
    };
    *limit = Duration::from_millis(100);
    OpenAi::new(&OpenAiConfig { timeouts, ..config(server) }).unwrap()
}

fn request() -> ChatRequest {
    ChatRequest::new([Message::system("Be brief."), Message::user("What is the sky made of?")])
}

/// Reads a reply to its end.
async fn read(provider: &OpenAi) -> Vec<Result<Delta, Error>> {
    provider.chat(request()).collect().await
}

/// Reads a good reply: its text and its last delta.
async fn read_good(provider: &OpenAi) -> (String, Delta) {
    let mut text = String::new();
    let mut done = None;
    for delta in read(provider).await {
        assert_eq!(done, None, "nothing follows the end");
        match delta.unwrap() {
            Delta::Text(part) => {
                assert!(!part.is_empty());
                text.push_str(&part);
            }
            end @ Delta::Done { .. } => done = Some(end),
        }
    }
    (text, done.expect("an end"))
}

/// Reads a bad reply: the text before the failure, and the failure.
async fn read_bad(provider: &OpenAi) -> (String, Error) {
    let mut deltas = read(provider).await;
    let error = deltas.pop().unwrap().expect_err("a failure at the end");
    let text = deltas.into_iter().map(|delta| match delta.unwrap() {
        Delta::Text(text) => text,
        Delta::Done { .. } => panic!("done and failed"),
    });
    (text.collect(), error)
}
