//! All calls on one UDP port.
//!
//! webrtc-rs opens a socket for each connection; its `Runtime` trait lets us hand it a virtual one instead.
//! A packet belongs to the call whose ICE user name a STUN binding *request* names ([RFC 8445], section 7.3),
//! and from then on to the call that its source address belongs to. Responses do not count: libnice echoes
//! the user name in them, the wrong way round.
//!
//! The ICE stack checks a request's integrity only after it was routed, so routing itself trusts nothing: a
//! request cannot take an address away from a live call, and a call cannot collect addresses without end.
//!
//! [RFC 8445]: https://www.rfc-editor.org/rfc/rfc8445

use std::collections::HashMap;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime,
    TokioRuntime, Transmit,
};

/// Bytes of packets that may wait for this program, of all calls: while other work keeps the processors busy, a hundred calls
/// send five thousand in a second. The system gives no more than it allows (Linux: `net.core.rmem_max`).
const SOCKET_BUFFER: usize = 4 << 20;
/// Packets that may wait for one call; more are dropped, as a network would.
const PACKETS_WAITING: usize = 128;
/// Addresses that one call may be reached from.
const ADDRESSES_PER_CALL: usize = 32;
/// The largest packet on a usual network, and then some.
const LARGEST_PACKET: usize = 2_048;

type Packet = (Bytes, SocketAddr);

/// The shared port.
pub struct UdpMux {
    socket: UdpSocket,
    table: Mutex<Table>,
}

/// Which call a packet belongs to.
#[derive(Default)]
struct Table {
    calls: HashMap<Box<str>, Route>,
    addresses: HashMap<SocketAddr, Box<str>>,
}

struct Route {
    packets: mpsc::Sender<Packet>,
    addresses: usize,
    /// Other ICE user names of the same call: those of restarts.
    names: Vec<Box<str>>,
}

impl UdpMux {
    /// Binds the port. Packets are taken in by [`UdpMux::run`].
    pub async fn bind(port: u16) -> io::Result<Arc<Self>> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        // Less is enough for fewer calls.
        let _ = SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER);
        Ok(Arc::new(Self { socket, table: Mutex::default() }))
    }

    /// The port.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Takes packets in until `cancel` is cancelled.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut buffer = vec![0; LARGEST_PACKET];
        loop {
            let received = tokio::select! {
                received = self.socket.recv_from(&mut buffer) => received,
                () = cancel.cancelled() => return,
            };
            // Errors here are those of packets sent before (port unreachable); there is nothing to mend.
            if let Ok((length, from)) = received {
                self.table().route(&buffer[..length], from);
            }
        }
    }

    /// Calls and addresses that are known.
    pub fn counts(&self) -> (usize, usize) {
        let table = self.table();
        (table.calls.len(), table.addresses.len())
    }

    /// The call `name` is also known by the ICE user name `other`, since it restarted.
    pub fn add_name(&self, name: &str, other: &str) {
        let mut table = self.table();
        if name == other || table.calls.contains_key(other) {
            return;
        }
        let Some(route) = table.calls.get_mut(name) else { return };
        route.names.push(other.into());
        let packets = route.packets.clone();
        table.calls.insert(other.into(), Route { packets, addresses: 0, names: Vec::new() });
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn route(&mut self, packet: &[u8], from: SocketAddr) {
        if let Some(name) = requested_name(packet) {
            self.learn(name, from);
        }
        let route = self.addresses.get(&from).and_then(|name| self.calls.get(name));
        if let Some(route) = route {
            // A full queue drops, as a network would.
            let _ = route.packets.try_send((Bytes::copy_from_slice(packet), from));
        }
    }

    /// `from` belongs to the call `name`, unless it belongs to another that lives.
    fn learn(&mut self, name: &str, from: SocketAddr) {
        if self.addresses.contains_key(&from) {
            return;
        }
        let Some((key, route)) = self.calls.get_key_value(name) else { return };
        if route.addresses >= ADDRESSES_PER_CALL {
            return;
        }
        self.addresses.insert(from, key.clone());
        if let Some(route) = self.calls.get_mut(name) {
            route.addresses += 1;
        }
    }

    fn remove(&mut self, name: &str) {
        let Some(route) = self.calls.remove(name) else { return };
        for other in &route.names {
            self.calls.remove(other);
        }
        let gone = |owner: &str| owner == name || route.names.iter().any(|n| **n == *owner);
        self.addresses.retain(|_, owner| !gone(owner));
    }
}

/// Our part of the user name in a STUN binding request (`ours:theirs`).
fn requested_name(packet: &[u8]) -> Option<&str> {
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    const HEADER: usize = 20;
    const USERNAME: u16 = 6;
    if packet.get(..2)? != BINDING_REQUEST || packet.get(4..8)? != MAGIC {
        return None;
    }
    let mut rest = packet.get(HEADER..)?;
    loop {
        let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
        let length = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let value = rest.get(4..4 + length)?;
        if kind == USERNAME {
            return std::str::from_utf8(value).ok()?.split(':').next();
        }
        // Attributes are padded to four bytes.
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
}

/// Gives a connection its part of the port; everything else is tokio's.
#[derive(Clone)]
pub struct MuxRuntime {
    mux: Arc<UdpMux>,
    name: Box<str>,
}

impl MuxRuntime {
    /// For the call with this ICE user name.
    pub fn new(mux: Arc<UdpMux>, name: &str) -> Self {
        Self { mux, name: name.into() }
    }
}

impl fmt::Debug for MuxRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MuxRuntime({})", self.name)
    }
}

