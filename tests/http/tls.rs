//! HTTPS: with a certificate made here, or one of the operator's.

use std::time::Duration;

use sotto::auth::clock::Clock;
use sotto::config::Config;
use sotto::server::Server;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::server::{TestServer, keyring};
use crate::support::{engines, fakes};

fn config(folder: &tempfile::TempDir) -> Config {
    let mut config = engines::config();
    folder.path().clone_into(&mut config.server.data_dir);
    config.server.tls.self_signed = true;
    config
}

/// A client that takes any certificate, as a person does who clicks the warning away.
fn trusting() -> reqwest::Client {
    sotto::engine::http::install_crypto();
    reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_made_once_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..2 {
        let server = TestServer::with(config(&folder), fakes::engines(&["hello"])).await;
        let url = server.url.replace("http:", "https:");
        let page = trusting().get(&url).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let strict = server.http.get(&url).send().await;
        assert!(strict.is_err(), "nobody vouches for it");
        server.stop().await;
        let made = std::fs::read(folder.path().join("self-signed.crt")).unwrap();
        if round == 0 {
            std::fs::write(folder.path().join("first.crt"), made).unwrap();
        } else {
            assert_eq!(made, std::fs::read(folder.path().join("first.crt")).unwrap());
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = folder.path().join("self-signed.key").metadata().unwrap();
        assert_eq!(key.permissions().mode() & 0o077, 0, "only its owner reads the key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_shake_hands_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::with(config(&folder), fakes::engines(&["hello"])).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut silent = Vec::new();
    for words in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(words).await.unwrap();
        silent.push(stream);
    }
    let get = trusting().get(format!("https://{address}/healthz")).send();
    let alive = tokio::time::timeout(Duration::from_secs(5), get).await.unwrap().unwrap();
    assert_eq!(alive.text().await.unwrap(), "ok\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_none_is_named_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    let (cert, key) = (folder.path().join("own.crt"), folder.path().join("own.key"));
    config.server.tls.self_signed = false;
    config.server.tls.cert = Some(cert.clone());
    config.server.tls.key = Some(key);
    for content in [None, Some("this is no certificate")] {
        if let Some(content) = content {
            std::fs::write(&cert, content).unwrap();
        }
        let (config, engines) = (std::sync::Arc::new(config.clone()), fakes::engines(&["hello"]));
        let server = Server::with_engines(config, keyring(), engines, Clock::system());
        let Err(error) = server.await else { panic!("it serves") };
        assert!(error.to_string().contains("own."), "{error}");
    }
}
