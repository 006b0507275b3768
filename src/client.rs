//! A caller: a real WebRTC client that speaks recordings, listens, and measures.
//!
//! `sotto call` is made of it, and so are the tests and benchmarks of whole calls. It uses the protocol as any
//! client would, and nothing of the server.

mod impairment;
mod listener;
mod restart;
mod speaker;
mod turns;

use std::path::PathBuf;
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
use webrtc::runtime::TokioRuntime;

pub use self::impairment::Impairment;
pub use self::listener::Heard;
pub use self::speaker::{Background, Recording};
pub use self::turns::Turn;

use self::impairment::Impaired;
use self::listener::{Listener, receive_chunks};
use self::speaker::{Speaker, Spoken};
use self::turns::Turns;
use crate::config::Secret;
use crate::engine::http::client_with_token;
use crate::loopback::is_loopback;
use crate::pipeline::transport::webrtc::WebRtcError;
use crate::pipeline::transport::webrtc::channels::{BLOB_CHANNEL, EVENTS_CHANNEL};
use crate::pipeline::transport::webrtc::peer::{OpusPackets, OpusTrack, Peer, PeerOptions};

/// A connection that takes longer has failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Silence before the first recording, so that the first word is not lost in connecting.
const LEAD_IN: Duration = Duration::from_millis(300);

/// Events that may wait to be looked at.
const EVENTS: usize = 1_024;

/// A call could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Not an address.
    #[error("{0} is not an address of a server, such as http://localhost:8080")]
    Address(String),
    /// A recording.
    #[error("{}: {problem}", path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// HTTP.
    #[error("the server cannot be reached: {0}")]
    Http(#[from] reqwest::Error),
    /// The server said no.
    #[error("the server refused the call ({status}): {message}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its reason.
        message: String,
    },
    /// No connection.
    #[error("the call did not connect within {} s", CONNECT_TIMEOUT.as_secs())]
    NotConnected,
    /// WebRTC.
    #[error(transparent)]
    WebRtc(#[from] WebRtcError),
    /// Opus.
    #[error(transparent)]
    Opus(#[from] crate::pipeline::codec::opus::OpusError),
}

impl From<webrtc::error::Error> for ClientError {
    fn from(error: webrtc::error::Error) -> Self {
        Self::WebRtc(error.into())
    }
}

/// What to call, and how.
#[derive(Debug, Clone)]
pub struct CallOptions {
    /// The server's address, with or without a path.
    pub url: String,
    /// Take speech as chunks instead of a track.
    pub blobs: bool,
    /// Open a data channel for events. Without one nothing is known of transcripts.
    pub events: bool,
    /// How long to wait for a reply to end after each recording.
    pub patience: Duration,
    /// A bad network on the way to the server.
    pub impairment: Impairment,
    /// What the microphone hears while nothing is said; none: silence.
    pub background: Option<Background>,
    /// An API token with the scope `calls`, if the server asks for one.
    pub token: Secret,
    /// The conversation to go on in.
    pub conversation: Option<String>,
    /// The lost call to go on with, by its id.
    pub resume: Option<String>,
}

impl CallOptions {
    /// The usual: events, a track, ten seconds.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            blobs: false,
            events: true,
            patience: Duration::from_secs(10),
            impairment: Impairment::default(),
            background: None,
            token: Secret::default(),
            conversation: None,
            resume: None,
        }
    }
}

/// How a caller hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// Closes the connection, as a browser does when its tab is closed.
    Close,
    /// Asks the server over HTTP.
    Delete,
}

