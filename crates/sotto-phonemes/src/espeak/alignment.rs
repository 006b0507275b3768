//! Which words of an answer belong to which words of the question.
//!
//! A number becomes several words, and small words grow together. The words said one by one tell where each
//! begins in what was said together: both are laid side by side with as few differences as possible.

use std::ops::Range;

/// Gives the words `said` to the words that sound like `alone` one by one. Every word of the question is in one
/// range and every word of the answer in one entry, both in order; no range is empty.
pub(super) fn align(alone: &[String], said: &[&str]) -> Vec<(Range<usize>, String)> {
    if alone.is_empty() {
        return Vec::new();
    }
    let question = letters(alone.iter().map(String::as_str));
    let answer = letters(said.iter().copied());
    let votes = votes(&question, &answer, alone.len(), said.len());
    let mut aligned: Vec<(Range<usize>, String)> = Vec::new();
    let mut least = 0;
    for (place, word) in said.iter().enumerate() {
        let best = (least..alone.len())
            .max_by_key(|&owner| (votes[place][owner], std::cmp::Reverse(owner)));
        let owner = best.filter(|&owner| votes[place][owner] > 0).unwrap_or(least);
        least = owner;
        match aligned.last_mut() {
            Some((range, sounds)) if range.contains(&owner) => {
                sounds.push(' ');
                sounds.push_str(word);
            }
            // Words that nothing was left for go with the one before; at the beginning, with the first.
            Some((range, _)) => {
                range.end = owner;
                aligned.push((owner..owner + 1, (*word).to_owned()));
            }
            None => aligned.push((0..owner + 1, (*word).to_owned())),
        }
    }
    if let Some((range, _)) = aligned.last_mut() {
        range.end = alone.len();
    }
    aligned
}

/// The sounds without stress, each with the word it belongs to.
fn letters<'a>(words: impl Iterator<Item = &'a str>) -> Vec<(char, usize)> {
    words
        .enumerate()
        .flat_map(|(owner, word)| {
            word.chars().filter(|c| !matches!(c, 'ˈ' | 'ˌ' | 'ː' | ' ')).map(move |c| (c, owner))
        })
        .collect()
}

/// How many sounds of each said word lie beside sounds of each asked word, equal ones counting more.
fn votes(
    question: &[(char, usize)],
    answer: &[(char, usize)],
    asked: usize,
    said: usize,
) -> Vec<Vec<u32>> {
    let width = answer.len() + 1;
    let mut cost = vec![0u32; (question.len() + 1) * width];
    for row in 0..=question.len() {
        for column in 0..=answer.len() {
            cost[row * width + column] = match (row, column) {
                (0, n) | (n, 0) => n as u32 * 2,
                _ => {
                    let same = question[row - 1].0 == answer[column - 1].0;
                    let beside = cost[(row - 1) * width + column - 1] + if same { 0 } else { 3 };
                    let skipped =
                        cost[(row - 1) * width + column].min(cost[row * width + column - 1]) + 2;
                    beside.min(skipped)
                }
            };
        }
    }
    let mut votes = vec![vec![0; asked]; said];
    let (mut row, mut column) = (question.len(), answer.len());
    while row > 0 && column > 0 {
        let here = cost[row * width + column];
        let same = question[row - 1].0 == answer[column - 1].0;
        if here == cost[(row - 1) * width + column - 1] + if same { 0 } else { 3 } {
            votes[answer[column - 1].1][question[row - 1].1] += if same { 3 } else { 1 };
            row -= 1;
            column -= 1;
        } else if here == cost[(row - 1) * width + column] + 2 {
            row -= 1;
        } else {
            column -= 1;
        }
    }
    votes
}

#[cfg(test)]
mod tests {
    use super::align;

    fn aligned(alone: &[&str], said: &[&str]) -> Vec<(std::ops::Range<usize>, String)> {
        align(&alone.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), said)
    }

    #[test]
    fn numbers_are_several_words_and_small_words_one() {
        assert_eq!(
            aligned(
                &["tengo", "bˈeɪnti θˈinko", "amˈiɣos"],
                &["tˈengo", "bˈeɪnti", "θˈinko", "amˈiɣos"]
            ),
            [(0..1, "tˈengo".into()), (1..2, "bˈeɪnti θˈinko".into()), (2..3, "amˈiɣos".into())]
        );
        assert_eq!(
            aligned(&["ɪn", "ðə", "haʊs"], &["ɪnðə", "haʊs"]),
            [(0..2, "ɪnðə".into()), (2..3, "haʊs".into())]
        );
        assert_eq!(aligned(&["a", "b"], &[]), []);
        assert_eq!(aligned(&["", "b"], &["b"]), [(0..2, "b".into())]);
    }
}
