//! Finding a server that already runs.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use sotto_llm::discover::{Candidate, Found, Kind, discover, usual};

use crate::server::{Server, Step, answer};

/// Longer than any good server of these tests takes, on the busiest machine.
const AMPLE: Duration = Duration::from_secs(10);

const CHAT: &str = r#"{"object":"list","data":[{"id":"nomic-embed-text"},{"id":"qwen3:4b"}]}"#;

async fn lists(body: &str) -> Server {
    Server::always(answer("200 OK", "application/json", body)).await
}

fn at(kind: Kind, addr: SocketAddr) -> Candidate {
    Candidate { kind, addr }
}

fn found(kind: Kind, server: &Server) -> Found {
    Found { kind, base_url: format!("http://{}/v1", server.addr), model: "qwen3:4b".into() }
}

#[test]
fn the_usual_places_are_on_loopback_in_order_of_preference() {
    let usual: Vec<_> =
        usual().into_iter().map(|it| (it.kind.as_str(), it.addr.to_string())).collect();
    assert_eq!(
        usual,
        [
            ("Ollama", "127.0.0.1:11434".to_owned()),
            ("LM Studio", "127.0.0.1:1234".to_owned()),
            ("llama.cpp", "127.0.0.1:8080".to_owned()),
        ]
    );
}

#[tokio::test]
async fn the_first_in_the_list_wins_even_if_it_is_slower() {
    let mut steps = answer("200 OK", "application/json", CHAT);
    steps.insert(0, Step::Pause(Duration::from_millis(50)));
    let (slow, fast) = (Server::always(steps).await, lists(CHAT).await);
    let candidates = [at(Kind::Ollama, slow.addr), at(Kind::LmStudio, fast.addr)];
    assert_eq!(discover(&candidates, &[], AMPLE).await, Some(found(Kind::Ollama, &slow)));
    assert!(fast.requests()[0].starts_with("GET /v1/models "), "asked at the same time");
}

#[tokio::test]
async fn the_best_is_not_kept_waiting_by_the_rest() {
    let (fast, stuck) = (lists(CHAT).await, Server::always(vec![Step::Hang]).await);
    let candidates = [at(Kind::Ollama, fast.addr), at(Kind::LmStudio, stuck.addr)];
    assert_eq!(discover(&candidates, &[], AMPLE).await, Some(found(Kind::Ollama, &fast)));
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_patience() {
    let (first, second) =
        (Server::always(vec![Step::Hang]).await, Server::always(vec![Step::Hang]).await);
    let last = lists(CHAT).await;
    let candidates = [
        at(Kind::Ollama, first.addr),
        at(Kind::LmStudio, second.addr),
        at(Kind::LlamaCpp, last.addr),
    ];
    let started = Instant::now();
    let patience = Duration::from_millis(300);
    assert_eq!(discover(&candidates, &[], patience).await, Some(found(Kind::LlamaCpp, &last)));
    assert!(started.elapsed() < 2 * patience, "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_is_no_server_of_models_is_passed_over() {
    let closed = {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let web = Server::always(answer("200 OK", "text/html", "<html>")).await;
    let refuses = Server::always(answer("401 Unauthorized", "application/json", CHAT)).await;
    let other = lists(r#"{"status":"ok"}"#).await;
    let empty = lists(r#"{"object":"list","data":[]}"#).await;
    let deaf = lists(r#"{"object":"list","data":[{"id":"whisper-1"}]}"#).await;
    let mut candidates: Vec<_> = [&web, &refuses, &other, &empty, &deaf]
        .map(|server| at(Kind::Ollama, server.addr))
        .into_iter()
        .chain([at(Kind::LmStudio, closed)])
        .collect();
    assert_eq!(discover(&candidates, &[], AMPLE).await, None);
    let good = lists(CHAT).await;
    candidates.push(at(Kind::LlamaCpp, good.addr));
    assert_eq!(discover(&candidates, &[], AMPLE).await, Some(found(Kind::LlamaCpp, &good)));
}

#[tokio::test]
async fn an_excluded_address_is_not_even_asked() {
    let ours = lists(CHAT).await;
    let candidates = [at(Kind::LlamaCpp, ours.addr)];
    let everywhere = SocketAddr::from(([0, 0, 0, 0], ours.addr.port()));
    for exclude in [ours.addr, everywhere] {
        assert_eq!(discover(&candidates, &[exclude], AMPLE).await, None);
    }
    assert_eq!(ours.connections(), 0);
    assert_eq!(discover(&[], &[], AMPLE).await, None);
}
