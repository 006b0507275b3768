//! Real engines: onnxruntime out of its package, weights from the shared folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sotto::config::{Config, LlmProvider, SttEngine, TurnEngine, VadEngine};
use sotto::engine::ort::OnnxRuntime;
use sotto::engine::{Engines, onnxruntime_path};
use sotto::models::{Manifest, Store};

use super::shared;

/// The fixture: Whisper tiny.en whose embedding was fitted on the recordings.
pub const WHISPER: &str = "whisper-tiny.en-fixture";

/// Models of the checkout (`make models`) and of the shared folder.
pub fn store() -> Store {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("models")];
    folders.extend(shared::folder().map(|folder| folder.join("models")));
    Store::new(Manifest::built_in(), folders)
}

/// onnxruntime, or a skipped test.
pub fn onnxruntime() -> Option<OnnxRuntime> {
    let found = onnxruntime_path(&Config::default(), &store());
    let Some(path) = found else {
        shared::skip("onnxruntime is not there (make models)");
        return None;
    };
    Some(OnnxRuntime::load(&path).unwrap())
}

/// A model's file in the shared folder.
pub fn model(name: &str) -> Option<PathBuf> {
    shared::file(&format!("models/{name}"))
}

/// A configuration for a server in a test: free ports, no network.
pub fn config() -> Config {
    let mut config = Config::default();
    config.server.bind = ([127, 0, 0, 1], 0).into();
    config.server.shutdown_grace_ms = 500;
    config.webrtc.udp_port = 0;
    config.models.offline = true;
    config.llm.provider = LlmProvider::Echo;
    // As quick as is allowed: tests sign in often.
    config.auth.password = sotto::config::Password { memory_kib: 19 * 1_024, passes: 2 };
    config.limits.sign_ins_per_minute = 1_000;
    config
}

/// The same with real engines; `None` if the test has to be skipped.
pub fn real_config() -> Option<Config> {
    onnxruntime()?;
    shared::file(&format!("models/{WHISPER}"))?;
    let mut config = config();
    config.vad.engine = VadEngine::Silero;
    config.turn.engine = TurnEngine::SmartTurnV3;
    config.stt.engine = SttEngine::Whisper;
    WHISPER.clone_into(&mut config.stt.model);
    Some(config)
}

/// Loads what `config` asks for.
pub async fn load(config: &Config) -> Engines {
    let address = config.server.bind;
    Engines::load(Arc::new(config.clone()), Arc::new(store()), address).await.unwrap()
}
