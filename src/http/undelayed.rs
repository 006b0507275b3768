//! What is streamed leaves at once.

use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};

/// Sends small pieces when they are written (`TCP_NODELAY`). By default one waits until those before it were acknowledged,
/// which takes clients up to 40 ms: too long for words and sound that somebody waits for.
pub(super) fn undelay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        // The client is most likely gone already.
        tracing::debug!(%error, "a connection may be slow");
    }
}

/// Accepts connections that send at once.
pub struct Undelayed(pub TcpListener);

impl Listener for Undelayed {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        undelay(&stream);
        (stream, from)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_accepted_does_not_hold_back_small_pieces() {
        let mut listener = Undelayed(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = listener.local_addr().unwrap();
        let (client, (accepted, from)) =
            tokio::join!(TcpStream::connect(address), listener.accept());
        assert_eq!(client.unwrap().local_addr().unwrap(), from);
        assert!(accepted.nodelay().unwrap());
    }
}
