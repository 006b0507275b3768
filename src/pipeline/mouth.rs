//! The reply's sound, from the voice to wherever this client hears it, and how far that has come.

use std::time::Duration;

use bytes::Bytes;

use super::codec::wav;
use super::conversation::ReplyId;
use super::frame::SPEECH_RATE_HZ;
use super::playout::Progress;
use super::playout::blob::{BlobMessage, BlobSender, Ledger};
use super::playout::clock::Clock;
use super::playout::track::TrackPlayer;
use super::text::Text;
use super::took::Took;
use super::transport::Output;
use super::tts::{Speech, WordTiming};
use super::{Chunk, Dialect, Hush};
use crate::engine::handles::Spoken;

/// The client takes its sound too slowly.
#[derive(Debug)]
pub(super) struct MouthError;

/// A piece of speech.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Piece {
    pub samples: Vec<f32>,
    pub words: Vec<WordTiming>,
    pub took: Took,
}

impl Piece {
    pub(super) fn duration(&self) -> Duration {
        duration(self.samples.len())
    }
}

impl From<Spoken> for Piece {
    fn from(Spoken { speech: Speech { samples, words }, took }: Spoken) -> Self {
        Self { samples, words, took }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Mouth {
    way: Way,
    /// The clause being made: its text, and, where it is sent whole, what there is of it.
    text: Text,
    whole: Piece,
    player: Option<TrackPlayer>,
}

/// How the current reply is heard. Chosen with its first sound.
#[derive(Default)]
enum Way {
    #[default]
    Unknown,
    Track(TrackPlayer),
    Blobs(BlobSender, Ledger),
    Clock {
        clock: Clock,
        /// Whether samples travel in events, or nowhere.
        in_events: bool,
    },
}

impl Mouth {
    /// A clause is going to be said.
    pub(super) fn begin(&mut self, clause: u32, text: &Text) {
        if clause == 0 {
            // A new reply may find a channel open that the one before did not.
            self.way = Way::Unknown;
        }
        self.text = text.clone();
        self.whole = Piece::default();
    }

    /// Sends a piece of the clause on its way.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call site, and each is of a type of its own"
    )]
    pub(super) fn say(
        &mut self,
        reply: ReplyId,
        clause: u32,
        piece: Piece,
        last: bool,
        now: Duration,
        output: &Output,
        dialect: &mut dyn Dialect,
        events: &mut Vec<String>,
    ) -> Result<(), MouthError> {
        if matches!(self.way, Way::Unknown) {
            self.way = choose(output);
            if let Way::Track(player) = &self.way {
                self.player.get_or_insert_with(|| player.clone());
            }
        }
        let sent = match &mut self.way {
            Way::Unknown => true,
            Way::Track(player) => {
                piece.samples.is_empty() || player.play(reply, clause, piece.samples)
            }
            Way::Clock { clock, in_events } => {
                if !piece.samples.is_empty() {
                    clock.add(reply, clause, piece.duration(), now);
                }
                if *in_events {
                    dialect.speech(reply, &piece.samples, events);
                }
                true
            }
            Way::Blobs(channel, ledger) => {
                self.whole.samples.extend(piece.samples);
                self.whole.words.extend(piece.words);
                if !last || self.whole.samples.is_empty() {
                    return Ok(());
                }
                let Piece { samples, words, .. } = std::mem::take(&mut self.whole);
                let duration = duration(samples.len());
                let wav = Bytes::from(wav::encode(&samples, SPEECH_RATE_HZ));
                let header = dialect.chunk(&Chunk {
                    reply,
                    clause,
                    text: &self.text,
                    words: &words,
                    bytes: wav.len(),
                    duration,
                });
                ledger.add(reply, clause, duration, now);
                channel.send(BlobMessage::Chunk { reply, header, wav })
            }
        };
        if sent { Ok(()) } else { Err(MouthError) }
    }

    /// Nothing more is said in this reply.
    pub(super) fn end(&mut self, reply: ReplyId) {
        match &mut self.way {
            Way::Unknown => {}
            Way::Track(player) => player.end(reply),
            Way::Blobs(_, ledger) => ledger.end(reply),
            Way::Clock { clock, .. } => clock.end(reply),
        }
    }

    /// The reply is played quietly, or not for now, or as before. Where somebody else plays it, they are told.
    pub(super) fn hush(
        &mut self,
        reply: ReplyId,
        hush: Hush,
        now: Duration,
        dialect: &mut dyn Dialect,
        events: &mut Vec<String>,
    ) {
        match &mut self.way {
            Way::Unknown => {}
            Way::Track(player) => match hush {
                Hush::Duck => player.duck(),
                Hush::Hold => player.hold(),
                Hush::Resume(from) => player.resume(from),
            },
            Way::Blobs(_, ledger) => {
                match hush {
                    Hush::Duck => {}
                    Hush::Hold => ledger.hold(now),
                    Hush::Resume(_) => ledger.resume(now),
                }
                events.push(dialect.hush(reply, hush));
            }
            Way::Clock { clock, .. } => match hush {
                Hush::Duck => {}
                Hush::Hold => clock.hold(now),
                Hush::Resume(_) => clock.resume(now),
            },
        }
    }

    /// The reply is cut, or over.
    pub(super) fn cancel(&mut self, reply: ReplyId) -> Result<(), MouthError> {
        self.whole = Piece::default();
        match std::mem::take(&mut self.way) {
            Way::Track(player) => player.cancel(),
            Way::Blobs(channel, _) if !channel.send(BlobMessage::Cancel(reply)) => {
                return Err(MouthError);
            }
            _ => {}
        }
        Ok(())
    }

    /// A page says how much of a chunk it has played.
    pub(super) fn report(
        &mut self,
        reply: ReplyId,
        clause: u32,
        played: Duration,
        now: Duration,
    ) -> Option<Progress> {
        match &mut self.way {
            Way::Blobs(_, ledger) => ledger.report(reply, clause, played, now),
            _ => None,
        }
    }

    /// Progress of the track. Cancel safe; waits for ever where there is no track.
    pub(super) async fn track_progress(&mut self) -> Option<Progress> {
        match &mut self.player {
            Some(player) => match player.progress().await {
                Some(progress) => Some(progress),
                // The track is gone; the call will end by itself.
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// When [`Mouth::poll`] has something to tell.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.way {
            Way::Blobs(_, ledger) => ledger.deadline(),
            Way::Clock { clock, .. } => clock.deadline(),
            Way::Unknown | Way::Track(_) => None,
        }
    }

    /// Progress that is told by the clock.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Progress> {
        match &mut self.way {
            Way::Blobs(_, ledger) => ledger.poll(now),
            Way::Clock { clock, .. } => clock.poll(now),
            Way::Unknown | Way::Track(_) => None,
        }
    }
}

fn choose(output: &Output) -> Way {
    let nowhere = || Way::Clock { clock: Clock::default(), in_events: false };
    match output {
        Output::Track(player) => Way::Track(player.clone()),
        Output::Blobs { channel, track } => match (channel.borrow().clone(), track) {
            (Some(channel), _) => Way::Blobs(channel, Ledger::default()),
            // The client has not opened its channel: it asked for more than it offered.
            (None, Some(player)) => Way::Track(player.clone()),
            (None, None) => nowhere(),
        },
        Output::Events => Way::Clock { clock: Clock::default(), in_events: true },
        Output::Nowhere => nowhere(),
    }
}

fn duration(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(SPEECH_RATE_HZ))
}
