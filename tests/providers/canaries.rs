//! Where the engines are and what opens their doors is the operator's business: clients read none of it,
//! whatever they ask for and whatever goes wrong.

use std::net::SocketAddr;

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use reqwest::Response;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sotto::client::{HangUp, Recording};
use sotto::config::{Config, LlmProvider, Remote, Secret, SttEngine, TtsEngine};
use sotto::engine::models::Models;
use sotto::pipeline::codec::wav;

use super::stage::{SOON, answer, config, is, serve};
use crate::support::fakes::voice_like;
use crate::support::loopback;
use crate::support::server::TestServer;

const KEY: &str = "canary_key_0123456789";
const PATH: &str = "canary-path-4711";
const QUERY: &str = "canary-query-0815";

/// Every route that answers `GET`, and some that there are not. Who adds a route adds it here.
const ROUTES: [&str; 13] = [
    "/",
    "/index.html",
    "/healthz",
    "/readyz",
    "/api/v1/status",
    "/api/v1/nothing",
    "/v1/realtime",
    "/v1/realtime?output=nowhere",
    "/v1/realtime/calls",
    "/v1/realtime/calls/rtc_nobody",
    "/v1/audio/transcriptions",
    "/v1/nothing",
    "/nothing",
];

/// A server that refuses, and repeats all that it was told in every place where servers say why.
async fn quoting_server() -> (SocketAddr, tokio::task::JoinSet<()>) {
    let quote = async |method: Method, uri: Uri, headers: HeaderMap| {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (host, key) = (header(header::HOST), header(header::AUTHORIZATION));
        let key = key.and_then(|key| key.strip_prefix("Bearer ")).unwrap_or_default();
        let words = format!("{method} {uri} at {} with {key} refused", host.unwrap_or_default());
        let error = json!({ "error": { "message": words, "code": key, "type": key } });
        (StatusCode::UNAUTHORIZED, axum::Json(error))
    };
    loopback::serve(Router::new().fallback(quote)).await
}

/// Engines at one address, behind a key.
fn elsewhere(address: SocketAddr) -> Config {
    let mut config = config();
    let base_url = format!("http://{address}/{PATH}/v1");
    config.llm.provider = LlmProvider::OpenAi;
    config.llm.base_url = format!("{base_url}?k={QUERY}");
    config.llm.api_key = Secret::new(KEY);
    config.stt.engine = SttEngine::Remote;
    config.tts.engine = TtsEngine::Remote;
    let remote = Remote { base_url, api_key: Secret::new(KEY), ..Remote::default() };
    config.stt.remote = remote.clone();
    config.tts.remote = remote;
    config
}

/// All that a client reads of a response.
async fn read(response: Response) -> String {
    let head = format!("{} {:?}", response.status(), response.headers());
    format!("{head}\n{}", response.text().await.unwrap())
}

/// All that clients can read of a server: its routes, its models, and a call in which everything fails.
async fn all_of(server: &TestServer) -> String {
    let mut read_so_far = String::new();
    for route in ROUTES {
        read_so_far += &read(server.get(route).send().await.unwrap()).await;
    }
    read_so_far +=
        &read(server.post("/v1/realtime/calls").body("junk").send().await.unwrap()).await;
    let form = Form::new().part("file", Part::bytes(wav::encode(&voice_like(700), 16_000)));
    read_so_far +=
        &read(server.post("/v1/audio/transcriptions").multipart(form).send().await.unwrap()).await;
    let list = Models::default().of(&server.calls.engines().llm).await;
    read_so_far += &serde_json::to_string(&*list).unwrap();
    let mut call = server.call().await;
    // In this order: a turn that ends would cut the answer short.
    assert_eq!(answer(&mut call, "Are you there?").await["status"], "failed");
    call.say_only(Recording::new(voice_like(700))).await;
    let failed = is("conversation.item.input_audio_transcription.failed");
    call.wait_until(SOON, failed).await.expect("a failure");
    read_so_far += &call.events().iter().map(Value::to_string).collect::<String>();
    call.hang_up(HangUp::Close).await.unwrap();
    read_so_far
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_reads_a_key_or_an_address_of_an_engine() {
    let (quoting, _tasks) = quoting_server().await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [quoting, gone] {
        let mut with_voice = elsewhere(address);
        // An answer that is written all right and cannot be spoken.
        with_voice.llm.provider = LlmProvider::Echo;
        for config in [elsewhere(address), with_voice] {
            let server = serve(config).await;
            let all = all_of(&server).await;
            for canary in [KEY, PATH, QUERY, &address.to_string()] {
                let before = all.split_once(canary).map(|(before, _)| before.lines().last());
                assert_eq!(before, None, "what clients read before {canary}");
            }
            assert!(all.contains("ready") && all.contains("\"failed\""), "{all}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_where_engines_are_and_no_key() {
    let (quoting, _tasks) = quoting_server().await;
    let engines = super::stage::load(&elsewhere(quoting)).await.unwrap();
    for stage in ["stt", "llm", "tts"] {
        let choice = engines.choices.iter().find(|choice| choice.stage == stage).unwrap();
        let told = choice.for_operator();
        assert_eq!(told, format!("configured: http://{quoting}/{PATH}/v1"));
        assert_eq!(choice.why, "configured");
    }
}
