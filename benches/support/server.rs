//! The real server, in a process of its own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use sotto::client::process::Process;
use sotto::engine::http::client;

use super::shared::{WHISPER, models, shared};

/// Loading weights takes seconds; on a busy machine more.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// Dropping it ends it.
pub struct Server {
    child: Child,
    pub url: String,
    pub process: Process,
    /// What it keeps.
    _folder: tempfile::TempDir,
}

/// Settings of a server with the real pipeline and the recognition of the tests, as far as its weights are here.
pub fn recognised() -> Vec<(&'static str, String)> {
    let whisper = shared().join("models").join(WHISPER);
    let mut settings = vec![("SOTTO__LLM__PROVIDER", "echo".to_owned())];
    if whisper.exists() {
        settings.push(("SOTTO__STT__ENGINE", "whisper".to_owned()));
        settings.push(("SOTTO__STT__MODEL", whisper.display().to_string()));
    }
    settings
}

impl Server {
    /// Starts one that refuses nobody. What the environment sets (`SOTTO__…`) wins over `settings`.
    pub async fn start(settings: &[(&'static str, String)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
        command
            .args(["serve", "--bind", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(folder.path())
            .env("SECRET_KEY", "q0fSMdxjWjTsmXvUCfMnHmbUvEAeREXTPqIl4bHfsdc=")
            .env("SOTTO__WEBRTC__UDP_PORT", "0")
            .stdout(Stdio::null());
        let usual = [
            ("SOTTO_MODELS_DIR", models().display().to_string()),
            ("SOTTO__MODELS__OFFLINE", "true".to_owned()),
            ("SOTTO__LIMITS__CALLS", "5000".to_owned()),
            ("SOTTO__LIMITS__OFFERS_PER_MINUTE", "100000".to_owned()),
            ("SOTTO__TELEMETRY__LOG", "warn".to_owned()),
        ];
        for (name, value) in usual.iter().chain(settings) {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        let child = command.spawn()?;
        let (url, process) = (format!("http://127.0.0.1:{port}"), Process::new(child.id()));
        let mut server = Self { child, url, process, _folder: folder };
        tokio::time::timeout(READY_WITHIN, server.ready()).await.context("it does not start")??;
        Ok(server)
    }

    /// Waits until it would take a call.
    async fn ready(&mut self) -> anyhow::Result<()> {
        let http = client(&self.url, Some(Duration::from_secs(5)))?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the server ended: {status}");
            }
            match http.get(format!("{}/readyz", self.url)).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => anyhow::bail!("it takes no calls: {}", answer.text().await?),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours, and has nothing to finish.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
