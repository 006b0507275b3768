//! Text for the eye made fit for the ear: Markdown, code, links and emoji are never spoken.
//!
//! Works on whole clauses, as [`clauses`](super::clauses) cuts them: never inside a link or a code span.

/// What is said of `clause`. May be empty.
pub fn speakable(clause: &str) -> String {
    let mut spoken = String::with_capacity(clause.len());
    for line in clause.lines() {
        let line = strip_block_marks(line);
        let mut words = String::with_capacity(line.len());
        inline(line, &mut words);
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if !words.chars().any(char::is_alphanumeric) {
            continue;
        }
        if !spoken.is_empty() {
            // Lines of a list are sentences to the ear.
            let ended = spoken.ends_with(['.', '!', '?', ':', ',', ';', '…', '。', '！', '？']);
            spoken.push_str(if ended { " " } else { ". " });
        }
        spoken.push_str(&words);
    }
    spoken
}

/// Headings, quotes, list marks, rules and table rows lose their marks.
fn strip_block_marks(line: &str) -> &str {
    let mut rest = line.trim();
    loop {
        let before = rest;
        rest = rest.trim_start_matches(['#', '>', '|']).trim_start();
        for mark in ["- [ ] ", "- [x] ", "- ", "* ", "+ ", "• "] {
            rest = rest.strip_prefix(mark).unwrap_or(rest);
        }
        if rest == before {
            break;
        }
    }
    let rest = rest.trim_end_matches(['|', ' ']);
    if rest.chars().all(|c| matches!(c, '-' | '=' | '*' | '_' | '|' | ':' | ' ')) {
        ""
    } else {
        rest
    }
}

fn inline(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let tail = &rest[first.len_utf8()..];
        let before = out.chars().next_back();
        rest = match first {
            // [text](address) and ![picture](address): the text.
            '[' => match link(rest) {
                Some((text, after)) => {
                    inline(text, out);
                    after
                }
                None => tail,
            },
            '!' if tail.starts_with('[') && link(tail).is_some() => tail,
            ']' | '`' | '~' | '\\' | '*' => tail,
            // Emphasis, but not snake_case.
            '_' => {
                let inside = before.is_some_and(char::is_alphanumeric)
                    && tail.chars().next().is_some_and(char::is_alphanumeric);
                if inside {
                    out.push(' ');
                }
                tail
            }
            '|' => {
                out.push_str(", ");
                tail
            }
            '<' => match tag(rest) {
                Some(after) => after,
                None => tail,
            },
            'h' if rest.starts_with("http://") || rest.starts_with("https://") => {
                address(rest, out)
            }
            _ if is_pictograph(first) => {
                out.push(' ');
                tail
            }
            _ => {
                out.push(first);
                tail
            }
        };
    }
}

/// The text of a link that begins here, and what follows the link.
fn link(rest: &str) -> Option<(&str, &str)> {
    let close = rest.find("](")?;
    let text = &rest[1..close];
    let end = rest[close..].find(')')? + close;
    (!text.contains('[')).then_some((text, &rest[end + 1..]))
}

/// What follows an HTML tag that begins here.
fn tag(rest: &str) -> Option<&str> {
    let end = rest.find('>')?;
    let name = rest[1..end].trim_start_matches('/');
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| &rest[end + 1..])
}

/// Says only where a bare address leads: its host.
fn address<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ')' | '>' | '"' | ','));
    let (address, after) = rest.split_at(end.unwrap_or(rest.len()));
    let host = address.split('/').nth(2).unwrap_or_default();
    let host = host.trim_start_matches("www.").trim_end_matches(['.', ';', ':', '!', '?']);
    out.push_str(&host.replace('.', " dot "));
    after
}

/// Emoji, arrows, boxes and the marks that join or colour them.
fn is_pictograph(c: char) -> bool {
    matches!(
        c as u32,
        0x1F000..=0x1FAFF
            | 0x2190..=0x21FF
            | 0x2300..=0x23FF
            | 0x2460..=0x27BF
            | 0x2900..=0x297F
            | 0x2B00..=0x2BFF
            | 0xFE00..=0xFE0F
            | 0x200D
            | 0x20E3
            | 0xE0020..=0xE007F
    )
}

#[cfg(test)]
mod tests {
    use super::speakable;

    #[test]
    fn markdown_is_not_spoken() {
        for (written, spoken) in [
            ("**Bold** and _soft_ words.", "Bold and soft words."),
            ("# A heading", "A heading"),
            ("> - a quoted item", "a quoted item"),
            ("Use `cargo run` now.", "Use cargo run now."),
            ("See [the guide](https://example.org/a,b) first.", "See the guide first."),
            ("![a cat](cat.png) sits", "a cat sits"),
            ("Go to https://www.example.org/x?y=1 now.", "Go to example dot org now."),
            ("snake_case and 2 * 3", "snake case and 2 3"),
            ("Nice 👍🏽 work → done ✅", "Nice work done"),
            ("<b>bold</b> but 3 < 4", "bold but 3 4"),
            ("---", ""),
            ("| a | b |", "a , b"),
            ("***", ""),
            ("✨", ""),
        ] {
            assert_eq!(speakable(written), spoken, "{written}");
        }
    }

    #[test]
    fn lines_become_sentences() {
        assert_eq!(speakable("- eggs\n- milk\n\n- bread"), "eggs. milk. bread");
        assert_eq!(speakable("Two things:\n- eggs"), "Two things: eggs");
    }

    #[test]
    fn plain_speech_is_left_alone() {
        for text in ["It's 3:30, isn't it?", "¿Qué tal? Muy bien…", "你好，世界。", "50% of $12.50"]
        {
            assert_eq!(speakable(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[-a-z\\[\\]()`*_~<>|#! \\n.hтп你🙂/:]{0,60}") {
            speakable(&text);
        }
    }
}
