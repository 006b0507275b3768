//! Which words of a clause have been heard after so many milliseconds?

use std::time::Duration;

use super::WordTiming;

/// The beginning of `text` that was heard when `played` of its `total` duration had been played: up to the
/// last word that had begun in earnest.
///
/// With word timings a word counts when half of it was heard. Without, the time is shared out by letters.
pub fn heard<'a>(
    text: &'a str,
    words: &[WordTiming],
    total: Duration,
    played: Duration,
) -> &'a str {
    if played >= total {
        return text;
    }
    let end = if words.is_empty() {
        by_letters(text, total, played)
    } else {
        let played_ms = played.as_millis() as u32;
        words
            .iter()
            .take_while(|word| u32::midpoint(word.start_ms, word.end_ms) <= played_ms)
            .last()
            .map_or(0, |word| word.text_end)
    };
    text.get(..end).unwrap_or(text).trim_end()
}

/// Every letter takes as long as every other.
fn by_letters(text: &str, total: Duration, played: Duration) -> usize {
    let letters = text.chars().count().max(1) as f64;
    let position = played.as_secs_f64() / total.as_secs_f64().max(1e-6) * letters;
    let mut end = 0;
    let mut count = 0.0;
    for word in text.split_inclusive(char::is_whitespace) {
        let length = word.chars().count() as f64;
        if count + length / 2.0 > position {
            break;
        }
        count += length;
        end += word.len();
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn without_timings_letters_share_the_time() {
        let text = "one two three four";
        assert_eq!(heard(text, &[], ms(1_800), ms(0)), "");
        assert_eq!(heard(text, &[], ms(1_800), ms(700)), "one two");
        assert_eq!(heard(text, &[], ms(1_800), ms(1_800)), text);
        assert_eq!(heard(text, &[], ms(1_800), ms(9_000)), text);
    }

    #[test]
    fn with_timings_a_word_counts_from_its_middle() {
        let word = |text_end, start_ms, end_ms| WordTiming { text_end, start_ms, end_ms };
        let words = [word(3, 0, 100), word(7, 500, 700), word(13, 700, 900)];
        assert_eq!(heard("one two three", &words, ms(1_000), ms(400)), "one");
        assert_eq!(heard("one two three", &words, ms(1_000), ms(599)), "one");
        assert_eq!(heard("one two three", &words, ms(1_000), ms(600)), "one two");
    }

    #[test]
    fn other_scripts_are_never_cut_inside_a_letter() {
        for played in 0..1_000 {
            heard("żółć 你好 世界 🙂", &[], ms(1_000), ms(played));
        }
    }
}
