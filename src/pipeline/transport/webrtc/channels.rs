//! The tasks of a call's tracks and data channels: they move what arrives into the pipeline's lanes and what
//! the pipeline says onto the wire.
//!
//! Tracks and channels are drained to their end whatever happens: the crate would otherwise log what was
//! said.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use crate::pipeline::codec::jitter::Packet;
use crate::pipeline::codec::opus::packet_ticks;
use crate::pipeline::conversation::ReplyId;
use crate::pipeline::playout::blob::{BlobMessage, BlobSender, PART_BYTES};
use crate::pipeline::transport::microphone::{self, Sound};
use crate::pipeline::transport::{Control, HangUp};

/// The channel for events, as `OpenAI`'s clients name it.
pub const EVENTS_CHANNEL: &str = "oai-events";
/// The channel for chunks of speech.
pub const BLOB_CHANNEL: &str = "sotto-audio";

/// Moves the packets of a track into the microphone's lane.
pub async fn read_track(
    track: Arc<dyn TrackRemote>,
    microphone: Arc<microphone::Sender>,
    control: mpsc::Sender<Control>,
) {
    loop {
        let Some(event) = track.poll().await else {
            // The connection's driver is gone. Without a data channel nothing else would tell.
            let _ = control.send(Control::HungUp(HangUp::ConnectionLost)).await;
            return;
        };
        match event {
            TrackRemoteEvent::OnRtpPacket(packet) => {
                // Padding and comfort noise carry nothing to hear.
                let Some(ticks) = packet_ticks(&packet.payload) else { continue };
                microphone.send(Sound::Packet(Packet {
                    sequence: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    ticks,
                    payload: packet.payload,
                }));
            }
            TrackRemoteEvent::OnEnded => return,
            _ => {}
        }
    }
}

/// What the channels of a call are connected to.
pub struct Wiring {
    /// To the pipeline.
    pub control: mpsc::Sender<Control>,
    /// From the pipeline, until the events channel takes it.
    pub events: Option<mpsc::Receiver<String>>,
    /// Tells the pipeline when the channel for chunks is there.
    pub blobs: watch::Sender<Option<BlobSender>>,
}

/// Takes the channels that a client opens, until the call ends.
pub async fn take_channels(
    mut channels: mpsc::Receiver<Arc<dyn DataChannel>>,
    mut wiring: Wiring,
    tracker: TaskTracker,
    cancel: CancellationToken,
) {
    loop {
        let channel = tokio::select! {
            channel = channels.recv() => channel,
            () = cancel.cancelled() => return,
        };
        let Some(channel) = channel else { return };
        match channel.label().await.as_deref() {
            Ok(EVENTS_CHANNEL) if wiring.events.is_some() => {
                if let Some(events) = wiring.events.take() {
                    tracker.spawn(write_events(Arc::clone(&channel), events, cancel.clone()));
                    tracker.spawn(read_events(channel, wiring.control.clone()));
                }
            }
            Ok(BLOB_CHANNEL) if is_reliable(&*channel).await => {
                let (sender, messages) = BlobSender::channel();
                tracker.spawn(write_blobs(Arc::clone(&channel), messages, cancel.clone()));
                tracker.spawn(drain(channel));
                wiring.blobs.send_replace(Some(sender));
            }
            _ => {
                tracker.spawn(drain(channel));
            }
        }
    }
}

/// Whether everything that is sent arrives, in order: chunks are in parts.
async fn is_reliable(channel: &dyn DataChannel) -> bool {
    matches!(channel.ordered().await, Ok(true))
        && matches!(channel.max_packet_life_time().await, Ok(None))
        && matches!(channel.max_retransmits().await, Ok(None))
}

async fn read_events(channel: Arc<dyn DataChannel>, control: mpsc::Sender<Control>) {
    while let Some(event) = channel.poll().await {
        let message = match event {
            DataChannelEvent::OnOpen => Control::Opened,
            // Binary is no event; it is read as one and answered with an error.
            DataChannelEvent::OnMessage(message) => {
                Control::Text(String::from_utf8_lossy(&message.data).into_owned())
            }
            DataChannelEvent::OnClose => break,
            _ => continue,
        };
        if control.send(message).await.is_err() {
            break;
        }
    }
    // The quickest sign of a hang-up there is; if the call is over already, nobody needs it.
    let _ = control.send(Control::HungUp(HangUp::ChannelClosed)).await;
    drain(channel).await;
}

async fn write_events(
    channel: Arc<dyn DataChannel>,
    mut events: mpsc::Receiver<String>,
    cancel: CancellationToken,
) {
    while let Some(event) = events.recv().await {
        let sent = tokio::select! {
            sent = channel.send_text(&event) => sent,
            // Events that are ready still go out, as far as they go at once: the last says why it ends.
            () = cancel.cancelled() => channel.try_send_text(&event).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn write_blobs(
    channel: Arc<dyn DataChannel>,
    mut messages: mpsc::Receiver<BlobMessage>,
    cancel: CancellationToken,
) {
    // Messages that came while a chunk was being sent.
    let mut waiting = std::collections::VecDeque::new();
    loop {
        let message = if let Some(message) = waiting.pop_front() {
            message
        } else {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => message,
                    None => return,
                },
                () = cancel.cancelled() => return,
            }
        };
        let BlobMessage::Chunk { reply, header, wav } = message else { continue };
        if channel.send_text(&header).await.is_err() {
            return;
        }
        for part in wav.chunks(PART_BYTES) {
            while let Ok(message) = messages.try_recv() {
                waiting.push_back(message);
            }
            // A chunk that nobody wants is left unfinished; the next header says so.
            if take_cancelled(&mut waiting, reply) || cancel.is_cancelled() {
                break;
            }
            if channel.send(BytesMut::from(part)).await.is_err() {
                return;
            }
        }
    }
}

/// Whether `reply` was cancelled; then its chunks are gone from the queue.
fn take_cancelled(waiting: &mut std::collections::VecDeque<BlobMessage>, reply: ReplyId) -> bool {
    let Some(at) = waiting.iter().position(|m| *m == BlobMessage::Cancel(reply)) else {
        return false;
    };
    waiting.drain(..=at);
    true
}

async fn drain(channel: Arc<dyn DataChannel>) {
    while channel.poll().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_cancelled_reply_takes_its_chunks_along() {
        let chunk = |reply| BlobMessage::Chunk {
            reply: ReplyId(reply),
            header: String::new(),
            wav: Bytes::new(),
        };
        let mut waiting = VecDeque::from([chunk(1), BlobMessage::Cancel(ReplyId(1)), chunk(2)]);
        assert!(!take_cancelled(&mut waiting, ReplyId(2)));
        assert!(take_cancelled(&mut waiting, ReplyId(1)));
        assert_eq!(waiting, [chunk(2)]);
    }
}
