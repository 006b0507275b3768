//! Titles: first the first words, then one that the model writes.

use std::time::Duration;

use futures_util::StreamExt;
use sotto_llm::{ChatRequest, Delta, Message, Provider};

use crate::pipeline::text::Text;

/// A title is no longer than this, in characters.
const LONGEST: usize = 60;
/// Beyond this the model has misunderstood.
const MAX_TOKENS: u32 = 40;
/// The first exchange is enough to name a conversation, and the beginning of a long one too.
const EXCERPT: usize = 800;
/// A model that takes longer is not asked again.
const PATIENCE: Duration = Duration::from_secs(30);

const PROMPT: &str = "You name conversations. Answer with a title of two to six words for the conversation \
that follows, in its language: no quotation marks, no full stop, nothing else.";

/// The beginning of what was said, cut at a word.
pub(super) fn of_words(words: &Text) -> Text {
    tidy(words.as_str())
}

/// A title by the model; `None` if it gave none that can be used.
pub(super) async fn by_model(
    provider: &dyn Provider,
    request: ChatRequest,
    said: &Text,
    answer: &Text,
) -> Option<Text> {
    // It says back what was said: the first words are a better title.
    if provider.name() == "echo" {
        return None;
    }
    let said = excerpt(said.as_str());
    let answer = excerpt(answer.as_str());
    let messages = vec![
        Message::system(PROMPT),
        Message::user(format!("Person: {said}\nAssistant: {answer}\n\nTitle:")),
    ];
    let request = ChatRequest { messages, max_tokens: Some(MAX_TOKENS), ..request };
    let reading = async {
        let mut stream = provider.chat(request);
        let mut title = String::new();
        while let Some(delta) = stream.next().await {
            match delta {
                Ok(Delta::Text(text)) => title.push_str(&text),
                Ok(Delta::Done { .. }) => return Some(title),
                Err(_) => return None,
            }
        }
        None
    };
    let title = tokio::time::timeout(PATIENCE, reading).await.ok()??;
    let title = title.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let title = title.trim().trim_start_matches("Title:");
    let title = tidy(title.trim_matches(|c: char| "\"'“”«»*#.".contains(c) || c.is_whitespace()));
    (!title.is_empty()).then_some(title)
}

/// One line, without control characters, cut at a word.
fn tidy(text: &str) -> Text {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut title = String::new();
    for word in clean.split_whitespace() {
        if !title.is_empty() && title.chars().count() + word.chars().count() >= LONGEST {
            title.push('…');
            break;
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.extend(word.chars().take(LONGEST));
    }
    Text::from(title)
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_are_cut_at_a_word() {
        let text = |words: &str| of_words(&Text::from(words)).into_string();
        assert_eq!(text("  What is\nthe time? "), "What is the time?");
        let long = text(&"word ".repeat(40));
        assert!(long.ends_with("word…") && long.chars().count() <= LONGEST + 1, "{long}");
        assert_eq!(text(&"x".repeat(500)).chars().count(), LONGEST);
        assert_eq!(text("\u{0}\u{7}"), "");
    }
}
