//! What is chosen on a machine that has little, and what is said about it.

use std::time::Duration;

use sotto::client::{Call, HangUp};
use sotto::config::{Config, LlmProvider, SttEngine, TurnEngine, VadEngine};
use sotto::engine::{Choice, Engines};
use sotto::server::find_model_server;
use sotto_llm::discover::{Candidate, Kind, PATIENCE, discover, usual};
use tokio::process::Command;

use super::model_server::{Answer, ModelServer};
use super::stage::{answer, config, is, load, talks_to};
use crate::support::engines;
use crate::support::server::TestServer;

fn choice(engines: &Engines, stage: &str) -> Choice {
    engines.choices.iter().find(|choice| choice.stage == stage).unwrap().clone()
}

/// Everything `auto`, and programs that are on every machine.
fn automatic() -> Config {
    let mut config = engines::config();
    "cat".clone_into(&mut config.stt.command.program);
    "cat".clone_into(&mut config.tts.command.program);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn without_weights_programs_are_used_and_it_is_said_why() {
    let engines = load(&automatic()).await.unwrap();
    let stages: Vec<&str> = engines.choices.iter().map(|choice| choice.stage).collect();
    assert_eq!(stages, ["vad", "turn", "stt", "llm", "tts"]);
    let (vad, turn) = (choice(&engines, "vad"), choice(&engines, "turn"));
    assert_eq!((vad.name.as_str(), turn.name.as_str()), ("energy", "silence"));
    for choice in [vad, turn] {
        assert!(choice.why.contains("sotto models pull"), "{choice:?}");
    }
    let stt = choice(&engines, "stt");
    assert_eq!(stt.name, "cat");
    assert!(stt.why.contains("no Whisper weights are here"), "{stt:?}");
    assert!(stt.why.contains("sotto models pull"), "{stt:?}");
    assert_eq!(
        (choice(&engines, "llm").name, choice(&engines, "tts").name),
        ("echo".into(), "cat".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_anything_that_recognises_callers_are_told_what_is_missing() {
    let mut config = automatic();
    "no-such-recogniser".clone_into(&mut config.stt.command.program);
    "no-such-voice".clone_into(&mut config.tts.command.program);
    let engines = load(&config).await.unwrap();
    let tts = choice(&engines, "tts");
    assert_eq!(tts.name, "none");
    for word in ["sotto models pull kokoro", "no-such-voice is not installed"] {
        assert!(tts.why.contains(word), "{tts:?}");
    }
    let stt = choice(&engines, "stt");
    assert!(
        stt.name == "none" && stt.why.contains("no-such-recogniser is not installed"),
        "{stt:?}"
    );
    let server = TestServer::with(config, engines).await;
    let Err(refused) = Call::place(server.options()).await else { panic!("nobody would hear") };
    let words = refused.to_string();
    assert!(words.contains("503") && words.contains("sotto models pull"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_and_is_not_here_is_an_error() {
    let check = async |change: &dyn Fn(&mut Config), part: &str| {
        let mut config = config();
        change(&mut config);
        let Err(words) = load(&config).await else { panic!("no error about {part}") };
        assert!(words.contains(part), "{part}: {words}");
    };
    check(&|c| c.stt.command.program = "no-such-program".into(), "no-such-program is not").await;
    check(&|c| c.tts.command.program = "/no/such/program".into(), "/no/such/program is not").await;
    check(&|c| c.stt.engine = SttEngine::Whisper, "no Whisper weights are here").await;
    let named = |c: &mut Config| {
        c.stt.engine = SttEngine::Whisper;
        c.stt.model = "whisper-base".to_owned();
    };
    check(&named, "whisper-base is not here; get it with: sotto models pull whisper-base").await;
    check(&|c| c.vad.engine = VadEngine::Silero, "sotto models pull").await;
    check(&|c| c.turn.engine = TurnEngine::SmartTurnV3, "sotto models pull").await;
    check(&|c| c.turn.engine = TurnEngine::SmartTurnV2, "docs/operations.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_server_on_this_machine_is_found_and_answers() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let model = ModelServer::start(vec![Answer::says("Found me.")]).await;
    let candidates = [
        Candidate { kind: Kind::Ollama, addr: nobody },
        Candidate { kind: Kind::LlamaCpp, addr: model.address },
    ];
    // Longer than a server takes, because this machine has other things to do.
    let patience = 10 * PATIENCE;
    let found = discover(&candidates, &[], patience).await.unwrap();
    assert_eq!((found.kind, &found.base_url), (Kind::LlamaCpp, &model.url));
    assert_eq!(found.model, "chatty:7b", "the first that is not for embeddings");
    assert_eq!(discover(&candidates, &[model.address], patience).await, None);
    let (server, _) = talks_to(&model, |config| {
        config.llm.provider = LlmProvider::Auto;
        config.llm.base_url.clone_from(&found.base_url);
        config.llm.model.clear();
    })
    .await;
    let mut call = server.call().await;
    let response = answer(&mut call, "Are you there?").await;
    assert_eq!(response["output"][0]["content"][0]["transcript"], "Found me.");
    assert_eq!(model.requests()[0]["model"], "chatty:7b");
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_server_that_is_started_later_answers_the_next_call() {
    let server = TestServer::fake().await;
    let mut first = server.call().await;
    let response = answer(&mut first, "Are you there?").await;
    assert_eq!(response["output"][0]["content"][0]["transcript"], "Are you there?", "the echo");
    first.wait_until(Duration::from_secs(5), is("output_audio_buffer.stopped")).await.unwrap();
    let model = ModelServer::start(vec![Answer::says("I am here now.")]).await;
    let candidates = [Candidate { kind: Kind::Ollama, addr: model.address }];
    let config = config();
    let own = ([127, 0, 0, 1], 1).into();
    let every = Duration::from_millis(20);
    let look = find_model_server(&config, &server.calls, &candidates, own, every);
    let found = async {
        while server.calls.engines().llm.name() == "echo" {
            tokio::time::sleep(every).await;
        }
    };
    tokio::select! {
        () = look => unreachable!("it looks until it is told to stop"),
        found = tokio::time::timeout(Duration::from_secs(10), found) => found.unwrap(),
    }
    let llm = choice(&server.calls.engines(), "llm");
    assert!(llm.why.contains("found Ollama"), "{}", llm.why);
    let mut second = server.call().await;
    let response = answer(&mut second, "Are you there?").await;
    assert_eq!(response["output"][0]["content"][0]["transcript"], "I am here now.");
    // What was begun with the echo stays with it.
    let response = answer(&mut first, "And you?").await;
    assert_eq!(response["output"][0]["content"][0]["transcript"], "And you?");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_server_the_echo_answers_and_says_why() {
    let mut config = config();
    config.llm.provider = LlmProvider::Auto;
    let llm = choice(&load(&config).await.unwrap(), "llm");
    // Whoever runs these tests may have a model server at its usual port.
    if let Some(found) = discover(&usual(), &[], Duration::from_secs(1)).await {
        assert_eq!(llm.name, found.model);
        return;
    }
    assert_eq!(llm.name, "echo");
    assert!(llm.why.contains("no model server on this machine"), "{}", llm.why);
    assert!(llm.why.contains("llm.base_url"), "{}", llm.why);
}

/// What `sotto doctor` says; a process of its own, since one process loads onnxruntime once.
async fn doctor(engine: &str, library: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sotto.yml");
    let text = format!(
        "vad: {{engine: {engine}}}\nllm: {{provider: echo}}\ntts: {{command: {{program: cat}}}}\n\
         models: {{offline: true, onnxruntime: {library:?}}}\n\
         stt: {{engine: command, command: {{program: cat}}}}\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
    command.args(["doctor", "--config"]).arg(&config).arg("--models-dir").arg(folder.path());
    let output = command.kill_on_drop(true).output().await.unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test]
async fn a_library_that_is_none_is_named_with_what_to_do() {
    let none = tempfile::Builder::new().suffix(".so").tempfile().unwrap();
    std::fs::write(none.path(), "this is no library").unwrap();
    for library in ["/no/such/libonnxruntime.so", none.path().to_str().unwrap()] {
        let words = doctor("silero", library).await;
        assert!(words.contains("an engine that is configured cannot run"), "{words}");
        assert!(words.contains(&format!("cannot be loaded from {library}")), "{words}");
        assert!(words.contains("sotto models pull onnxruntime"), "{words}");
        let words = doctor("auto", library).await;
        assert!(words.contains("energy (onnxruntime cannot be loaded from"), "{words}");
        assert!(words.contains("ready"), "a call works all the same: {words}");
    }
}
