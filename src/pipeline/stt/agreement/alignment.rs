//! Where, in another pass over the same sound, the words end that are stable already.
//!
//! A later pass may join words, split them or hear another one, so words are not counted: the pass is cut where its
//! beginning differs from the stable words by the fewest letters (edit distance, Levenshtein 1966).

use super::words::{same, words};

/// How many letters more or fewer the same words may have in another pass. It bounds the work: letters × 2 × this.
const BAND: usize = 48;
/// More than any distance.
const FAR: u16 = u16::MAX / 2;

/// The end, in bytes of `now`, of the words that `stable` has too: always between two words. Of places that differ by
/// as many letters, the one after the same last word, or else the one nearer to the length of `stable`.
pub(super) fn end_of(stable: &str, now: &str) -> usize {
    let last = words(stable).pop().unwrap_or_default();
    let stable: Vec<char> = letters(stable).collect();
    let mut heard = Vec::new();
    // After each word: how many letters and bytes there are up to there, and whether it is another word.
    let mut places = vec![(0, 0, true)];
    let mut bytes = 0;
    for word in words(now) {
        heard.extend(letters(word));
        bytes += word.len();
        places.push((heard.len(), bytes, !same(word, last)));
    }
    let distances = distances(&stable, &heard);
    let cost = |&(letters, _, is_other): &(usize, usize, bool)| {
        (distances[letters], is_other, letters.abs_diff(stable.len()))
    };
    let (_, end, _) = places.into_iter().min_by_key(cost).unwrap_or_default();
    end
}

/// What is compared: case and punctuation are not.
fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// The edit distance of all of `stable` to the first 0, 1, 2, … letters of `heard`.
fn distances(stable: &[char], heard: &[char]) -> Vec<u16> {
    let mut above = vec![FAR; heard.len() + 1];
    for (at, distance) in above.iter_mut().enumerate().take(BAND + 1) {
        *distance = at as u16;
    }
    let mut row = above.clone();
    for (at, letter) in stable.iter().enumerate() {
        let done = at + 1;
        row.fill(FAR);
        if done <= BAND {
            row[0] = done as u16;
        }
        for other in done.saturating_sub(BAND).max(1)..=(done + BAND).min(heard.len()) {
            let replaced = above[other - 1] + u16::from(*letter != heard[other - 1]);
            row[other] = replaced.min(above[other] + 1).min(row[other - 1] + 1).min(FAR);
        }
        std::mem::swap(&mut row, &mut above);
    }
    above
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What of the pass comes after the stable words.
    fn rest<'a>(stable: &str, now: &'a str) -> &'a str {
        &now[end_of(stable, now)..]
    }

    #[test]
    fn words_that_are_joined_or_split_are_neither_lost_nor_repeated() {
        assert_eq!(rest("the ice cream", "The icecream is cold"), " is cold");
        assert_eq!(rest("The icecream", "the ice cream is cold"), " is cold");
        assert_eq!(rest("can not", "cannot do"), " do");
        assert_eq!(rest("for score", "four score and"), " and");
        assert_eq!(rest("今日は", "今日はいい"), "いい");
    }

    #[test]
    fn another_word_in_the_same_place_is_the_same_place() {
        assert_eq!(rest("I said", "Aye said so"), " so");
        assert_eq!(rest("one", "two three"), " three");
        assert_eq!(rest("um so", "so then"), " then");
        assert_eq!(rest("so", "um so then"), " then");
    }

    #[test]
    fn a_pass_that_is_shorter_is_used_up() {
        assert_eq!(rest("one two three", "one"), "");
        assert_eq!(rest("one two three", ""), "");
        let long = "word ".repeat(60);
        assert_eq!(rest(&long, "word word"), "");
        assert_eq!(rest("", "word word"), "word word");
    }

    /// The whole table, without a band.
    fn slow(stable: &[char], heard: &[char]) -> usize {
        match (stable, heard) {
            ([], rest) | (rest, []) => rest.len(),
            ([one, stable_rest @ ..], [other, heard_rest @ ..]) => {
                let replaced = slow(stable_rest, heard_rest) + usize::from(one != other);
                replaced.min(slow(stable_rest, heard) + 1).min(slow(stable, heard_rest) + 1)
            }
        }
    }

    proptest! {
        #[test]
        fn distances_are_those_of_the_definition(one in "[ab]{0,6}", other in "[ab]{0,6}") {
            let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
            let found = distances(&one, &other);
            for at in 0..=other.len() {
                prop_assert_eq!(usize::from(found[at]), slow(&one, &other[..at]));
            }
        }
    }
}
