//! The model's side: a reply, from the first word of its text to the last one that is heard.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Failure, Finish, Outcome, ReplyId, TurnId, Usage};
use crate::pipeline::history::{ItemId, SpokenClause, heard_words, missed_words};
use crate::pipeline::text::Text;
use crate::pipeline::tts::WordTiming;
use crate::pipeline::tts::clauses::Clauses;
use crate::pipeline::tts::speakable::speakable;

/// Sound that may be ready beyond what is being heard. More would be made in vain when the reply is cut;
/// less would leave gaps when a clause takes long to make.
const AHEAD: Duration = Duration::from_secs(6);

/// See the module.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that come true in any order")]
pub(super) struct Reply {
    pub id: ReplyId,
    pub item: ItemId,
    /// The turn it answers, if it answers one.
    pub turn: Option<TurnId>,
    /// Written, not spoken.
    pub silent: bool,
    /// When it was begun.
    pub began: Duration,
    /// Whether something was said because it takes long.
    filled: bool,
    /// Whether the model has written anything.
    written: bool,
    clauses: Clauses,
    /// The text so far; of a spoken reply, the clauses that were handed to speech.
    text: Text,
    queue: VecDeque<Text>,
    /// The clause that speech is working on: the last of `spoken`.
    speaking: bool,
    spoken: Vec<SpokenClause>,
    model: ModelState,
    /// What has been played, as last reported, and when that was.
    played: Duration,
    played_at: Option<Duration>,
    /// How much had been heard when it was held, while it is.
    held: Option<Duration>,
    /// Whether playout has been told that nothing more comes.
    pub ended: bool,
    /// Whether the client has been told that the reply is made.
    pub told_done: bool,
}

#[derive(Debug, PartialEq)]
enum ModelState {
    Writing,
    Done(Finish, Option<Usage>),
    Failed(Failure),
}

impl Reply {
    /// A reply that is begun now.
    pub(super) fn new(
        id: ReplyId,
        item: ItemId,
        turn: Option<TurnId>,
        silent: bool,
        began: Duration,
    ) -> Self {
        Self {
            id,
            item,
            turn,
            silent,
            began,
            filled: false,
            written: false,
            clauses: Clauses::default(),
            text: Text::default(),
            queue: VecDeque::new(),
            speaking: false,
            spoken: Vec::new(),
            model: ModelState::Writing,
            played: Duration::ZERO,
            played_at: None,
            held: None,
            ended: false,
            told_done: false,
        }
    }

    /// The model wrote. For a silent reply, what is to be shown of it now.
    pub(super) fn write(&mut self, delta: &Text) -> Option<Text> {
        self.written = true;
        if self.silent {
            self.text.push(delta.as_str());
            return Some(delta.clone());
        }
        for clause in self.clauses.push(delta.as_str()) {
            self.enqueue(&clause);
        }
        None
    }

    /// Whether there is nothing to be heard of it, and nothing was said about that.
    pub(super) fn is_wordless(&self) -> bool {
        !self.silent && !self.filled && !self.has_clause() && self.model == ModelState::Writing
    }

    /// Says something because it takes long.
    pub(super) fn fill(&mut self, text: &Text) {
        self.filled = true;
        self.enqueue(text.as_str());
    }

    /// The model has finished.
    pub(super) fn written(&mut self, finish: Finish, usage: Option<Usage>) {
        self.model = ModelState::Done(finish, usage);
        self.flush();
    }

