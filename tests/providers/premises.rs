//! Conversations that may not leave the premises, and engines that are elsewhere.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::header;
use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use sotto::config::{Config, LlmProvider, Network, Remote, SttEngine, TtsEngine};
use sotto::engine::Engines;
use sotto::engine::desk::Desk;
use sotto::engine::handles::{Defaults, Manner, Recogniser, Voice};
use sotto::engine::http::Server;
use sotto::engine::worker::{Awaited, Worker};
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::failure::EngineError;
use sotto::pipeline::stt::{self, Options, SpeechToText};
use sotto::pipeline::tts::cast::Cast;
use sotto::pipeline::tts::{self, TextToSpeech};
use sotto_llm::premises::Resolver;
use sotto_llm::{ChatRequest, Error, Message, Premises, Reach};
use tokio::task::JoinSet;

use super::audio_server::{AudioServer, tone};
use super::model_server::{Answer, ModelServer};
use super::stage::{config, load};
use crate::support::loopback;

/// Listens, and counts who comes. What it stands for must not be reached.
struct Outside {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Outside {
    async fn listen() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let (count, mut task) = (Arc::clone(&connections), JoinSet::new());
        task.spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { address, connections, _task: task }
    }

    /// How many came. Whoever is on the way on loopback has arrived by now.
    async fn connections(&self) -> usize {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        self.connections.load(Ordering::Relaxed)
    }
}

fn remote(audio: &str, model: &str) -> Config {
    let mut config = config();
    config.llm.provider = LlmProvider::OpenAi;
    model.clone_into(&mut config.llm.base_url);
    config.stt.engine = SttEngine::Remote;
    config.tts.engine = TtsEngine::Remote;
    let remote = Remote { base_url: audio.to_owned(), ..Remote::default() };
    config.stt.remote = remote.clone();
    config.tts.remote = remote;
    config
}

async fn recognise(ear: &Recogniser) -> Result<String, EngineError> {
    let on_premises = Options { reach: Reach::OnPremises, ..Options::default() };
    let heard = ear.transcribe(tone(300), on_premises, &Cancel::default()).await?;
    Ok(heard.text.as_str().to_owned())
}

async fn speak(voice: &Voice) -> Result<usize, EngineError> {
    let manner = Manner { voice: None, speed: 1.0 };
    let cancel = Cancel::default();
    let (mut pieces, speaking) =
        voice.speak("Hello.".into(), manner, Reach::OnPremises, Awaited::Now, cancel);
    let count = async {
        let mut samples = 0;
        while let Some(piece) = pieces.recv().await {
            samples += piece.speech.samples.len();
        }
        samples
    };
    let (said, samples) = tokio::join!(speaking, count);
    said.map(|()| samples)
}

