//! The ends of a call: what comes from the person's device and what goes to it.
//!
//! A transport (WebRTC or WebSocket) fills and drains these channels; the pipeline holds the other ends and
//! knows neither. Every channel is bounded, and what happens when it is full is written beside it.

pub mod microphone;
pub mod webrtc;
pub mod websocket;

use std::time::Duration;

use tokio::sync::mpsc;

use super::playout::blob::BlobSender;
use super::playout::track::TrackPlayer;

/// Messages of a client that wait for the pipeline. Full: the client waits. Few, because a message on a
/// WebSocket may hold a minute of sound.
const CONTROL: usize = 8;
/// Events that wait for the client. Full: the client is too slow, and the call ends.
const EVENTS: usize = 512;

/// What happens to a call, beside sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// The client's channel for events is open.
    Opened,
    /// The client sent an event, as text.
    Text(String),
    /// The client hung up, in this way.
    HungUp(HangUp),
    /// An item has been stored at this place, or could not be.
    Stored {
        /// Its id.
        item: String,
        /// Its place in the conversation.
        result: Result<u64, NotStored>,
    },
    /// The path to the client was measured: the way there and back, if it is known.
    Path {
        /// How long it takes.
        rtt: Option<Duration>,
    },
    /// The call will be ended by the server: the client is to be told.
    Ending {
        /// Why.
        reason: HangUp,
        /// When.
        within: Duration,
    },
}

/// Why an item was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStored {
    /// Storage was away for so long that as many items wait as may.
    TooMany,
    /// Storage did not come back in time.
    Unavailable,
    /// The conversation is gone.
    Gone,
    /// It was refused; the log says why.
    Refused,
}

impl NotStored {
    /// As it stands in events.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooMany => "too_many_waiting",
            Self::Unavailable => "storage_unavailable",
            Self::Gone => "conversation_gone",
            Self::Refused => "refused",
        }
    }
}

/// How a call ended. Its name appears in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// The client closed its data channel or its WebSocket.
    ChannelClosed,
    /// The client asked for it over HTTP.
    Deleted,
    /// The media connection failed, or was gone for too long.
    ConnectionLost,
    /// It never connected.
    NeverConnected,
    /// It goes on in another call, which was opened for it.
    Resumed,
    /// The server is stopping.
    ServerStopping,
    /// The client does not read its events.
    SlowClient,
    /// An engine that every frame needs has failed.
    EngineFailed,
}

/// What the pipeline holds of a call.
pub struct Line {
    /// The person's sound.
    pub microphone: microphone::Receiver,
    /// What else happens.
    pub control: mpsc::Receiver<Control>,
    /// Events to the client.
    pub events: EventSender,
    /// Where speech goes.
    pub output: Output,
}

/// Where speech goes.
pub enum Output {
    /// An Opus track.
    Track(TrackPlayer),
    /// Chunks on a data channel once it is there, otherwise the track.
    Blobs {
        /// The data channel, once it is there.
        channel: tokio::sync::watch::Receiver<Option<BlobSender>>,
        /// The track.
        track: Option<TrackPlayer>,
    },
    /// Samples inside events (WebSocket).
    Events,
    /// Nowhere: the client only speaks.
    Nowhere,
}

/// Sends events to the client.
#[derive(Clone)]
pub struct EventSender(mpsc::Sender<String>);

impl EventSender {
    /// Sends an event. `false` if the client is too slow; what it misses would confuse it, so the call is to
    /// end.
    #[must_use]
    pub fn send(&self, event: String) -> bool {
        !matches!(self.0.try_send(event), Err(mpsc::error::TrySendError::Full(_)))
    }
}

/// A channel for events: the pipeline's end and the transport's.
pub fn events() -> (EventSender, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel(EVENTS);
    (EventSender(sender), receiver)
}

/// A channel for what a client does: the transport's end and the pipeline's.
pub fn control() -> (mpsc::Sender<Control>, mpsc::Receiver<Control>) {
    mpsc::channel(CONTROL)
}
