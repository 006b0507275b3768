//! What goes into a conversation and what comes out of it.

use std::ops::Range;
use std::time::Duration;

use super::overlap::{Interruptible, Overlap};
use super::report::TurnReport;
use crate::pipeline::frame::Samples;
use crate::pipeline::history::{ItemId, Role, TruncateError};
use crate::pipeline::load::Shed;
use crate::pipeline::stt::{Transcript, Urgency};
use crate::pipeline::text::Text;
use crate::pipeline::took::Took;
use crate::pipeline::tts::WordTiming;
use crate::pipeline::turn::endpointing::Policy;
use crate::pipeline::vad::Change;

/// A turn: one utterance of the person. Counted from 0 in each call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId(pub u32);

/// A reply of the model. Counted from 0 in each call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u32);

/// One recognition of one segment of a turn. A later attempt replaces the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recognition {
    /// The turn.
    pub turn: TurnId,
    /// The segment of the turn; most turns have one.
    pub segment: u32,
    /// Counted from 1.
    pub attempt: u32,
}

/// What can be set for a conversation, and changed while it goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What the model is told first.
    pub instructions: Text,
    /// How turns end.
    pub endpointing: Policy,
    /// Who stops a reply by speaking over it.
    pub interruption: Interruptible,
    /// Whether sound that was sent can still be held back. If not, a reply is stopped as soon as somebody speaks.
    pub resumable: bool,
    /// Whether a turn is answered without being asked to.
    pub answers: bool,
    /// Replies are written, not spoken.
    pub silent: bool,
    /// Sound that belongs to a turn although it came before speech was noticed.
    pub pre_roll: Samples,
    /// A turn with less speech is forgotten.
    pub min_speech: Samples,
    /// After so much more speech the captions of somebody who is still speaking are made anew; none if it is 0.
    pub interim: Samples,
    /// Thresholds of the model that hold for languages, by their codes.
    pub thresholds: Vec<(String, f32)>,
    /// So many replies that were begun early may be thrown away in a minute; none is begun if it is 0.
    pub eager_per_minute: u32,
    /// After so long without a word the model is asked to say something.
    pub idle: Option<Duration>,
    /// Said when an answer takes long.
    pub filler: Option<Filler>,
    /// How much of the conversation the model is given.
    pub context_tokens: usize,
    /// Longest reply.
    pub max_tokens: Option<u32>,
}

impl Settings {
    /// How turns end that are spoken in this language.
    pub fn endpointing_in(&self, language: Option<&str>) -> Policy {
        let known = self.thresholds.iter().find(|(code, _)| Some(code.as_str()) == language);
        match (self.endpointing, known) {
            (Policy::Model { grace, max_silence, .. }, Some((_, threshold))) => {
                Policy::Model { threshold: *threshold, grace, max_silence }
            }
            (policy, _) => policy,
        }
    }
}

/// What is said when an answer takes long.
#[derive(Debug, Clone, PartialEq)]
pub struct Filler {
    /// How long.
    pub after: Duration,
    /// What.
    pub text: Text,
}

/// Why something did not work, in words for people and a code for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For programs.
    pub code: &'static str,
    /// For people. Never what was said.
    pub message: String,
}

/// Why a model stopped writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It had said everything.
    Stop,
    /// It reached a limit.
    Length,
    /// It was stopped by a filter.
    ContentFilter,
}

/// Tokens that a reply took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Read.
    pub input_tokens: u32,
    /// Written.
    pub output_tokens: u32,
}

/// What a reply is asked for with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplyOptions {
    /// Instead of the conversation's instructions.
    pub instructions: Option<Text>,
    /// Instead of the conversation's limit.
    pub max_tokens: Option<u32>,
    /// Written or spoken, instead of what the conversation says.
    pub silent: Option<bool>,
}

