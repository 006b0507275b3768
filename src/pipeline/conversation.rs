//! The conversation: everything that is decided, and nothing that is done.
//!
//! A state machine without clock, channel or task. [`Event`]s and the time go in, [`Command`]s come out. Its
//! public face is listening → thinking → speaking; inside, the person's side (`hearing`) and the model's side
//! (`reply`) run at the same time, because people talk over each other.
//!
//! Everything that belongs to a turn or a reply carries its number, and a result for one that is over is
//! ignored: nothing late can leak into what follows.

mod hearing;
mod reply;
mod segment;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use self::hearing::{Committed, Heard, Hearing, Transcribed};
use self::reply::Reply;
use super::frame::Samples;
use super::history::{History, ItemId, Role, TruncateError};
use super::text::Text;
use super::tts::WordTiming;
use super::turn::endpointing::{Policy, Reason};
use super::vad::Change;

pub use self::hearing::Decision;
pub use self::reply::Outcome;

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
    /// Whether speaking over a reply stops it.
    pub interruptible: bool,
    /// Whether a turn is answered without being asked to.
    pub answers: bool,
    /// Replies are written, not spoken.
    pub silent: bool,
    /// Sound that belongs to a turn although it came before speech was noticed.
    pub pre_roll: Samples,
    /// A turn with less speech is forgotten.
    pub min_speech: Samples,
    /// How much of the conversation the model is given.
    pub context_tokens: usize,
    /// Longest reply.
    pub max_tokens: Option<u32>,
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
    },
    /// The result of a [`Command::Recognise`].
    Recognised {
        /// Which.
        job: Recognition,
        /// The words, possibly none.
        result: Result<Text, Failure>,
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
}

/// What a client may ask for.
#[derive(Debug, Clone)]
pub enum Ask {
    /// New settings.
    Configure(Box<Settings>),
    /// Say this, without the model.
    Say(Text),
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
    /// Stop the model, the voice and playout of this reply, now.
    Cancel {
        /// The reply.
        reply: ReplyId,
    },
    /// Tell the client.
    Tell(Notice),
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
    /// The input was forgotten, as asked.
    InputCleared,
    /// There was nothing to commit.
    NothingToCommit,
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

/// How a turn went: when each phase ended, in milliseconds after the last speech.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnReport {
    /// The turn.
    pub turn: TurnId,
    /// Its item.
    pub item: ItemId,
    /// The reply to it, if there was one.
    pub reply: Option<ReplyId>,
    /// Why it ended when it did.
    pub decision: Decision,
    /// The phases.
    pub timings: Timings,
}

/// Milliseconds after the last speech of a turn. What did not happen is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Timings {
    /// The turn was over.
    pub endpoint_ms: Option<u64>,
    /// Its words were there.
    pub transcript_ms: Option<u64>,
    /// The model's first word.
    pub first_token_ms: Option<u64>,
    /// The first clause was complete.
    pub first_clause_ms: Option<u64>,
    /// The first sound was made.
    pub first_speech_ms: Option<u64>,
    /// The first sound was played.
    pub first_audio_ms: Option<u64>,
}

/// The turn that is being answered, for its report.
#[derive(Debug)]
struct Answering {
    report: TurnReport,
    speech_ended_at: Duration,
}

/// See the module.
#[derive(Debug)]
pub struct Conversation {
    settings: Settings,
    history: History,
    hearing: Hearing,
    reply: Option<Reply>,
    next_reply: u32,
    /// Items of turns, in order, until their words are there.
    items: VecDeque<(TurnId, ItemId)>,
    answering: Option<Answering>,
    /// The person said something that has not been answered.
    unanswered: bool,
    state: State,
    commands: VecDeque<Command>,
}

