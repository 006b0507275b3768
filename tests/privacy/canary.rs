//! A person speaks, types and is answered; afterwards the canaries are looked for in the database and its log, in what
//! the server said, in its temporary files, and in its memory.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Client;
use serde_json::{Value, json};
use sotto::pipeline::codec::wav;
use sotto::vault::key::Key;
use sotto::vault::record::{Binding, seal, wrap_key};
use sotto::vault::sealed::IdentityPublic;
use tempfile::TempDir;

use super::memory::{Needle, in_files, in_process};
use crate::providers::model_server::{Answer, ModelServer};
use crate::support::browser::Browser;
use crate::support::database::SECRET_KEYS;
use crate::support::fakes::voice_like;
use crate::support::socket::Socket;

/// What is heard, what is typed, what is answered. Long enough that nothing has them by chance.
const HEARD: &str = "the heard canary sings of marmalade and turpentine";
const TYPED: &str = "the typed canary dreams about nine purple escalators";
const ANSWERED: &str = "the answering canary recommends a violin full of soup.";
/// After this the end of a conversation is the end.
const SETTLED: Duration = Duration::from_secs(5);

/// A server of its own, with programs as ears and voice, and a model on loopback.
struct World {
    child: Child,
    url: String,
    folder: TempDir,
    /// What the programs play: the server is not to be taken for its configuration.
    _props: TempDir,
    _model: ModelServer,
    sound: Vec<i16>,
}

impl World {
    async fn begin() -> Self {
        let model = ModelServer::start(vec![Answer::says(ANSWERED)]).await;
        let folder = tempfile::tempdir().unwrap();
        for part in ["data", "tmp"] {
            std::fs::create_dir(folder.path().join(part)).unwrap();
        }
        let props = tempfile::tempdir().unwrap();
        let (voice, heard) = (props.path().join("voice.wav"), props.path().join("heard"));
        std::fs::write(&voice, wav::encode(&vec![0.1; 24_000], 24_000)).unwrap();
        std::fs::write(&heard, HEARD).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SOTTO_")) {
            command.env_remove(name);
        }
        let list = |parts: &[&str]| serde_json::to_string(parts).unwrap();
        let hears = format!("cat >/dev/null; cat '{}'", heard.display());
        let speaks = format!("cat >/dev/null; cat '{}'", voice.display());
        let child = command
            .args(["serve", "--bind", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(folder.path().join("data"))
            .arg("--models-dir")
            .arg(folder.path())
            .env("TMPDIR", folder.path().join("tmp"))
            .env("SECRET_KEYS", SECRET_KEYS)
            .env("SOTTO__WEBRTC__UDP_PORT", "0")
            .env("SOTTO__MODELS__OFFLINE", "true")
            .env("SOTTO__VAD__ENGINE", "energy")
            .env("SOTTO__TURN__ENGINE", "silence")
            .env("SOTTO__STT__ENGINE", "command")
            .env("SOTTO__STT__COMMAND__PROGRAM", "bash")
            .env("SOTTO__STT__COMMAND__ARGS", list(&["-c", &hears]))
            .env("SOTTO__TTS__ENGINE", "command")
            .env("SOTTO__TTS__COMMAND__PROGRAM", "bash")
            .env("SOTTO__TTS__COMMAND__ARGS", list(&["-c", &speaks]))
            .env("SOTTO__LLM__BASE_URL", &model.url)
            .env("SOTTO__LLM__MODEL", "canary")
            .env("SOTTO__TELEMETRY__LOG", "trace")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let world = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            folder,
            _props: props,
            _model: model,
            sound: (0..64).map(|i| ((i * 7_919 + 12_345) % 40_000 - 20_000) as i16).collect(),
        };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        world
    }

    fn needles(&self) -> Vec<Needle> {
        vec![
            Needle::words("what was heard", HEARD),
            Needle::words("what was typed", TYPED),
            Needle::words("what was answered", ANSWERED),
            Needle::sound("the sound", &self.sound),
        ]
    }

    /// Everything on disk, the log included, except the voice.
    fn on_disk(&self) -> Vec<String> {
        in_files(self.folder.path(), &self.needles())
    }

    fn in_memory(&self) -> Vec<String> {
        in_process(self.child.id(), &self.needles())
    }

