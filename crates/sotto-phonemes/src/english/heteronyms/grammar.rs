//! Words whose part of speech decides, where the words beside tell it better than the tagger.

use super::Choice::{Sounds, Tag};
use super::{Around, Choice};

const HAVE: [&str; 13] = [
    "have", "has", "had", "having", "'ve", "'d", "been", "was", "were", "is", "are", "be", "being",
];
const TO: [&str; 21] = [
    "to", "will", "would", "can", "could", "should", "must", "may", "might", "shall", "do", "does",
    "did", "'ll", "please", "let", "lets", "us", "ca", "wo", "and",
];
const PAST: [&str; 12] = [
    "yesterday",
    "ago",
    "last",
    "earlier",
    "once",
    "previously",
    "recently",
    "then",
    "before",
    "already",
    "when",
    "while",
];
pub(super) fn choose(around: &Around) -> Option<Choice> {
    let verb = around.tag(0).starts_with("VB");
    match around.word(0) {
        "read" => read(around),
        "live" => {
            let adjective = around.next(&[
                "music",
                "stream",
                "streams",
                "streaming",
                "broadcast",
                "show",
                "shows",
                "audience",
                "video",
                "audio",
                "wire",
                "wires",
                "concert",
                "performance",
                "performances",
                "event",
                "events",
                "chat",
                "update",
                "updates",
                "coverage",
                "version",
                "recording",
                "preview",
                "demo",
                "captions",
                "data",
                "site",
                "server",
                "session",
                "sessions",
                "transcript",
                "transcripts",
                "tv",
                "feed",
                "on",
                "from",
                "via",
            ]) && !(around
                .previous(&["i", "you", "we", "they", "people", "to", "who", "and"])
                && around.next(&["on", "from", "via"]));
            let went = around.previous(&[
                "go",
                "goes",
                "going",
                "went",
                "gone",
                "broadcast",
                "streamed",
                "streaming",
                "sing",
                "sings",
                "play",
                "played",
                "performed",
                "watch",
                "recorded",
                "now",
                "is",
                "are",
                "was",
                "reporting",
            ]);
            let lives = around.previous(&[
                "to", "i", "you", "we", "they", "who", "people", "n't", "not", "will", "would",
                "can", "could", "should", "must", "may", "might", "did", "do", "does", "still",
                "'d", "'ll", "shall", "let", "us", "and", "long",
            ]);
            let music = around.next(&["music", "video", "audio"]);
            if adjective && (music || !lives) || went && !lives {
                Some(Sounds("lˈIv"))
            } else if lives || verb {
                Some(Sounds("lˈɪv"))
            } else {
                None
            }
        }
        "lives" => {
            let owned = around.previous(&[
                "my", "your", "his", "her", "our", "their", "whose", "the", "many", "save",
                "saved", "saves", "saving", "lost", "two", "three", "nine", "several", "of",
                "people's", "'s", "past", "human", "both", "all", "these", "those", "few", "daily",
                "private", "cost", "costs",
            ]);
            if owned {
                Some(Sounds("lˈIvz"))
            } else if around
                .previous(&["he", "she", "it", "who", "that", "nobody", "everyone", "still", "now"])
                || verb
            {
                Some(Sounds("lˈɪvz"))
            } else {
                None
            }
        }
        "wind" => {
            let turned = around.next(&[
                "up", "down", "back", "around", "through", "the", "it", "your", "his", "her", "its",
            ]) && (around.previous(&[
                "to", "will", "would", "can", "could", "n't", "not", "you", "we", "they", "i",
                "must", "should", "may", "might", "'ll", "let", "and", "paths", "roads", "please",
            ]) || around.starts);
            if turned {
                Some(Tag("VB"))
            } else if around.previous(&[
                "the", "a", "strong", "cold", "high", "no", "of", "warm", "solar", "north",
                "south", "west", "east", "this", "that",
            ]) {
                Some(Tag("NN"))
            } else {
                None
            }
        }
        "winds" if around.next(&["through", "up", "down", "around", "along", "its", "back"]) => {
            Some(Tag("VBZ"))
        }
        "close" => {
            let near = around.next(&[
                "to",
                "by",
                "friend",
                "friends",
                "enough",
                "together",
                "up",
                "range",
                "call",
                "look",
                "attention",
                "race",
                "family",
                "relationship",
                "ties",
                "behind",
                "at",
            ]) && !around.previous(&["please", "will", "can", "must"])
                && !(around.tag(0) == "VB"
                    && around.next(&["up", "by", "at", "to"])
                    && around.previous(&["to"]))
                || around.previous(&[
                    "so", "very", "too", "how", "as", "quite", "pretty", "really", "come", "came",
                    "comes", "get", "got", "getting", "stay", "stayed", "is", "are", "was", "were",
                    "be", "'re", "'s", "'m", "been", "not", "keep",
                ]) && !around.next(&["the", "it", "this", "that", "your"]);
            let shut = around.next(&[
                "the", "it", "this", "your", "my", "that", "all", "its", "his", "her", "our",
                "them", "down",
            ]) && !near
                || around.previous(&[
                    "please", "will", "can", "must", "n't", "should", "would", "could", "let",
                    "did", "shops", "stores",
                ]);
            if shut && !(around.previous(&["so"])) {
                Some(Tag("VB"))
            } else if near {
                Some(Tag("JJ"))
            } else {
                None
            }
        }
        "use" | "uses" => {
            let the_use = around.previous(&[
                "the", "of", "no", "any", "much", "in", "for", "our", "its", "their", "his", "her",
                "personal", "a", "this", "that's", "good", "common", "many", "main", "several",
                "single", "daily", "heavy", "fair", "own", "internal",
            ]) && !around
                .next(&["the", "a", "an", "it", "them", "this", "your", "my"]);
            let make = around.next(&["of", "case", "cases"])
                && !around.previous(&["to", "i", "we", "you", "they", "can", "will"]);
            let one = around.word(0) == "use";
            if around.starts && one && !around.next(&["of", "case", "cases", "is", "and", "or"]) {
                Some(Tag("VB"))
            } else if the_use || make {
                Some(Tag(if one { "NN" } else { "NNS" }))
            } else if around.previous(&[
                "to", "i", "you", "we", "they", "can", "will", "must", "should", "would", "could",
                "n't", "let", "please", "'ll", "may", "might",
            ]) {
                Some(Tag("VB"))
            } else {
                None
            }
        }
        "content" => {
            let pleased = around.previous(&[
                "be",
                "was",
                "were",
                "is",
                "are",
                "am",
                "'m",
                "feel",
                "felt",
                "feels",
                "seem",
                "seemed",
                "perfectly",
                "quite",
                "very",
                "so",
                "'re",
            ]) && (around.next(&["with", "to", "and", "in"])
                || around.word(1).is_empty());
            Some(if pleased { Sounds("kəntˈɛnt") } else { Tag("NN") })
        }
        "produce"
            if around.previous(&[
                "produces", "fresh", "organic", "local", "produced", "sells", "sell", "farm",
            ]) =>
        {
            Some(Tag("NN"))
        }
        "object" | "record" | "present" | "project" | "permit" | "conduct" | "contract"
        | "produce" | "progress" | "refuse" | "rebel" | "subject" | "suspect" | "increase"
        | "import" | "insert" | "upset" | "reject" | "desert" | "excuse" | "house" | "abuse"
        | "extract" | "convert" | "insult" | "discount" | "conflict" | "estimate" | "separate"
        | "duplicate" | "graduate" | "alternate" | "delegate" | "advocate" | "attribute"
        | "compound" | "console" | "escort" | "update" | "refund" | "exploit" | "survey"
        | "perfect" | "supplement" | "approximate" | "articulate" | "coordinate" | "associate"
        | "predicate" | "recall" | "digest" | "torment" => noun_or_verb(around),
        _ => None,
    }
}

