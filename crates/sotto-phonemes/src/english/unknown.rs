//! Words that no dictionary has: taken apart if they can be, else read letter by letter.

use misaki_rs::lexicon::{PhonemeEntry, TokenContext};

use super::{English, dialect, letters};
use crate::clean::fold;
use crate::vocabulary;

/// Endings, what is said for them where that does not depend on the stem, and what the stem may have lost.
const ENDINGS: [(&str, &str); 14] = [
    ("ers", "əɹz"),
    ("er", "əɹ"),
    ("ors", "əɹz"),
    ("ly", "li"),
    ("ness", "nəs"),
    ("less", "ləs"),
    ("ful", "fᵊl"),
    ("able", "əbᵊl"),
    ("ish", "ɪʃ"),
    ("ism", "ˌɪzəm"),
    ("ist", "ɪst"),
    ("ists", "ɪsts"),
    ("ship", "ʃˌɪp"),
    ("wise", "wˌIz"),
];

const PREFIXES: [(&str, &str); 29] = [
    ("un", "ˌʌn"),
    ("re", "ɹi"),
    ("non", "nˌɒn"),
    ("pre", "pɹˌi"),
    ("anti", "ˌænti"),
    ("de", "dˌi"),
    ("dis", "dɪs"),
    ("over", "ˌOvəɹ"),
    ("under", "ˌʌndəɹ"),
    ("out", "ˌWt"),
    ("sub", "sˌʌb"),
    ("super", "sˌupəɹ"),
    ("inter", "ˌɪntəɹ"),
    ("multi", "mˌʌlti"),
    ("micro", "mˌIkɹO"),
    ("mini", "mˌɪni"),
    ("mega", "mˌɛɡə"),
    ("hyper", "hˌIpəɹ"),
    ("auto", "ˌɔtO"),
    ("bio", "bˌIO"),
    ("neo", "nˌiO"),
    ("pseudo", "sˌudO"),
    ("semi", "sˌɛmi"),
    ("ultra", "ˌʌltɹə"),
    ("meta", "mˌɛtə"),
    ("cyber", "sˌIbəɹ"),
    ("mis", "mɪs"),
    ("up", "ˌʌp"),
    ("down", "dˌWn"),
];

/// What is longer than this is taken for letters in disorder, and its rest is left unsaid.
const LONGEST: usize = 48;

/// The stem that an ending was put to, as far as its letters tell.
fn bare_stem(stem: &str) -> Option<String> {
    let bytes = stem.as_bytes();
    let vowel = |b: u8| b"aeiouy".contains(&b);
    if bytes.len() < 3 || !bytes.iter().any(|b| vowel(*b)) {
        return None;
    }
    let (last, before) = (bytes[bytes.len() - 1], bytes[bytes.len() - 2]);
    if last == before && !vowel(last) && !matches!(last, b'l' | b's' | b'z' | b'f') {
        return Some(stem[..stem.len() - 1].to_owned());
    }
    let lost_e = [
        "at", "iz", "is", "ut", "iv", "av", "ov", "ag", "ic", "uc", "ac", "yz", "ng", "rg", "rs",
        "ur", "ir", "dg", "nc",
    ];
    Some(if lost_e.iter().any(|end| stem.ends_with(end)) {
        format!("{stem}e")
    } else {
        stem.to_owned()
    })
}

/// Whether capitals are letters to be said one by one: few, or not to be said otherwise.
pub(super) fn is_spelled(word: &str) -> bool {
    let vowels = word.bytes().filter(|b| b"AEIOUY".contains(b)).count();
    word.len() <= 4 || vowels == 0 && word.len() <= 8 || vowels * 5 < word.len()
}

impl English {
    /// The sounds of a word that the dictionaries do not have.
    pub(super) fn work_out(&self, word: &str, tag: &str) -> String {
        let word: String = word.chars().take(LONGEST).collect();
        self.worked_out.get(&word, || self.work(&word, tag))
    }

