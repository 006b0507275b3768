//! What was said and what was heard: the conversation as the model sees it.

use std::time::Duration;

use super::text::Text;
use super::tts::WordTiming;
use super::tts::heard::heard;

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Instructions.
    System,
}

/// An item of the conversation, numbered in the order in which items were begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub u32);

/// A clause that was spoken: its words, how long it takes, and when its words come.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpokenClause {
    /// Its words.
    pub text: Text,
    /// How long its sound lasts.
    pub duration: Duration,
    /// When its words come; empty if the engine does not know.
    pub words: Vec<WordTiming>,
}

/// The words of `clauses` that were heard when `played` of their sound had been played.
pub fn heard_words(clauses: &[SpokenClause], played: Duration) -> Text {
    let mut left = played;
    let mut words = Text::default();
    // Of a clause whose sound is still being made nothing was heard.
    for clause in clauses.iter().filter(|clause| !clause.duration.is_zero()) {
        words.push_phrase(heard(clause.text.as_str(), &clause.words, clause.duration, left));
        left = left.saturating_sub(clause.duration);
        if left.is_zero() {
            break;
        }
    }
    words
}

/// The words of `clauses` that [`heard_words`] leaves: those that were made and not heard.
pub fn missed_words(clauses: &[SpokenClause], played: Duration) -> Text {
    let mut left = played;
    let mut words = Text::default();
    for clause in clauses {
        let text = clause.text.as_str();
        let heard = match clause.duration {
            made if made.is_zero() || left.is_zero() => "",
            made => heard(text, &clause.words, made, left),
        };
        words.push_phrase(text.get(heard.len()..).unwrap_or_default());
        left = left.saturating_sub(clause.duration);
    }
    words
}

/// An item as it stands in the conversation.
#[derive(Debug, Clone)]
struct Item {
    id: ItemId,
    role: Role,
    text: Text,
    /// For replies that were spoken, so that a client can still say how much was heard.
    spoken: Vec<SpokenClause>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct History {
    items: Vec<Item>,
    next: u32,
}

/// Why a client's truncation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruncateError {
    /// There is no such item.
    Unknown,
    /// Only what was spoken can be cut.
    NotSpoken,
    /// The reply is not that long.
    TooLong,
}

impl History {
    /// A conversation that goes on: what was said in it before, and the numbers of these items.
    pub fn earlier(said: impl IntoIterator<Item = (Role, Text)>) -> (Self, Vec<ItemId>) {
        let mut history = Self::default();
        let add = |(role, text)| {
            let id = history.begin();
            history.add(id, role, text);
            id
        };
        let ids = said.into_iter().map(add).collect();
        (history, ids)
    }

    /// A number for an item that begins now. It appears in the conversation when it is added.
    pub fn begin(&mut self) -> ItemId {
        self.next += 1;
        ItemId(self.next - 1)
    }

    /// Whether nothing was said in it.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All items that are in it.
    pub fn ids(&self) -> impl Iterator<Item = ItemId> {
        self.items.iter().map(|item| item.id)
    }

    /// Who said an item, and what.
    pub fn said(&self, id: ItemId) -> Option<(Role, &Text)> {
        self.items.iter().find(|item| item.id == id).map(|item| (item.role, &item.text))
    }

    /// Forgets the items that are not `wanted`.
    pub fn retain(&mut self, wanted: impl Fn(ItemId) -> bool) {
        self.items.retain(|item| wanted(item.id));
    }

    /// What was missed of a reply that was not heard to its end: how much of it was heard, which `played` makes of
    /// the length of its sound, and the words after that. `None` if it was not spoken.
    pub fn spoken_after(
        &self,
        id: ItemId,
        played: impl Fn(Duration) -> Duration,
    ) -> Option<(Duration, Text)> {
        let item = self.items.iter().find(|item| item.id == id)?;
        let whole = item.spoken.iter().map(|clause| clause.duration).sum();
        let played = played(whole);
        (!item.spoken.is_empty()).then(|| (played, missed_words(&item.spoken, played)))
    }

    /// The last item that was added.
    pub fn last(&self) -> Option<ItemId> {
        self.items.last().map(|item| item.id)
    }

    /// Adds what was said. Empty items are left out: nobody said anything.
    pub fn add(&mut self, id: ItemId, role: Role, text: Text) {
        self.add_spoken(id, role, text, Vec::new());
    }

    /// Adds a reply that was spoken, `text` being what was heard of it.
    pub fn add_spoken(&mut self, id: ItemId, role: Role, text: Text, spoken: Vec<SpokenClause>) {
        if !text.is_empty() {
            self.items.push(Item { id, role, text, spoken });
        }
    }

    /// Cuts a reply at what the client says was heard.
    pub fn truncate(&mut self, id: ItemId, played: Duration) -> Result<Text, TruncateError> {
        let index = self.items.iter().position(|item| item.id == id);
        let item = &mut self.items[index.ok_or(TruncateError::Unknown)?];
        if item.spoken.is_empty() {
            return Err(TruncateError::NotSpoken);
        }
        let whole: Duration = item.spoken.iter().map(|clause| clause.duration).sum();
        if played > whole {
            return Err(TruncateError::TooLong);
        }
        let heard = heard_words(&item.spoken, played);
        // What was heard can only get shorter: the server may have cut it before.
        if heard.as_str().len() < item.text.as_str().len() {
            item.text = heard;
        }
        let left = item.text.clone();
        if left.is_empty() {
            self.items.retain(|item| item.id != id);
        }
        Ok(left)
    }