/// A frame of sound, as voice activity detection sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Where it ends.
    pub position: Samples,
    /// Whether it is speech.
    pub voiced: bool,
    /// Whether it may be the beginning of speech.
    pub stirs: bool,
    /// What it changed.
    pub change: Option<Change>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The microphone's clock has moved on by a frame.
    Frame(Frame),
    /// The answer to a [`Command::Predict`]; no probability if it failed.
    Predicted {
        /// The turn asked about.
        turn: TurnId,
        /// The question.
        question: u32,
        /// Whether the turn is complete.
        probability: Option<f32>,
        /// How long it waited for the model, and that for it.
        took: Took,
    },
    /// The result of a [`Command::Recognise`].
    Recognised {
        /// Which.
        job: Recognition,
        /// The words, possibly none.
        result: Result<Transcript, Failure>,
    },
    /// The model wrote.
    Wrote {
        /// Which reply.
        reply: ReplyId,
        /// The next piece of text.
        delta: Text,
    },
    /// The model has finished, or failed.
    Written {
        /// Which reply.
        reply: ReplyId,
        /// Why it stopped.
        result: Result<(Finish, Option<Usage>), Failure>,
    },
    /// A piece of a clause's sound has been made and handed to playout.
    Spoke {
        /// Which reply.
        reply: ReplyId,
        /// How long the piece is.
        duration: Duration,
        /// Words of the clause whose times are known by now.
        words: Vec<WordTiming>,
        /// How long the clause waited for the voice, and this piece was worked on.
        took: Took,
        /// Whether the clause is complete.
        last: bool,
    },
    /// A clause could not be spoken.
    SpeechFailed {
        /// Which reply.
        reply: ReplyId,
        /// Why.
        failure: Failure,
    },
    /// Playout has come this far.
    Playing {
        /// Which reply.
        reply: ReplyId,
        /// Which clause of it.
        clause: u32,
        /// How much of the clause.
        played: Duration,
    },
    /// Playout has played all of a reply.
    Played {
        /// Which reply.
        reply: ReplyId,
    },
    /// The client asked for something.
    Asked(Ask),
    /// Time has passed: [`deadline`](super::Conversation::deadline) is reached.
    Tick,
    /// The call is over. What was heard of a reply stays.
    Closed {
        /// For so long nothing has reached the person, as far as is known.
        unheard: Duration,
    },
}

/// What a client may ask for.
#[derive(Debug, Clone)]
pub enum Ask {
    /// New settings.
    Configure(Box<Settings>),
    /// Say this, without the model.
    Say(Text),
    /// Say what was missed of a reply, instead of what is being said; written where replies are.
    Replay(Text),
    /// End the person's turn.
    Commit,
    /// Forget the person's turn.
    Clear,
    /// Make a reply.
    Reply(ReplyOptions),
    /// Stop the reply.
    Cancel,
    /// Stop what is being heard.
    Silence,
    /// Add something to the conversation.
    Add {
        /// Who said it.
        role: Role,
        /// What.
        text: Text,
    },
    /// Cut a reply at what was heard of it.
    Truncate {
        /// Which.
        item: ItemId,
        /// How much was heard.
        played: Duration,
    },
}

/// What is known of sound before it is recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct Hints {
    /// Who waits for it.
    pub urgency: Urgency,
    /// How much speech it holds.
    pub speech: Duration,
    /// Tokens of an earlier result for the beginning of it.
    pub draft: Vec<u32>,
    /// The language that was heard in this call before.
    pub language: Option<String>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Ask the end-of-turn model about this sound.
    Predict {
        /// The turn.
        turn: TurnId,
        /// The question, to be given back with the answer.
        question: u32,
        /// The end of the turn so far.
        audio: Range<Samples>,
    },
    /// Recognise this sound. Exactly one [`Event::Recognised`] answers, unless it is cancelled.
    Recognise {
        /// To be given back with the result.
        job: Recognition,
        /// At most 28 s.
        audio: Range<Samples>,
        /// What is known of it.
        hints: Hints,
    },
    /// The result of this recognition is no longer wanted.
    CancelRecognition {
        /// Which.
        job: Recognition,
    },
    /// Let the model write a reply.
    Write {
        /// Its number.
        reply: ReplyId,
        /// The conversation.
        messages: Vec<(Role, Text)>,
        /// The longest that it may become.
        max_tokens: Option<u32>,
    },
    /// Speak a clause and hand its sound to playout.
    Speak {
        /// The reply.
        reply: ReplyId,
        /// The clause, counted from 0.
        clause: u32,
        /// Plain words.
        text: Text,
    },
    /// No more sound comes for this reply: playout says when all is played.
    EndSpeech {
        /// The reply.
        reply: ReplyId,
    },
    /// Play this reply quietly: somebody may be speaking.
    Duck {
        /// The reply.
        reply: ReplyId,
    },
    /// Play nothing more of this reply for now, and keep its place.
    Hold {
        /// The reply.
        reply: ReplyId,
    },
    /// Go on with this reply, as loud as before.
    Resume {
        /// The reply.
        reply: ReplyId,
        /// If it was held: from this clause, and how much of it.
        from: Option<(u32, Duration)>,
    },
    /// Stop the model, the voice and playout of this reply, now.
    Cancel {
        /// The reply.
        reply: ReplyId,
    },
    /// This was left out, because there is no time for it; to be counted.
    Shed(Shed),
    /// Tell the client.
    Tell(Notice),
}

