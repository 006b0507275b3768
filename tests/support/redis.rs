//! A Redis of its own, on a free port, without files.

use std::process::Stdio;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::shared;

/// See the module. Dropping it ends it.
pub struct TestRedis {
    pub url: String,
    port: u16,
    process: Child,
}

impl TestRedis {
    /// Starts one, or skips the test.
    pub async fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        Self::start_on(free).await
    }

    /// Starts one on this port, or skips the test.
    pub async fn start_on(port: u16) -> Option<Self> {
        let started = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(process) = started else {
            shared::skip("there is no redis-server");
            return None;
        };
        for _ in 0..250 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(Self { url: format!("redis://127.0.0.1:{port}/0"), port, process });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("redis-server does not listen on {port}");
    }

    /// Ends it; the port it had.
    pub async fn stop(mut self) -> u16 {
        self.process.kill().await.unwrap();
        self.port
    }
}