/// Nouns are stressed on their first syllable and verbs on their second; articles and auxiliaries tell.
fn noun_or_verb(around: &Around) -> Option<Choice> {
    const BEFORE_VERB: [&str; 28] = [
        "to", "will", "would", "can", "could", "should", "must", "may", "might", "shall", "'ll",
        "n't", "not", "cannot", "i", "you", "we", "they", "please", "let", "us", "who", "did",
        "do", "does", "'d", "always", "never",
    ];
    const BEFORE_NOUN: [&str; 26] = [
        "a", "an", "the", "this", "that", "my", "your", "his", "her", "its", "our", "their",
        "every", "each", "no", "any", "some", "another", "new", "first", "last", "next", "same",
        "whose", "one", "of",
    ];
    let followed = matches!(
        around.word(1),
        "the"
            | "a"
            | "an"
            | "it"
            | "them"
            | "this"
            | "that"
            | "your"
            | "my"
            | "his"
            | "her"
            | "our"
            | "their"
            | "its"
            | "to"
            | "these"
            | "those"
            | "all"
    );
    // "the present", but "that present the work"; "to record", but "a to-do record".
    if around.previous(&BEFORE_VERB)
        && !(around.previous(&["to"]) && around.tag(0).starts_with("NN") && around.next(&["of"]))
    {
        let adjective = around.tag(0).starts_with("JJ") && around.tag(1).starts_with("NN");
        return Some(Tag(if adjective { "JJ" } else { "VB" }));
    }
    if around.previous(&BEFORE_NOUN) && !(around.previous(&["that"]) && followed) {
        let can_be = matches!(
            around.word(0),
            "separate"
                | "perfect"
                | "alternate"
                | "approximate"
                | "articulate"
                | "duplicate"
                | "present"
                | "subject"
                | "compound"
                | "associate"
        );
        let adjective =
            can_be && (around.tag(1).starts_with("NN") || around.tag(0).starts_with("JJ"));
        return Some(Tag(if adjective { "JJ" } else { "NN" }));
    }
    if around.starts && followed && around.word(1) != "to" {
        return Some(Tag("VB"));
    }
    None
}

fn read(around: &Around) -> Option<Choice> {
    const RED: &str = "ɹˈɛd";
    const REED: &str = "ɹˈid";
    if around.after_auxiliary(&HAVE) {
        return Some(Sounds(RED));
    }
    let asks = around.after_auxiliary(&TO) && !around.previous(&["and"]);
    if asks {
        return Some(Sounds(REED));
    }
    let third = around.previous(&["he", "she", "it", "who", "everyone", "nobody", "somebody"]);
    let past = around.words.iter().any(|word| PAST.contains(&word.as_str()));
    if third || past && around.previous(&["i", "you", "we", "they"]) {
        return Some(Sounds(RED));
    }
    if around.previous(&["well"]) && !around.previous(&["as"]) {
        return Some(Sounds(RED));
    }
    if around.starts
        || around.previous(&[
            "i", "you", "we", "they", "a", "good", "great", "quick", "the", "then", "and",
        ]) && !past
    {
        let conjoined = around.previous(&["and"]) && matches!(around.tag(0), "VBD" | "VBN");
        return (!conjoined).then_some(Sounds(REED));
    }
    None
}
