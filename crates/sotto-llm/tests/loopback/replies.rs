//! Good replies, as different servers send them.

use futures_util::StreamExt;
use sotto_llm::{ApiKey, ChatRequest, Delta, Finish, Provider, Usage, openai::OpenAi};

use crate::{
    config, openai, read_good, request,
    server::{Server, Step, answer, chunk, says, sse, stream},
};

const HOSTED: &str = include_str!("transcripts/hosted.sse");
const ROUTER: &str = include_str!("transcripts/router.sse");
const LOCAL: &str = include_str!("transcripts/local.sse");

fn done(finish: Finish, usage: Option<(u32, u32)>) -> Delta {
    let usage = usage.map(|(input_tokens, output_tokens)| Usage { input_tokens, output_tokens });
    Delta::Done { finish, usage }
}

/// What each transcript says.
fn transcripts() -> [(&'static str, &'static str, Delta); 3] {
    [
        (HOSTED, "Mostly nitrogen, \"N₂\" – 78\u{202f}%. 🌤", done(Finish::Stop, Some((19, 11)))),
        (ROUTER, "Air.", done(Finish::Stop, Some((14, 23)))),
        (LOCAL, "Air, if 1 <", done(Finish::Length, None)),
    ]
}

#[tokio::test]
async fn transcripts_of_several_servers_are_understood() {
    for (transcript, text, end) in transcripts() {
        for transcript in [transcript.to_owned(), transcript.replace('\n', "\r\n")] {
            let server = Server::always(stream(&transcript)).await;
            assert_eq!(read_good(&openai(&server)).await, (text.to_owned(), end.clone()));
        }
    }
}

#[tokio::test]
async fn every_byte_may_be_a_chunk_of_its_own() {
    for (transcript, text, end) in transcripts() {
        let bytes = transcript.bytes().map(|byte| Step::Chunk(vec![byte]));
        let steps = [sse()].into_iter().chain(bytes).chain([Step::End]).collect();
        let server = Server::always(steps).await;
        assert_eq!(read_good(&openai(&server)).await, (text.to_owned(), end));
    }
}

#[tokio::test]
async fn a_server_that_ignores_stream_is_understood() {
    let body = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",
        "content":"<think>hm</think>Air.","reasoning_content":"hm"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":14,"completion_tokens":3,"total_tokens":17}}"#;
    let server = Server::always(answer("200 OK", "application/json; charset=utf-8", body)).await;
    let expected = ("Air.".to_owned(), done(Finish::Stop, Some((14, 3))));
    assert_eq!(read_good(&openai(&server)).await, expected);
}

#[tokio::test]
async fn a_server_that_just_closes_after_the_reason_to_finish_is_understood() {
    let stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let steps = vec![Step::Send(format!("{head}{}{stop}", says("Air.")).into()), Step::Close];
    let server = Server::always(steps).await;
    assert_eq!(read_good(&openai(&server)).await, ("Air.".to_owned(), done(Finish::Stop, None)));
}

#[tokio::test]
async fn the_request_is_what_such_servers_expect() {
    let server = Server::always(stream(HOSTED)).await;
    for base_url in [format!("http://{}/v1", server.addr), format!("http://{}/v1/", server.addr)] {
        let mut config = config(&server);
        config.base_url = base_url;
        config.api_key = Some(ApiKey::new("sk-test"));
        config.extra_headers = vec![("x-title".into(), "Sotto".into())];
        read_good(&OpenAi::new(&config).unwrap()).await;
        let request = server.requests().pop().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
        for header in
            ["authorization: Bearer sk-test", "x-title: Sotto", "content-type: application/json"]
        {
            assert!(head.contains(header), "{head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["model"], "test-model");
        assert_eq!(body["stream"], true);
        assert_eq!(body["messages"][1]["content"], "What is the sky made of?");
    }
}

#[tokio::test]
async fn a_connection_serves_one_reply_after_the_other() {
    // The end of the body comes apart from the end of the reply, as it often does.
    let steps =
        vec![sse(), chunk(HOSTED), Step::Pause(std::time::Duration::from_millis(5)), Step::End];
    let server = Server::always(steps).await;
    let openai = openai(&server);
    for _ in 0..3 {
        read_good(&openai).await;
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 1));
}

#[tokio::test]
async fn nothing_happens_before_the_stream_is_polled() {
    let server = Server::always(stream(HOSTED)).await;
    let openai = openai(&server);
    let unpolled = openai.chat(request());
    read_good(&openai).await;
    assert_eq!(server.requests().len(), 1);
    drop(unpolled);
}

#[tokio::test]
async fn without_a_model_the_servers_first_chat_model_is_asked_for_once() {
    let list =
        r#"{"object":"list","data":[{"id":"nomic-embed-text"},{"id":"qwen3:4b"},{"id":"b"}]}"#;
    let models = answer("200 OK", "application/json", list);
    let server = Server::scripted(vec![models, stream(HOSTED)]).await;
    let mut config = config(&server);
    config.model = String::new();
    let openai = OpenAi::new(&config).unwrap();
    assert_eq!(openai.model(), "");
    read_good(&openai).await;
    read_good(&openai).await;
    assert_eq!((openai.model(), openai.find_model().await.unwrap()), ("qwen3:4b", "qwen3:4b"));
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].starts_with("GET /v1/models "), "{}", requests[0]);
    assert!(requests[2].contains("\"model\":\"qwen3:4b\""), "{}", requests[2]);
}

#[tokio::test]
async fn a_request_may_name_another_of_the_servers_models() {
    let list = r#"{"data":[{"id":"nomic-embed-text"},{"id":"qwen3:4b"},{"id":"gemma3:4b"}]}"#;
    let server =
        Server::scripted(vec![answer("200 OK", "application/json", list), stream(HOSTED)]).await;
    let openai = openai(&server);
    assert_eq!(openai.models().await.unwrap(), ["qwen3:4b", "gemma3:4b"]);
    for (named, expected) in [(Some("gemma3:4b"), "gemma3:4b"), (None, "test-model")] {
        let asked = ChatRequest { model: named.map(str::to_owned), ..request() };
        let reply: Vec<_> = openai.chat(asked).collect().await;
        assert!(reply.iter().all(Result::is_ok));
        let body = server.requests().pop().unwrap();
        assert!(body.contains(&format!("\"model\":\"{expected}\"")), "{body}");
    }
    assert_eq!(openai.model(), "test-model");
}
