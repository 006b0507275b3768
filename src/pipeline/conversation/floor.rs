//! Who has the floor: what happens to a reply when somebody speaks, and after how long somebody says something when
//! nobody does.

use std::time::Duration;

use super::overlap::{Evidence, Overlapping, Step};
use super::stir::{self, Stir};
use super::{
    Command, Conversation, Frame, Interruptible, Notice, Outcome, Overlap, ReplyOptions, TurnId,
    Why,
};
use crate::pipeline::frame::Samples;
use crate::pipeline::history::Role;
use crate::pipeline::text::Text;
use crate::pipeline::turn::endpointing::Policy;

/// "Yes" within so much of a reply's end may be the answer to it.
const ANSWERABLE: Duration = Duration::from_millis(1_500);
/// A reply is not held for longer than this, even if nothing is heard of the microphone any more.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// Something that may become speech over the reply.
    stir: Stir,
    /// Somebody speaks over the reply, and what they want is not decided.
    overlapping: Option<Overlapping>,
    /// The turn of which it was decided, and how much speech it was by then.
    decided: Option<(TurnId, Samples)>,
    /// When a reply that is held goes on at the latest.
    held_until: Option<Duration>,
    /// Nobody has said anything since.
    quiet_since: Option<Duration>,
}

impl Floor {
    /// Whether somebody speaks over a reply and it is not decided what they want.
    pub(super) fn is_contested(&self) -> bool {
        self.overlapping.is_some()
    }

    /// Nobody speaks over a reply any more.
    pub(super) fn settle(&mut self) {
        (self.overlapping, self.held_until) = (None, None);
        self.stir.take();
    }

    /// A reply was heard to its end: from now on it is quiet.
    pub(super) fn falls_quiet(&mut self, now: Duration) {
        self.quiet_since = Some(now);
    }

    /// Somebody says something.
    pub(super) fn is_taken(&mut self) {
        self.quiet_since = None;
    }
}

impl Conversation {
    /// When [`Event::Tick`](super::Event::Tick) is due, if nothing happens before.
    pub fn deadline(&self) -> Option<Duration> {
        [self.floor.held_until, self.idle_due(), self.filler_due()].into_iter().flatten().min()
    }

    /// What is due by now.
    pub(super) fn tick(&mut self, now: Duration) {
        if self.floor.held_until.is_some_and(|until| now >= until) {
            self.resume_reply(now);
        }
        if self.filler_due().is_some_and(|due| now >= due)
            && let (Some(filler), Some(reply)) = (self.settings.filler.clone(), &mut self.reply)
        {
            reply.fill(&filler.text);
        }
        if self.idle_due().is_some_and(|due| now >= due) {
            self.ask_whether_they_are_there(now);
        }
    }

    /// Whether somebody may stop a reply by speaking.
    pub(super) fn is_interruptible(&self) -> bool {
        self.settings.interruption != Interruptible::Never
            && self.settings.endpointing != Policy::Manual
    }

    /// Somebody may be about to speak over the reply.
    pub(super) fn stir(&mut self, frame: &Frame) {
        let Some(reply) = self.reply.as_ref().filter(|reply| reply.is_audible()) else { return };
        // What has become speech is weighed in another place.
        if self.hearing.is_open() {
            return;
        }
        let reply = reply.id;
        let respected = self.is_interruptible() && self.settings.resumable;
        match self.floor.stir.frame(frame.stirs && respected, frame.position) {
            Some(stir::Change::Duck) => self.commands.push_back(Command::Duck { reply }),
            Some(stir::Change::Calm) => {
                self.commands.push_back(Command::Resume { reply, from: None });
            }
            None => {}
        }
    }