    fn work(&self, word: &str, tag: &str) -> String {
        let folded: String =
            fold(word).chars().filter(|c| c.is_ascii_alphabetic() || *c == '\'').collect();
        let folded = folded.trim_matches('\'');
        if folded.is_empty() {
            return String::new();
        }
        if folded != word
            && let Some(sounds) = self.look_up(folded, tag, &TokenContext::default())
        {
            return sounds;
        }
        if let Some(stem) = folded.strip_suffix("'s").or_else(|| folded.strip_suffix("'S")) {
            return self.dictionary.append_s(&self.stem(stem));
        }
        if let Some(rest) = folded
            .strip_prefix("O'")
            .or_else(|| folded.strip_prefix("o'"))
            .filter(|rest| rest.len() > 2)
        {
            return dialect::said("O", self.british) + &self.stem(rest);
        }
        let plain: String = folded.chars().filter(|c| *c != '\'').collect();
        let capitals = plain.bytes().filter(u8::is_ascii_uppercase).count();
        if plain.len() > 1 && capitals == plain.len() && is_spelled(&plain) {
            return self.spell(&plain);
        }
        let small = plain.to_ascii_lowercase();
        if !small.bytes().any(|b| b"aeiouy".contains(&b)) && small.len() < 6 {
            return self.spell(&small);
        }
        self.derived(&small).or_else(|| self.compound(&small)).unwrap_or_else(|| self.read(&small))
    }

    /// Reads by the rules.
    fn read(&self, small: &str) -> String {
        let read = |stem: &str| dialect::said(&letters::sounds(stem), self.british);
        // An ending does not move the stress: "frobnicated" is "frobnicate" and an ending.
        if let Some(stem) = small.strip_suffix("ed").and_then(bare_stem) {
            return self.dictionary.append_ed(&read(&stem));
        }
        if let Some(stem) = small.strip_suffix("ing").and_then(bare_stem)
            && let Some(sounds) = self.dictionary.append_ing(&read(&stem))
        {
            return sounds;
        }
        read(small)
    }

    /// A stem: looked up, else worked out.
    fn stem(&self, stem: &str) -> String {
        self.look_up(stem, "NN", &TokenContext::default()).unwrap_or_else(|| self.work(stem, "NN"))
    }

    /// The stem's sounds if it is in a dictionary.
    fn known(&self, stem: &str) -> Option<String> {
        let enough = stem.len() > 2 && self.knows(stem);
        enough.then(|| self.look_up(stem, "NN", &TokenContext::default())).flatten()
    }

    /// The same, or derived from one that is.
    fn nearly_known(&self, stem: &str) -> Option<String> {
        self.known(stem).or_else(|| self.derived(stem).filter(|_| stem.len() > 4))
    }

    /// The name in our own list.
    pub(super) fn name(&self, word: &str) -> Option<String> {
        let said = self.names.get(word).or_else(|| {
            let folded =
                if word.is_ascii() { word.to_ascii_lowercase() } else { fold(word).to_lowercase() };
            self.names.get(folded.as_str())
        })?;
        if !said.is_ascii() {
            return Some(dialect::said(said, self.british));
        }
        let word = |word: &str| {
            let capitals = word.bytes().all(|b| b.is_ascii_uppercase());
            if capitals && word != "I" { self.spell(word) } else { self.stem(word) }
        };
        let said: Vec<String> = said
            .split(' ')
            .map(|part| {
                let mut parts = part.split('+').map(word);
                let first = parts.next().unwrap_or_default();
                parts.fold(first, |all, next| all + &next.replace('ˈ', "ˌ"))
            })
            .collect();
        Some(said.join(" "))
    }

