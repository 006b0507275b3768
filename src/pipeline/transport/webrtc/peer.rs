//! One WebRTC connection: audio in Opus and data channels, set up for voice.
//!
//! The crate's callbacks run on the task that drives the connection, so they only hand over. Everything that
//! was ever opened is closed: a connection that is merely dropped would live on for ever.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::configure_rtcp_reports;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_OPUS;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RtpCodecKind,
};
use tokio::sync::{mpsc, watch};
use webrtc::data_channel::DataChannel;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCCertificate,
    RTCConfigurationBuilder, RTCIceGatheringState, RTCPeerConnectionState, SettingEngineBuilder,
};
use webrtc::rtp_transceiver::RtpSender;
use webrtc::runtime::Runtime;

use super::WebRtcError;
use crate::pipeline::playout::track::PacketSink;

/// Between connectivity checks. The default of 200 ms is what makes calls slow to connect.
const CHECK_INTERVAL: Duration = Duration::from_millis(30);
/// Checks of a pair before it is given up: enough for a round trip of a second and more.
const CHECK_ATTEMPTS: u16 = 60;
/// Without an answer for this long a connection counts as disconnected …
const DISCONNECTED_AFTER: Duration = Duration::from_secs(3);
/// … and for this long as failed. The call's own patience, which is configured, comes first.
const FAILED_AFTER: Duration = Duration::from_mins(2);
const KEEPALIVE: Duration = Duration::from_secs(2);
/// Bytes that may wait in a data channel before its sender waits.
const CHANNEL_BUFFER: usize = 1 << 20;
/// Gathering means naming one virtual socket; it takes about a millisecond.
const GATHERING_TIMEOUT: Duration = Duration::from_secs(2);
/// Tracks and channels that may wait to be taken; a client has no use for more.
const ARRIVALS: usize = 16;
/// RTP time of a 20 ms frame.
const FRAME_TICKS: u32 = 960;

/// How a connection is set up.
pub struct PeerOptions {
    /// Sockets and timers.
    pub runtime: Arc<dyn Runtime>,
    /// The addresses to open sockets on.
    pub addresses: Vec<String>,
    /// The certificate to show; none: one is made for this connection.
    pub certificate: Option<RTCCertificate>,
    /// ICE user name and password; none: random ones.
    pub credentials: Option<(String, String)>,
}

/// An open connection and what arrives on it.
pub struct Peer {
    /// The connection.
    pub connection: Arc<dyn PeerConnection>,
    /// Its state.
    pub state: watch::Receiver<RTCPeerConnectionState>,
    gathered: watch::Receiver<bool>,
    /// Tracks of the other side.
    pub tracks: mpsc::Receiver<Arc<dyn TrackRemote>>,
    /// Data channels that the other side opened.
    pub channels: mpsc::Receiver<Arc<dyn DataChannel>>,
}

struct Handler {
    state: watch::Sender<RTCPeerConnectionState>,
    gathered: watch::Sender<bool>,
    tracks: mpsc::Sender<Arc<dyn TrackRemote>>,
    channels: mpsc::Sender<Arc<dyn DataChannel>>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // More tracks than anybody needs are left alone.
        let _ = self.tracks.try_send(track);
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        let _ = self.channels.try_send(channel);
    }
}