    /// Somebody may be speaking over the reply.
    pub(super) fn overlap(&mut self, now: Duration) {
        if !self.is_interruptible() {
            return;
        }
        let Some(turn) = self.hearing.turn() else { return };
        let Some(evidence) = self.hearing.evidence() else { return };
        let Some(reply) = &self.reply else { return };
        let (id, least) = (reply.id, self.settings.min_speech.max(Samples(1)));
        if !reply.is_audible() || !self.settings.resumable {
            // A click must not silence a reply: it takes as much speech as makes a turn.
            if evidence.speech >= least {
                self.interrupt(Outcome::Interrupted, now);
            }
            return;
        }
        // Nothing was said since it was decided.
        if self.floor.decided == Some((turn, evidence.speech)) {
            return;
        }
        let saying = reply.saying(now);
        let evidence = Evidence { saying: saying.as_str(), ..evidence };
        let (speech, who) = (evidence.speech, self.settings.interruption);
        let Floor { overlapping, stir, .. } = &mut self.floor;
        let begin = || Overlapping::new(who, least, stir.take());
        let overlapping = overlapping.get_or_insert_with(begin);
        let step = overlapping.weigh(evidence);
        if overlapping.wants_words(speech) {
            self.hearing.listen(&mut self.commands);
        }
        match step {
            None => {}
            Some(Step::Duck) => self.commands.push_back(Command::Duck { reply: id }),
            Some(Step::Hold) => {
                if let Some(reply) = &mut self.reply {
                    reply.hold(now);
                }
                self.floor.held_until = Some(now + LONGEST_HOLD);
                self.commands.push_back(Command::Hold { reply: id });
            }
            Some(Step::Stop(overlap)) => {
                self.tell(Notice::Overlapped { reply: id, overlap });
                self.interrupt(Outcome::Interrupted, now);
            }
            Some(Step::Resume(overlap)) => {
                self.tell(Notice::Overlapped { reply: id, overlap });
                self.floor.decided = Some((turn, speech));
                self.forget_overlap(overlap, now);
                self.resume_reply(now);
            }
        }
    }

    /// What was said over the reply is no turn, unless it may be an answer to its end, or was meant and too little.
    fn forget_overlap(&mut self, overlap: Overlap, now: Duration) {
        let over = self.reply.as_ref().is_some_and(|reply| reply.is_nearly_over(ANSWERABLE, now));
        let is_turn = match overlap.why {
            Why::FewWords => true,
            Why::Backchannel => over,
            _ => false,
        };
        if !is_turn && let Some(forgotten) = self.hearing.forget(&mut self.commands) {
            self.heard(forgotten, now);
        }
    }

    /// The reply goes on, from the very word.
    pub(super) fn resume_reply(&mut self, now: Duration) {
        self.floor.settle();
        if let Some(reply) = &mut self.reply {
            let (reply, from) = (reply.id, reply.resume(now));
            self.commands.push_back(Command::Resume { reply, from });
        }
    }

    /// Stops the reply, if there is one. What was heard of it stays.
    pub(super) fn interrupt(&mut self, outcome: Outcome, now: Duration) {
        let Some(reply) = self.reply.take() else { return };
        self.floor.settle();
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
            self.tell(Notice::Truncated { item, played, text: text.clone() });
        }
        self.tell(Notice::AudioCleared { reply: id });
        if !told_done {
            self.tell(Notice::ReplyDone { reply: id, outcome, text: text.clone(), usage });
        }
        self.keep(item, text, true, played);
        self.report_answered();
    }

    /// When it is asked whether anybody is there.
    fn idle_due(&self) -> Option<Duration> {
        let (idle, since) = self.settings.idle.zip(self.floor.quiet_since)?;
        Some(since + idle)
    }

    /// When something is said because the answer takes long.
    fn filler_due(&self) -> Option<Duration> {
        let (filler, reply) = (self.settings.filler.as_ref()?, self.reply.as_ref()?);
        reply.is_wordless().then_some(reply.began + filler.after)
    }

    /// Nobody has said anything for long. The protocol has an item for it, in which nothing is said.
    fn ask_whether_they_are_there(&mut self, now: Duration) {
        let Some(since) = self.floor.quiet_since.take() else { return };
        if self.reply.is_some() || self.hearing.is_open() || self.hearing.is_awaiting() {
            return;
        }
        let end = self.hearing.position();
        let quiet = Samples::from_ms(now.saturating_sub(since).as_millis() as u64);
        let item = self.history.begin();
        self.tell(Notice::TimedOut { item, silence: end.saturating_sub(quiet)..end });
        self.tell(Notice::Committed { item, previous: self.history.last() });
        self.history.add(item, Role::User, Text::from("(silence)"));
        self.start_reply(ReplyOptions::default(), now);
    }
}
