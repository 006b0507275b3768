//! The end of a call: what was heard of its last reply, and what was not.

use std::time::Duration;

use super::{Conversation, Notice, Outcome};
use crate::pipeline::history::History;
use crate::pipeline::text::Text;

impl Conversation {
    /// What the model knows, and the words of the last reply that were made and not heard because the call ended.
    pub fn into_left(self) -> (History, Text) {
        (self.history, self.missed)
    }

    /// The call is over, and for `unheard` before its end nothing has reached the person.
    pub(super) fn closed(&mut self, unheard: Duration, now: Duration) {
        self.hearing.close(&mut self.commands);
        self.throw_away(now);
        let until = now.saturating_sub(unheard);
        match &self.reply {
            Some(reply) => self.missed = reply.missed(until),
            None => self.unhear(until),
        }
        self.interrupt(Outcome::Cancelled, until);
    }

    /// A reply was played to its end when nobody could hear it any more: only what was heard of it stays.
    fn unhear(&mut self, until: Duration) {
        let Some((item, end)) = self.finished.take() else { return };
        let after = end.saturating_sub(until);
        if after.is_zero() {
            return;
        }
        let spoken = self.history.spoken_after(item, |whole| whole.saturating_sub(after));
        if let Some((played, missed)) = spoken
            && let Ok(text) = self.history.truncate(item, played)
        {
            self.missed = missed;
            self.tell(Notice::Truncated { item, played, text });
        }
    }
}