impl Conversation {
    /// A conversation in which nothing has been said.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            history: History::default(),
            hearing: Hearing::default(),
            reply: None,
            next_reply: 0,
            items: VecDeque::new(),
            answering: None,
            unanswered: false,
            state: State::Listening,
            commands: VecDeque::new(),
        }
    }

    /// What is set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the server is doing.
    pub fn state(&self) -> State {
        self.state
    }

    /// Sound before this position is no longer needed.
    pub fn keep_from(&self) -> Samples {
        self.hearing.keep_from(&self.settings)
    }

    /// The next thing to do. Ask until there is none.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// Something happened, `now` after the call began.
    pub fn handle(&mut self, event: Event, now: Duration) {
        match event {
            Event::Frame(frame) => self.frame(&frame, now),
            Event::Predicted { turn, question, probability } => {
                self.hearing.predicted(turn, question, probability);
            }
            Event::Recognised { job, result } => self.hearing.recognised(job, result),
            Event::Wrote { reply, delta } => self.wrote(reply, &delta, now),
            Event::Written { reply, result } => {
                if let Some(current) = self.current(reply) {
                    match result {
                        Ok((finish, usage)) => current.written(finish, usage),
                        Err(failure) => current.fail(failure),
                    }
                }
            }
            Event::Spoke { reply, duration, words, last } => {
                if let Some(current) = self.current(reply) {
                    current.add_sound(duration, words, last);
                    self.time(now, |timings| &mut timings.first_speech_ms);
                }
            }
            Event::SpeechFailed { reply, failure } => {
                if let Some(current) = self.current(reply) {
                    current.fail_speech(failure);
                }
            }
            Event::Playing { reply, clause, played } => self.playing(reply, clause, played, now),
            Event::Played { reply } => self.played(reply),
            Event::Asked(ask) => self.asked(ask, now),
        }
        self.proceed(now);
    }

    fn frame(&mut self, frame: &Frame, now: Duration) {
        let heard = self.hearing.frame(frame, &self.settings, &mut self.commands);
        if let Some(heard) = heard {
            self.heard(heard, now);
        }
        // A click must not silence a reply: it takes as much speech as makes a turn.
        let speech = self.hearing.speech_so_far();
        let by_voice = self.settings.interruptible && self.settings.endpointing != Policy::Manual;
        if by_voice && speech >= self.settings.min_speech.max(Samples(1)) {
            self.interrupt(Outcome::Interrupted, now);
        }
    }

    fn heard(&mut self, heard: Heard, now: Duration) {
        match heard {
            Heard::Started { turn, at } => {
                let item = self.history.begin();
                self.items.push_back((turn, item));
                if self.settings.endpointing != Policy::Manual {
                    self.tell(Notice::SpeechStarted { item, at });
                }
            }
            Heard::Forgotten { turn, at } => {
                if let Some(item) = self.item_of(turn) {
                    self.items.retain(|(other, _)| *other != turn);
                    self.tell(Notice::SpeechStopped { item, at });
                }
            }
            Heard::Committed(committed) => self.committed(committed, now),
        }
    }

    fn committed(&mut self, committed: Committed, now: Duration) {
        let Some(item) = self.item_of(committed.turn) else { return };
        if self.settings.endpointing != Policy::Manual {
            self.tell(Notice::SpeechStopped { item, at: committed.speech_end });
        }
        self.tell(Notice::Committed { item, previous: self.history.last() });
        self.report_answered();
        let silence = Duration::from_millis(committed.decision.silence_ms);
        self.answering = Some(Answering {
            report: TurnReport {
                turn: committed.turn,
                item,
                reply: None,
                decision: committed.decision,
                timings: Timings::default(),
            },
            speech_ended_at: now.saturating_sub(silence),
        });
        self.time(now, |timings| &mut timings.endpoint_ms);
    }

    /// The words of a turn are there, or cannot be had.
    fn transcribed(&mut self, transcribed: Transcribed, now: Duration) {
        let Some(item) = self.item_of(transcribed.turn) else { return };
        self.items.retain(|(turn, _)| *turn != transcribed.turn);
        let latest = self.answering.as_ref().is_some_and(|a| a.report.turn == transcribed.turn);
        if latest {
            self.time(now, |timings| &mut timings.transcript_ms);
        }
        match transcribed.result {
            Ok(text) => {
                let said = !text.is_empty();
                self.history.add(item, Role::User, text.clone());
                let speech = transcribed.speech;
                self.tell(Notice::Transcribed { item, text, speech });
                self.unanswered |= said && self.settings.answers;
            }
            Err(failure) => self.tell(Notice::TranscriptionFailed { item, failure }),
        }
        if latest && !self.unanswered {
            self.report_answered();
        }
    }

    fn wrote(&mut self, reply: ReplyId, delta: &Text, now: Duration) {
        let Some(current) = self.current(reply) else { return };
        let shown = current.write(delta);
        let has_clause = current.has_clause();
        if let Some(delta) = shown {
            self.tell(Notice::Caption { reply, delta });
        }
        self.time(now, |timings| &mut timings.first_token_ms);
        if has_clause {
            self.time(now, |timings| &mut timings.first_clause_ms);
        }
    }

    fn playing(&mut self, reply: ReplyId, clause: u32, played: Duration, now: Duration) {
        let Some(current) = self.current(reply) else { return };
        let first = !current.is_audible();
        current.note_played(clause, played, now);
        if first && current.is_audible() {
            self.tell(Notice::AudioStarted { reply });
            self.time(now, |timings| &mut timings.first_audio_ms);
            self.report_answered();
        }
    }

    fn played(&mut self, reply: ReplyId) {
        if self.current(reply).is_some_and(|current| current.ended) {
            self.finish_reply();
        }
    }

    fn asked(&mut self, ask: Ask, now: Duration) {
        match ask {
            Ask::Configure(settings) => self.settings = *settings,
            Ask::Say(text) => self.say(&text, now),
            Ask::Commit => {
                let heard =
                    self.hearing.commit(Reason::Client, &self.settings, &mut self.commands);
                match heard {
                    Some(heard) => self.heard(heard, now),
                    None => self.tell(Notice::NothingToCommit),
                }
            }
            Ask::Clear => {
                let cleared = self.hearing.clear(&mut self.commands);
                self.items.retain(|(turn, _)| Some(*turn) != cleared);
                self.tell(Notice::InputCleared);
            }
            Ask::Reply(options) => match self.reply {
                Some(_) => self.tell(Notice::AlreadyReplying),
                None => self.start_reply(options, now),
            },
            Ask::Cancel => {
                if self.reply.as_ref().is_some_and(|reply| !reply.told_done) {
                    self.interrupt(Outcome::Cancelled, now);
                } else {
                    self.tell(Notice::NothingToCancel);
                }
            }
            Ask::Silence => self.interrupt(Outcome::Cancelled, now),
            Ask::Add { role, text } => {
                let previous = self.history.last();
                let item = self.history.begin();
                self.history.add(item, role, text.clone());
                self.tell(Notice::Added { item, role, text, previous });
            }
            Ask::Truncate { item, played } => {
                // Of a reply that is still being heard the person knows best how much they heard.
                if self.reply.as_ref().is_some_and(|reply| reply.item == item) {
                    self.interrupt(Outcome::Cancelled, now);
                }
                match self.history.truncate(item, played) {
                    Ok(()) => self.tell(Notice::Truncated { item, played }),
                    Err(error) => self.tell(Notice::NotTruncated(error)),
                }
            }
        }
    }

    /// Does what has become possible: transcripts, a reply, its clauses, its end.
    fn proceed(&mut self, now: Duration) {
        while let Some(transcribed) = self.hearing.next_transcribed() {
            self.transcribed(transcribed, now);
        }
        // Whoever is speaking again is not answered before they have finished.
        let waiting = self.hearing.is_awaiting()
            || self.settings.interruptible && self.hearing.is_open();
        if self.unanswered && self.reply.is_none() && !waiting {
            self.start_reply(ReplyOptions::default(), now);
        }
        self.continue_reply(now);
        self.update_state();
    }

    fn start_reply(&mut self, options: ReplyOptions, now: Duration) {
        let instructions = options.instructions.as_ref().unwrap_or(&self.settings.instructions);
        let messages = self.history.messages(instructions.as_str(), self.settings.context_tokens);
        let max_tokens = options.max_tokens.or(self.settings.max_tokens);
        let silent = options.silent.unwrap_or(self.settings.silent);
        let reply = self.open_reply(silent);
        self.commands.push_back(Command::Write { reply, messages, max_tokens });
        self.continue_reply(now);
    }

    /// Speaks fixed words.
    fn say(&mut self, text: &Text, now: Duration) {
        if self.reply.is_some() || text.is_empty() {
            return;
        }
        let reply = self.open_reply(false);
        self.wrote(reply, text, now);
        if let Some(current) = self.current(reply) {
            current.written(Finish::Stop, None);
        }
    }

    fn open_reply(&mut self, silent: bool) -> ReplyId {
        self.unanswered = false;
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        let previous = self.history.last();
        let item = self.history.begin();
        let turn = self.answering.as_mut().map(|answering| {
            answering.report.reply = Some(reply);
            answering.report.turn
        });
        self.reply = Some(Reply::new(reply, item, turn, silent));
        self.tell(Notice::ReplyStarted { reply, item, previous, silent });
        reply
    }

    /// Hands over the next clause, or ends the reply.
    fn continue_reply(&mut self, now: Duration) {
        let Some(reply) = &mut self.reply else { return };
        let id = reply.id;
        if let Some((clause, text)) = reply.next_clause(now) {
            self.commands.push_back(Command::Speak { reply: id, clause, text: text.clone() });
            let mut delta = text;
            if clause > 0 {
                delta = Text::from(format!(" {}", delta.as_str()));
            }
            self.tell(Notice::Caption { reply: id, delta });
        }
        let Some(reply) = &mut self.reply else { return };
        if !reply.is_made() || reply.ended {
            return;
        }
        reply.ended = true;
        reply.told_done = true;
        let done = Notice::ReplyDone {
            reply: id,
            outcome: reply.outcome(),
            text: reply.text().clone(),
            usage: reply.usage(),
        };
        let soundless = reply.sound().is_zero();
        self.tell(done);
        if soundless {
            // There is nothing to wait for.
            self.commands.push_back(Command::Cancel { reply: id });
            self.finish_reply();
        } else {
            self.commands.push_back(Command::EndSpeech { reply: id });
        }
    }

    /// The reply has been heard to its end.
    fn finish_reply(&mut self) {
        let Some(reply) = self.reply.take() else { return };
        if reply.is_audible() {
            self.tell(Notice::AudioStopped { reply: reply.id });
        }
        let item = reply.item;
        let (text, spoken) = reply.into_spoken();
        self.history.add_spoken(item, Role::Assistant, text, spoken);
        self.report_answered();
    }

    /// Stops the reply, if there is one. What was heard of it stays.
    fn interrupt(&mut self, outcome: Outcome, now: Duration) {
        let Some(reply) = self.reply.take() else { return };
        let (id, item) = (reply.id, reply.item);
        let (audible, told_done, usage) = (reply.is_audible(), reply.told_done, reply.usage());
        let played = reply.heard(now);
        let answers_turn = reply.turn.is_some();
        let (text, spoken) = reply.into_heard(now);
        // A question whose answer nobody heard is still open: what cut it may have been a cough.
        self.unanswered |= outcome == Outcome::Interrupted && answers_turn && text.is_empty();
        self.commands.push_back(Command::Cancel { reply: id });
        self.history.add_spoken(item, Role::Assistant, text.clone(), spoken);
        if audible {
            self.tell(Notice::Truncated { item, played });
        }
        self.tell(Notice::AudioCleared { reply: id });
        if !told_done {
            self.tell(Notice::ReplyDone { reply: id, outcome, text, usage });
        }
        self.report_answered();
    }

    /// Sends the report of the turn being answered, if it has not been sent.
    fn report_answered(&mut self) {
        if let Some(answering) = self.answering.take() {
            self.tell(Notice::Turn(answering.report));
        }
    }

    /// Notes when a phase of the turn being answered ended, the first time it does.
    fn time(&mut self, now: Duration, phase: impl Fn(&mut Timings) -> &mut Option<u64>) {
        if let Some(answering) = &mut self.answering {
            let passed = now.saturating_sub(answering.speech_ended_at).as_millis() as u64;
            phase(&mut answering.report.timings).get_or_insert(passed);
        }
    }

    fn update_state(&mut self) {
        let state = match &self.reply {
            Some(reply) if reply.is_audible() => State::Speaking,
            Some(_) => State::Thinking,
            None if self.hearing.is_awaiting() => State::Thinking,
            None => State::Listening,
        };
        if state != self.state {
            self.state = state;
            self.tell(Notice::State(state));
        }
    }

    fn current(&mut self, reply: ReplyId) -> Option<&mut Reply> {
        self.reply.as_mut().filter(|current| current.id == reply)
    }

    fn item_of(&self, turn: TurnId) -> Option<ItemId> {
        self.items.iter().find(|(other, _)| *other == turn).map(|(_, item)| *item)
    }

    fn tell(&mut self, notice: Notice) {
        self.commands.push_back(Command::Tell(notice));
    }
}

#[cfg(test)]
mod tests;
