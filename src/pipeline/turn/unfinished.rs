//! Words that sentences do not end with. A voice model hears how something was said; that "unless to be" wants to go
//! on is in the words.
//!
//! Each language has its own, since "die" ends many an English sentence and hardly a German one.

/// What the last word says of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing: it may be over.
    Possible,
    /// It seldom ends one: over all the same, if it sounds like that or is written as a sentence.
    Seldom,
    /// It ends none, whatever is written after it: recognisers close what they are given.
    Never,
}

struct Language {
    /// ISO 639-1.
    code: &'static str,
    never: &'static str,
    seldom: &'static str,
}

/// Where the language is not known: "no" ends no Portuguese sentence, and many an English answer.
const UNKNOWN: Language = Language {
    code: "",
    never: "and or but because if the a an my um uh er erm comma und oder aber weil äh ähm et ou mais euh y o \
            pero porque e perché en omdat и или но потому",
    seldom: "to of with for from be is are was were have has will would can could should mit für von avec pour",
};

/// Sentences of languages that put their verbs and particles last say nothing by them when they stop.
const LANGUAGES: &[Language] = &[
    Language {
        code: "en",
        never: "a an the and or but because if although unless whether than my your our their its every \
                i'm it's you're we're they're i've we've i'll we'll um uh er erm comma",
        seldom: "to of in on at for from with by into onto about between through during without under so then \
                 like as is are was were be been am has have had will would can could should shall may might \
                 must his i he she we they which whose who when where how just very also let's plus",
    },
    Language {
        code: "de",
        never: "und oder aber weil dass wenn ob sondern obwohl des ein im ins zum zur vom beim äh ähm",
        seldom: "der die das den dem eine einen einem einer mein meine meinen dein deine ich er wir man sehr mit \
                 von für bei nach über unter zwischen hinter ohne durch gegen als wie dann",
    },
    Language {
        code: "fr",
        never: "et ou mais parce que le la les des du de au aux dans mon ma mes ton ta tes ses ce cette ces \
                euh",
        seldom: "un une pour avec sans sur chez son leur notre votre je tu il elle qui dont comme car puis est \
                 sont a très",
    },
    Language {
        code: "es",
        never: "y o pero porque que el los las de del al con en por mi su mis sus",
        seldom: "la un una unos unas para sin sobre entre hasta desde como cuando si yo es son está tiene muy tu",
    },
    Language {
        code: "pt",
        never: "e ou mas porque que o os as um de do da dos das em no na nas ao com por",
        seldom: "a uma nos para sem sobre entre até como quando se eu meu minha são está muito",
    },
    Language {
        code: "it",
        never: "e o ma che il la i gli le di del della dei delle al alla da dal dalla in nel nella con per un",
        seldom: "lo uno una su tra fra senza come quando se perché io mio mia è sono ha molto",
    },
    Language {
        code: "nl",
        never: "en of maar omdat de een mijn eh uhm",
        seldom: "het van met voor naar bij uit zonder door je dat die als dan ik hij we is zijn heeft heel",
    },
    Language {
        code: "pl",
        never: "i ale lub albo bo że żeby w z ze do na od przez ponieważ",
        seldom: "a o dla po przy jak gdy kiedy ja jest są bardzo mój moja",
    },
    Language {
        code: "ru",
        never: "и а но или чтобы если в на с из к от для по",
        seldom: "о у за под что потому как когда который я он она мы очень мой моя",
    },
    Language { code: "tr", never: "ve ama veya çünkü", seldom: "ile bir ki eğer çok" },
];

impl Language {
    fn ending(&self, word: &str) -> Ending {
        let is_in = |words: &str| words.split_ascii_whitespace().any(|each| each == word);
        if is_in(self.never) {
            Ending::Never
        } else if is_in(self.seldom) {
            Ending::Seldom
        } else {
            Ending::Possible
        }
    }
}

/// What a last word, in lower case, says in this language; nothing in one that is not listed.
pub fn ending(word: &str, language: Option<&str>) -> Ending {
    let Some(language) = language else { return UNKNOWN.ending(word) };
    let is_it = |known: &&Language| {
        language.get(..2).is_some_and(|code| code.eq_ignore_ascii_case(known.code))
    };
    LANGUAGES.iter().find(is_it).map_or(Ending::Possible, |known| known.ending(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_judged_in_its_language() {
        for (word, language, expected) in [
            ("the", Some("en"), Ending::Never),
            ("to", Some("en"), Ending::Seldom),
            ("die", Some("en"), Ending::Possible),
            ("die", Some("de"), Ending::Seldom),
            ("und", Some("de-AT"), Ending::Never),
            ("an", Some("de"), Ending::Possible),
            ("и", Some("ru"), Ending::Never),
            ("the", Some("ja"), Ending::Possible),
            ("the", Some("é"), Ending::Possible),
            ("und", None, Ending::Never),
            ("with", None, Ending::Seldom),
            ("no", Some("pt"), Ending::Never),
            ("no", Some("en"), Ending::Possible),
            ("no", None, Ending::Possible),
            ("king", None, Ending::Possible),
            ("", None, Ending::Possible),
        ] {
            assert_eq!(ending(word, language), expected, "{word} ({language:?})");
        }
    }

    #[test]
    fn no_word_is_in_both_lists_of_a_language_or_twice_in_one() {
        for language in LANGUAGES.iter().chain([&UNKNOWN]) {
            let mut words: Vec<&str> =
                [language.never, language.seldom].iter().flat_map(|w| w.split(' ')).collect();
            words.retain(|word| !word.is_empty());
            let all = words.len();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), all, "{}", language.code);
        }
    }
}
