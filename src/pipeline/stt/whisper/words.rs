//! From tokens with times to words and segments.

use std::time::Duration;

use super::super::{Segment, Word};
use super::tokens::Vocabulary;
use crate::pipeline::text::Text;

/// Belongs to the word after it.
const OPENING: &str = "\"'“¿([{-";
/// Belongs to the word before it.
const CLOSING: &str = "\"'.。,，!！?？:：”)]}、";
/// Ends a segment.
const STOPS: &str = ".。!！?？";
/// A silence that ends a segment.
const PAUSE: Duration = Duration::from_secs(1);
/// Seconds of an encoder frame.
const FRAME_MS: u64 = 20;

/// Tokens that belong together.
#[derive(Debug, Clone)]
struct Piece {
    text: String,
    /// Into the tokens.
    first: usize,
    last: usize,
    /// Where the word itself ends, without the punctuation after it.
    spoken: usize,
}

/// The words of a text, each token of which begins in the frame that `starts` says; the last of `starts` is where the
/// end begins.
pub(super) fn words(
    tokens: &[u32],
    starts: &[usize],
    log_probabilities: &[f32],
    vocabulary: &Vocabulary,
) -> Vec<(Word, std::ops::Range<usize>)> {
    let time = |frame: usize| Duration::from_millis(frame as u64 * FRAME_MS);
    let pieces = merged(whole_words(characters(tokens, vocabulary)));
    let word = |piece: Piece| {
        let of = piece.first..piece.last;
        let mean = log_probabilities[of.clone()].iter().map(|p| p.exp()).sum::<f32>();
        let word = Word {
            start: time(starts[piece.first]),
            end: time(starts[piece.spoken]),
            text: Text::from(piece.text.trim()),
            probability: mean / of.len() as f32,
        };
        (word, of)
    };
    pieces.into_iter().filter(|piece| !piece.text.trim().is_empty()).map(word).collect()
}

/// Sentences, or what lies between long silences.
pub(super) fn segments(words: &[(Word, std::ops::Range<usize>)], tokens: &[u32]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut ended = true;
    for (word, of) in words {
        let tokens = &tokens[of.clone()];
        match segments.last_mut() {
            Some(last) if !ended && word.start.saturating_sub(last.end) < PAUSE => {
                last.end = word.end;
                last.text.push_phrase(word.text.as_str());
                last.tokens.extend(tokens);
            }
            _ => segments.push(Segment {
                start: word.start,
                end: word.end,
                text: word.text.clone(),
                tokens: tokens.to_vec(),
            }),
        }
        ended = word.text.as_str().ends_with(|c| STOPS.contains(c));
    }
    segments
}

/// Tokens put together until they are whole characters.
fn characters(tokens: &[u32], vocabulary: &Vocabulary) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut first = 0;
    for last in 1..=tokens.len() {
        let text = vocabulary.text(&tokens[first..last]).unwrap_or_default();
        if !text.contains(char::REPLACEMENT_CHARACTER) || last == tokens.len() {
            pieces.push(Piece { text, first, last, spoken: last });
            first = last;
        }
    }
    pieces
}

/// Pieces put together to words: one begins with a space, or is punctuation, or is of a script without spaces.
fn whole_words(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut words: Vec<Piece> = Vec::new();
    for piece in pieces {
        let begins = piece.text.starts_with(' ')
            || piece.text.trim().chars().all(|c| c.is_ascii_punctuation() || CLOSING.contains(c))
            || piece.text.chars().any(is_of_a_script_without_spaces);
        match words.last_mut() {
            Some(word) if !begins => {
                word.text.push_str(&piece.text);
                (word.last, word.spoken) = (piece.last, piece.last);
            }
            _ => words.push(piece),
        }
    }
    words
}

/// Punctuation put to the word that it belongs to.
fn merged(words: Vec<Piece>) -> Vec<Piece> {
    let is_one_of = |text: &str, marks: &str| {
        let text = text.trim();
        !text.is_empty() && text.chars().all(|c| marks.contains(c))
    };
    let mut merged: Vec<Piece> = Vec::new();
    let mut opening: Option<Piece> = None;
    for mut word in words {
        let spaced = word.text.starts_with(' ');
        if !spaced
            && is_one_of(&word.text, CLOSING)
            && let Some(before) = merged.last_mut()
        {
            before.text.push_str(&word.text);
            before.last = word.last;
            continue;
        }
        if let Some(mark) = opening.take() {
            word.text = format!("{}{}", mark.text, word.text.trim_start());
            word.first = mark.first;
        }
        if spaced && is_one_of(&word.text, OPENING) {
            opening = Some(word);
        } else {
            merged.push(word);
        }
    }
    merged.extend(opening);
    merged
}

/// Chinese, Japanese, Thai, Lao, Burmese and Khmer.
fn is_of_a_script_without_spaces(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(texts: &[&str]) -> Vec<Piece> {
        let piece = |(i, text): (usize, &&str)| Piece {
            text: (*text).to_owned(),
            first: i,
            last: i + 1,
            spoken: i + 1,
        };
        texts.iter().enumerate().map(piece).collect()
    }

    fn texts(pieces: &[Piece]) -> Vec<&str> {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn tokens_become_words_with_their_punctuation() {
        let all = merged(whole_words(pieces(&[
            " My", " fell", "ow", ",", " \"", "say", " it", ".", "\"",
        ])));
        assert_eq!(texts(&all), [" My", " fellow,", " \"say", " it.\""]);
        // The comma does not make the word longer.
        assert_eq!((all[1].first, all[1].spoken, all[1].last), (1, 3, 4));
    }

    #[test]
    fn scripts_without_spaces_are_cut_at_characters() {
        assert_eq!(texts(&merged(whole_words(pieces(&["ご", "視聴", "。"])))), ["ご", "視聴。"]);
    }

    #[test]
    fn a_sentence_or_a_silence_ends_a_segment() {
        let word = |text: &str, start, end, at: usize| {
            let ms = Duration::from_millis;
            let word =
                Word { start: ms(start), end: ms(end), text: Text::from(text), probability: 1.0 };
            (word, at..at + 1)
        };
        let words = [
            word("Wait.", 0, 300, 0),
            word("I", 400, 500, 1),
            word("see", 500, 700, 2),
            word("you", 2_000, 2_300, 3),
        ];
        let segments = segments(&words, &[10, 11, 12, 13]);
        let texts: Vec<&str> = segments.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["Wait.", "I see", "you"]);
        assert_eq!(segments[1].tokens, [11, 12]);
        assert_eq!(segments[1].end, Duration::from_millis(700));
    }
}
