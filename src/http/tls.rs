//! HTTPS: a certificate of the operator's, or one made here.
//!
//! Handshakes run beside each other, so that a client that does not finish its own holds up nobody.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::undelayed::undelay;
use crate::config::Tls;

/// A handshake that takes longer is given up.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait when a connection cannot be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Connections that have shaken hands and wait to be served.
const WAITING: usize = 64;

/// HTTPS cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("server.tls: {0}")]
pub struct TlsError(String);

/// Accepts TLS connections.
pub struct TlsListener {
    address: SocketAddr,
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    /// Serves TLS on `listener`. Its tasks run on `tracker` and end with `cancel`.
    pub fn new(
        listener: TcpListener,
        config: Arc<ServerConfig>,
        tracker: &TaskTracker,
        cancel: CancellationToken,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, accepted) = mpsc::channel(WAITING);
        let acceptor = TlsAcceptor::from(config);
        let handshakes = tracker.clone();
        tracker.spawn(async move {
            loop {
                let connection = tokio::select! {
                    connection = listener.accept() => connection,
                    () = cancel.cancelled() => return,
                };
                let Ok((stream, from)) = connection else {
                    // Most likely there are no file descriptors; some may be free in a moment.
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    continue;
                };
                undelay(&stream);
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                handshakes.spawn(async move {
                    let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = shaken {
                        // If the server has ended, the connection ends with it.
                        let _ = sender.send((stream, from)).await;
                    }
                });
            }
        });
        Ok(Self { address, accepted })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(connection) => connection,
            // Stopping: the server stops accepting by itself.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// The certificate that the configuration asks for; a self-signed one is made once and kept in `data_dir`.
pub fn load(config: &Tls, data_dir: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let (cert, key) = match (&config.cert, &config.key) {
        (Some(cert), Some(key)) => (cert.clone(), key.clone()),
        _ => self_signed(data_dir)?,
    };
    let read = |path: &Path, error: rustls::pki_types::pem::Error| {
        TlsError(format!("{}: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(&cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| read(&cert, error))?;
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|error| read(&key, error))?;
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map(Arc::new)
        .map_err(|error| TlsError(error.to_string()))
}

fn self_signed(data_dir: &Path) -> Result<(PathBuf, PathBuf), TlsError> {
    let (cert, key) = (data_dir.join("self-signed.crt"), data_dir.join("self-signed.key"));
    if cert.exists() && key.exists() {
        return Ok((cert, key));
    }
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    names.extend(interfaces.iter().map(|interface| interface.ip().to_string()));
    let made = rcgen::generate_simple_self_signed(names).map_err(|e| TlsError(e.to_string()))?;
    let write = |path: &Path, text: &str| {
        write_private(path, text).map_err(|error| TlsError(format!("{}: {error}", path.display())))
    };
    write(&cert, &made.cert.pem())?;
    write(&key, &made.signing_key.serialize_pem())?;
    Ok((cert, key))
}

/// Writes a file that only this user can read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
