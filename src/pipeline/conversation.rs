//! The conversation: everything that is decided, and nothing that is done.
//!
//! A state machine without clock, channel or task. [`Event`]s and the time go in, [`Command`]s come out. Its
//! public face is listening → thinking → speaking; inside, the person's side (`hearing`) and the model's side
//! (`reply`) run at the same time, because people talk over each other.
//!
//! Everything that belongs to a turn or a reply carries its number, and a result for one that is over is
//! ignored: nothing late can leak into what follows.

mod eager;
mod floor;
mod hearing;
mod interim;
mod lost;
mod message;
mod overlap;
mod reply;
mod report;
mod segment;
mod stir;
mod work;

use std::collections::VecDeque;
use std::time::Duration;

use self::eager::Eager;
use self::floor::Floor;
use self::hearing::{Committed, Heard, Hearing, Transcribed};
use self::interim::Interim;
use self::reply::Reply;
use self::work::Work;
use super::frame::Samples;
use super::history::{History, ItemId, Role};
use super::load::Shedding;
use super::text::Text;
use super::turn::endpointing::{Policy, Reason};
use super::vad;

pub use self::eager::EagerReplies;
pub use self::overlap::{Interruptible, Overlap, Why};

pub use self::message::{
    Ask, Command, Event, Failure, Filler, Finish, Frame, Hints, Notice, Outcome, Recognition,
    ReplyId, ReplyOptions, Settings, State, TurnId, Usage,
};
pub use self::report::{Decision, Job, Stage, Timings, TurnReport};

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
    floor: Floor,
    eager: Eager,
    next_reply: u32,
    /// Items of turns, in order, until their words are there.
    items: VecDeque<(TurnId, ItemId)>,
    answering: Option<Answering>,
    /// When the last frame was heard, which silence is measured to.
    heard_at: Duration,
    work: Work,
    /// The last reply that was played to its end, and when that was.
    finished: Option<(ItemId, Duration)>,
    /// What was made and not heard of the reply that the end of the call has cut.
    missed: Text,
    /// The person said something that has not been answered.
    unanswered: bool,
    state: State,
    commands: VecDeque<Command>,
}

impl Conversation {
    /// A conversation in which nothing has been said.
    pub fn new(settings: Settings) -> Self {
        Self::continued(settings, History::default())
    }

