//! Takes a model's thinking out of its reply.

/// The tags, and whether they open.
const TAGS: [(&str, bool); 4] =
    [("<think>", true), ("<thinking>", true), ("</think>", false), ("</thinking>", false)];

/// Removes `<think>…</think>` and `<thinking>…</thinking>` from text that comes in pieces.
///
/// A tag may be split over any number of pieces. Only what may still become a tag is held back, so text
/// is delayed by no more than ten characters. White space after thinking is dropped as long as the
/// reply has not begun, for it only set the thinking apart. Thinking that never ends is dropped whole.
///
/// Some models begin inside their thinking because the prompt template holds the opening tag. That cannot
/// be told apart from a reply until it is too late; run such a model on a server with a reasoning parser.
/// Of a closing tag without an opening one only the tag itself is removed.
#[derive(Default)]
pub struct ThinkFilter {
    /// What may still become a tag.
    held: String,
    thinking: bool,
    /// Some thinking ended, and nothing but white space was said before it.
    trimming: bool,
    /// Something other than white space was said.
    begun: bool,
}

impl ThinkFilter {
    /// Creates a filter for one reply.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece and returns what can be said of it; often that is nothing.
    pub fn push(&mut self, text: &str) -> String {
        let mut said = String::with_capacity(text.len());
        self.held.push_str(text);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_str();
        while let Some(at) = rest.find('<') {
            self.say(&rest[..at], &mut said);
            rest = &rest[at..];
            match tag(rest) {
                Tag::Opens(len) => {
                    self.thinking = true;
                    rest = &rest[len..];
                }
                Tag::Closes(len) => {
                    self.thinking = false;
                    self.trimming = !self.begun;
                    rest = &rest[len..];
                }
                Tag::Maybe => {
                    rest.clone_into(&mut self.held);
                    return said;
                }
                Tag::No => {
                    self.say("<", &mut said);
                    rest = &rest[1..];
                }
            }
        }
        self.say(rest, &mut said);
        said
    }

    /// Returns what was held back, now that no more comes.
    pub fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        let mut said = String::new();
        self.say(&held, &mut said);
        said
    }

    fn say(&mut self, text: &str, said: &mut String) {
        if self.thinking {
            return;
        }
        let text = if self.trimming { text.trim_start() } else { text };
        if !text.trim_start().is_empty() {
            self.begun = true;
            self.trimming = false;
        }
        said.push_str(text);
    }
}

impl std::fmt::Debug for ThinkFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThinkFilter").field("thinking", &self.thinking).finish_non_exhaustive()
    }
}

enum Tag {
    Opens(usize),
    Closes(usize),
    Maybe,
    No,
}

/// Says whether text that starts with `<` starts with a tag, may do so once more of it is here, or does
/// not.
fn tag(text: &str) -> Tag {
    let mut maybe = false;
    for (tag, opens) in TAGS {
        let len = text.len().min(tag.len());
        if text.as_bytes()[..len].eq_ignore_ascii_case(&tag.as_bytes()[..len]) {
            if len < tag.len() {
                maybe = true;
            } else if opens {
                return Tag::Opens(len);
            } else {
                return Tag::Closes(len);
            }
        }
    }
    if maybe { Tag::Maybe } else { Tag::No }
}

#[cfg(test)]
mod tests {
    use super::ThinkFilter;

    const CASES: [(&str, &str); 15] = [
        ("plain text", "plain text"),
        ("", ""),
        ("<think>hm</think>Hello.", "Hello."),
        ("<think>\nhm\n</think>\n\nHello.\n\nBye.", "Hello.\n\nBye."),
        ("\n<think></think>\n\nHello.", "\nHello."),
        ("<thinking>hm</thinking>Hello.", "Hello."),
        ("<THINK>hm</Think>Hello.", "Hello."),
        ("<think>hm</thinking>Hello.", "Hello."),
        ("Well <think>a < b <b>…</b> <thin</think> then.", "Well  then."),
        ("<think>a</think> One. <think>b</think> Two.", "One.  Two."),
        ("1 < 2, <b>bold</b>, <<think>x</think>, </thin", "1 < 2, <b>bold</b>, <, </thin"),
        ("<think>never ends", ""),
        ("stray</think> tag", "stray tag"),
        ("<think>grüße 你好</think>Grüße <你好>", "Grüße <你好>"),
        ("a <thinker> is no tag", "a <thinker> is no tag"),
    ];

    fn filter<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
        let mut filter = ThinkFilter::new();
        let mut said: String = parts.into_iter().map(|part| filter.push(part)).collect();
        said.push_str(&filter.finish());
        said
    }

    #[test]
    fn thinking_is_removed_and_nothing_else() {
        for (text, said) in CASES {
            assert_eq!(filter([text]), said, "{text}");
        }
    }

    #[test]
    fn it_does_not_matter_where_the_text_is_split() {
        for (text, said) in CASES {
            let cuts: Vec<usize> =
                text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            for (i, &a) in cuts.iter().enumerate() {
                for &b in &cuts[i..] {
                    assert_eq!(
                        filter([&text[..a], &text[a..b], &text[b..]]),
                        said,
                        "{text} {a} {b}"
                    );
                }
            }
            let chars: Vec<String> = text.chars().map(String::from).collect();
            assert_eq!(filter(chars.iter().map(String::as_str)), said, "{text}, every character");
        }
    }

    #[test]
    fn only_what_may_become_a_tag_is_held_back() {
        let mut filter = ThinkFilter::new();
        assert_eq!(filter.push("Is 1 <"), "Is 1 ");
        assert_eq!(filter.push(" 2? <th"), "< 2? ");
        assert_eq!(filter.push("e end"), "<the end");
        assert_eq!(filter.finish(), "");
    }
}