    /// The same as it would be if the person had said this, too.
    pub fn messages_with(
        &mut self,
        said: &Text,
        instructions: &str,
        context_tokens: usize,
    ) -> Vec<(Role, Text)> {
        // It is there for as long as it takes to ask: nothing is copied, however long the conversation is.
        let before = self.items.len();
        self.add(ItemId(self.next), Role::User, said.clone());
        let messages = self.messages(instructions, context_tokens);
        self.items.truncate(before);
        messages
    }

    /// The last words of the model.
    pub fn last_reply(&self) -> Option<&Text> {
        let replies = self.items.iter().rev().filter(|item| item.role == Role::Assistant);
        replies.map(|item| &item.text).next()
    }

    /// The conversation for a model: `instructions`, then as many of the latest items as fit into
    /// `context_tokens`. Items of one role in a row become one message, because many models insist on turns.
    pub fn messages(&self, instructions: &str, context_tokens: usize) -> Vec<(Role, Text)> {
        let mut left = context_tokens.saturating_sub(tokens(instructions));
        let mut first = self.items.len();
        for (index, item) in self.items.iter().enumerate().rev() {
            let cost = tokens(item.text.as_str());
            // The last thing said goes in whatever its length.
            if cost > left && first < self.items.len() {
                break;
            }
            left = left.saturating_sub(cost);
            first = index;
        }
        let mut messages: Vec<(Role, Text)> = Vec::new();
        if !instructions.trim().is_empty() {
            messages.push((Role::System, Text::from(instructions)));
        }
        for item in &self.items[first..] {
            match messages.last_mut() {
                Some((role, text)) if *role == item.role => {
                    text.push("\n");
                    text.push(item.text.as_str());
                }
                _ => messages.push((item.role, item.text.clone())),
            }
        }
        messages
    }
}

/// About how many tokens a text takes: four bytes each, and a few for its frame.
fn tokens(text: &str) -> usize {
    const FRAME: usize = 4;
    text.len().div_ceil(4) + FRAME
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(items: &[(Role, &str)]) -> History {
        let mut history = History::default();
        for (role, text) in items {
            let id = history.begin();
            history.add(id, *role, Text::from(*text));
        }
        history
    }

    fn shown(history: &History, tokens: usize) -> Vec<(Role, String)> {
        let messages = history.messages("Be brief.", tokens).into_iter();
        messages.map(|(role, text)| (role, text.into_string())).collect()
    }

    #[test]
    fn the_latest_items_that_fit_are_given() {
        let long = "word ".repeat(100);
        let history =
            history(&[(Role::User, &long), (Role::Assistant, "Yes."), (Role::User, "And now?")]);
        assert_eq!(shown(&history, 4_000).len(), 4);
        assert_eq!(
            shown(&history, 40),
            [
                (Role::System, "Be brief.".to_owned()),
                (Role::Assistant, "Yes.".to_owned()),
                (Role::User, "And now?".to_owned())
            ]
        );
        assert_eq!(shown(&history, 0).len(), 2, "the last thing said always goes in");
    }

    #[test]
    fn one_role_in_a_row_is_one_message() {
        let history =
            history(&[(Role::User, "Wait."), (Role::User, "Go on."), (Role::Assistant, "")]);
        assert_eq!(shown(&history, 4_000)[1], (Role::User, "Wait.\nGo on.".to_owned()));
    }

    #[test]
    fn a_reply_is_cut_at_what_was_heard() {
        let clause = |text: &str| SpokenClause {
            text: Text::from(text),
            duration: Duration::from_secs(1),
            words: Vec::new(),
        };
        let clauses = vec![clause("one two"), clause("three four")];
        let ms = Duration::from_millis;
        assert_eq!(heard_words(&clauses, ms(0)).as_str(), "");
        assert_eq!(heard_words(&clauses, ms(1_600)).as_str(), "one two three");
        for played in [0, 300, 500, 999, 1_000, 1_600, 2_000, 2_500] {
            let mut whole = heard_words(&clauses, ms(played));
            whole.push_phrase(missed_words(&clauses, ms(played)).as_str());
            assert_eq!(whole.as_str(), "one two three four", "{played} ms");
        }
        let unmade = [SpokenClause { text: Text::from("one"), ..SpokenClause::default() }];
        assert_eq!(heard_words(&unmade, ms(0)).as_str(), "", "nothing of it was made");
        assert_eq!(missed_words(&unmade, ms(0)).as_str(), "one");
        let mut history = History::default();
        let id = history.begin();
        history.add_spoken(id, Role::Assistant, Text::from("one two three four"), clauses);
        assert_eq!(history.truncate(ItemId(9), ms(1)), Err(TruncateError::Unknown));
        assert_eq!(history.truncate(id, ms(2_001)), Err(TruncateError::TooLong));
        assert_eq!(history.truncate(id, ms(1_000)), Ok(Text::from("one two")));
        assert_eq!(shown(&history, 4_000)[1].1, "one two");
        assert_eq!(history.truncate(id, ms(2_000)), Ok(Text::from("one two")), "it never grows");
        assert_eq!(shown(&history, 4_000)[1].1, "one two");
        assert_eq!(history.truncate(id, ms(0)), Ok(Text::default()));
        assert_eq!(shown(&history, 4_000).len(), 1);
    }
}
