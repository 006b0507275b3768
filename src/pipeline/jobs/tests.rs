//! The rule of a call reaches every job. What a server outside would see is nothing at all.

use std::net::SocketAddr;
use std::time::Duration;

use sotto_llm::Premises;
use sotto_llm::openai::{OpenAi, OpenAiConfig};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::config::Remote;
use crate::engine::desk::Desk;
use crate::engine::handles::Defaults;
use crate::engine::http::Server;
use crate::engine::worker::Worker;
use crate::pipeline::tts::cast::Cast;
use crate::pipeline::{stt, tts};

/// Long for a connection on loopback that is made at all.
const A_MOMENT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);
const RECOGNITION: Recognition = Recognition { turn: TurnId(0), segment: 0, attempt: 0 };

/// The three that may be elsewhere, all at one address.
struct Elsewhere {
    llm: Arc<dyn Provider>,
    recogniser: Recogniser,
    voice: Voice,
}

impl Elsewhere {
    fn new(address: SocketAddr, premises: &Premises) -> Self {
        let base_url = format!("http://{address}/v1");
        let mut config = OpenAiConfig::new(&base_url, "test-model");
        config.premises = premises.clone();
        let remote = Remote { base_url, ..Remote::default() };
        let runtime = tokio::runtime::Handle::current();
        let server = Server::new(remote, premises.clone(), runtime).unwrap();
        let ear: Box<dyn stt::SpeechToText> = Box::new(stt::Remote::new(server.clone()));
        let mouth: Box<dyn tts::TextToSpeech> = Box::new(tts::Remote::new(server));
        let ears = Desk::start(vec![ear], 1).unwrap();
        let mouths = Worker::start("mouths", vec![mouth], 1).unwrap();
        Self {
            llm: Arc::new(OpenAi::new(&config).unwrap()),
            recogniser: Recogniser::new("remote", Defaults::default(), ears),
            voice: Voice::new("remote", Cast::open(""), mouths),
        }
    }
}

/// Begins all jobs of a call that may need a server, one after the other, and gives how each failed.
async fn failures(engines: &Elsewhere, reach: Reach) -> Vec<(&'static str, String)> {
    let mut jobs = Jobs::new(TaskTracker::new(), CancellationToken::new(), reach, None);
    let reply = ReplyId(0);
    let manner = Manner { voice: None, speed: 1.0 };
    let mut failures = Vec::new();
    for job in 0..3 {
        match job {
            0 => {
                let (speech, draft) = (Duration::from_millis(100), Vec::new());
                let hints = Hints { urgency: Urgency::Final, speech, draft, language: None };
                let audio = vec![0.0; 1_600];
                jobs.recognise(
                    Some(&engines.recogniser),
                    RECOGNITION,
                    audio,
                    hints,
                    Expected::default(),
                );
            }
            1 => jobs.write(&engines.llm, reply, vec![(Role::User, Text::from("secret"))], None),
            _ => {
                let text = Text::from("secret");
                jobs.speak(Some(&engines.voice), reply, 0, text, manner.clone());
            }
        }
        let failure = match timeout(LONG, jobs.next()).await.unwrap().unwrap() {
            Result::Event(Event::Recognised { result, .. }) => result.unwrap_err(),
            Result::Event(Event::Written { result, .. }) => result.unwrap_err(),
            Result::Event(Event::SpeechFailed { failure, .. }) => failure,
            _ => panic!("job {job} did not fail"),
        };
        failures.push((failure.code, failure.message));
    }
    failures
}

async fn sees_a_connection(listener: &TcpListener) -> bool {
    timeout(A_MOMENT, listener.accept()).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_stays_on_the_premises_asks_nobody_outside() {
    let outside = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = outside.local_addr().unwrap();
    let premises = Premises::new(|address| address.to_string().starts_with("10."));
    let engines = Elsewhere::new(address, &premises);
    for (code, message) in failures(&engines, Reach::OnPremises).await {
        assert_eq!(code, "not_on_premises", "{message}");
        assert!(message.contains("stays on the premises"), "{message}");
        assert!(message.contains("privacy.on_premises"), "{message}");
        assert!(!message.contains("127") && !message.contains("secret"), "{message}");
    }
    assert!(!sees_a_connection(&outside).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_and_without_the_rule_the_server_is_asked() {
    let nothing = Premises::new(|_| false);
    for (premises, reach) in [(Premises::default(), Reach::OnPremises), (nothing, Reach::Anywhere)]
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let engines = Elsewhere::new(listener.local_addr().unwrap(), &premises);
        let mut connections = 0;
        let hang_up = async {
            while let Ok(connection) = listener.accept().await {
                drop(connection);
                connections += 1;
            }
        };
        let failures = tokio::select! {
            failures = failures(&engines, reach) => failures,
            () = hang_up => unreachable!(),
        };
        assert!(failures.iter().all(|(code, _)| *code != "not_on_premises"), "{failures:?}");
        assert!(connections >= 3, "{connections}");
    }
}
