//! Speech as chunks: each clause is one WAV on a data channel, played by the page, which reports what it played.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Progress;
use crate::pipeline::conversation::ReplyId;

/// Largest binary message: every browser takes it.
pub const PART_BYTES: usize = 16 * 1_024;
/// Chunks that wait for the network. The conversation runs only a few seconds ahead, so it does not fill.
const QUEUE: usize = 64;
/// A page that has not reported this long after a chunk must have ended is taken at its silence.
const PATIENCE: Duration = Duration::from_secs(2);

/// What goes to the data channel's task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobMessage {
    /// A chunk: its header, as text, and its WAV.
    Chunk {
        /// The reply that it belongs to.
        reply: ReplyId,
        /// JSON.
        header: String,
        /// A complete WAV.
        wav: Bytes,
    },
    /// Give up the chunks of this reply, also one that is being sent.
    Cancel(ReplyId),
}

/// Sends chunks to the data channel's task.
#[derive(Debug, Clone)]
pub struct BlobSender(mpsc::Sender<BlobMessage>);

impl BlobSender {
    /// A channel to the task that owns the data channel.
    pub fn channel() -> (Self, mpsc::Receiver<BlobMessage>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Sends a message. `false` if the network is so far behind that the queue is full.
    #[must_use]
    pub fn send(&self, message: BlobMessage) -> bool {
        !matches!(self.0.try_send(message), Err(mpsc::error::TrySendError::Full(_)))
    }
}

/// Which chunks were sent, and how far the page says it is.
#[derive(Debug, Default)]
pub struct Ledger {
    chunks: VecDeque<Chunk>,
    ending: Option<ReplyId>,
    /// When the page must have played what it has, at the latest.
    silent_at: Duration,
    /// Since when the page plays nothing for now.
    held: Option<Duration>,
}

#[derive(Debug)]
struct Chunk {
    reply: ReplyId,
    clause: u32,
    duration: Duration,
}

impl Ledger {
    /// A chunk was sent.
    pub fn add(&mut self, reply: ReplyId, clause: u32, duration: Duration, now: Duration) {
        self.silent_at = self.silent_at.max(now) + duration;
        self.chunks.push_back(Chunk { reply, clause, duration });
    }

    /// Nothing more is sent for this reply.
    pub fn end(&mut self, reply: ReplyId) {
        self.ending = Some(reply);
    }

    /// The page plays nothing for now.
    pub fn hold(&mut self, now: Duration) {
        self.held.get_or_insert(now);
    }

    /// The page goes on.
    pub fn resume(&mut self, now: Duration) {
        if let Some(since) = self.held.take() {
            self.silent_at += now.saturating_sub(since);
        }
    }

    /// The reply is cut.
    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    /// The page says how much of a chunk it has played. `None` for a chunk that is not expected: it was cut,
    /// or never sent.
    pub fn report(
        &mut self,
        reply: ReplyId,
        clause: u32,
        played: Duration,
        now: Duration,
    ) -> Option<Progress> {
        let at = self.chunks.iter().position(|c| c.reply == reply && c.clause == clause)?;
        // Chunks are played in order: those before it are over.
        self.chunks.drain(..at);
        let chunk = self.chunks.front()?;
        // The page rounds to milliseconds.
        let complete = played + Duration::from_millis(2) >= chunk.duration;
        let played = if complete { chunk.duration } else { played };
        let ahead: Duration = self.chunks.iter().map(|chunk| chunk.duration).sum();
        self.silent_at = now + ahead.saturating_sub(played);
        if complete {
            self.chunks.pop_front();
        }
        let ended = self.chunks.is_empty() && self.ending.take_if(|r| *r == reply).is_some();
        Some(Progress { reply, clause, played, ended })
    }

    /// When the page must have reported the end.
    pub fn deadline(&self) -> Option<Duration> {
        match (&self.ending, self.chunks.is_empty()) {
            _ if self.held.is_some() => None,
            (None, true) => None,
            (Some(_), true) => Some(Duration::ZERO),
            _ => Some(self.silent_at + PATIENCE),
        }
    }

    /// Makes up for a page that does not report.
    pub fn poll(&mut self, now: Duration) -> Option<Progress> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        if let Some(last) = self.chunks.drain(..).next_back() {
            let ended = self.ending.take().is_some();
            return Some(Progress {
                reply: last.reply,
                clause: last.clause,
                played: last.duration,
                ended,
            });
        }
        let reply = self.ending.take()?;
        Some(Progress { reply, clause: 0, played: Duration::ZERO, ended: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: ReplyId = ReplyId(4);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_page_reports_and_the_reply_ends_with_its_last_chunk() {
        let mut ledger = Ledger::default();
        ledger.add(REPLY, 0, ms(500), ms(0));
        ledger.add(REPLY, 1, ms(700), ms(10));
        let first = ledger.report(REPLY, 0, ms(200), ms(300));
        assert_eq!(
            first,
            Some(Progress { reply: REPLY, clause: 0, played: ms(200), ended: false })
        );
        ledger.end(REPLY);
        assert!(ledger.report(REPLY, 0, ms(500), ms(600)).is_some_and(|p| !p.ended));
        let last = ledger.report(REPLY, 1, ms(699), ms(1_300));
        assert_eq!(last, Some(Progress { reply: REPLY, clause: 1, played: ms(700), ended: true }));
        assert_eq!(ledger.deadline(), None);
    }

    #[test]
    fn reports_for_what_was_cut_count_for_nothing() {
        let mut ledger = Ledger::default();
        ledger.add(REPLY, 0, ms(500), ms(0));
        ledger.cancel();
        assert_eq!(ledger.report(REPLY, 0, ms(200), ms(300)), None);
        assert_eq!(ledger.report(ReplyId(9), 7, ms(200), ms(300)), None);
    }

    #[test]
    fn a_page_that_does_not_report_stands_nothing_still() {
        let mut ledger = Ledger::default();
        ledger.add(REPLY, 0, ms(500), ms(100));
        ledger.end(REPLY);
        assert_eq!(ledger.poll(ms(2_500)), None);
        assert!(ledger.poll(ms(2_600)).is_some_and(|p| p.ended && p.played == ms(500)));
        assert_eq!(ledger.deadline(), None);
    }

    #[test]
    fn a_page_that_was_told_to_wait_is_waited_for() {
        let mut ledger = Ledger::default();
        ledger.add(REPLY, 0, ms(500), ms(100));
        ledger.end(REPLY);
        ledger.hold(ms(300));
        assert_eq!(ledger.poll(ms(60_000)), None);
        ledger.resume(ms(60_000));
        assert_eq!(ledger.poll(ms(62_000)), None);
        assert!(ledger.poll(ms(62_400)).is_some_and(|p| p.ended));
    }

    #[test]
    fn an_end_after_the_last_report_is_told_at_once() {
        let mut ledger = Ledger::default();
        ledger.add(REPLY, 0, ms(500), ms(0));
        assert!(ledger.report(REPLY, 0, ms(500), ms(500)).is_some_and(|p| !p.ended));
        ledger.end(REPLY);
        assert!(ledger.poll(ms(501)).is_some_and(|p| p.ended));
    }
}