    /// The model or the voice has failed. What was made until then is still spoken.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.model = ModelState::Failed(failure);
        self.flush();
    }

    /// The voice has failed: nothing more is spoken.
    pub(super) fn fail_speech(&mut self, failure: Failure) {
        self.model = ModelState::Failed(failure);
        self.speaking = false;
        self.queue.clear();
    }

    /// Whether the model has not written anything.
    pub(super) fn is_blank(&self) -> bool {
        !self.written
    }

    /// Whether the first clause has been cut.
    pub(super) fn has_clause(&self) -> bool {
        !self.queue.is_empty() || !self.spoken.is_empty()
    }

    /// The next clause to speak, if it is time for it.
    pub(super) fn next_clause(&mut self, now: Duration) -> Option<(u32, Text)> {
        let ahead = self.sound().saturating_sub(self.heard(now));
        if self.speaking || ahead > AHEAD {
            return None;
        }
        let text = self.queue.pop_front()?;
        self.speaking = true;
        self.text.push_phrase(text.as_str());
        self.spoken.push(SpokenClause { text: text.clone(), ..SpokenClause::default() });
        Some((self.spoken.len() as u32 - 1, text))
    }

    /// A piece of the clause being spoken is there; `last` if it is complete.
    pub(super) fn add_sound(&mut self, duration: Duration, words: Vec<WordTiming>, last: bool) {
        if let Some(clause) = self.spoken.last_mut() {
            clause.duration += duration;
            clause.words.extend(words);
        }
        if last {
            self.speaking = false;
        }
    }

    /// Playout reports how far it is: `played` of `clause`.
    pub(super) fn note_played(&mut self, clause: u32, played: Duration, now: Duration) {
        let Some((current, before)) = self.spoken.split_at_checked(clause as usize) else { return };
        let Some(duration) = before.first().map(|clause| clause.duration) else { return };
        let before: Duration = current.iter().map(|clause| clause.duration).sum();
        // Reports may come late or twice; what was heard stays heard.
        self.played = self.played.max(before + played.min(duration));
        self.played_at = Some(now);
        // What comes after it was held is how far it had come.
        if let Some(held) = &mut self.held {
            *held = self.played;
        }
    }

    /// It is silent from now on, and may go on later.
    pub(super) fn hold(&mut self, now: Duration) {
        self.held.get_or_insert(self.heard(now));
    }

    /// It goes on. If it was held: from this clause, and so much of it, where the word begins that was being heard.
    pub(super) fn resume(&mut self, now: Duration) -> Option<(u32, Duration)> {
        let held = self.held.take()?;
        let mut before = Duration::ZERO;
        let mut index = 0;
        for clause in &self.spoken {
            if before + clause.duration > held || index + 1 == self.spoken.len() {
                break;
            }
            before += clause.duration;
            index += 1;
        }
        let within = held.saturating_sub(before);
        let within_ms = within.as_millis() as u32;
        let words = self.spoken.get(index).map_or(&[][..], |clause| &clause.words);
        // Between two words it goes on where it was.
        let word = words.iter().find(|word| (word.start_ms..word.end_ms).contains(&within_ms));
        let from = word.map_or(within, |word| Duration::from_millis(word.start_ms.into()));
        self.played = before + from;
        self.played_at = Some(now);
        Some((index as u32, from))
    }

    /// Whether all of it is made, and less than `left` of it is to be heard.
    pub(super) fn is_nearly_over(&self, left: Duration, now: Duration) -> bool {
        self.is_made() && self.sound().saturating_sub(self.heard(now)) < left
    }

    /// What it has said by now, of the clause being heard and the one before.
    pub(super) fn saying(&self, now: Duration) -> Text {
        let heard = self.heard(now);
        let mut begins = Duration::ZERO;
        let mut last: [&str; 2] = [""; 2];
        for clause in &self.spoken {
            if begins > heard {
                break;
            }
            last = [last[1], clause.text.as_str()];
            begins += clause.duration;
        }
        Text::from(last.join(" "))
    }

    /// Whether any of it is being heard, or has been.
    pub(super) fn is_audible(&self) -> bool {
        self.played_at.is_some()
    }

    /// How much has been heard at `now`: the last report, and the time since then. Before the last report it is at
    /// least so much.
    pub(super) fn heard(&self, now: Duration) -> Duration {
        if let Some(held) = self.held {
            return held;
        }
        let Some(at) = self.played_at else { return Duration::ZERO };
        let heard = (self.played + now.saturating_sub(at)).min(self.sound());
        heard.saturating_sub(at.saturating_sub(now))
    }

    /// The words that were made and are not heard by `now`. What is only written has been read.
    pub(super) fn missed(&self, now: Duration) -> Text {
        if self.silent {
            return Text::default();
        }
        let mut missed = missed_words(&self.spoken, self.heard(now));
        for clause in &self.queue {
            missed.push_phrase(clause.as_str());
        }
        missed
    }

    /// How much sound has been made.
    pub(super) fn sound(&self) -> Duration {
        self.spoken.iter().map(|clause| clause.duration).sum()
    }

    /// Whether everything has been made.
    pub(super) fn is_made(&self) -> bool {
        self.model != ModelState::Writing && !self.speaking && self.queue.is_empty()
    }

    /// How its making ended, once it is made.
    pub(super) fn outcome(&self) -> Outcome {
        match &self.model {
            ModelState::Failed(failure) => Outcome::Failed(failure.clone()),
            ModelState::Done(Finish::Stop, _) | ModelState::Writing => Outcome::Completed,
            ModelState::Done(finish, _) => Outcome::Incomplete(*finish),
        }
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        match self.model {
            ModelState::Done(_, usage) => usage,
            _ => None,
        }
    }

    /// All of its text.
    pub(super) fn text(&self) -> &Text {
        &self.text
    }

    /// What stays of it when it is cut now, and the clauses for a later cut.
    pub(super) fn into_heard(self, now: Duration) -> (Text, Vec<SpokenClause>) {
        let heard = if self.silent {
            self.text.clone()
        } else {
            heard_words(&self.spoken, self.heard(now))
        };
        (heard, self.spoken)
    }

    /// What stays of it when it has been heard to its end.
    pub(super) fn into_spoken(self) -> (Text, Vec<SpokenClause>) {
        (self.text, self.spoken)
    }

    fn flush(&mut self) {
        if let Some(clause) = self.clauses.finish() {
            self.enqueue(&clause);
        }
    }

    fn enqueue(&mut self, clause: &str) {
        let words = speakable(clause);
        if !words.is_empty() {
            self.queue.push_back(Text::from(words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_reply_goes_on_from_the_word_that_was_being_heard() {
        let ms = Duration::from_millis;
        let reply = || {
            let mut reply = Reply::new(ReplyId(0), ItemId(0), None, false, ms(0));
            reply.write(&Text::from("Good evening."));
            reply.written(Finish::Stop, None);
            let (clause, _) = reply.next_clause(ms(0)).unwrap();
            let word = |text_end, start_ms, end_ms| WordTiming { text_end, start_ms, end_ms };
            reply.add_sound(ms(1_000), vec![word(4, 100, 300), word(12, 400, 900)], true);
            reply.note_played(clause, ms(0), ms(0));
            reply
        };
        for (held, from) in [(250, 100), (350, 350), (410, 400), (899, 400), (950, 950)] {
            let mut reply = reply();
            reply.hold(ms(held));
            assert_eq!(reply.heard(ms(5_000)), ms(held), "it stands still");
            assert_eq!(reply.resume(ms(6_000)), Some((0, ms(from))), "held at {held}");
            assert_eq!(reply.heard(ms(6_010)), ms(from + 10));
            assert_eq!(reply.resume(ms(6_020)), None);
        }
    }
}
