//! `sotto doctor`: what is here, what is missing, and what would be used.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use super::keys::keyring;
use super::{Common, check_files, runtime};
use crate::call::admission::estimate::{Estimate, estimate_here};
use crate::chat::owner::check_ring;
use crate::config::{CallLimit, Config, SMART_TURN_V2, SttEngine, TtsEngine, TurnEngine};
use crate::engine::program::find;
use crate::engine::{Engines, device, find_smart_turn_v2, onnxruntime_path};
use crate::models::{Status, Store};
use crate::store::Db;
use crate::store::db::SQLITE_FILE;

/// Programs that can be engines, and how to get them on Debian and Ubuntu.
const PROGRAMS: [(&str, &str); 3] = [
    ("espeak-ng", "apt install espeak-ng"),
    ("pocketsphinx_continuous", "apt install pocketsphinx pocketsphinx-en-us"),
    ("python3", "apt install python3 python3-pip (to fetch models that Python packages carry)"),
];

pub(super) fn run(common: &Common) -> anyhow::Result<()> {
    let config = Arc::new(common.load()?);
    let store = Arc::new(super::store(&config));
    check_files(&config)?;
    println!("configuration: good");
    ports(&config);
    keeping(&config);
    match onnxruntime_path(&config, &store) {
        Some(path) => println!("onnxruntime: {}", path.display()),
        None => println!("onnxruntime: missing; sotto models pull onnxruntime"),
    }
    for (program, install) in PROGRAMS {
        match find(program) {
            Some(path) => println!("{program}: {}", path.display()),
            None => println!("{program}: missing; {install}"),
        }
    }
    println!("models in {}:", absolute(&config.models.dir));
    for model in store.manifest().iter().filter(|model| model.has_files()) {
        let status = match store.status(model) {
            Status::Here => "here",
            Status::Missing => "not here",
            Status::Damaged => "damaged; pull it again",
        };
        println!("  {:<24} {status}", model.name);
    }
    smart_turn_v2(&config, &store);
    if matches!(config.stt.engine, SttEngine::Auto | SttEngine::Whisper) {
        match device::open("stt", config.stt.device) {
            Ok(opened) => println!("recognition computes on: {}", opened.name),
            Err(error) => println!("{error}"),
        }
    }
    if matches!(config.tts.engine, TtsEngine::Auto | TtsEngine::Kokoro) {
        match device::open("tts", config.tts.device) {
            Ok(opened) => println!("speech computes on: {}", opened.name),
            Err(error) => println!("{error}"),
        }
    }
    println!("what would be used:");
    let loaded = runtime()?.block_on(Engines::load(Arc::clone(&config), store, config.server.bind));
    match loaded {
        Ok(engines) => {
            for choice in &engines.choices {
                println!("  {:<5} {} ({})", choice.stage, choice.name, choice.for_operator());
            }
            capacity(config.limits.calls, &estimate_here(&engines.choices));
            anyhow::ensure!(
                engines.recogniser.is_some(),
                "nobody can call before there is a recognition engine: sotto models pull, \
                 or apt install pocketsphinx pocketsphinx-en-us"
            );
            println!("ready: sotto serve");
            Ok(())
        }
        Err(error) => Err(anyhow::anyhow!("an engine that is configured cannot run: {error}")),
    }
}

/// How many calls are taken at once, and how many the machine was measured to carry.
fn capacity(configured: CallLimit, estimate: &Estimate) {
    let Estimate { calls, .. } = estimate;
    match configured {
        CallLimit::Auto => println!("calls at once: {calls} ({})", estimate.why()),
        CallLimit::Fixed(fixed) => {
            println!(
                "calls at once: {fixed} (limits.calls; auto would be {calls}: {})",
                estimate.why()
            );
        }
    }
}

/// What the manifest cannot say: whether Smart Turn v2 is here, and what it would compute on.
fn smart_turn_v2(config: &Config, store: &Store) {
    let found = find_smart_turn_v2(config, store);
    let status = match &found {
        Ok(_) => "here",
        Err(_) => "not here; has to be put there by hand (docs/operations.md)",
    };
    println!("  {SMART_TURN_V2:<24} {status}");
    let engine = config.turn.engine;
    if engine == TurnEngine::SmartTurnV2 || (engine == TurnEngine::Auto && found.is_ok()) {
        match device::open("turn", config.turn.device) {
            Ok(opened) => println!("end of turn computes on: {}", opened.name),
            Err(error) => println!("{error}"),
        }
    }
}

/// Whether what is said can be kept: the server's keys and the database.
fn keeping(config: &Config) {
    let ring = match keyring() {
        Ok(ring) => {
            println!("keys: {}, of which {} is in use", ring.kids().count(), ring.active());
            Some(ring)
        }
        Err(error) => {
            println!("keys: {error:#}");
            None
        }
    };
    let file = config.server.data_dir.join(SQLITE_FILE);
    if config.database.url.reveal().is_none() && !file.exists() {
        println!("database: {} is made at the first start", file.display());
        return;
    }
    let opened = runtime().and_then(|runtime| {
        runtime.block_on(async {
            let db = Db::open(&config.database, &config.server.data_dir).await?;
            if let Some(ring) = &ring {
                check_ring(&db, ring).await?;
            }
            db.close().await;
            anyhow::Ok(())
        })
    });
    match opened {
        Ok(()) => println!("database: good"),
        Err(error) => println!("database: {error:#}"),
    }
}

fn ports(config: &Config) {
    for bind in [Some(config.server.bind), config.telemetry.metrics.bind].into_iter().flatten() {
        match TcpListener::bind(bind) {
            Ok(_) => println!("TCP {bind}: free"),
            Err(error) => println!("TCP {bind}: {error} (is a server running already?)"),
        }
    }
    let media = SocketAddr::from(([0, 0, 0, 0], config.webrtc.udp_port));
    match UdpSocket::bind(media) {
        Ok(_) => println!("UDP {}: free", config.webrtc.udp_port),
        Err(error) => println!("UDP {}: {error}", config.webrtc.udp_port),
    }
}

fn absolute(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}
