//! Where a word is stressed, and what becomes of the vowels that are not.

/// Endings, and how many syllables from the end the stress then lies (1 is the last).
#[rustfmt::skip]
const ENDINGS: [(&str, usize); 45] = [
    ("ologist", 3), ("ology", 3), ("ography", 3), ("ometer", 3), ("ocracy", 3), ("ically", 3), ("ation", 2), ("tion", 2), ("sion", 2),
    ("cian", 2), ("cial", 2), ("tial", 2), ("cious", 2), ("tious", 2), ("ical", 3), ("ics", 2), ("ic", 2), ("ity", 3), ("ify", 3),
    ("ian", 3), ("iel", 3), ("ious", 3), ("eous", 3), ("ium", 3), ("ia", 3), ("ience", 3), ("ient", 3), ("uous", 3), ("icate", 3), ("ate", 3),
    ("ates", 3), ("ator", 4), ("ize", 3), ("ise", 3), ("izer", 4), ("ary", 4), ("ory", 4), ("eer", 1), ("ese", 1), ("ette", 1),
    ("esque", 1), ("ique", 1), ("oon", 1), ("ee", 1), ("aire", 1),
];

/// Marks the stress of `sounds`, the sounds of `word`.
pub(super) fn stressed(sounds: &str, word: &str, foreign: bool) -> String {
    let sounds: Vec<char> = sounds.chars().collect();
    let vowels: Vec<usize> = (0..sounds.len()).filter(|&at| is_vowel(sounds[at])).collect();
    let count = vowels.len();
    if count == 0 {
        return sounds.into_iter().collect();
    }
    let main = stressed_syllable(&sounds, &vowels, word, foreign);
    let second = secondary(&sounds, &vowels, main, word);
    let mut said = String::with_capacity(sounds.len() * 2 + 4);
    for (at, &c) in sounds.iter().enumerate() {
        let Some(syllable) = vowels.iter().position(|&vowel| vowel == at) else {
            said.push(c);
            continue;
        };
        if syllable == main {
            said.push('ˈ');
            said.push(full(c));
        } else if Some(syllable) == second {
            said.push('ˌ');
            said.push(c);
        } else {
            let edge = syllable == 0 || foreign;
            said.push(weak(c, edge));
        }
    }
    said
}

fn stressed_syllable(sounds: &[char], vowels: &[usize], word: &str, foreign: bool) -> usize {
    let count = vowels.len();
    if count == 1 {
        return 0;
    }
    let from_end = |n: usize| count.saturating_sub(n);
    if foreign {
        return from_end(2);
    }
    let ending =
        ENDINGS.iter().find(|(ending, _)| word.ends_with(ending) && word.len() > ending.len());
    if let Some(&(ending, place)) = ending {
        let enough = count >= place && !(place == 1 && ending == "ee" && count < 2);
        if enough && !(place == 3 && count == 2) {
            return from_end(place);
        }
        return 0;
    }
    let strong =
        |syllable: usize| sounds[vowels[syllable]] != 'ə' && sounds[vowels[syllable]] != 'ᵊ';
    if count == 2 {
        let prefixed = ["be", "de", "re", "ex", "dis", "mis", "un", "pre"]
            .iter()
            .any(|prefix| is_prefix(word, prefix));
        let heavy = is_heavy(sounds, vowels, 1);
        return usize::from(strong(1) && (prefixed && heavy || !strong(0)));
    }
    // As in Latin: the last but one if it is heavy, else the one before.
    if strong(count - 2) && is_heavy(sounds, vowels, count - 2)
        || !strong(count - 3) && strong(count - 2)
    {
        count - 2
    } else {
        count - 3
    }
}

/// Whether `word` begins with a prefix: "de-fend", but "des-mond".
fn is_prefix(word: &str, prefix: &str) -> bool {
    let Some(stem) = word.strip_prefix(prefix).filter(|stem| stem.len() > 2) else { return false };
    let vowel = |c: char| "aeiouy".contains(c);
    let mut letters = stem.chars();
    let (first, second) = (letters.next().is_some_and(vowel), letters.next().is_some_and(vowel));
    !prefix.ends_with('e') || !first && second
}

/// A long vowel, or one before two consonants.
fn is_heavy(sounds: &[char], vowels: &[usize], syllable: usize) -> bool {
    let at = vowels[syllable];
    let next = vowels.get(syllable + 1).copied().unwrap_or(sounds.len());
    "AIOWYiuɔɑɜ".contains(sounds[at]) || next - at > 2
}

/// A second stress: on the first syllable well before the main one, or on a long vowel well behind it.
fn secondary(sounds: &[char], vowels: &[usize], main: usize, word: &str) -> Option<usize> {
    if main >= 2 && sounds[vowels[0]] != 'ə' {
        return Some(0);
    }
    let last = vowels.len() - 1;
    let long = "AIOWYu".contains(sounds[vowels[last]]);
    let ends_open = vowels[last] == sounds.len() - 1;
    (last >= main + 2 && long && !ends_open && !word.ends_with("ine")).then_some(last)
}

fn is_vowel(c: char) -> bool {
    "AIOWYæɑɒɔəɛɜɪiuʊʌᵊᵻ".contains(c)
}

/// A stressed vowel is never a murmur.
fn full(c: char) -> char {
    match c {
        'ə' | 'ᵊ' => 'ʌ',
        'ᵻ' => 'ɪ',
        c => c,
    }
}

/// An unstressed vowel; at the edge of a word it keeps its colour.
fn weak(c: char, edge: bool) -> char {
    match c {
        'ɜ' => 'ə',
        'æ' | 'ʌ' | 'ɒ' | 'ɛ' if !edge => 'ə',
        c => c,
    }
}
