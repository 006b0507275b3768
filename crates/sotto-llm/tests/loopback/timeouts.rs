//! Servers that keep one waiting. What can be tested without sockets is tested on paused time, beside
//! the code.

use std::time::Duration;

use sotto_llm::{
    Error, Phase,
    openai::{OpenAi, OpenAiConfig, Timeouts},
};

use crate::{
    config, impatient, openai, read_bad,
    server::{Server, Step, answer, chunk, says, sse},
};

fn phase(error: &Error) -> Phase {
    match error {
        Error::Timeout { phase, .. } => *phase,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_server_that_never_answers_has_no_first_token() {
    for steps in [vec![Step::Hang], vec![sse(), Step::Hang]] {
        let server = Server::always(steps).await;
        let (_, error) = read_bad(&impatient(&server, Phase::FirstToken)).await;
        assert_eq!(phase(&error), Phase::FirstToken);
        server.client_left().await;
    }
}

#[tokio::test]
async fn keep_alives_are_no_first_token() {
    let server = Server::always(vec![sse(), Step::Repeat(b": ping\n\n".to_vec())]).await;
    let (_, error) = read_bad(&impatient(&server, Phase::FirstToken)).await;
    assert_eq!(phase(&error), Phase::FirstToken);
}

#[tokio::test]
async fn a_reply_that_stalls_is_given_up() {
    let body = r#"{"choices":[{"message":{"content":"half an ans"#;
    let mut stalled_json = answer("200 OK", "application/json", body);
    let Step::Send(bytes) = &mut stalled_json[0] else { unreachable!() };
    bytes.pop();
    stalled_json.push(Step::Hang);
    for (steps, said) in
        [(vec![sse(), chunk(&says("Mostly ")), Step::Hang], "Mostly "), (stalled_json, "")]
    {
        let server = Server::always(steps).await;
        let (text, error) = read_bad(&impatient(&server, Phase::Idle)).await;
        assert_eq!((text.as_str(), phase(&error)), (said, Phase::Idle));
        server.client_left().await;
    }
}

/// The kernel accepts the connection, and nobody ever says a word of TLS: a connection that is never
/// made, without a network to lose packets in.
#[tokio::test]
async fn a_connection_that_is_never_made_is_given_up() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut config =
        OpenAiConfig::new(format!("https://{}/v1", listener.local_addr().unwrap()), "m");
    config.timeouts = Timeouts { connect: Duration::from_millis(50), ..config.timeouts };
    let (_, error) = read_bad(&OpenAi::new(&config).unwrap()).await;
    assert_eq!(phase(&error), Phase::Connect);
    assert_eq!(error.to_string(), "no connection within 50 ms");
}

#[tokio::test]
async fn the_list_of_models_is_not_waited_for_without_end() {
    for steps in [vec![Step::Hang], vec![sse(), chunk("{\"data\":["), Step::Hang]] {
        let server = Server::always(steps).await;
        let timeouts = Timeouts { first_token: Duration::from_millis(100), ..Timeouts::default() };
        let config = OpenAiConfig { model: String::new(), timeouts, ..config(&server) };
        let openai = OpenAi::new(&config).unwrap();
        assert_eq!(phase(&openai.find_model().await.unwrap_err()), Phase::FirstToken);
    }
}

#[tokio::test]
async fn an_explanation_that_never_comes_does_not_hold_up_the_refusal() {
    let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 100\r\n\r\n";
    let server = Server::always(vec![Step::Send(head.into()), Step::Hang]).await;
    let (_, error) = read_bad(&openai(&server)).await;
    assert_eq!(error.to_string(), "the provider answered 503: Service Unavailable");
}

#[tokio::test]
async fn no_limit_is_a_limit_too() {
    let server = Server::always(crate::server::stream(&(says("Air.") + "data: [DONE]\n\n"))).await;
    let never = Duration::MAX;
    let timeouts = Timeouts { connect: never, first_token: never, idle: never };
    let openai = OpenAi::new(&OpenAiConfig { timeouts, ..config(&server) }).unwrap();
    assert_eq!(crate::read_good(&openai).await.0, "Air.");
}
