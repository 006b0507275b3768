//! A caller: a real WebRTC client that speaks recordings, listens, and measures.
//!
//! `sotto call` is made of it, and so are the tests and benchmarks of whole calls. It uses the protocol as any
//! client would, and nothing of the server.

pub mod load;
pub mod phases;
pub mod process;
pub mod script;
pub mod statistics;

mod impairment;
mod listener;
mod negotiation;
mod restart;
mod speaker;
mod turns;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::data_channel::DataChannel;
use webrtc::peer_connection::RTCPeerConnectionState;
use webrtc::runtime::TokioRuntime;

pub use self::impairment::Impairment;
pub use self::listener::Heard;
pub use self::speaker::{Background, Recording, Spoken};
pub use self::turns::{Decision, ServerTimes, Turn, TurnRecord, Work};

use self::listener::Listener;
use self::negotiation::Negotiated;
use self::speaker::Speaker;
use self::turns::Turns;
use crate::config::Secret;
use crate::loopback::is_loopback;
use crate::pipeline::transport::webrtc::WebRtcError;
use crate::pipeline::transport::webrtc::peer::{Peer, PeerOptions};

/// A connection that takes longer has failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

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
        /// Its reason, for programs.
        code: String,
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
    /// Keep all events, and all that is heard. Without it only turns and times are kept, so that a call may last for hours.
    pub keep: bool,
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
            keep: true,
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
    taken: Taken,
    spoken: Vec<Spoken>,
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
        let before = self.turn_count();
        self.say_only(recording).await;
        self.answered(before).await;
    }

    /// Says a recording and comes back when its last sample was sent, to interrupt for example.
    pub async fn say_only(&mut self, recording: Recording) {
        let Self { speaker, events, taken, spoken, .. } = self;
        let mut speaking = pin!(speaker.say(recording));
        // Events are taken in while it is said: there may be more than can wait.
        let said = loop {
            tokio::select! {
                said = &mut speaking => break said,
                Some((at_ms, event)) = events.recv() => taken.take(at_ms, event),
            }
        };
        spoken.extend(said);
    }

    /// Waits until every turn has been answered to its end, of which there are to be more than `before`, or until
    /// patience is at its end.
    pub async fn answered(&mut self, before: usize) {
        self.listen(before, || ()).await;
    }

    /// The same, and tells `heard` when an answer begins to be heard.
    pub async fn listen(&mut self, before: usize, mut heard: impl FnMut()) {
        if self.is_answering() {
            heard();
        }
        let deadline = Instant::now() + self.patience;
        loop {
            let turns = &self.taken.turns;
            let awaited = turns.count() == before || !turns.is_quiet();
            let undecided = turns.undecided_until_ms();
            let until = match undecided.map(|ms| self.connected + Duration::from_millis(ms)) {
                _ if awaited => deadline,
                Some(until) => until.min(deadline),
                None => return,
            };
            let event = tokio::time::timeout_at(until, self.events.recv()).await;
            let Ok(Some((at_ms, event))) = event else { return };
            if begins_to_be_heard(&event) {
                heard();
            }
            self.taken.take(at_ms, event);
        }
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
            if wanted(&event) {
                self.taken.take(at_ms, event.clone());
                return Some(event);
            }
            self.taken.take(at_ms, event);
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

    /// All events so far, where they are kept.
    pub fn events(&mut self) -> &[Value] {
        self.take_events();
        &self.taken.log
    }

    /// What was heard so far.
    pub fn heard(&self) -> Heard {
        self.listener.heard()
    }

    /// The turns so far, as those of call number `call`.
    pub fn turns(&mut self, call: usize) -> Vec<Turn> {
        self.turns_from(call, 0)
    }

    /// The turns from number `from` on.
    pub fn turns_from(&mut self, call: usize, from: usize) -> Vec<Turn> {
        self.take_events();
        let first_audible = |from, to| self.listener.first_audible(from, to);
        self.taken.turns.finish(call, from, &self.spoken, first_audible)
    }

    /// How many turns there have been.
    pub fn turn_count(&self) -> usize {
        self.taken.turns.count()
    }

    /// Whether an answer is being heard.
    pub fn is_answering(&self) -> bool {
        self.taken.turns.is_answering()
    }

    /// What was said so far, and when.
    pub fn spoken(&self) -> &[Spoken] {
        &self.spoken
    }

    /// When the call connected: what its times count from.
    pub fn connected_at(&self) -> Instant {
        self.connected
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

    /// Whether nothing more comes: the connection is gone, or the server has closed the channel for events.
    pub fn is_over(&self) -> bool {
        let closed = self.channel.is_some() && self.events.is_closed() && self.events.is_empty();
        closed || !self.is_connected()
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
            self.taken.take(at_ms, event);
        }
    }
}

/// Whether an event says that an answer begins to be heard.
fn begins_to_be_heard(event: &Value) -> bool {
    event["type"] == "output_audio_buffer.started"
}

/// What events have said.
struct Taken {
    turns: Turns,
    keep: bool,
    log: Vec<Value>,
    clears: mpsc::Sender<()>,
}

impl Taken {
    fn take(&mut self, at_ms: u64, event: Value) {
        if event["type"] == "sotto.audio.clear" {
            // The player may have nothing to clear.
            let _ = self.clears.try_send(());
        }
        self.turns.event(&event, at_ms);
        if self.keep {
            self.log.push(event);
        }
    }
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
