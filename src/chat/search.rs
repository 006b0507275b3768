//! Looking for words in titles and texts. Nothing is indexed on disk: conversations are opened one after the other,
//! the latest first, until there are enough matches. Private ones are searched in the browser.

use serde::Serialize;
use utoipa::ToSchema;

use super::standard::Standard;
use super::tier::Tier;
use super::{ChatError, Chats};
use crate::pipeline::text::Text;
use crate::store::conversations::{self, Cursor};

/// Matches that are shown.
const MOST: usize = 50;
/// Matches in one conversation: the others are behind it.
const MOST_EACH: usize = 5;
/// Conversations read at once.
const BATCH: i64 = 100;
/// Items of a conversation that are read, the latest.
const ITEMS: i64 = 2_000;
/// Characters of a snippet before the match, and in all.
const BEFORE: usize = 40;
const SNIPPET: usize = 160;

/// Where words were found.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Match {
    /// The conversation.
    pub conversation: String,
    /// Its title.
    #[schema(value_type = Option<String>)]
    pub title: Option<Text>,
    /// The item; null if it is the title that matches.
    pub item_id: Option<String>,
    /// Its place.
    pub seq: Option<u64>,
    /// The words around the match.
    #[schema(value_type = String)]
    pub snippet: Text,
}

impl Chats {
    /// Looks for all of the words of `query` in one text, whatever their case.
    pub async fn search(&self, person: &str, query: &str) -> Result<Vec<Match>, ChatError> {
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let mut matches = Vec::new();
        if words.is_empty() {
            return Ok(matches);
        }
        let look = |id: &str, title: Option<&Text>, items: &[super::content::Item]| {
            let mut found = Vec::new();
            let of = |item_id, seq, snippet| Match {
                conversation: id.to_owned(),
                title: title.cloned(),
                item_id,
                seq,
                snippet,
            };
            if let Some(snippet) = title.and_then(|title| snippet(title.as_str(), &words)) {
                found.push(of(None, None, snippet));
            }
            let texts = items.iter().rev().filter_map(|item| {
                let snippet = snippet(item.content.text.as_str(), &words)?;
                Some(of(Some(item.id.clone()), Some(item.seq), snippet))
            });
            found.extend(texts.take(MOST_EACH));
            found
        };
        for found in self
            .inner
            .memory
            .each(person, |id, found| look(id, found.meta.title.as_ref(), &found.items))
        {
            matches.extend(found);
        }
        let mut cursor: Option<Cursor> = None;
        let db = &self.inner.db;
        while matches.len() < MOST {
            let rows = conversations::page(db, person, cursor.as_ref(), BATCH).await?;
            let Some(last) = rows.last() else { break };
            cursor = Some(Cursor { updated_ms: last.updated_ms, id: last.id.clone() });
            let owner = self.owner(person).await?;
            for row in rows.into_iter().filter(|row| row.tier == Tier::Standard.as_str()) {
                // One that does not open is shown as damaged in the list.
                let Ok(mut standard) = Standard::open(row, owner.clone()) else { continue };
                let (items, _) = standard.items(db, Some(u64::MAX >> 1), ITEMS).await?;
                let id = standard.row().id.clone();
                matches.extend(look(&id, standard.meta.title.as_ref(), &items));
                if matches.len() >= MOST {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        matches.truncate(MOST);
        Ok(matches)
    }
}

/// The words around the first match, if all of `words` (lower case) are in `text`.
fn snippet(text: &str, words: &[String]) -> Option<Text> {
    let lower = text.to_lowercase();
    if !words.iter().all(|word| lower.contains(word)) {
        return None;
    }
    let at = words.first().and_then(|word| lower.find(word.as_str()))?;
    let place = lower.get(..at)?.chars().count();
    let skipped = place.saturating_sub(BEFORE);
    let mut cut: String = text.chars().skip(skipped).take(SNIPPET).collect();
    if skipped > 0 {
        cut.insert(0, '…');
    }
    if text.chars().count() > skipped + SNIPPET {
        cut.push('…');
    }
    Some(Text::from(cut.split_whitespace().collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_must_be_there_in_any_case() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let text = "The train to Zürich leaves at noon";
        assert!(snippet(text, &words("zürich train")).is_some());
        assert!(snippet(text, &words("zürich bus")).is_none());
        let long = format!("{} needle {}", "hay ".repeat(100), "hay ".repeat(100));
        let found = snippet(&long, &words("needle")).unwrap().into_string();
        assert!(found.starts_with('…') && found.ends_with('…') && found.contains("needle"));
        assert!(found.chars().count() <= SNIPPET + 2);
    }
}
