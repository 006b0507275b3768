//! WebRTC: a browser, or anything that behaves like one, on the other end.
//!
//! One UDP port serves all calls ([`mux`]); one certificate is made when the server starts. The rest of the
//! program knows a [`Call`], and could not tell if another WebRTC stack were behind it.

pub(crate) mod channels;
mod mux;
pub(crate) mod peer;
pub mod sdp;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::peer_connection::certificate::CertificateParams;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::peer_connection::crypto::{self, SignatureScheme};
use webrtc::peer_connection::{
    PeerConnection, RTCCertificate, RTCIceCandidateInit, RTCPeerConnectionState,
    RTCSessionDescription, StatsSelector,
};

use self::channels::{Wiring, read_track, take_channels};
use self::mux::{MuxRuntime, UdpMux};
use self::peer::{OpusTrack, Peer, PeerOptions};
use self::sdp::{Fragment, Offer, OfferError};
use super::{Control, HangUp, Line, Output, control, events, microphone};
use crate::pipeline::playout::track::TrackPlayer;

/// A connection cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebRtcError {
    /// The offer cannot be served.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The connection refused the offer.
    #[error("the offer cannot be answered: {0}")]
    Refused(#[source] webrtc::error::Error),
    /// No candidates.
    #[error("no candidates were gathered")]
    Gathering,
    /// The answer has no codec for our track.
    #[error("no codec was negotiated")]
    NoCodec,
    /// A fragment that is none.
    #[error("the body is not a trickle ICE fragment")]
    Fragment,
    /// Anything else.
    #[error(transparent)]
    WebRtc(#[from] webrtc::error::Error),
    /// The port or a certificate.
    #[error("cannot start WebRTC: {0}")]
    Start(String),
}

/// What all calls share.
pub struct WebRtc {
    mux: Arc<UdpMux>,
    certificate: RTCCertificate,
    addresses: Vec<SocketAddr>,
}

/// A call that has been answered: its connection and the answer.
pub struct Call {
    /// The answer, holding every candidate.
    pub answer: String,
    /// The pipeline's ends.
    pub line: Line,
    /// The connection.
    pub connection: Connection,
    /// Another way to tell the pipeline something.
    pub control: mpsc::Sender<Control>,
}

/// The connection of a call, for those who look after it.
pub struct Connection {
    inner: Arc<dyn PeerConnection>,
    state: watch::Receiver<RTCPeerConnectionState>,
    mux: Arc<UdpMux>,
    addresses: Vec<SocketAddr>,
    name: String,
}

impl WebRtc {
    /// Binds the port and makes the certificate. `public` are the addresses told to callers; none: this
    /// machine's own, loopback among them if `loopback`.
    pub async fn start(
        port: u16,
        public: Option<&[Ipv4Addr]>,
        loopback: bool,
        tracker: &TaskTracker,
        cancel: CancellationToken,
    ) -> Result<Self, WebRtcError> {
        let failed = |error: io::Error| WebRtcError::Start(format!("UDP port {port}: {error}"));
        let mux = UdpMux::bind(port).await.map_err(failed)?;
        let port = mux.port().map_err(failed)?;
        let addresses = match public {
            Some(public) => public.to_vec(),
            None => own_addresses(loopback),
        };
        let addresses =
            addresses.into_iter().map(|ip| SocketAddr::new(IpAddr::V4(ip), port)).collect();
        let provider =
            crypto::default_provider().map_err(|error| WebRtcError::Start(error.to_string()))?;
        let certificate = RTCCertificate::generate(
            provider.crypto(),
            SignatureScheme::EcdsaP256Sha256,
            CertificateParams::default(),
        )?;
        tracker.spawn(Arc::clone(&mux).run(cancel));
        Ok(Self { mux, certificate, addresses })
    }

    /// The addresses told to callers.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Calls and addresses that the port knows, for tests and metrics.
    pub fn counts(&self) -> (usize, usize) {
        self.mux.counts()
    }

    /// Answers an offer. The connection's tasks run on `tracker` and end with `cancel`; with them the
    /// connection is closed.
    pub async fn answer(
        &self,
        offer: &str,
        wants_blobs: bool,
        tracker: &TaskTracker,
        cancel: &CancellationToken,
    ) -> Result<Call, WebRtcError> {
        let wants = Offer::parse(offer)?;
        let name = format!("{:016x}", rand::random::<u64>());
        let password = format!("{:032x}", rand::random::<u128>());
        let mut peer = Peer::open(PeerOptions {
            runtime: Arc::new(MuxRuntime::new(Arc::clone(&self.mux), &name)),
            // A placeholder: the mux takes its place.
            addresses: vec!["127.0.0.1:0".to_owned()],
            certificate: Some(self.certificate.clone()),
            credentials: Some((name.clone(), password)),
        })
        .await?;
        let negotiated = negotiate(&mut peer, offer, wants).await;
        let (answer, track) = match negotiated {
            Ok(negotiated) => negotiated,
            Err(error) => {
                peer.close().await;
                return Err(error);
            }
        };
        let answer = sdp::with_candidates(&answer, &self.addresses);

        let (microphone_sender, microphone) = microphone::lane();
        let (control_sender, control) = control();
        let (events, event_receiver) = events();
        let (blob_sender, blobs) = watch::channel(None);
        let track = track.map(|packets| {
            let (player, task) = TrackPlayer::new(packets, cancel.clone());
            tracker.spawn(task);
            player
        });
        let output = match (wants_blobs && wants.data, track) {
            (true, track) => Output::Blobs { channel: blobs, track },
            (false, Some(player)) => Output::Track(player),
            (false, None) => Output::Nowhere,
        };
        let Peer { connection, state, mut tracks, channels, .. } = peer;
        let wiring = Wiring {
            control: control_sender.clone(),
            events: Some(event_receiver),
            blobs: blob_sender,
        };
        tracker.spawn(take_channels(channels, wiring, tracker.clone(), cancel.clone()));
        let microphone_sender = Arc::new(microphone_sender);
        let readers = tracker.clone();
        let ended = cancel.clone();
        let closing = Arc::clone(&connection);
        let lost = control_sender.clone();
        tracker.spawn(async move {
            loop {
                tokio::select! {
                    Some(track) = tracks.recv() => {
                        let microphone = Arc::clone(&microphone_sender);
                        readers.spawn(read_track(track, microphone, lost.clone()));
                    }
                    () = ended.cancelled() => break,
                }
            }
            peer::close(&*closing).await;
        });
        let connection = Connection {
            inner: connection,
            state,
            mux: Arc::clone(&self.mux),
            addresses: self.addresses.clone(),
            name,
        };
        let line = Line { microphone, control, events, output };
        Ok(Call { answer, line, connection, control: control_sender })
    }
}

async fn negotiate(
    peer: &mut Peer,
    offer: &str,
    wants: Offer,
) -> Result<(String, Option<peer::OpusPackets>), WebRtcError> {
    let connection = Arc::clone(&peer.connection);
    let description =
        RTCSessionDescription::offer(offer.to_owned()).map_err(WebRtcError::Refused)?;
    connection.set_remote_description(description).await.map_err(WebRtcError::Refused)?;
    let track = if wants.listens { Some(OpusTrack::add(&*connection).await?) } else { None };
    let answer = connection.create_answer(None).await.map_err(WebRtcError::Refused)?;
    connection.set_local_description(answer).await.map_err(WebRtcError::Refused)?;
    peer.gathered().await?;
    let answer = connection.local_description().await.ok_or(WebRtcError::Gathering)?;
    let track = match track {
        Some(track) => Some(track.negotiated().await?),
        None => None,
    };
    Ok((answer.sdp, track))
}

impl Connection {
    /// Waits until the connection is made.
    pub async fn connected(&mut self) {
        let connected =
            |state: &RTCPeerConnectionState| *state == RTCPeerConnectionState::Connected;
        if self.state.wait_for(connected).await.is_err() {
            // It is gone, which somebody else notices.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the connection is lost: failed, or gone for longer than `patience`.
    pub async fn lost(&mut self, patience: Duration) -> HangUp {
        use RTCPeerConnectionState as State;
        let lost =
            |state: &State| matches!(state, State::Disconnected | State::Failed | State::Closed);
        loop {
            let state = match self.state.wait_for(lost).await {
                Ok(state) => *state,
                Err(_) => return HangUp::ConnectionLost,
            };
            if state != State::Disconnected {
                return HangUp::ConnectionLost;
            }
            let back = self.state.wait_for(|state| *state != State::Disconnected);
            match tokio::time::timeout(patience, back).await {
                // It may have failed, or be back.
                Ok(Ok(_)) => {}
                _ => return HangUp::ConnectionLost,
            }
        }
    }

    /// A handle for what the client asks for over HTTP while the call goes on.
    pub fn signalling(&self) -> Signalling {
        Signalling {
            inner: Arc::clone(&self.inner),
            mux: Arc::clone(&self.mux),
            addresses: self.addresses.clone(),
            name: self.name.clone(),
        }
    }
}

/// What a client may ask of its connection while the call goes on, and what others may ask about it.
#[derive(Clone)]
pub struct Signalling {
    inner: Arc<dyn PeerConnection>,
    mux: Arc<UdpMux>,
    addresses: Vec<SocketAddr>,
    name: String,
}

impl Signalling {
    /// How long the last connectivity check took there and back, once one has come back.
    pub async fn round_trip(&self) -> Option<Duration> {
        let stats = self.inner.get_stats(Instant::now(), StatsSelector::None).await;
        let checked = stats.candidate_pairs().filter(|pair| pair.responses_received > 0);
        let pair = checked.max_by_key(|pair| (pair.nominated, pair.packets_received))?;
        Duration::try_from_secs_f64(pair.current_round_trip_time).ok()
    }

    /// Takes trickled candidates, or restarts ICE when the fragment has new credentials. The answer to a
    /// restart is a fragment of ours.
    pub async fn fragment(&self, text: &str) -> Result<Option<String>, WebRtcError> {
        let fragment = Fragment::parse(text).ok_or(WebRtcError::Fragment)?;
        let offer = self.inner.remote_description().await.ok_or(WebRtcError::Fragment)?.sdp;
        let known = sdp::attribute(&offer, "ice-ufrag");
        match &fragment.credentials {
            Some((ufrag, pwd)) if known != Some(ufrag) => {
                let offer = sdp::restarted(&offer, ufrag, pwd, &fragment.candidates);
                let answer = self.restart(&offer).await?;
                let ufrag = sdp::attribute(&answer, "ice-ufrag").unwrap_or_default();
                let pwd = sdp::attribute(&answer, "ice-pwd").unwrap_or_default();
                Ok(Some(Fragment::answer(ufrag, pwd, &self.addresses)))
            }
            _ => {
                for candidate in fragment.candidates {
                    let candidate = RTCIceCandidateInit {
                        candidate,
                        sdp_mid: Some("0".to_owned()),
                        ..RTCIceCandidateInit::default()
                    };
                    // Names that only the client's network can resolve are of no use here; the client
                    // reaches us all the same.
                    if let Err(error) = self.inner.add_ice_candidate(candidate).await {
                        tracing::debug!(%error, "a candidate was left out");
                    }
                }
                Ok(None)
            }
        }
    }

    /// Takes a new offer for the same call, as browsers make to restart ICE, and answers it.
    pub async fn restart(&self, offer: &str) -> Result<String, WebRtcError> {
        Offer::parse(offer)?;
        let offer = RTCSessionDescription::offer(offer.to_owned()).map_err(WebRtcError::Refused)?;
        self.inner.set_remote_description(offer).await.map_err(WebRtcError::Refused)?;
        let answer = self.inner.create_answer(None).await.map_err(WebRtcError::Refused)?;
        // Before the client can use it.
        if let Some(name) = sdp::attribute(&answer.sdp, "ice-ufrag") {
            self.mux.add_name(&self.name, name);
        }
        self.inner.set_local_description(answer).await.map_err(WebRtcError::Refused)?;
        let answer = self.inner.local_description().await.ok_or(WebRtcError::Gathering)?.sdp;
        if let Some(name) = sdp::attribute(&answer, "ice-ufrag") {
            self.mux.add_name(&self.name, name);
        }
        Ok(sdp::with_candidates(&answer, &self.addresses))
    }
}

/// This machine's addresses, the likeliest to be reached first.
fn own_addresses(loopback: bool) -> Vec<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<Ipv4Addr> = interfaces
        .into_iter()
        .filter_map(|interface| match interface.ip() {
            IpAddr::V4(ip) if !ip.is_loopback() && !ip.is_link_local() => Some(ip),
            _ => None,
        })
        .collect();
    addresses.dedup();
    if loopback || addresses.is_empty() {
        addresses.insert(0, Ipv4Addr::LOCALHOST);
    }
    addresses
}
