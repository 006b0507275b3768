//! The model's side: a reply, from the first word of its text to the last one that is heard.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Failure, Finish, Outcome, ReplyId, TurnId, Usage};
use crate::pipeline::history::{ItemId, SpokenClause, heard_words};
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
    pub(super) fn new(id: ReplyId, item: ItemId, turn: Option<TurnId>, silent: bool) -> Self {
        Self {
            id,
            item,
            turn,
            silent,
            clauses: Clauses::default(),
            text: Text::default(),
            queue: VecDeque::new(),
            speaking: false,
            spoken: Vec::new(),
            model: ModelState::Writing,
            played: Duration::ZERO,
            played_at: None,
            ended: false,
            told_done: false,
        }
    }

    /// The model wrote. For a silent reply, what is to be shown of it now.
    pub(super) fn write(&mut self, delta: &Text) -> Option<Text> {
        if self.silent {
            self.text.push(delta.as_str());
            return Some(delta.clone());
        }
        for clause in self.clauses.push(delta.as_str()) {
            self.enqueue(&clause);
        }
        None
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
    }

    /// Whether any of it is being heard, or has been.
    pub(super) fn is_audible(&self) -> bool {
        self.played_at.is_some()
    }

    /// How much has been heard at `now`: the last report, and the time since then.
    pub(super) fn heard(&self, now: Duration) -> Duration {
        self.played_at
            .map_or(Duration::ZERO, |at| (self.played + now.saturating_sub(at)).min(self.sound()))
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