async fn write(engines: &Engines) -> Result<(), Error> {
    let request = ChatRequest {
        reach: Reach::OnPremises,
        ..ChatRequest::new([Message::user("Are you there?")])
    };
    let deltas: Vec<_> = engines.llm.chat(request).collect().await;
    deltas.into_iter().collect::<Result<Vec<_>, _>>().map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_the_premises_serve_every_conversation() {
    let audio = AudioServer::start().await;
    let model = ModelServer::start(vec![Answer::says("I am.")]).await;
    let engines = load(&remote(&audio.remote().base_url, &model.url)).await.unwrap();
    assert_eq!(recognise(engines.recogniser.as_ref().unwrap()).await.unwrap(), "good morning");
    assert!(speak(engines.voice.as_ref().unwrap()).await.unwrap() > 0);
    write(&engines).await.unwrap();
    assert!(engines.llm.on_premises().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_left_off_the_list_do_not_see_a_connection() {
    let outside = Outside::listen().await;
    let port = outside.address.port();
    for host in ["127.0.0.1", "127.1", "localhost", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/v1");
        let mut config = remote(&url, &url);
        config.privacy.on_premises = vec!["10.0.0.0/8".parse::<Network>().unwrap()];
        let engines = load(&config).await.unwrap();
        let heard = recognise(engines.recogniser.as_ref().unwrap()).await.unwrap_err();
        let said = speak(engines.voice.as_ref().unwrap()).await.unwrap_err();
        for error in [heard, said] {
            assert_eq!(error.code(), "not_on_premises", "{host}: {error}");
            assert!(!error.to_string().contains(&port.to_string()), "{error}");
        }
        assert!(matches!(write(&engines).await, Err(Error::NotOnPremises)), "{host}");
        assert!(!engines.llm.on_premises().await);
    }
    assert_eq!(outside.connections().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_always_on_the_premises() {
    let mut config = config();
    config.privacy.on_premises = Vec::new();
    "echo".clone_into(&mut config.stt.command.program);
    config.stt.command.args = vec!["hello".to_owned()];
    let engines = load(&config).await.unwrap();
    assert_eq!(recognise(engines.recogniser.as_ref().unwrap()).await.unwrap(), "hello");
    write(&engines).await.unwrap();
    assert!(engines.llm.on_premises().await);
}

/// Gives every name these addresses, one after the other.
struct Moves(Mutex<VecDeque<&'static str>>);

impl Resolver for Moves {
    fn resolve(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let address = self.0.lock().unwrap().pop_front().unwrap();
        std::future::ready(Ok(vec![address.parse().unwrap()])).boxed()
    }
}

/// Engines of a server that has a name, of whose addresses 127.0.0.1 is on the premises.
fn named(port: u16, moves: &[&'static str]) -> (Recogniser, Voice) {
    let base_url = format!("http://audio.test:{port}/v1");
    let premises = Premises::new(|address| address == IpAddr::from([127, 0, 0, 1]))
        .with_resolver(Moves(Mutex::new(moves.iter().copied().collect())));
    let remote = Remote { base_url, ..Remote::default() };
    let server = Server::new(remote, premises, tokio::runtime::Handle::current()).unwrap();
    let ear: Box<dyn SpeechToText> = Box::new(stt::Remote::new(server.clone()));
    let mouth: Box<dyn TextToSpeech> = Box::new(tts::Remote::new(server));
    let ears = Desk::start(vec![ear], 1).unwrap();
    let mouths = Worker::start("mouths", vec![mouth], 1).unwrap();
    (
        Recogniser::new("remote", Defaults::default(), ears),
        Voice::new("remote", Cast::open(""), mouths),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_moves_outside_is_not_followed() {
    let audio = AudioServer::start().await;
    let base_url = audio.remote().base_url;
    let port = base_url.split(['/', ':']).find_map(|part| part.parse().ok()).unwrap();
    // The server keeps its connections, so each engine is made anew.
    for (moves, reached) in [
        (&["127.0.0.1", "127.0.0.1"], true),
        (&["127.0.0.2", "127.0.0.2"], false),
        (&["169.254.169.254", "8.8.8.8"], false),
        (&["::ffff:8.8.8.8", "::1"], false),
    ] {
        let before = (audio.uploads().len(), audio.texts().len());
        let (ear, mouth) = named(port, moves);
        match (recognise(&ear).await, speak(&mouth).await) {
            (Ok(_), Ok(_)) => assert!(reached, "{moves:?}"),
            (Err(heard), Err(said)) => {
                assert!(!reached, "{heard}, {said}");
                assert_eq!((heard.code(), said.code()), ("not_on_premises", "not_on_premises"));
                assert_eq!((audio.uploads().len(), audio.texts().len()), before);
            }
            other => panic!("{moves:?}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_leads_nowhere() {
    let outside = Outside::listen().await;
    let location = format!("http://{}/v1/elsewhere", outside.address);
    let redirect = move || {
        let location = location.clone();
        async move { (axum::http::StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]) }
    };
    let (inside, _tasks) = loopback::serve(Router::new().fallback(redirect)).await;
    let (ear, mouth) = named(inside.port(), &["127.0.0.1", "127.0.0.1"]);
    let (heard, said) = (recognise(&ear).await.unwrap_err(), speak(&mouth).await.unwrap_err());
    for error in [heard, said] {
        assert!(error.to_string().contains("307"), "{error}");
    }
    assert_eq!(outside.connections().await, 0);
}