/// A call's part of the port. Dropping it gives the call's names and addresses up.
struct MuxSocket {
    mux: Arc<UdpMux>,
    name: Box<str>,
    local: SocketAddr,
    packets: Mutex<mpsc::Receiver<Packet>>,
}

impl fmt::Debug for MuxSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MuxSocket({})", self.name)
    }
}

impl Drop for MuxSocket {
    fn drop(&mut self) {
        self.mux.table().remove(&self.name);
    }
}

impl AsyncUdpSocket for MuxSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        // Whom we write to may answer.
        self.mux.table().learn(&self.name, transmit.destination);
        self.mux.socket.poll_send_to(cx, transmit.contents, transmit.destination)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((packet, from)) = ready!(packets.poll_recv(cx)) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        let length = packet.len().min(buffer.len());
        buffer[..length].copy_from_slice(&packet[..length]);
        *meta = RecvMeta::default();
        meta.addr = from;
        meta.len = length;
        meta.stride = length.max(1);
        Poll::Ready(Ok(1))
    }
}

impl Runtime for MuxRuntime {
    fn wrap_udp_socket(
        &self,
        placeholder: std::net::UdpSocket,
    ) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let local = placeholder.local_addr()?;
        drop(placeholder);
        let (sender, packets) = mpsc::channel(PACKETS_WAITING);
        let route = Route { packets: sender, addresses: 0, names: Vec::new() };
        self.mux.table().calls.insert(self.name.clone(), route);
        Ok(Arc::new(MuxSocket {
            mux: Arc::clone(&self.mux),
            name: self.name.clone(),
            local,
            packets: Mutex::new(packets),
        }))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn(future)
    }

    fn wrap_tcp_listener(
        &self,
        listener: std::net::TcpListener,
    ) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        _: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        // Calls are UDP only.
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        Box::pin(async move { Ok(tokio::net::lookup_host(host).await?.collect()) })
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(username: &str) -> Vec<u8> {
        let mut packet = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        packet.extend([7; 12]);
        // Another attribute before it, with padding.
        packet.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
        packet.extend([0, 6, 0, username.len() as u8]);
        packet.extend(username.bytes());
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet
    }

    fn table(names: &[&str]) -> (Table, Vec<mpsc::Receiver<Packet>>) {
        let mut table = Table::default();
        let mut receivers = Vec::new();
        for name in names {
            let (packets, receiver) = mpsc::channel(4);
            let route = Route { packets, addresses: 0, names: Vec::new() };
            table.calls.insert((*name).into(), route);
            receivers.push(receiver);
        }
        (table, receivers)
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn a_request_names_its_call_and_media_follows() {
        let (mut table, mut receivers) = table(&["one", "two"]);
        table.route(&[0x80, 111, 0, 1], address(5));
        assert!(receivers[0].try_recv().is_err(), "nobody knows that address");
        table.route(&request("one:theirs"), address(5));
        table.route(&[0x80, 111, 0, 1], address(5));
        assert!(receivers[0].try_recv().is_ok() && receivers[0].try_recv().is_ok());
        assert!(receivers[1].try_recv().is_err());
    }

    #[test]
    fn a_response_names_nobody() {
        let mut response = request("one:theirs");
        response[0] = 1;
        assert_eq!(requested_name(&response), None);
        assert_eq!(requested_name(&request("one:theirs")), Some("one"));
        for length in 0..request("one:theirs").len() {
            requested_name(&request("one:theirs")[..length]);
        }
    }

    #[test]
    fn an_address_cannot_be_taken_from_a_live_call() {
        let (mut table, mut receivers) = table(&["one", "two"]);
        table.route(&request("one:x"), address(5));
        table.route(&request("two:x"), address(5));
        assert!(receivers[0].try_recv().is_ok());
        assert!(receivers[1].try_recv().is_err());
        table.remove("one");
        table.route(&request("two:x"), address(5));
        assert!(receivers[1].try_recv().is_ok());
    }

    #[test]
    fn addresses_are_bounded_and_go_with_their_call() {
        let (mut table, _receivers) = table(&["one"]);
        for port in 1..100 {
            table.route(&request("one:x"), address(port));
        }
        assert_eq!(table.addresses.len(), ADDRESSES_PER_CALL);
        table.remove("one");
        assert!(table.addresses.is_empty() && table.calls.is_empty());
    }

    #[tokio::test]
    async fn a_restarted_call_is_known_by_both_names() {
        let mux = UdpMux::bind(0).await.unwrap();
        let runtime = MuxRuntime::new(Arc::clone(&mux), "one");
        let placeholder = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = runtime.wrap_udp_socket(placeholder).unwrap();
        mux.add_name("one", "again");
        mux.table().route(&request("again:x"), address(5));
        assert_eq!(mux.counts(), (2, 1));
        drop(socket);
        assert_eq!(mux.counts(), (0, 0));
    }
}