    /// A known stem with an ending or a prefix.
    fn derived(&self, word: &str) -> Option<String> {
        let stems = |ending: &str| -> Option<String> {
            let stem = word.strip_suffix(ending)?;
            let doubled = stem.as_bytes();
            let single = match doubled {
                [.., a, b] if a == b => &stem[..stem.len() - 1],
                _ => stem,
            };
            self.known(stem)
                .or_else(|| {
                    self.known(&format!("{stem}e"))
                        .filter(|_| !ending.starts_with(['l', 'n', 's', 'f', 'w']))
                })
                .or_else(|| self.known(single).filter(|_| single != stem))
                .or_else(|| self.known(&format!("{}y", stem.strip_suffix('i')?)))
        };
        if !word.ends_with("ss")
            && !word.ends_with("us")
            && !word.ends_with("is")
            && let Some(sounds) = word.strip_suffix('s').and_then(|stem| self.known(stem))
        {
            return Some(self.dictionary.append_s(&sounds));
        }
        if ["xes", "ses", "zes", "ches", "shes"].iter().any(|ending| word.ends_with(ending))
            && let Some(sounds) = word.strip_suffix("es").and_then(|stem| self.known(stem))
        {
            return Some(self.dictionary.append_s(&sounds));
        }
        if let Some(sounds) = stems("ed") {
            return Some(self.dictionary.append_ed(&sounds));
        }
        if let Some(sounds) = stems("ing").and_then(|sounds| self.dictionary.append_ing(&sounds)) {
            return Some(sounds);
        }
        for (ending, said) in ENDINGS {
            if let Some(sounds) = stems(ending) {
                return Some(self.tapped(sounds, said) + &dialect::said(said, self.british));
            }
        }
        for (prefix, said) in PREFIXES {
            if let Some(sounds) = word
                .strip_prefix(prefix)
                .filter(|stem| stem.len() > 3)
                .and_then(|stem| self.nearly_known(stem))
            {
                let said = dialect::said(said, self.british);
                return Some(said + &sounds);
            }
        }
        None
    }

    /// American: a final t between vowels is a tap, as in "formatter".
    fn tapped(&self, sounds: String, ending: &str) -> String {
        let vowel = ending.starts_with(vocabulary::is_vowel);
        match sounds.strip_suffix('t') {
            Some(stem) if !self.british && vowel && stem.ends_with(vocabulary::is_vowel) => {
                format!("{stem}T")
            }
            _ => sounds,
        }
    }

    /// Two known words in one, as in "dockerfile". The first keeps the stress.
    fn compound(&self, word: &str) -> Option<String> {
        const LEAST: usize = 3;
        let ends = LEAST..word.len().saturating_sub(LEAST - 1);
        // The more even, the better: "webhook" is no "we" and "bhook".
        let mut ends: Vec<usize> = ends.filter(|_| word.len() >= 7).collect();
        ends.sort_by_key(|end| end.abs_diff(word.len() - end));
        let (first, second) = ends.into_iter().find_map(|end| {
            let (first, second) = word.split_at(end);
            let common = |part: &str| {
                self.dictionary.golds.contains_key(part) || self.names.contains_key(part)
            };
            (common(first) && common(second)).then_some((first, second))
        })?;
        let first = self.known(first)?;
        let second = self.known(second)?;
        // "make" alone may be weak; the head of a compound never is.
        let first = self.dictionary.apply_stress(&first, Some(2.0));
        Some(first + &second.replace('ˌ', "").replace('ˈ', "ˌ"))
    }

    /// Letters by their names, the last one stressed.
    pub(super) fn spell(&self, letters: &str) -> String {
        let mut said = String::new();
        for letter in letters.chars().take(LONGEST) {
            let letter = letter.to_ascii_uppercase();
            if let Some(PhonemeEntry::Simple(name)) =
                self.dictionary.golds.get(letter.encode_utf8(&mut [0; 4]))
            {
                said.push_str(name);
            }
        }
        let said = said.replace('ˈ', "ˌ");
        match said.rfind('ˌ') {
            Some(last) => format!("{}ˈ{}", &said[..last], &said[last + 'ˌ'.len_utf8()..]),
            None => match letters.len() {
                // "A" has no stress of its own.
                1 => format!("ˈ{said}"),
                _ => said,
            },
        }
    }
}