    /// Speaks, types, is answered both times, and hangs up.
    async fn talk(&self, browser: &Browser<'_>, conversation: &str) {
        let headers = [("cookie", browser.cookie_header()), ("origin", self.url.clone())];
        let query = format!("conversation={conversation}");
        let mut socket = Socket::open_as(&self.url, &query, &headers).await.unwrap();
        let mut speech = voice_like(900);
        let canary = self.sound.iter().map(|sample| f32::from(*sample) / 32_768.0);
        speech.splice(4_000..4_064, canary);
        self.say(&mut socket, &speech).await;
        // The words of the person, and those of the reply once it has been heard.
        socket.until("sotto.item.stored").await;
        socket.until("sotto.item.stored").await;
        socket.type_in(TYPED).await;
        socket.until("sotto.item.stored").await;
        socket.send(json!({ "type": "response.create" })).await;
        socket.until("sotto.item.stored").await;
        // Of a call that is lost something is left for a minute; of one that somebody ends there is nothing.
        let path = format!("/v1/realtime/calls/{}", socket.call_id());
        let ended = browser.request(reqwest::Method::DELETE, &path).send().await.unwrap();
        assert_eq!(ended.status().as_u16(), 200);
    }

    /// Sends sound as it is, without resampling, so that the canary in it stays what it is.
    async fn say(&self, socket: &mut Socket, samples: &[f32]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|s| wav::to_i16(*s).to_le_bytes()).collect();
        for piece in bytes.chunks(9_600) {
            let audio = BASE64.encode(piece);
            socket.send(json!({ "type": "input_audio_buffer.append", "audio": audio })).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client() -> Client {
    sotto::engine::http::install_crypto();
    // No connection is kept, so that the server's buffers for it are gone, too.
    Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap()
}

async fn begin(browser: &mut Browser<'_>, body: Value) -> String {
    let made = browser.post("/api/v1/conversations", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_conversation_is_in_no_file_in_the_clear() {
    let world = World::begin().await;
    let http = client();
    let mut ann = Browser::guest_at(&http, &world.url).await;
    let id = begin(&mut ann, json!({})).await;
    world.talk(&ann, &id).await;
    assert_eq!(world.on_disk(), Vec::<String>::new());
    // It is there, for whoever has the key.
    let opened = ann.get(&format!("/api/v1/conversations/{id}")).await.body.to_string();
    for words in [HEARD, TYPED, ANSWERED] {
        assert!(opened.contains(words), "{opened}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_conversation_is_gone_when_it_ends() {
    let world = World::begin().await;
    let http = client();
    let mut ann = Browser::guest_at(&http, &world.url).await;
    let id = begin(&mut ann, json!({ "tier": "ephemeral" })).await;
    world.talk(&ann, &id).await;
    tokio::time::sleep(SETTLED).await;
    assert_eq!(ann.get(&format!("/api/v1/conversations/{id}")).await.status, 404);
    assert_eq!(world.on_disk(), Vec::<String>::new());
    assert_eq!(world.in_memory(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_conversation_is_sealed_and_gone_from_memory() {
    let world = World::begin().await;
    let http = client();
    let mut ann = Browser::account_at(&http, &world.url, "ann").await;
    let person = ann.me().await["id"].as_str().unwrap().to_owned();
    let id = private(&mut ann, &person).await;
    world.talk(&ann, &id).await;
    tokio::time::sleep(SETTLED).await;
    assert_eq!(world.on_disk(), Vec::<String>::new());
    assert_eq!(world.in_memory(), Vec::<String>::new());
    let opened = ann.get(&format!("/api/v1/conversations/{id}")).await;
    assert_eq!(opened.body["items"].as_array().unwrap().len(), 4);
}

/// What a browser does for a private conversation.
async fn private(browser: &mut Browser<'_>, person: &str) -> String {
    let public = IdentityPublic::of(&Key::random().unwrap()).unwrap();
    let vault = json!({
        "identity": {
            "public": BASE64.encode(public.to_bytes()),
            "wrapped": BASE64.encode(b"only the browser can open this"),
        },
        "slots": [{ "id": "a", "kind": "passphrase" }, { "id": "b", "kind": "recovery" }],
    });
    let set_up = browser.send(reqwest::Method::PUT, "/api/v1/vault", Some(vault)).await;
    assert_eq!(set_up.status, 204, "{set_up:?}");
    let id = format!("conv_{:032x}", rand::random::<u128>());
    let (master, key) = (Key::random().unwrap(), Key::random().unwrap());
    let place = Binding::ConversationKey { owner: person, conversation: &id, tier: "private" };
    let wrap = wrap_key(&master, 1, &place, &key).unwrap();
    let meta = seal(&key, 1, &Binding::Meta { conversation: &id }, b"{}").unwrap();
    let (key, meta) = (BASE64.encode(wrap), BASE64.encode(meta));
    begin(browser, json!({ "tier": "private", "id": id, "key": key, "meta": meta })).await
}
