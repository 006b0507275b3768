//! A model's stream of text cut into what is spoken in one breath.
//!
//! The first clause comes as early as sounds natural, because the person waits for it; later ones are
//! sentences, so that the voice can shape them. Code blocks are left out; nothing is cut inside a link or a
//! code span.

/// The first clause may end at a comma when it is at least this long, in characters …
const FIRST_MIN: usize = 14;
/// … and is cut at a space when no mark comes within this.
const FIRST_MAX: usize = 64;
/// A later clause shorter than this waits for the sentence that follows.
const MIN: usize = 20;
/// A later clause longer than this is cut at a comma, or else at a space.
const MAX: usize = 220;

/// Words whose point does not end a sentence.
const ABBREVIATIONS: [&str; 27] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "e.g", "i.e", "approx", "no",
    "inc", "ltd", "co", "dept", "fig", "vol", "z.b", "d.h", "bzw", "ca", "nr", "usw", "p.s",
];

/// See the module.
#[derive(Debug, Default)]
pub struct Clauses {
    /// What has not been cut off yet.
    pending: String,
    /// How far `pending` has been searched without finding an end.
    searched: usize,
    in_code: bool,
    any: bool,
}

impl Clauses {
    /// Takes the next piece of text and gives the clauses that it completes.
    pub fn push(&mut self, delta: &str) -> Vec<String> {
        self.pending.push_str(delta);
        let mut clauses = Vec::new();
        while let Some(clause) = self.cut() {
            self.keep(&clause, &mut clauses);
        }
        clauses
    }

    /// The text is over: gives what is left.
    pub fn finish(&mut self) -> Option<String> {
        let mut clauses = self.push("");
        let rest = std::mem::take(&mut self.pending);
        self.searched = 0;
        if !self.in_code {
            self.keep(&rest, &mut clauses);
        }
        (!clauses.is_empty()).then(|| clauses.join(" "))
    }

    fn keep(&mut self, clause: &str, clauses: &mut Vec<String>) {
        let clause = clause.trim();
        if !clause.is_empty() {
            self.any = true;
            clauses.push(clause.to_owned());
        }
    }

    /// Cuts off the first complete clause.
    fn cut(&mut self) -> Option<String> {
        self.skip_code()?;
        let end = match self.pending.find("```") {
            // A code block ends whatever comes before it.
            Some(0) => return Some(String::new()),
            Some(fence) => self.end_of_clause(fence).or(Some(fence)),
            None => self.end_of_clause(self.pending.len()),
        }?;
        self.searched = 0;
        let rest = self.pending.split_off(end);
        Some(std::mem::replace(&mut self.pending, rest))
    }

    /// Drops a code block at the beginning. `None` while it goes on.
    fn skip_code(&mut self) -> Option<()> {
        if !self.in_code && self.pending.starts_with("```") {
            self.in_code = true;
            self.pending.drain(..3);
        }
        if self.in_code {
            let Some(end) = self.pending.find("```") else {
                // Keep what may be the beginning of the closing fence.
                let kept = self.pending.len() - self.pending.trim_end_matches('`').len();
                self.pending.drain(..self.pending.len() - kept.min(2));
                return None;
            };
            self.pending.drain(..end + 3);
            self.in_code = false;
        }
        Some(())
    }

    /// Where the first clause of `pending[..limit]` ends.
    fn end_of_clause(&mut self, limit: usize) -> Option<usize> {
        let text = &self.pending[..limit];
        let (min, max) = if self.any { (MIN, MAX) } else { (FIRST_MIN, FIRST_MAX) };
        let mut open = Open::default();
        let mut soft = None;
        let mut space = None;
        let mut length = 0;
        for (at, c) in text.char_indices() {
            length += 1;
            let closed = open.step(c, &text[at..]);
            let after = at + c.len_utf8();
            if !closed || after <= self.searched && length <= max {
                // Ends found in an earlier search were no ends; only remember where to cut if need be.
                note_soft(c, after, closed, &mut soft, &mut space);
                continue;
            }
            match mark(text, at, c) {
                Mark::End if length >= min || !self.any && length >= 2 => return Some(after),
                Mark::Line if length >= 2 => return Some(after),
                Mark::Soft if !self.any && length >= FIRST_MIN => return Some(after),
                _ => {}
            }
            note_soft(c, after, closed, &mut soft, &mut space);
            if length > max {
                return soft.or(space);
            }
        }
        // The last characters may turn out differently with what follows.
        self.searched = text.len().saturating_sub(4);
        while !text.is_char_boundary(self.searched) {
            self.searched -= 1;
        }
        None
    }
}

fn note_soft(
    c: char,
    after: usize,
    closed: bool,
    soft: &mut Option<usize>,
    space: &mut Option<usize>,
) {
    if closed && matches!(c, ',' | ';' | ':' | '、' | '，') {
        *soft = Some(after);
    }
    if closed && c == ' ' {
        *space = Some(after);
    }
}

/// Spans that must not be cut.
#[derive(Default)]
struct Open {
    code: bool,
    bracket: bool,
    address: bool,
}

impl Open {
    /// Takes the next character; whether a cut after it is allowed.
    fn step(&mut self, c: char, rest: &str) -> bool {
        match c {
            '`' => self.code = !self.code,
            '[' => self.bracket = true,
            ']' => {
                self.bracket = false;
                self.address = rest[1..].starts_with('(');
            }
            ')' => self.address = false,
            // Nothing spans a line.
            '\n' => *self = Self::default(),
            _ => {}
        }
        !(self.code || self.bracket || self.address)
    }
}