    /// A conversation that goes on after what was said before.
    pub fn continued(settings: Settings, history: History) -> Self {
        Self {
            settings,
            history,
            hearing: Hearing::default(),
            reply: None,
            floor: Floor::default(),
            eager: Eager::default(),
            next_reply: 0,
            items: VecDeque::new(),
            answering: None,
            heard_at: Duration::ZERO,
            work: Work::default(),
            finished: None,
            missed: Text::default(),
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

    /// What there is no time for from now on.
    pub fn shed(&mut self, shedding: Shedding) {
        self.hearing.shedding = shedding;
    }

    /// Something happened, `now` after the call began.
    pub fn handle(&mut self, event: Event, now: Duration) {
        self.work.happened(&event, now);
        let before = self.commands.len();
        match event {
            Event::Frame(frame) => self.frame(&frame, now),
            Event::Predicted { turn, question, probability, .. } => {
                self.hearing.predicted(turn, question, probability);
            }
            Event::Recognised { job, result } => {
                let asked = self.history.last_reply().map_or("", Text::as_str);
                let interim = self.hearing.recognised(job, result, asked, &self.settings);
                let heard = if self.floor.is_contested() {
                    None
                } else {
                    self.hearing.decide(&self.settings, &mut self.commands)
                };
                match (heard, interim) {
                    (Some(heard), _) => self.heard(heard, now),
                    (None, Some(interim)) => self.interim(interim),
                    (None, None) => {}
                }
            }
            Event::Wrote { reply, delta } => self.wrote(reply, &delta, now),
            Event::Written { reply, result } => {
                if let Some(current) = self.writing(reply) {
                    match result {
                        Ok((finish, usage)) => current.written(finish, usage),
                        Err(failure) => current.fail(failure),
                    }
                }
                // A reply of one sentence has its first clause only now.
                if self.current(reply).is_some_and(|current| current.has_clause()) {
                    self.time(now, |timings| &mut timings.first_clause_ms);
                }
            }
            Event::Spoke { reply, duration, words, last, .. } => {
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
            Event::Played { reply } => self.played(reply, now),
            Event::Asked(ask) => self.asked(ask, now),
            Event::Tick => self.tick(now),
            Event::Closed { unheard } => self.closed(unheard, now),
        }
        self.proceed(now);
        for command in self.commands.range(before..) {
            self.work.asked(command, now);
        }
    }

    fn frame(&mut self, frame: &Frame, now: Duration) {
        self.heard_at = now;
        let undecided = self.floor.is_contested();
        let heard = self.hearing.frame(frame, undecided, &self.settings, &mut self.commands);
        if let Some(heard) = heard {
            self.heard(heard, now);
        }
        if matches!(frame.change, Some(vad::Change::Started { .. })) {
            self.throw_away(now);
        }
        self.stir(frame);
        self.overlap(now);
    }

    fn heard(&mut self, heard: Heard, now: Duration) {
        match heard {
            Heard::Started { turn, at } => {
                self.floor.is_taken();
                let item = self.history.begin();
                self.items.push_back((turn, item));
                if self.settings.endpointing != Policy::Manual {
                    self.tell(Notice::SpeechStarted { item, at });
                }
            }
            Heard::Forgotten { turn, at } => {
                // Nothing was said that could be answered.
                self.throw_away(now);
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
                rejected: None,
                eager: self.eager.of(committed.turn, false),
                timings: Timings::default(),
                work: Vec::new(),
                network: None,
            },
            speech_ended_at: self.heard_at.saturating_sub(silence),
        });
        self.time(now, |timings| &mut timings.endpoint_ms);
    }

    /// The captions of somebody who is still speaking have changed.
    fn interim(&mut self, interim: Interim) {
        let Interim { turn, delta, stable, tail } = interim;
        if let Some(item) = self.item_of(turn) {
            self.tell(Notice::Interim { item, delta, stable, tail });
        }
    }

    /// The words of a turn are there, or cannot be had.
    fn transcribed(&mut self, transcribed: Transcribed, now: Duration) {
        let Some(item) = self.item_of(transcribed.turn) else { return };
        self.items.retain(|(turn, _)| *turn != transcribed.turn);
        let latest = self.answering.as_ref().is_some_and(|a| a.report.turn == transcribed.turn);
        if latest {
            self.time(now, |timings| &mut timings.transcript_ms);
        }
        if let Some(answering) = self.answering.as_mut().filter(|_| latest) {
            answering.report.rejected = transcribed.rejected;
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
        if let Some(early) = self.eager.reply(reply) {
            // Nobody hears of it yet.
            early.write(delta);
            return;
        }
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

    fn played(&mut self, reply: ReplyId, now: Duration) {
        if self.current(reply).is_some_and(|current| current.ended) {
            self.finish_reply(now);
        }
    }

    fn asked(&mut self, ask: Ask, now: Duration) {
        match ask {
            Ask::Configure(settings) => {
                self.settings = *settings;
                self.throw_away(now);
                if self.floor.is_contested() && !self.is_interruptible() {
                    self.resume_reply(now);
                }
            }
            Ask::Say(text) => self.say(&text, false, now),
            Ask::Replay(text) => {
                self.interrupt(Outcome::Cancelled, now);
                self.say(&text, self.settings.silent, now);
            }
            Ask::Commit => {
                let heard = self.hearing.commit(Reason::Client, &self.settings, &mut self.commands);
                match heard {
                    Some(heard) => {
                        self.heard(heard, now);
                        // Who says that they have finished wants to be heard.
                        if self.floor.is_contested() {
                            self.interrupt(Outcome::Interrupted, now);
                        }
                    }
                    None => self.tell(Notice::NothingToCommit),
                }
            }
            Ask::Clear => {
                self.throw_away(now);
                let cleared = self.hearing.clear(&mut self.commands);
                self.items.retain(|(turn, _)| Some(*turn) != cleared);
                if self.floor.is_contested() {
                    self.resume_reply(now);
                }
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
                    Ok(text) => self.tell(Notice::Truncated { item, played, text }),
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
            || self.settings.interruption != Interruptible::Never && self.hearing.is_open();
        if self.unanswered && self.reply.is_none() && !waiting {
            self.start_reply(ReplyOptions::default(), now);
        }
        self.begin_early(now);
        self.continue_reply(now);
        self.update_state();
    }

    fn start_reply(&mut self, options: ReplyOptions, now: Duration) {
        let instructions = options.instructions.as_ref().unwrap_or(&self.settings.instructions);
        let messages = self.history.messages(instructions.as_str(), self.settings.context_tokens);
        let max_tokens = options.max_tokens.or(self.settings.max_tokens);
        let silent = options.silent.unwrap_or(self.settings.silent);
        if let Some(early) = self.take_early(&options, &messages, now) {
            self.adopt(early, now);
        } else {
            let reply = self.open_reply(silent, now);
            self.commands.push_back(Command::Write { reply, messages, max_tokens });
        }
        self.continue_reply(now);
    }

    /// Speaks fixed words, or shows them.
    fn say(&mut self, text: &Text, silent: bool, now: Duration) {
        if self.reply.is_some() || text.is_empty() {
            return;
        }
        let reply = self.open_reply(silent, now);
        self.wrote(reply, text, now);
        if let Some(current) = self.current(reply) {
            current.written(Finish::Stop, None);
        }
    }

    fn open_reply(&mut self, silent: bool, now: Duration) -> ReplyId {
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        self.open(Reply::new(reply, ItemId(u32::MAX), None, silent, now));
        reply
    }

    /// A reply is begun, or what was begun early is the answer.
    fn open(&mut self, mut reply: Reply) {
        self.unanswered = false;
        self.finished = None;
        self.floor.is_taken();
        let previous = self.history.last();
        reply.item = self.history.begin();
        reply.turn = self.answering.as_mut().map(|answering| {
            answering.report.reply = Some(reply.id);
            answering.report.turn
        });
        let Reply { id, item, silent, .. } = reply;
        self.reply = Some(reply);
        self.tell(Notice::ReplyStarted { reply: id, item, previous, silent });
    }

    /// What was begun early is the answer.
    fn adopt(&mut self, early: Reply, now: Duration) {
        let id = early.id;
        let (has_words, has_clause) = (!early.is_blank(), early.has_clause());
        let written = early.text().clone();
        let silent = early.silent;
        self.open(early);
        if let Some(answering) = &mut self.answering {
            answering.report.eager = self.eager.of(answering.report.turn, true);
        }
        if silent && !written.is_empty() {
            self.tell(Notice::Caption { reply: id, delta: written });
        }
        if has_words {
            self.time(now, |timings| &mut timings.first_token_ms);
        }
        if has_clause {
            self.time(now, |timings| &mut timings.first_clause_ms);
        }
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
            self.finish_reply(now);
        } else {
            self.commands.push_back(Command::EndSpeech { reply: id });
        }
    }

    /// The reply has been heard to its end.
    fn finish_reply(&mut self, now: Duration) {
        let Some(reply) = self.reply.take() else { return };
        self.floor.settle();
        self.floor.falls_quiet(now);
        if reply.is_audible() {
            self.tell(Notice::AudioStopped { reply: reply.id });
        }
        let (item, played) = (reply.item, reply.sound());
        self.finished = Some((item, now));
        let interrupted = matches!(reply.outcome(), Outcome::Failed(_));
        let (text, spoken) = reply.into_spoken();
        self.history.add_spoken(item, Role::Assistant, text.clone(), spoken);
        self.keep(item, text, interrupted, played);
        self.report_answered();
    }

    /// Says what stays of a reply. One that nobody heard a word of never was.
    fn keep(&mut self, item: ItemId, text: Text, interrupted: bool, played: Duration) {
        if !text.is_empty() {
            self.tell(Notice::Kept { item, text, interrupted, played });
        }
    }

    /// Sends the report of the turn being answered, if it has not been sent.
    fn report_answered(&mut self) {
        if let Some(Answering { mut report, speech_ended_at }) = self.answering.take() {
            report.work = self.work.of(report.turn, report.reply, speech_ended_at);
            self.tell(Notice::Turn(report));
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

    /// The reply that the model is writing, whether anybody hears of it or not.
    fn writing(&mut self, reply: ReplyId) -> Option<&mut Reply> {
        let Self { reply: current, eager, .. } = self;
        current.as_mut().filter(|current| current.id == reply).or_else(|| eager.reply(reply))
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
