//! What the tests here have in common: a server whose engines come out of its configuration, and questions.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sotto::client::Call;
use sotto::config::{Config, LlmProvider, SttEngine, TtsEngine, TurnEngine, VadEngine};
use sotto::engine::Engines;
use sotto::engine::handles::Voice;
use sotto::engine::worker::Worker;
use sotto::models::{Manifest, Store};
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::failure::EngineError;
use sotto::pipeline::tts::cast::Cast;
use sotto::pipeline::tts::{Speech, SpeechRequest, TextToSpeech};

use super::model_server::ModelServer;
use crate::support::server::TestServer;
use crate::support::{engines, fakes};

/// Nothing here takes nearly as long.
pub const SOON: Duration = Duration::from_secs(6);

/// A configuration that needs no weights and ends turns quickly; recognition and speech are programs that
/// are everywhere, until a test sets others.
pub fn config() -> Config {
    let mut config = engines::config();
    config.vad.engine = VadEngine::Energy;
    config.turn.engine = TurnEngine::Silence;
    config.turn.silence_ms = 400;
    config.stt.engine = SttEngine::Command;
    "cat".clone_into(&mut config.stt.command.program);
    config.tts.engine = TtsEngine::Command;
    "cat".clone_into(&mut config.tts.command.program);
    config
}

/// The engines of a configuration, on a machine without models.
pub async fn load(config: &Config) -> Result<Engines, String> {
    let store = Arc::new(Store::new(Manifest::built_in(), vec!["/no/such/folder".into()]));
    let loaded = Engines::load(Arc::new(config.clone()), store, config.server.bind).await;
    loaded.map_err(|error| error.to_string())
}

/// A server with the engines of a configuration.
pub async fn serve(config: Config) -> TestServer {
    let engines = load(&config).await.unwrap();
    TestServer::with(config, engines).await
}

/// What a voice was asked to say.
pub type Said = Arc<Mutex<Vec<String>>>;

/// Speaks half a second of tone for every clause, and notes what it was asked to say.
struct NotingVoice(Said);

impl TextToSpeech for NotingVoice {
    fn synthesize(
        &mut self,
        request: SpeechRequest<'_>,
        _: &Cancel,
        sink: &mut dyn FnMut(Speech) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        self.0.lock().unwrap().push(request.text.to_owned());
        let samples = (0..12_000).map(|i| (i as f32 * 0.1).sin() * 0.3).collect();
        let _ = sink(Speech { samples, words: Vec::new() });
        Ok(())
    }
}

/// A server whose language model is `model`, reached as configured; the rest is fake, and what is spoken is
/// noted.
pub async fn talks_to(model: &ModelServer, change: impl FnOnce(&mut Config)) -> (TestServer, Said) {
    let mut config = config();
    config.llm.provider = LlmProvider::OpenAi;
    config.llm.base_url.clone_from(&model.url);
    "chatty:7b".clone_into(&mut config.llm.model);
    change(&mut config);
    let llm = load(&config).await.unwrap().llm;
    let said = Said::default();
    let voice: Box<dyn TextToSpeech> = Box::new(NotingVoice(Arc::clone(&said)));
    let worker = Worker::start("tts", vec![voice], 8).unwrap();
    let mut engines = fakes::with_llm(&["hello there"], llm);
    engines.voice = Some(Voice::new("noting", Cast::open(""), worker));
    (TestServer::with(config, engines).await, said)
}

/// Whether an event is of this kind.
pub fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == kind
}

/// Asks in writing, and begins to listen to the answer.
pub async fn ask(call: &Call, question: &str) {
    let content = json!([{ "type": "input_text", "text": question }]);
    let item = json!({ "type": "message", "role": "user", "content": content });
    call.send(&json!({ "type": "conversation.item.create", "item": item })).await.unwrap();
    call.send(&json!({ "type": "response.create" })).await.unwrap();
}

/// Asks in writing and waits for the end of the answer; gives its `response`.
pub async fn answer(call: &mut Call, question: &str) -> Value {
    ask(call, question).await;
    let done = call.wait_until(SOON, is("response.done")).await;
    done.expect("an answer")["response"].clone()
}

/// The code and the words of a response that failed.
pub fn failure(response: &Value) -> (String, String) {
    assert_eq!(response["status"], "failed", "{response}");
    let error = &response["status_details"]["error"];
    let part = |name: &str| error[name].as_str().unwrap().to_owned();
    (part("code"), part("message"))
}