enum Mark {
    /// A sentence ends here.
    End,
    /// A line ends here.
    Line,
    /// A pause in the sentence.
    Soft,
    None,
}

/// What the character at `at` does to the sentence, as far as the text that follows tells.
fn mark(text: &str, at: usize, c: char) -> Mark {
    let after = &text[at + c.len_utf8()..];
    let next = after.chars().next();
    let spaced = next.is_some_and(char::is_whitespace);
    match c {
        '\n' => Mark::Line,
        '。' | '！' | '？' => Mark::End,
        '.' if spaced && !is_abbreviation(&text[..at]) => Mark::End,
        '!' | '?' | '…' if spaced => Mark::End,
        // A closing quote or bracket belongs to the sentence before it.
        '"' | '”' | '»' | ')' | '\'' | '*' if spaced && ends_sentence(&text[..at]) => Mark::End,
        ',' | ';' | ':' | '—' | '–' if spaced => Mark::Soft,
        '，' | '、' | '；' | '：' => Mark::Soft,
        _ => Mark::None,
    }
}

fn ends_sentence(before: &str) -> bool {
    before.trim_end_matches(['"', '”', '»', ')', '\'', '*']).ends_with(['.', '!', '?', '…'])
}

/// Whether a point after `before` belongs to its last word: an abbreviation, an initial, the number of a
/// list item.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(['(', '"', '“', '*', '_']);
    let mut letters = word.chars();
    let initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    let line = before.rsplit('\n').next().unwrap_or_default().trim();
    let list_number =
        !line.is_empty() && line.len() <= 2 && line.bytes().all(|b| b.is_ascii_digit());
    initial || list_number || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, piece: usize) -> Vec<String> {
        let mut clauses = Clauses::default();
        let mut out = Vec::new();
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(piece) {
            out.extend(clauses.push(&piece.iter().collect::<String>()));
        }
        out.extend(clauses.finish());
        out
    }

    #[test]
    fn the_first_clause_comes_early_and_the_others_are_sentences() {
        assert_eq!(
            all(
                "Well, that is a good question, and the answer is yes. It depends on the day, though. Try it.",
                4
            ),
            [
                "Well, that is a good question,",
                "and the answer is yes.",
                "It depends on the day, though.",
                "Try it."
            ]
        );
    }

    #[test]
    fn a_short_first_sentence_is_spoken_at_once() {
        assert_eq!(all("Yes. I think so, too.", 3)[0], "Yes.");
    }

    #[test]
    fn a_first_clause_without_marks_is_cut_at_a_space() {
        let text =
            "the quick brown fox jumps over the lazy dog and then runs away from all of them";
        let clauses = all(text, 5);
        assert_eq!(clauses.join(" "), text);
        assert!(clauses[0].len() <= FIRST_MAX, "{clauses:?}");
    }

    #[test]
    fn points_that_end_nothing() {
        for text in [
            "Ask Dr. Smith about the 3.14 thing.",
            "J. R. R. Tolkien wrote it.",
            "Use e.g. a spoon of it.",
            "Version 1.2.3 is out now.",
        ] {
            assert_eq!(all(text, 1), [text], "{text}");
        }
    }

    #[test]
    fn links_and_code_are_never_cut() {
        assert_eq!(
            all(
                "See [this, or that. Yes](https://a.b/c, d) and `x. y, z` there. Then go on with it all.",
                2
            )[0],
            "See [this, or that. Yes](https://a.b/c, d) and `x. y, z` there."
        );
    }

    #[test]
    fn code_blocks_are_left_out() {
        for piece in 1..7 {
            assert_eq!(
                all("Here it is:\n```rust\nfn main() { a. b }\n```\nThat was it.", piece).join(" "),
                "Here it is: That was it.",
                "{piece}"
            );
        }
        assert_eq!(all("Look: ```never closed", 3), ["Look:"]);
    }

    #[test]
    fn lines_of_a_list_are_clauses() {
        assert_eq!(all("Buy these:\n1. eggs\n2. milk\n", 3), ["Buy these:", "1. eggs", "2. milk"]);
    }

    #[test]
    fn other_scripts_need_no_spaces() {
        assert_eq!(
            all("你好，我是你的语音助手小明先生，很高兴认识你。今天天气怎么样？", 2)[0],
            "你好，我是你的语音助手小明先生，"
        );
    }

    proptest::proptest! {
        /// Nothing is lost, added or reordered, however the text arrives.
        #[test]
        fn words_come_out_as_they_went_in(text in "[a-zA-Z0-9 ,.!?:\\n()\\[\\]é你。-]{0,400}", piece in 1usize..20) {
            let squeeze = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            proptest::prop_assert_eq!(squeeze(&all(&text, piece).concat()), squeeze(&text));
        }

        #[test]
        fn clauses_are_bounded(text in "[a-z ]{0,2000}") {
            // A word may be longer than any bound.
            proptest::prop_assume!(text.split(' ').all(|word| word.len() < 40));
            for clause in all(&text, 7) {
                proptest::prop_assert!(clause.len() <= MAX + 1);
            }
        }
    }
}