/// A call that is going on.
pub struct Call {
    /// From the answer to the connection.
    pub connect_time: Duration,
    patience: Duration,
    peer: Option<Peer>,
    http: reqwest::Client,
    location: Url,
    speaker: Speaker,
    listener: Listener,
    events: mpsc::Receiver<(u64, Value)>,
    channel: Option<Arc<dyn DataChannel>>,
    clears: mpsc::Sender<()>,
    turns: Turns,
    spoken: Vec<Spoken>,
    log: Vec<Value>,
    connected: Instant,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Call {
    /// Calls, and waits until the call is connected.
    pub async fn place(options: CallOptions) -> Result<Self, ClientError> {
        let address = || ClientError::Address(options.url.clone());
        let base = Url::parse(&options.url).ok().filter(Url::has_host).ok_or_else(address)?;
        let mut door = base.join("/v1/realtime/calls").map_err(|_| address())?;
        if options.blobs {
            door.query_pairs_mut().append_pair("output", "blob");
        }
        if let Some(conversation) = &options.conversation {
            door.query_pairs_mut().append_pair("conversation", conversation);
        }
        if let Some(lost) = &options.resume {
            door.query_pairs_mut().append_pair("resume", lost);
        }
        let local = base.host_str().is_some_and(is_loopback);
        let mut peer = Peer::open(PeerOptions {
            runtime: Arc::new(TokioRuntime),
            addresses: vec![if local { "127.0.0.1:0" } else { "0.0.0.0:0" }.to_owned()],
            certificate: None,
            credentials: None,
        })
        .await?;
        match Negotiated::make(&mut peer, &door, &options).await {
            Ok(negotiated) => negotiated.begin(peer, &options).await,
            Err(error) => {
                peer.close().await;
                Err(error)
            }
        }
    }

    /// Says a recording and waits until its reply has been heard, or until patience is at its end.
    pub async fn say(&mut self, recording: Recording) {
        let before = self.turns.count();
        let speaking = self.speaker.say(recording);
        tokio::pin!(speaking);
        // Events are taken in while it is said, so that their times are right.
        let spoken = loop {
            tokio::select! {
                spoken = &mut speaking => break spoken,
                Some((at_ms, event)) = self.events.recv() => {
                    take(&mut self.turns, &mut self.log, &self.clears, at_ms, event);
                }
            }
        };
        self.spoken.extend(spoken);
        let deadline = Instant::now() + self.patience;
        loop {
            let awaited = self.turns.count() == before || !self.turns.is_quiet();
            let undecided = self.turns.undecided_until_ms();
            let until = match undecided.map(|ms| self.connected + Duration::from_millis(ms)) {
                _ if awaited => deadline,
                Some(until) => until.min(deadline),
                None => return,
            };
            let event = tokio::time::timeout_at(until, self.events.recv()).await;
            let Ok(Some((at_ms, event))) = event else { return };
            take(&mut self.turns, &mut self.log, &self.clears, at_ms, event);
        }
    }

    /// Says a recording and comes back when its last sample was sent, to interrupt for example.
    pub async fn say_only(&mut self, recording: Recording) {
        self.spoken.extend(self.speaker.say(recording).await);
        self.take_events();
    }

    /// Listens for a while.
    pub async fn wait(&mut self, duration: Duration) {
        self.wait_until(duration, |_| false).await;
    }

    /// Listens until an event for which `wanted` holds, and gives it; `None` if it does not come in time.
    pub async fn wait_until(
        &mut self,
        longest: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Option<Value> {
        let deadline = Instant::now() + longest;
        loop {
            let event = tokio::time::timeout_at(deadline, self.events.recv()).await;
            let (at_ms, event) = match event {
                Ok(Some(event)) => event,
                // The channel is closed: nothing more comes, and time still passes.
                Ok(None) => {
                    tokio::time::sleep_until(deadline).await;
                    return None;
                }
                Err(_) => return None,
            };
            let found = wanted(&event);
            take(&mut self.turns, &mut self.log, &self.clears, at_ms, event.clone());
            if found {
                return Some(event);
            }
        }
    }

    /// Sends an event.
    pub async fn send(&self, event: &Value) -> Result<(), ClientError> {
        if let Some(channel) = &self.channel {
            channel.send_text(&event.to_string()).await?;
        }
        Ok(())
    }

    /// Sends bytes that are no event.
    pub async fn send_junk(&self, bytes: &[u8]) -> Result<(), ClientError> {
        if let Some(channel) = &self.channel {
            channel.send(bytes.into()).await?;
        }
        Ok(())
    }

    /// All events so far.
    pub fn events(&mut self) -> &[Value] {
        self.take_events();
        &self.log
    }

    /// What was heard so far.
    pub fn heard(&self) -> Heard {
        self.listener.heard()
    }

    /// The turns so far, as those of call number `call`.
    pub fn turns(&mut self, call: usize) -> Vec<Turn> {
        self.take_events();
        self.turns.finish(call, &self.spoken, |from, to| self.listener.first_audible(from, to))
    }

    /// The call's address on the server.
    pub fn location(&self) -> &Url {
        &self.location
    }

    /// The call's id.
    pub fn id(&self) -> &str {
        self.location.path_segments().and_then(Iterator::last).unwrap_or_default()
    }

    /// Whether the connection is still there.
    pub fn is_connected(&self) -> bool {
        let state = self.peer.as_ref().map(|peer| *peer.state.borrow());
        state == Some(RTCPeerConnectionState::Connected)
    }

    /// Looks for a new path to the server, while the call goes on.
    pub async fn restart_ice(&self) -> Result<(), ClientError> {
        let peer = self.peer.as_ref().ok_or(ClientError::NotConnected)?;
        restart::restart_ice(&*peer.connection, &self.http, &self.location).await
    }

    /// Hangs up.
    pub async fn hang_up(mut self, how: HangUp) -> Result<(), ClientError> {
        let Some(peer) = self.peer.take() else { return Ok(()) };
        if how == HangUp::Delete {
            self.http.delete(self.location.clone()).send().await?.error_for_status()?;
        }
        self.cancel.cancel();
        peer.close().await;
        self.tracker.close();
        self.tracker.wait().await;
        Ok(())
    }

    fn take_events(&mut self) {
        while let Ok((at_ms, event)) = self.events.try_recv() {
            take(&mut self.turns, &mut self.log, &self.clears, at_ms, event);
        }
    }
}

fn take(
    turns: &mut Turns,
    log: &mut Vec<Value>,
    clears: &mpsc::Sender<()>,
    at_ms: u64,
    event: Value,
) {
    if event["type"] == "sotto.audio.clear" {
        // The player may have nothing to clear.
        let _ = clears.try_send(());
    }
    turns.event(&event, at_ms);
    log.push(event);
}

impl Drop for Call {
    /// A call that is dropped hangs up, in the background.
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(peer) = self.peer.take() {
            self.tracker.spawn(peer.close());
        }
    }
}

/// Why the server said no.
async fn refused(response: reqwest::Response) -> ClientError {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    let message = body["error"]["message"].as_str().unwrap_or("no reason given").to_owned();
    ClientError::Refused { status, message }
}

/// A call whose offer was answered.
struct Negotiated {
    http: reqwest::Client,
    location: Url,
    track: OpusPackets,
    events: Option<Arc<dyn DataChannel>>,
    blobs: Option<Arc<dyn DataChannel>>,
    connect_time: Duration,
}

impl Negotiated {
    async fn make(peer: &mut Peer, door: &Url, options: &CallOptions) -> Result<Self, ClientError> {
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
        let location = location
            .and_then(|location| door.join(location).ok())
            .ok_or_else(|| ClientError::Refused { status, message: "no Location".to_owned() })?;
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

    async fn begin(self, mut peer: Peer, options: &CallOptions) -> Result<Call, ClientError> {
        let connected = Instant::now();
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let listener = Listener::new(connected);
        let packets = Impaired::new(self.track, options.impairment);
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
            clears,
            turns: Turns::default(),
            spoken: Vec::new(),
            log: Vec::new(),
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
