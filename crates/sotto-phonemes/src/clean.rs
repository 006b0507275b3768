//! Text in one form: compatibility characters resolved, quotes and dashes alike, pictures gone.
//!
//! Every byte of the result knows which bytes of the person's text it comes from.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Combining marks kept on one letter. More are decoration.
const MAX_MARKS: usize = 4;

/// See the module.
pub(crate) struct Clean {
    pub text: String,
    /// For each byte of `text`, where its source begins and ends.
    source: Vec<(u32, u32)>,
    end: usize,
}

impl Clean {
    pub fn new(text: &str) -> Self {
        let mut clean = Self {
            text: String::with_capacity(text.len()),
            source: Vec::with_capacity(text.len()),
            end: text.len(),
        };
        let mut chars = text.char_indices().peekable();
        while let Some((start, c)) = chars.next() {
            let mut end = start + c.len_utf8();
            let mut marks = 0;
            let mut letter = String::from(c);
            while let Some(&(at, mark)) = chars.peek() {
                if !is_combining_mark(mark) {
                    break;
                }
                if marks < MAX_MARKS {
                    letter.push(mark);
                }
                marks += 1;
                end = at + mark.len_utf8();
                chars.next();
            }
            clean.push(c, &letter, start..end);
        }
        clean.join_marks();
        clean
    }

    /// The stretch of the person's text that `range` of the clean one comes from.
    pub fn source(&self, range: Range<usize>) -> Range<usize> {
        let start = self.source.get(range.start).map_or(self.end, |&(start, _)| start as usize);
        if range.is_empty() {
            return start..start;
        }
        let end = self.source.get(range.end - 1).map_or(self.end, |&(_, end)| end as usize);
        start..end.max(start)
    }

    fn push(&mut self, first: char, letter: &str, source: Range<usize>) {
        match first {
            // These mean something that their compatible forms do not: 3½ is not 31/2.
            '¼'..='¾' | '⅐'..='⅞' | '²' | '³' | '°' | '…' => self.put(first, &source),
            '‘' | '’' | 'ʼ' | '‛' | '´' => self.put('\'', &source),
            '„' | '«' | '‟' => self.put('“', &source),
            '»' => self.put('”', &source),
            '‐' | '‑' | '−' | '⁃' => self.put('-', &source),
            '―' => self.put('—', &source),
            '№' => self.text_of("No. ", &source),
            '`' | '¿' | '¡' | '™' | '®' | '©' => {}
            c if c.is_whitespace() => self.put(' ', &source),
            // Soft hyphens, joiners and directions are not heard; neither is what no font can show.
            '\u{AD}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{E000}'..='\u{F8FF}'
            | '\u{FE00}'..='\u{FE0F}' => {}
            c if c.is_control() || is_picture(c) => self.put(' ', &source),
            _ => {
                let composed: String = letter.nfkc().collect();
                self.text_of(&composed, &source);
            }
        }
    }

    fn text_of(&mut self, text: &str, source: &Range<usize>) {
        for c in text.chars() {
            let c = if c.is_whitespace() { ' ' } else { c };
            if !is_combining_mark(c) {
                self.put(c, source);
            }
        }
    }

    fn put(&mut self, c: char, source: &Range<usize>) {
        self.text.push(c);
        let of = (source.start as u32, source.end as u32);
        self.source.extend(std::iter::repeat_n(of, c.len_utf8()));
    }

    /// Runs of points are an ellipsis, runs of dashes and dashes between spaces are one dash.
    fn join_marks(&mut self) {
        let old = std::mem::take(&mut self.text);
        let source = std::mem::take(&mut self.source);
        let of = |range: Range<usize>| {
            let start = source[range.start].0 as usize;
            start..(source[range.end - 1].1 as usize).max(start)
        };
        let mut at = 0;
        while let Some(c) = old[at..].chars().next() {
            let run = old[at..].len() - old[at..].trim_start_matches(c).len();
            let spaced = (at == 0 || old[..at].ends_with(' ')) && old[at + run..].starts_with(' ');
            let single = run == c.len_utf8();
            match c {
                '.' if run >= 2 => self.put('…', &of(at..at + run)),
                '-' | '–' if spaced => self.put('—', &of(at..at + run)),
                '-' if run >= 2 && !old[..at].ends_with(' ') && at > 0 => {
                    self.put('—', &of(at..at + run));
                }
                // More than a few of one mark say nothing more.
                _ if !single && !c.is_alphanumeric() && c != ' ' => {
                    let kept = (run / c.len_utf8()).min(3) * c.len_utf8();
                    for offset in (0..kept).step_by(c.len_utf8()) {
                        self.put(c, &of(at + offset..at + offset + c.len_utf8()));
                    }
                }
                _ => {
                    for offset in (0..run).step_by(c.len_utf8()) {
                        self.put(c, &of(at + offset..at + offset + c.len_utf8()));
                    }
                }
            }
            at += run;
        }
    }
}

/// Emoji, arrows, boxes and their modifiers.
fn is_picture(c: char) -> bool {
    matches!(
        c as u32,
        0x1F000..=0x1FAFF
            | 0x2190..=0x21FF
            | 0x2300..=0x23FF
            | 0x2460..=0x27BF
            | 0x2900..=0x297F
            | 0x2B00..=0x2BFF
            | 0x20E3
            | 0xE0000..=0xE007F
            | 0xFFF0..=0xFFFF
    )
}

/// The letter without its accents, as the dictionaries write it.
pub(crate) fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.nfd() {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'Æ' => folded.push_str("Ae"),
            'Œ' => folded.push_str("Oe"),
            'ø' => folded.push('o'),
            'Ø' => folded.push('O'),
            'ł' => folded.push('l'),
            'Ł' => folded.push('L'),
            'đ' | 'ð' => folded.push('d'),
            'þ' => folded.push_str("th"),
            'Þ' => folded.push_str("Th"),
            'ı' => folded.push('i'),
            c if is_combining_mark(c) => {}
            c => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::{Clean, fold};

    #[test]
    fn forms_are_resolved_and_each_byte_knows_its_source() {
        for (written, clean) in [
            ("ﬁne “x” ‘y’", "fine “x” 'y'"),
            ("e\u{301}te\u{301}", "été"),
            ("wait... what", "wait… what"),
            ("a - b – c -- d", "a — b — c — d"),
            ("well-known", "well-known"),
            ("3½ m²", "3½ m²"),
            ("１２", "12"),
            ("a🙂b", "a b"),
            ("a\u{200B}b", "ab"),
            ("!!!!!!", "!!!"),
        ] {
            assert_eq!(Clean::new(written).text, clean, "{written}");
        }
        let clean = Clean::new("ﬁne été…");
        assert_eq!(clean.source(0..4), 0..5);
        assert_eq!(clean.source(5..10), 6..11);
    }

    #[test]
    fn accents_are_folded() {
        assert_eq!(fold("naïve Łódź Ærø straße"), "naive Lodz Aero strasse");
    }
}