/// How the making of a reply ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is complete.
    Completed,
    /// It ended at a limit or a filter.
    Incomplete(Finish),
    /// It could not be made.
    Failed(Failure),
    /// The person spoke over it.
    Interrupted,
    /// The client asked for its end.
    Cancelled,
}

/// What the server is doing, as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting for the person, or hearing them.
    #[default]
    Listening,
    /// The person has finished; the answer is on its way.
    Thinking,
    /// The answer is being heard.
    Speaking,
}

/// What the client is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The state has changed.
    State(State),
    /// A turn has begun.
    SpeechStarted {
        /// The item that it becomes.
        item: ItemId,
        /// Where.
        at: Samples,
    },
    /// Speech has ended.
    SpeechStopped {
        /// The item.
        item: ItemId,
        /// Where.
        at: Samples,
    },
    /// The turn is over.
    Committed {
        /// The item.
        item: ItemId,
        /// The item before it.
        previous: Option<ItemId>,
    },
    /// Nobody has said anything for long.
    TimedOut {
        /// The item that stands for it.
        item: ItemId,
        /// The silence.
        silence: Range<Samples>,
    },
    /// The input was forgotten, as asked.
    InputCleared,
    /// There was nothing to commit.
    NothingToCommit,
    /// What is heard of a turn that goes on. The words of [`Notice::Transcribed`] replace it.
    Interim {
        /// The item.
        item: ItemId,
        /// What has become stable just now; often empty.
        delta: Text,
        /// All that is stable: it only grows.
        stable: Text,
        /// What follows it and may change.
        tail: Text,
    },
    /// The words of a turn.
    Transcribed {
        /// The item.
        item: ItemId,
        /// The words.
        text: Text,
        /// How much speech it was.
        speech: Duration,
    },
    /// The words of a turn cannot be had.
    TranscriptionFailed {
        /// The item.
        item: ItemId,
        /// Why.
        failure: Failure,
    },
    /// An item that the client added is in.
    Added {
        /// The item.
        item: ItemId,
        /// Who said it.
        role: Role,
        /// What.
        text: Text,
        /// The item before it.
        previous: Option<ItemId>,
    },
    /// A reply is being made.
    ReplyStarted {
        /// The reply.
        reply: ReplyId,
        /// The item that it becomes.
        item: ItemId,
        /// The item before it.
        previous: Option<ItemId>,
        /// Written, not spoken.
        silent: bool,
    },
    /// The next words of a reply.
    Caption {
        /// The reply.
        reply: ReplyId,
        /// The words.
        delta: Text,
    },
    /// The first sound of a reply is being played.
    AudioStarted {
        /// The reply.
        reply: ReplyId,
    },
    /// The reply is made. It may still be playing.
    ReplyDone {
        /// The reply.
        reply: ReplyId,
        /// How.
        outcome: Outcome,
        /// Its text: all of it, or what was heard.
        text: Text,
        /// Tokens that it took.
        usage: Option<Usage>,
    },
    /// The reply has been played to its end.
    AudioStopped {
        /// The reply.
        reply: ReplyId,
    },
    /// The rest of the reply's sound was thrown away.
    AudioCleared {
        /// The reply.
        reply: ReplyId,
    },
    /// A reply was cut at what was heard.
    Truncated {
        /// The item.
        item: ItemId,
        /// What was heard.
        played: Duration,
        /// What was heard, in words.
        text: Text,
    },
    /// A reply is over, played or cut: this is what stays of it. Told once for each reply that was heard, or
    /// read, at all.
    Kept {
        /// The item.
        item: ItemId,
        /// What was heard.
        text: Text,
        /// Whether it was cut, or could not be made to its end.
        interrupted: bool,
        /// How much sound was heard.
        played: Duration,
    },
    /// Somebody spoke over a reply, and it was decided what they wanted.
    Overlapped {
        /// The reply.
        reply: ReplyId,
        /// What was decided, and why.
        overlap: Overlap,
    },
    /// A client's truncation was refused.
    NotTruncated(TruncateError),
    /// A reply was asked for while one is being made.
    AlreadyReplying,
    /// There is no reply to cancel.
    NothingToCancel,
    /// How a turn went.
    Turn(TurnReport),
}
