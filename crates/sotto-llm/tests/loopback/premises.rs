//! Requests that may not leave the premises. The outside is a listener that must not see a connection.

use std::{
    collections::VecDeque,
    env, io,
    net::IpAddr,
    process::Command,
    sync::{Arc, Mutex},
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use sotto_llm::{
    ChatRequest, Delta, Error, Premises, Provider, Reach,
    openai::{OpenAi, OpenAiConfig},
    premises::Resolver,
};

use crate::{
    request,
    server::{Server, Step, says, stream},
};

const INSIDE: &str = "127.0.0.1";
const OUTSIDE: &str = "127.0.0.2";
/// The port of the server that the child process of a test is to ask.
const PORT: &str = "SOTTO_TEST_PORT";

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn good() -> Vec<Step> {
    stream(&(says("Air.") + "data: [DONE]\n\n"))
}

/// Gives every name these addresses, one answer after the other, and the last one from then on.
#[derive(Clone)]
struct Names(Arc<Mutex<VecDeque<Vec<IpAddr>>>>);

impl Names {
    fn new(answers: &[&[&str]]) -> Self {
        let answers = answers.iter().map(|answer| answer.iter().map(|name| ip(name)).collect());
        Self(Arc::new(Mutex::new(answers.collect())))
    }
}

impl Resolver for Names {
    fn resolve(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        std::future::ready(Ok(answer.unwrap())).boxed()
    }
}

/// A provider at `host`, of which only [`INSIDE`] is on the premises.
fn provider(host: &str, port: u16, names: Names) -> OpenAi {
    let mut config = OpenAiConfig::new(format!("http://{host}:{port}/v1"), "test-model");
    config.premises = Premises::new(|address| address == ip(INSIDE)).with_resolver(names);
    OpenAi::new(&config).unwrap()
}

async fn ask(provider: &OpenAi, reach: Reach) -> Result<String, Error> {
    let mut reply = provider.chat(ChatRequest { reach, ..request() });
    let mut text = String::new();
    while let Some(delta) = reply.next().await {
        if let Delta::Text(part) = delta? {
            text.push_str(&part);
        }
    }
    Ok(text)
}

/// A server inside and one outside, at the same port.
async fn two(inside: Vec<Vec<Step>>, outside: Vec<Vec<Step>>) -> (Server, Server) {
    // The port may be taken on the other address; then another one will do.
    loop {
        let here = Server::scripted(inside.clone()).await;
        let there = Server::at((ip(OUTSIDE), here.addr.port()).into(), outside.clone()).await;
        if let Ok(there) = there {
            return (here, there);
        }
    }
}

#[tokio::test]
async fn a_provider_on_the_premises_answers_and_no_connection_is_kept() {
    let server = Server::always(good()).await;
    for host in [INSIDE, "model.test", "localhost", "127.1", "[::ffff:127.0.0.1]"] {
        let before = server.connections();
        let provider = provider(host, server.addr.port(), Names::new(&[&[INSIDE]]));
        for _ in 0..2 {
            assert_eq!(ask(&provider, Reach::OnPremises).await.unwrap(), "Air.", "{host}");
        }
        assert!(provider.on_premises().await, "{host}");
        // One that is kept would keep the last words in its buffers.
        assert_eq!(server.connections() - before, 2, "{host}");
    }
}

#[tokio::test]
async fn a_provider_outside_is_refused_before_a_connection_is_made() {
    let server = Server::always(good()).await;
    let port = server.addr.port();
    let nothing_inside =
        Premises::new(|address| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10));
    for host in
        ["127.0.0.1", "127.1", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "127.0.0.1.", "model.test"]
    {
        for model in ["test-model", ""] {
            let mut config = OpenAiConfig::new(format!("http://{host}:{port}/v1"), model);
            config.premises = nothing_inside.clone().with_resolver(Names::new(&[&[INSIDE]]));
            let provider = OpenAi::new(&config).unwrap();
            let error = ask(&provider, Reach::OnPremises).await.unwrap_err();
            assert!(matches!(error, Error::NotOnPremises), "{host}: {error}");
            let words = format!("{error} {error:?}");
            assert!(!words.contains("127") && !words.contains(&port.to_string()), "{words}");
            assert!(!provider.on_premises().await, "{host}");
        }
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_moves_outside_is_not_followed() {
    // Each reply closes its connection, so each request needs another and asks for the name again.
    let mut closing = good();
    closing.push(Step::Close);
    let (inside, outside) = two(vec![closing], vec![good()]).await;
    let moves = Names::new(&[&[INSIDE], &[OUTSIDE], &[OUTSIDE], &[INSIDE]]);
    let provider = provider("model.test", inside.addr.port(), moves);
    assert_eq!(ask(&provider, Reach::OnPremises).await.unwrap(), "Air.");
    for _ in 0..2 {
        let error = ask(&provider, Reach::OnPremises).await.unwrap_err();
        assert!(matches!(error, Error::NotOnPremises), "{error}");
    }
    assert_eq!(ask(&provider, Reach::OnPremises).await.unwrap(), "Air.", "it has come back");
    assert_eq!((inside.connections(), outside.connections()), (2, 0));
}

#[tokio::test]
async fn of_several_addresses_only_those_on_the_premises_are_tried() {
    let (inside, outside) = two(vec![vec![Step::Close]], vec![good()]).await;
    let names = Names::new(&[&[OUTSIDE, INSIDE, OUTSIDE]]);
    let provider = provider("model.test", inside.addr.port(), names);
    // The one that is allowed does not answer, which is no reason to try the others.
    ask(&provider, Reach::OnPremises).await.unwrap_err();
    assert!(inside.connections() > 0);
    assert_eq!(outside.connections(), 0);
    assert!(!provider.on_premises().await, "who may go anywhere might be led outside");
}

#[tokio::test]
async fn a_connection_that_others_opened_is_not_used() {
    let outside = Server::always(good()).await;
    let provider = provider("localhost", outside.addr.port(), Names::new(&[&[OUTSIDE]]));
    assert_eq!(ask(&provider, Reach::Anywhere).await.unwrap(), "Air.");
    let error = ask(&provider, Reach::OnPremises).await.unwrap_err();
    assert!(matches!(error, Error::NotOnPremises), "{error}");
    assert_eq!(ask(&provider, Reach::Anywhere).await.unwrap(), "Air.", "it was still open");
    assert_eq!((outside.connections(), outside.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let elsewhere = Server::always(good()).await;
    let location = format!("http://{}/v1/chat/completions", elsewhere.addr);
    for status in ["307 Temporary Redirect", "308 Permanent Redirect", "302 Found"] {
        let redirect =
            format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let server = Server::always(vec![Step::Send(redirect.into_bytes())]).await;
        let provider = provider("model.test", server.addr.port(), Names::new(&[&[INSIDE]]));
        let error = ask(&provider, Reach::OnPremises).await.unwrap_err();
        assert!(matches!(error, Error::Status { .. }), "{error}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_asked() {
    let (server, proxy) = (Server::always(good()).await, Server::always(good()).await);
    // The environment of this process cannot be changed while other tests run.
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "premises::asks_past_the_proxy", "--ignored"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
        child.env(name, format!("http://{}", proxy.addr));
    }
    child.env_remove("no_proxy").env_remove("NO_PROXY");
    child.env(PORT, server.addr.port().to_string());
    let done = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!((server.connections(), proxy.connections()), (1, 1));
}

#[tokio::test]
#[ignore = "runs in the child process of another test"]
async fn asks_past_the_proxy() {
    let port = env::var(PORT).unwrap().parse().unwrap();
    let provider = provider("model.test", port, Names::new(&[&[INSIDE]]));
    assert_eq!(ask(&provider, Reach::OnPremises).await.unwrap(), "Air.");
    // That the environment is one with a proxy shows when others ask.
    assert_eq!(ask(&provider, Reach::Anywhere).await.unwrap(), "Air.");
}
