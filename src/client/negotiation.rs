//! How a call comes about: an offer over HTTP, an answer, and what runs once it is connected.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{StatusCode, Url, header};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::peer_connection::{RTCPeerConnectionState, RTCSessionDescription};

use super::impairment::Impaired;
use super::listener::{Listener, receive_chunks};
use super::speaker::Speaker;
use super::turns::Turns;
use super::{CONNECT_TIMEOUT, Call, CallOptions, ClientError, Taken};
use crate::engine::http::client_with_token;
use crate::pipeline::transport::webrtc::WebRtcError;
use crate::pipeline::transport::webrtc::channels::{BLOB_CHANNEL, EVENTS_CHANNEL};
use crate::pipeline::transport::webrtc::peer::{OpusPackets, OpusTrack, Peer};

/// Silence before the first recording, so that the first word is not lost in connecting.
const LEAD_IN: Duration = Duration::from_millis(300);
/// Events that may wait to be looked at.
const EVENTS: usize = 1_024;

/// A call whose offer was answered.
pub(super) struct Negotiated {
    http: reqwest::Client,
    location: Url,
    track: OpusPackets,
    events: Option<Arc<dyn DataChannel>>,
    blobs: Option<Arc<dyn DataChannel>>,
    connect_time: Duration,
}

impl Negotiated {
    /// Offers, and waits until the call is connected.
    pub(super) async fn make(
        peer: &mut Peer,
        door: &Url,
        options: &CallOptions,
    ) -> Result<Self, ClientError> {
        let connection = Arc::clone(&peer.connection);
        let track = OpusTrack::add(&*connection).await?;
        let mut events = None;
        if options.events {
            events = Some(connection.create_data_channel(EVENTS_CHANNEL, None).await?);
        }
        let mut blobs = None;
        if options.blobs {
            blobs = Some(connection.create_data_channel(BLOB_CHANNEL, None).await?);
        }
        let offer = connection.create_offer(None).await?;
        connection.set_local_description(offer).await?;
        peer.gathered().await?;
        let offer = connection.local_description().await.ok_or(WebRtcError::Gathering)?;
        let http = client_with_token(door.as_str(), Some(CONNECT_TIMEOUT), &options.token)?;
        let request = http.post(door.clone()).header(header::CONTENT_TYPE, "application/sdp");
        let response = request.body(offer.sdp).send().await?;
        let status = response.status();
        if status != StatusCode::CREATED {
            return Err(refused(response).await);
        }
        let location = response.headers().get(header::LOCATION).and_then(|l| l.to_str().ok());
        let location = location.and_then(|location| door.join(location).ok()).ok_or_else(|| {
            ClientError::Refused { status, code: String::new(), message: "no Location".to_owned() }
        })?;
        let answer = response.text().await?;
        let answered = Instant::now();
        connection.set_remote_description(RTCSessionDescription::answer(answer)?).await?;
        let connected =
            |state: &RTCPeerConnectionState| *state == RTCPeerConnectionState::Connected;
        match timeout(CONNECT_TIMEOUT, peer.state.wait_for(connected)).await {
            Ok(Ok(_)) => {}
            _ => return Err(ClientError::NotConnected),
        }
        let connect_time = answered.elapsed();
        let track = track.negotiated().await?;
        Ok(Self { http, location, track, events, blobs, connect_time })
    }

    /// Starts what a call needs: microphone, ear and events.
    pub(super) async fn begin(
        self,
        mut peer: Peer,
        options: &CallOptions,
    ) -> Result<Call, ClientError> {
        let connected = Instant::now();
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let listener = Listener::new(connected, options.keep);
        let (packets, delivering) = Impaired::new(self.track, options.impairment);
        if let Some(delivering) = delivering {
            let ended = cancel.clone();
            tracker.spawn(async move { ended.run_until_cancelled(delivering).await });
        }
        let background = options.background.clone();
        let (speaker, speaking) = Speaker::new(packets, background, connected, cancel.clone())?;
        tracker.spawn(speaking);
        let (event_sender, events) = mpsc::channel(EVENTS);
        let (clears, clear_receiver) = mpsc::channel(1);
        if let Some(channel) = &self.events {
            let reading = read_events(Arc::clone(channel), event_sender, connected);
            let ended = cancel.clone();
            tracker.spawn(async move {
                tokio::select! {
                    () = reading => {}
                    () = ended.cancelled() => {}
                }
            });
        }
        if let (Some(blobs), Some(channel)) = (self.blobs, &self.events) {
            let (chunks, receiving) = receive_chunks(blobs, cancel.clone());
            tracker.spawn(receiving);
            let playing = listener.clone().play_chunks(chunks, Arc::clone(channel), clear_receiver);
            tracker.spawn(playing);
        }
        let (tracks, ended) = (listener.clone(), cancel.clone());
        let mut arriving = std::mem::replace(&mut peer.tracks, mpsc::channel(1).1);
        tracker.spawn(async move {
            let listening = async {
                while let Some(track) = arriving.recv().await {
                    tracks.clone().track(track).await;
                }
            };
            tokio::select! {
                () = listening => {}
                () = ended.cancelled() => {}
            }
        });
        let mut call = Call {
            connect_time: self.connect_time,
            patience: options.patience,
            peer: Some(peer),
            http: self.http,
            location: self.location,
            speaker,
            listener,
            events,
            channel: self.events,
            taken: Taken { turns: Turns::default(), keep: options.keep, log: Vec::new(), clears },
            spoken: Vec::new(),
            connected,
            tracker,
            cancel,
        };
        if options.events {
            let created = |event: &Value| event["type"] == "session.created";
            call.wait_until(CONNECT_TIMEOUT, created).await.ok_or(ClientError::NotConnected)?;
        }
        tokio::time::sleep_until(call.connected + LEAD_IN).await;
        Ok(call)
    }
}

/// Why the server said no.
pub(super) async fn refused(response: reqwest::Response) -> ClientError {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    let text = |name: &str| body["error"][name].as_str().map(str::to_owned);
    let message = text("message").unwrap_or_else(|| "no reason given".to_owned());
    ClientError::Refused { status, code: text("code").unwrap_or_default(), message }
}

async fn read_events(
    channel: Arc<dyn DataChannel>,
    events: mpsc::Sender<(u64, Value)>,
    connected: Instant,
) {
    while let Some(event) = channel.poll().await {
        let DataChannelEvent::OnMessage(message) = event else { continue };
        let at_ms = connected.elapsed().as_millis() as u64;
        let event = serde_json::from_slice(&message.data).unwrap_or(Value::Null);
        if events.send((at_ms, event)).await.is_err() {
            return;
        }
    }
}