impl Peer {
    /// Opens a connection. It must be closed.
    pub async fn open(options: PeerOptions) -> Result<Self, WebRtcError> {
        let (state_sender, state) = watch::channel(RTCPeerConnectionState::New);
        let (gathered_sender, gathered) = watch::channel(false);
        let (track_sender, tracks) = mpsc::channel(ARRIVALS);
        let (channel_sender, channels) = mpsc::channel(ARRIVALS);
        let handler = Handler {
            state: state_sender,
            gathered: gathered_sender,
            tracks: track_sender,
            channels: channel_sender,
        };
        let mut media = MediaEngine::default();
        let codec = RTCRtpCodecParameters { rtp_codec: opus(), payload_type: 111 };
        media.register_codec(codec, RtpCodecKind::Audio)?;
        let mut settings = SettingEngineBuilder::new()
            // The default opens a multicast socket for each connection; a server resolves no names.
            .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECK_ATTEMPTS))
            .with_ice_timeouts(Some(DISCONNECTED_AFTER), Some(FAILED_AFTER), Some(KEEPALIVE));
        if let Some((name, password)) = options.credentials {
            settings = settings.with_ice_credentials(name, password);
        }
        let mut configuration = RTCConfigurationBuilder::new();
        if let Some(certificate) = options.certificate {
            configuration = configuration.with_certificates(vec![certificate]);
        }
        let connection = PeerConnectionBuilder::new()
            .with_configuration(configuration.build())
            .with_runtime(options.runtime)
            .with_media_engine(media)
            // Reports only: NACK and congestion control are for video.
            .with_interceptor_registry(configure_rtcp_reports(Registry::new()))
            .with_setting_engine(settings.build())
            .with_handler(Arc::new(handler))
            .with_data_channel_send_buffer_limit(CHANNEL_BUFFER)
            .with_udp_addrs(options.addresses)
            .build();
        // A connection is 20 kB; the futures that wait for it need not be.
        let connection = Box::pin(connection).await?;
        Ok(Self { connection: Arc::new(connection), state, gathered, tracks, channels })
    }

    /// Waits until the local description names its candidates.
    pub async fn gathered(&mut self) -> Result<(), WebRtcError> {
        let gathered = self.gathered.wait_for(|gathered| *gathered);
        match tokio::time::timeout(GATHERING_TIMEOUT, gathered).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(WebRtcError::Gathering),
        }
    }

    /// Closes the connection and frees what it holds.
    pub async fn close(self) {
        close(&*self.connection).await;
    }
}

/// Closes a connection; there is nothing to be done about an error.
pub async fn close(connection: &dyn PeerConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "closing a connection");
    }
}

/// Opus as it is negotiated: always 48 kHz and two channels, even for mono ([RFC 7587]). FEC is asked for;
/// DTX is not, so that voice activity detection hears continuous sound.
///
/// [RFC 7587]: https://www.rfc-editor.org/rfc/rfc7587
fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// An Opus track of ours, with its own clock.
pub struct OpusTrack {
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
}

/// The packets of an [`OpusTrack`] on their way out. Clones write to the same track.
#[derive(Clone)]
pub struct OpusPackets {
    track: Arc<TrackLocalStaticRTP>,
    payload_type: u8,
    ssrc: u32,
    sequence: u16,
    first_timestamp: u32,
}

impl OpusTrack {
    /// Adds a track. When answering, only after the offer was set, so that it takes the place offered.
    pub async fn add(connection: &dyn PeerConnection) -> Result<Self, WebRtcError> {
        let ssrc = rand::random();
        let coding = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: coding,
            codec: opus(),
            ..Default::default()
        };
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "sotto".to_owned(),
            "voice".to_owned(),
            "voice".to_owned(),
            RtpCodecKind::Audio,
            vec![encoding],
        )));
        let sender = connection.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await?;
        Ok(Self { track, sender, ssrc })
    }

    /// The track, once both descriptions are set and the payload type is known.
    pub async fn negotiated(self) -> Result<OpusPackets, WebRtcError> {
        let parameters = self.sender.get_parameters().await?;
        let codec = parameters.rtp_parameters.codecs.first().ok_or(WebRtcError::NoCodec)?;
        Ok(OpusPackets {
            track: self.track,
            payload_type: codec.payload_type,
            ssrc: self.ssrc,
            sequence: rand::random(),
            first_timestamp: rand::random(),
        })
    }
}

impl OpusPackets {
    /// The next packet, for the 20 ms slot `slot`.
    pub fn packet(&mut self, slot: u64, marker: bool, payload: Vec<u8>) -> rtc::rtp::Packet {
        let header = rtc::rtp::header::Header {
            version: 2,
            payload_type: self.payload_type,
            ssrc: self.ssrc,
            sequence_number: self.sequence,
            timestamp: self.first_timestamp.wrapping_add((slot as u32).wrapping_mul(FRAME_TICKS)),
            marker,
            ..Default::default()
        };
        self.sequence = self.sequence.wrapping_add(1);
        rtc::rtp::Packet { header, payload: payload.into() }
    }

    /// Sends a packet. `false` if the track is gone.
    pub async fn write(&self, packet: rtc::rtp::Packet) -> bool {
        self.track.write_rtp(packet).await.is_ok()
    }
}

impl PacketSink for OpusPackets {
    async fn send(&mut self, slot: u64, marker: bool, packet: Vec<u8>) -> bool {
        let packet = self.packet(slot, marker, packet);
        self.write(packet).await
    }
}
