//! Replies that go wrong.

use std::net::Ipv4Addr;

use sotto_llm::{ApiKey, Error, openai::OpenAi};
use tokio::net::TcpListener;

use crate::{
    config, openai, read_bad,
    server::{Server, Step, answer, chunk, head, says, sse, stream},
};

#[tokio::test]
async fn a_refusal_carries_the_servers_words_but_not_ours() {
    let body = r#"{"error":{"message":"Incorrect API key provided: sk-proj-abcdef123456.\nAsked: 'What is the sky made of?'","type":"invalid_request_error","code":"invalid_api_key"}}"#;
    let server = Server::always(answer("401 Unauthorized", "application/json", body)).await;
    let mut config = config(&server);
    config.api_key = Some(ApiKey::new("sk-proj-abcdef123456"));
    let (_, error) = read_bad(&OpenAi::new(&config).unwrap()).await;
    assert_eq!(
        error.to_string(),
        "the provider answered 401: Incorrect API key provided: […]. Asked: '[…]'"
    );
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn an_error_page_is_cut_to_one_short_line() {
    let page = format!("<html>\r\n<title>500\u{1b}[31m</title>\n{}</html>", "x".repeat(100_000));
    let server = Server::always(answer("500 Internal Server Error", "text/html", &page)).await;
    let (_, error) = read_bad(&openai(&server)).await;
    assert!(error.is_retryable());
    let Error::Status { status: 500, message } = error else { panic!("{error}") };
    assert!(message.starts_with("<html> <title>500[31m</title> xxx"), "{message}");
    assert_eq!(message.chars().count(), 300);
}

#[tokio::test]
async fn a_refusal_without_words_or_with_unknown_ones_names_the_status() {
    let quote =
        r#"{"detail":[{"type":"missing","input":{"messages":"What is the sky made of?"}}]}"#;
    for body in ["", quote] {
        let server =
            Server::always(answer("422 Unprocessable Entity", "application/json", body)).await;
        let (_, error) = read_bad(&openai(&server)).await;
        assert_eq!(error.to_string(), "the provider answered 422: Unprocessable Entity");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::always(stream("")).await;
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        other.addr
    );
    let server = Server::always(vec![Step::Send(redirect.into_bytes())]).await;
    let (_, error) = read_bad(&openai(&server)).await;
    assert!(matches!(error, Error::Status { status: 307, .. }), "{error}");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn an_error_inside_the_stream_ends_the_reply() {
    let error = "data: {\"error\":{\"code\":502,\"message\":\"upstream overloaded\"}}\n\n";
    let server = Server::always(stream(&(says("Mostly ") + error + &says("never said")))).await;
    let (text, error) = read_bad(&openai(&server)).await;
    assert_eq!(text, "Mostly ");
    assert_eq!(error.to_string(), "the provider reported a failure: upstream overloaded");
    assert!(matches!(error, Error::Reported { status: Some(502), .. }) && error.is_retryable());
}

#[tokio::test]
async fn an_error_in_place_of_an_answer_is_understood() {
    let body = r#"{"error":{"message":"no such model"}}"#;
    let server = Server::always(answer("200 OK", "application/json", body)).await;
    let (_, error) = read_bad(&openai(&server)).await;
    assert!(matches!(error, Error::Reported { status: None, .. }), "{error}");
}

#[tokio::test]
async fn an_answer_of_another_kind_is_not_quoted() {
    let secret = "{\"said\":\"What is the sky made of?\"}";
    for steps in [
        answer("200 OK", "application/json", secret),
        answer("200 OK", "application/json", "not JSON: What is the sky made of?"),
        stream(&format!("data: {secret} x\n\n")),
    ] {
        let server = Server::always(steps).await;
        let (_, error) = read_bad(&openai(&server)).await;
        assert!(matches!(error, Error::Decode { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("sky"), "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_interrupts() {
    let cut_chunks = vec![sse(), chunk(&says("Mostly ")), Step::Close];
    let ended_chunks = vec![sse(), chunk(&says("Mostly ")), Step::End];
    let cut_event = vec![sse(), chunk(&says("Mostly ")), chunk("data: {\"choi"), Step::Close];
    for steps in [cut_chunks, ended_chunks, cut_event] {
        let server = Server::always(steps).await;
        let (text, error) = read_bad(&openai(&server)).await;
        assert_eq!(text, "Mostly ");
        assert!(matches!(error, Error::Interrupted), "{error}");
    }
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_interrupts() {
    let server = Server::always(vec![Step::Close]).await;
    let (_, error) = read_bad(&openai(&server)).await;
    assert!(matches!(error, Error::Interrupted), "{error}");
}

#[tokio::test]
async fn a_closed_port_is_a_failure_to_connect() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let config = sotto_llm::openai::OpenAiConfig::new(format!("http://{addr}/v1"), "m");
    let (_, error) = read_bad(&OpenAi::new(&config).unwrap()).await;
    assert!(matches!(error, Error::Connect { .. }) && error.is_retryable());
    assert_eq!(error.to_string(), format!("cannot connect to {addr}"));
}

#[tokio::test]
async fn a_server_without_chat_models_is_a_matter_of_configuration() {
    let list = r#"{"data":[{"id":"whisper-1"}]}"#;
    let server = Server::always(answer("200 OK", "application/json", list)).await;
    let mut config = config(&server);
    config.model = String::new();
    let (_, error) = read_bad(&OpenAi::new(&config).unwrap()).await;
    assert!(matches!(error, Error::Config(_)), "{error}");
}

#[tokio::test]
async fn what_the_list_of_models_says_is_passed_on() {
    let server = Server::scripted(vec![
        vec![head("403 Forbidden", "text/plain"), chunk("not for you"), Step::End],
        answer("200 OK", "application/json", "{}"),
    ])
    .await;
    let mut config = config(&server);
    config.model = String::new();
    let openai = OpenAi::new(&config).unwrap();
    let error = openai.find_model().await.unwrap_err();
    assert_eq!(error.to_string(), "the provider answered 403: not for you");
    // A failure is not remembered: the next attempt asks again.
    assert!(matches!(openai.find_model().await, Err(Error::Decode { .. })));
}
