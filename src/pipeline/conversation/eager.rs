//! A reply that is begun before it is sure that the person has finished. Nobody hears of it until they have; if they go
//! on, it never was.

use std::collections::VecDeque;
use std::time::Duration;

use super::reply::Reply;
use super::{Command, Conversation, ReplyId, ReplyOptions, TurnId};
use crate::pipeline::history::{ItemId, Role};
use crate::pipeline::load::Shed;
use crate::pipeline::text::Text;

/// So many are begun for one turn.
const A_TURN: u32 = 2;
const MINUTE: Duration = Duration::from_mins(1);

/// What was begun early for a turn, for the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct EagerReplies {
    /// How many were begun before its end.
    pub begun: u32,
    /// Whether the last of them was the answer.
    pub used: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Eager {
    draft: Option<Draft>,
    /// When drafts of the last minute were thrown away.
    thrown: VecDeque<Duration>,
    /// The turn for which the last one was begun, and how many were.
    begun: Option<(TurnId, u32)>,
    /// The turn for which one was left out.
    left_out: Option<TurnId>,
}

#[derive(Debug)]
struct Draft {
    reply: Reply,
    messages: Vec<(Role, Text)>,
}

impl Eager {
    /// The reply that is begun, if it is this one.
    pub(super) fn reply(&mut self, id: ReplyId) -> Option<&mut Reply> {
        self.draft.as_mut().map(|draft| &mut draft.reply).filter(|reply| reply.id == id)
    }

    /// What was begun for this turn.
    pub(super) fn of(&self, turn: TurnId, used: bool) -> EagerReplies {
        let begun = self.begun_for(turn);
        EagerReplies { begun, used: used && begun > 0 }
    }

    fn begun_for(&self, turn: TurnId) -> u32 {
        self.begun.filter(|(of, _)| *of == turn).map_or(0, |(_, begun)| begun)
    }
}

impl Conversation {
    /// Begins to answer what was said by a pause, if that may be all of it.
    pub(super) fn begin_early(&mut self, now: Duration) {
        if self.settings.eager_per_minute == 0
            || !self.settings.answers
            || self.reply.is_some()
            || self.eager.draft.is_some()
            || self.unanswered
            || self.hearing.is_awaiting()
        {
            return;
        }
        let Some((turn, said)) = self.hearing.provisional() else { return };
        let before = self.eager.begun_for(turn);
        self.eager.thrown.retain(|at| *at + MINUTE > now);
        if before >= A_TURN || self.eager.thrown.len() >= self.settings.eager_per_minute as usize {
            return;
        }
        if !self.hearing.shedding.eager_allowed() {
            if self.eager.left_out.replace(turn) != Some(turn) {
                self.commands.push_back(Command::Shed(Shed::Eager));
            }
            return;
        }
        let instructions = self.settings.instructions.as_str();
        let tokens = self.settings.context_tokens;
        let messages = self.history.messages_with(&said, instructions, tokens);
        let reply = ReplyId(self.next_reply);
        self.next_reply += 1;
        self.eager.begun = Some((turn, before + 1));
        let draft = Reply::new(reply, ItemId(u32::MAX), Some(turn), self.settings.silent, now);
        self.eager.draft = Some(Draft { reply: draft, messages: messages.clone() });
        let max_tokens = self.settings.max_tokens;
        self.commands.push_back(Command::Write { reply, messages, max_tokens });
    }

    /// They go on, or something else has changed.
    pub(super) fn throw_away(&mut self, now: Duration) {
        if let Some(draft) = self.eager.draft.take() {
            self.eager.thrown.push_back(now);
            self.commands.push_back(Command::Cancel { reply: draft.reply.id });
        }
    }

    /// The reply that was begun with just these messages, if there is one. Any other is thrown away.
    pub(super) fn take_early(
        &mut self,
        options: &ReplyOptions,
        messages: &[(Role, Text)],
        now: Duration,
    ) -> Option<Reply> {
        let fits = |draft: &mut Draft| {
            *options == ReplyOptions::default() && draft.messages.as_slice() == messages
        };
        let draft = self.eager.draft.take_if(fits);
        self.throw_away(now);
        draft.map(|draft| draft.reply)
    }
}
