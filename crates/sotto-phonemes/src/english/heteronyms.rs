//! Words that are written alike and said differently, where the tagger's word is not enough.
//!
//! misaki chooses by part of speech. Here its choice is corrected by the words around: "lead paint", "wound
//! up", "I have read". Only what is common is here; where nothing decides, misaki's choice stands.

use super::{Atom, How};
use crate::english::words;

/// The words around one.
struct Around<'a> {
    words: &'a [String],
    tags: &'a [&'static str],
    /// Whether a mark stands before the word, or nothing.
    starts: bool,
    at: usize,
}

/// What is decided: another tag, or sounds as [`dialect`](super::dialect) reads them.
enum Choice {
    Tag(&'static str),
    Sounds(&'static str),
}

use Choice::{Sounds, Tag};

/// Corrects tags, and gives sounds where the dictionaries have only one of two.
pub(super) fn correct(atoms: &mut [Atom]) {
    let indices: Vec<usize> = (0..atoms.len()).filter(|&at| is_word(&atoms[at])).collect();
    let lower: Vec<String> = indices.iter().map(|&at| atoms[at].text.to_lowercase()).collect();
    let mut tags: Vec<&'static str> = indices.iter().map(|&at| atoms[at].tag).collect();
    for (place, &at) in indices.iter().enumerate() {
        let starts = at == 0 || words::is_mark(&atoms[at - 1]);
        let around = Around { words: &lower, tags: &tags, starts, at: place };
        match choose(&around, &atoms[at].text) {
            Some(Tag(tag)) => {
                atoms[at].tag = tag;
                tags[place] = tag;
            }
            Some(Sounds(sounds)) => atoms[at].given = Some(sounds),
            None => {}
        }
    }
}

fn is_word(atom: &Atom) -> bool {
    matches!(atom.how, How::Word | How::Weak) && !words::is_mark(atom) && atom.text.contains(char::is_alphabetic)
}

impl Around<'_> {
    /// The word so far away, or nothing.
    fn word(&self, offset: isize) -> &str {
        self.at.checked_add_signed(offset).and_then(|at| self.words.get(at)).map_or("", String::as_str)
    }

    fn tag(&self, offset: isize) -> &str {
        self.at.checked_add_signed(offset).and_then(|at| self.tags.get(at)).copied().unwrap_or("")
    }

    fn next(&self, words: &[&str]) -> bool {
        words.contains(&self.word(1))
    }

    fn previous(&self, words: &[&str]) -> bool {
        words.contains(&self.word(-1))
    }

    /// Whether one of `words` is within `distance` words, before or behind.
    fn near(&self, distance: usize, words: &[&str]) -> bool {
        let from = self.at.saturating_sub(distance);
        let to = (self.at + distance + 1).min(self.words.len());
        self.words[from..to].iter().any(|word| words.contains(&word.as_str()))
    }

    /// An auxiliary before the word, adverbs and a subject between: "have you ever …".
    fn after_auxiliary(&self, auxiliaries: &[&str]) -> bool {
        for back in 1..=4 {
            let word = self.word(-back);
            if auxiliaries.contains(&word) {
                return true;
            }
            let passes = matches!(self.tag(-back), "RB" | "PRP" | "RBR")
                || matches!(word, "n't" | "not" | "never" | "ever" | "already" | "just" | "all" | "only" | "also");
            if !passes {
                return false;
            }
        }
        false
    }
}

const HAVE: [&str; 13] =
    ["have", "has", "had", "having", "'ve", "'d", "been", "was", "were", "is", "are", "be", "being"];
const TO: [&str; 21] = [
    "to", "will", "would", "can", "could", "should", "must", "may", "might", "shall", "do", "does", "did", "'ll", "please", "let",
    "lets", "us", "ca", "wo", "and",
];
const PAST: [&str; 12] =
    ["yesterday", "ago", "last", "earlier", "once", "previously", "recently", "then", "before", "already", "when", "while"];

fn choose(around: &Around, written: &str) -> Option<Choice> {
    let verb = around.tag(0).starts_with("VB");
    let noun = around.tag(0).starts_with("NN");
    match around.word(0) {
        "read" => read(around),
        "lead" => {
            let metal = around.next(&["pipe", "pipes", "paint", "paints", "poisoning", "acid", "bullet", "bullets", "pencil", "weight", "weights", "shot", "exposure", "glass", "solder", "free", "apron", "levels", "contamination"])
                || around.previous(&["of", "molten", "contains", "containing", "melted", "with"]) && !around.next(&["the", "role", "time", "times", "singer", "actor"])
                    && around.near(4, &["made", "metal", "metals", "water", "toxic", "heavy", "copper", "zinc", "iron", "tin", "paint", "pipes", "contains", "molten", "melted"]);
            let idiom = around.previous(&["the"]) && around.next(&["out"]);
            (metal || idiom).then_some(Sounds("lˈɛd"))
        }
        "leads" if noun && around.near(2, &["metal"]) => Some(Sounds("lˈɛdz")),
        "live" => {
            let adjective = around.next(&["music", "stream", "streams", "streaming", "broadcast", "show", "shows", "audience", "video", "audio", "wire", "wires", "concert", "performance", "performances", "event", "events", "chat", "update", "updates", "coverage", "version", "recording", "preview", "demo", "captions", "data", "site", "server", "session", "sessions", "transcript", "transcripts", "tv", "feed", "on", "from", "via"])
                && !(around.previous(&["i", "you", "we", "they", "people", "to", "who", "and"]) && around.next(&["on", "from", "via"]));
            let went = around.previous(&["go", "goes", "going", "went", "gone", "broadcast", "streamed", "streaming", "sing", "sings", "play", "played", "performed", "watch", "recorded", "now", "is", "are", "was", "reporting"]);
            let lives = around.previous(&["to", "i", "you", "we", "they", "who", "people", "n't", "not", "will", "would", "can", "could", "should", "must", "may", "might", "did", "do", "does", "still", "'d", "'ll", "shall", "let", "us", "and", "long"]);
            if adjective && !(lives && !around.next(&["music", "video", "audio"])) || went && !lives {
                Some(Sounds("lˈIv"))
            } else if lives || verb {
                Some(Sounds("lˈɪv"))
            } else {
                None
            }
        }
        "lives" => {
            let owned = around.previous(&["my", "your", "his", "her", "our", "their", "whose", "the", "many", "save", "saved", "saves", "saving", "lost", "two", "three", "nine", "several", "of", "people's", "'s", "past", "human", "both", "all", "these", "those", "few", "daily", "private", "cost", "costs"]);
            if owned { Some(Sounds("lˈIvz")) } else if around.previous(&["he", "she", "it", "who", "that", "nobody", "everyone", "still", "now"]) || verb { Some(Sounds("lˈɪvz")) } else { None }
        }
        "wind" => {
            let turned = around.next(&["up", "down", "back", "around", "through", "the", "it", "your", "his", "her", "its"])
                && (around.previous(&["to", "will", "would", "can", "could", "n't", "not", "you", "we", "they", "i", "must", "should", "may", "might", "'ll", "let", "and", "paths", "roads", "please"]) || around.starts);
            if turned { Some(Tag("VB")) } else if around.previous(&["the", "a", "strong", "cold", "high", "no", "of", "warm", "solar", "north", "south", "west", "east", "this", "that"]) { Some(Tag("NN")) } else { None }
        }
        "winds" if around.next(&["through", "up", "down", "around", "along", "its", "back"]) => Some(Tag("VBZ")),
        "tear" | "tears" => {
            let one = around.word(0) == "tear";
            let eyes = around.near(5, &["eye", "eyes", "cheek", "cheeks", "face"]) && !verb;
            let mended = around.near(3, &["stitch", "mend", "sew", "repair", "fix", "clothes", "clothing"]) && !around.previous(&["shed", "a single"]);
            let ripped = !eyes && mended || around.next(&["apart", "up", "down", "off", "out", "into", "open", "through", "away", "it", "them", "along", "this", "that"])
                && !around.previous(&["a", "the", "my", "her", "his"])
                || around.previous(&["to", "and", "or", "n't", "not", "can", "will", "could"]) && !around.next(&["gas", "drop", "drops"]) && (verb || around.word(-2) == "wear")
                || !eyes && around.next(&["in", "on"]) && around.previous(&["a", "the", "small", "big", "muscle", "ligament"]) && around.near(5, &["shirt", "jeans", "trousers", "fabric", "sail", "muscle", "dress", "jacket", "paper", "ligament", "coat", "pants", "fabric", "tendon", "seam", "sleeve"]);
            let wept = around.previous(&["in", "into", "burst", "of", "my", "her", "his", "your", "their", "bitter", "happy", "single", "shed", "with"]) || around.next(&["gas", "ran", "rolled", "fell", "streamed", "duct", "ducts", "of", "in", "drop", "drops", "filled", "came"]);
            let (rip, weep) = if one { ("tˈɛɹ", "tˈɪɹ") } else { ("tˈɛɹz", "tˈɪɹz") };
            if ripped { Some(Sounds(rip)) } else if wept { Some(Sounds(weep)) } else { None }
        }
        "bass" => {
            let music = around.next(&["player", "players", "guitar", "guitars", "guitarist", "drum", "line", "lines", "clef", "solo", "boost", "note", "notes", "amp", "riff", "tuba", "voice"]);
            let fish = !music && around.near(4, &["fish", "fishing", "caught", "sea", "striped", "lake", "largemouth", "smallmouth", "catch", "river", "grilled", "cooked", "trout", "salmon", "perch", "angler", "pond"]);
            Some(Sounds(if fish { "bˈæs" } else { "bˈAs" }))
        }
        "bow" | "bows" => {
            let one = around.word(0) == "bow";
            let knot = around.next(&["tie", "ties", "and", "string"]) && around.near(3, &["arrow", "arrows", "tie", "ties", "string", "violin"])
                || around.near(4, &["arrow", "arrows", "violin", "cello", "ribbon", "hair", "archer", "string", "rosin", "present", "gift", "hunting"]);
            let knot = knot || around.word(-2).starts_with("ti") && around.previous(&["a", "the"]);
            let bent = around.previous(&["to", "a", "take", "took", "takes", "and", "they", "we", "i", "you", "must", "the"])
                && (around.near(3, &["take", "took", "takes", "audience", "queen", "king", "head", "heads", "down", "deep", "low", "stage", "ship", "stern", "boat", "out", "polite", "before"]));
            if knot { Some(Sounds(if one { "bˈO" } else { "bˈOz" })) } else if bent || verb { Some(Sounds(if one { "bˈW" } else { "bˈWz" })) } else { None }
        }
        "close" => {
            let near = around.next(&["to", "by", "friend", "friends", "enough", "together", "up", "range", "call", "look", "attention", "race", "family", "relationship", "ties", "behind", "at"])
                && !around.previous(&["please", "will", "can", "must"]) && !(around.tag(0) == "VB" && around.next(&["up", "by", "at", "to"]) && around.previous(&["to"]))
                || around.previous(&["so", "very", "too", "how", "as", "quite", "pretty", "really", "come", "came", "comes", "get", "got", "getting", "stay", "stayed", "is", "are", "was", "were", "be", "'re", "'s", "'m", "been", "not", "keep"]) && !around.next(&["the", "it", "this", "that", "your"]);
            let shut = around.next(&["the", "it", "this", "your", "my", "that", "all", "its", "his", "her", "our", "them", "down"]) && !near
                || around.previous(&["please", "will", "can", "must", "n't", "should", "would", "could", "let", "did", "shops", "stores"]);
            if shut && !(around.previous(&["so"])) { Some(Tag("VB")) } else if near { Some(Tag("JJ")) } else { None }
        }
        "minute" => {
            let tiny = around.next(&["detail", "details", "amount", "amounts", "quantity", "quantities", "particles", "particle", "differences", "difference", "changes", "traces", "fraction"])
                && !around.previous(&["one", "five", "ten", "each", "every", "per", "last"]);
            Some(if tiny { Sounds("mInjˈut") } else { Tag("NN") })
        }
        "wound" => {
            let turned = around.next(&["up", "down", "around", "through", "back", "tightly", "its", "their", "the"])
                && !around.previous(&["the", "a", "this", "his", "her", "my"]);
            Some(if turned { Sounds("wˈWnd") } else { Sounds("wˈund") })
        }
        "dove" => {
            let plunged = around.next(&["into", "in", "under", "down", "off", "deep", "right", "headfirst", "for", "from"])
                && !around.previous(&["a", "the", "white", "this"]);
            Some(Sounds(if plunged { "dˈOv" } else { "dˈʌv" }))
        }
        "use" | "uses" => {
            let the_use = around.previous(&["the", "of", "no", "any", "much", "in", "for", "our", "its", "their", "his", "her", "personal", "a", "this", "that's", "good", "common", "many", "main", "several", "single", "daily", "heavy", "fair", "own", "internal"])
                && !around.next(&["the", "a", "an", "it", "them", "this", "your", "my"]);
            let make = around.next(&["of", "case", "cases"]) && !around.previous(&["to", "i", "we", "you", "they", "can", "will"]);
            let one = around.word(0) == "use";
            if around.starts && one && !around.next(&["of", "case", "cases", "is", "and", "or"]) { Some(Tag("VB")) } else if the_use || make { Some(Tag(if one { "NN" } else { "NNS" })) } else if around.previous(&["to", "i", "you", "we", "they", "can", "will", "must", "should", "would", "could", "n't", "let", "please", "'ll", "may", "might"]) { Some(Tag("VB")) } else { None }
        }
        "content" => {
            let pleased = around.previous(&["be", "was", "were", "is", "are", "am", "'m", "feel", "felt", "feels", "seem", "seemed", "perfectly", "quite", "very", "so", "'re"])
                && (around.next(&["with", "to", "and", "in"]) || around.word(1).is_empty());
            Some(if pleased { Sounds("kəntˈɛnt") } else { Tag("NN") })
        }
        "produce" if around.previous(&["produces", "fresh", "organic", "local", "produced", "sells", "sell", "farm"]) => Some(Tag("NN")),
        "object" | "record" | "present" | "project" | "permit" | "conduct" | "contract" | "produce" | "progress"
        | "refuse" | "rebel" | "subject" | "suspect" | "increase" | "import" | "insert" | "upset" | "reject"
        | "desert" | "excuse" | "house" | "abuse" | "extract" | "convert" | "insult" | "discount" | "conflict"
        | "estimate" | "separate" | "duplicate" | "graduate" | "alternate" | "delegate" | "advocate" | "attribute"
        | "compound" | "console" | "escort" | "update" | "refund" | "exploit" | "survey" | "perfect" | "supplement"
        | "approximate" | "articulate" | "coordinate" | "associate" | "predicate" | "recall" | "digest" | "torment" => noun_or_verb(around),
        "polish" if written == "Polish" => Some(Sounds(if around.at == 0 && around.next(&["the", "your", "it", "this", "those", "these", "them"]) { "pˈɒlɪʃ" } else { "pˈOlɪʃ" })),
        "row" => around.near(3, &["argument", "shouting", "blazing", "furious"]).then_some(Sounds("ɹˈW")),
        "sow" | "sows" if around.near(3, &["pig", "pigs", "piglets", "farm", "boar"]) && around.previous(&["a", "the", "old"]) => {
            Some(Sounds(if around.word(0) == "sow" { "sˈW" } else { "sˈWz" }))
        }
        "sewer" if around.near(4, &["sewing", "stitch", "needle", "fabric", "thread", "quilt", "skilled"]) => Some(Sounds("sˈOəɹ")),
        "does" if around.previous(&["the", "two", "three", "several", "of", "female"]) && (around.near(3, &["deer", "bucks", "fawns", "stags", "buck"]) || around.previous(&["the"]) && around.next(&["are", "were"])) => Some(Sounds("dˈOz")),
        "number" if around.near(2, &["fingers", "toes", "feeling", "grew"]) && around.near(3, &["and", "cold"]) && around.tag(0).starts_with("JJ") => Some(Sounds("nˈʌməɹ")),
        "august" if written == "August" => Some(Sounds("ˈɔɡəst")),
        "job" if written == "Job" && around.near(2, &["book", "bible", "patience"]) => Some(Sounds("ʤˈOb")),
        "resume" if noun && around.previous(&["my", "your", "his", "her", "a", "the", "their"]) => Some(Sounds("ɹˈɛzəmˌA")),
        "résumé" => Some(Sounds("ɹˈɛzəmˌA")),
        "exposé" => Some(Sounds("ˌɛkspOzˈA")),
        "rosé" => Some(Sounds("ɹOzˈA")),
        "pâté" => Some(Sounds("pɑtˈA")),
        "learned" => Some(Tag(if around.next(&["professor", "man", "men", "scholar", "scholars", "judge", "friend", "counsel", "society"]) || around.starts && around.next(&["people"]) { "JJ" } else { "VBD" })),
        "aged" if around.previous(&["the", "an", "my", "his", "her"]) && !around.next(&["care", "cheese", "beef"]) => Some(Sounds("ˈAʤɪd")),
        "blessed" if around.tag(0) == "JJ" && around.previous(&["the", "every", "that", "this", "a"]) => Some(Sounds("blˈɛsɪd")),
        "beloved" if around.tag(1).starts_with("NN") || around.tag(1).starts_with("JJ") => Some(Sounds("bəlˈʌvɪd")),
        "moped" => Some(Tag(if around.previous(&["a", "the", "his", "her", "my", "electric"]) { "NN" } else { "VBD" })),
        "axes" if around.near(4, &["chop", "wood", "swords", "hatchets", "tools", "lumberjack", "throwing"]) => Some(Sounds("ˈæksᵻz")),
        "bases" if around.near(3, &["loaded", "military", "air", "baseball", "stole", "acids"]) => Some(Sounds("bˈAsᵻz")),
        "buffet" if noun => Some(Tag("NN")),
        "entrance" if around.previous(&["to"]) && around.next(&["the", "them", "us"]) => Some(Tag("VB")),
        "invalid" => Some(Tag(if noun && around.previous(&["an", "the", "elderly"]) && !around.tag(1).starts_with("NN") { "NN" } else { "JJ" })),
        "primer" if around.near(4, &["on", "short", "book", "introductory"]) && !around.near(4, &["paint", "coat", "wall"]) => Some(Sounds("pɹˈɪməɹ")),
        _ => None,
    }
}

/// Nouns are stressed on their first syllable and verbs on their second; articles and auxiliaries tell.
fn noun_or_verb(around: &Around) -> Option<Choice> {
    const BEFORE_VERB: [&str; 28] = [
        "to", "will", "would", "can", "could", "should", "must", "may", "might", "shall", "'ll", "n't", "not", "cannot", "i", "you", "we",
        "they", "please", "let", "us", "who", "did", "do", "does", "'d", "always", "never",
    ];
    const BEFORE_NOUN: [&str; 26] = [
        "a", "an", "the", "this", "that", "my", "your", "his", "her", "its", "our", "their", "every", "each", "no", "any", "some", "another",
        "new", "first", "last", "next", "same", "whose", "one", "of",
    ];
    let followed = matches!(around.word(1), "the" | "a" | "an" | "it" | "them" | "this" | "that" | "your" | "my" | "his" | "her" | "our" | "their" | "its" | "to" | "these" | "those" | "all");
    // "the present", but "that present the work"; "to record", but "a to-do record".
    if around.previous(&BEFORE_VERB) && !(around.previous(&["to"]) && around.tag(0).starts_with("NN") && around.next(&["of"])) {
        let adjective = around.tag(0).starts_with("JJ") && around.tag(1).starts_with("NN");
        return Some(Tag(if adjective { "JJ" } else { "VB" }));
    }
    if around.previous(&BEFORE_NOUN) && !(around.previous(&["that"]) && followed) {
        let can_be = matches!(around.word(0), "separate" | "perfect" | "alternate" | "approximate" | "articulate" | "duplicate" | "present" | "subject" | "compound" | "associate");
        let adjective = can_be && (around.tag(1).starts_with("NN") || around.tag(0).starts_with("JJ"));
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
    if around.starts || around.previous(&["i", "you", "we", "they", "a", "good", "great", "quick", "the", "then", "and"]) && !past {
        let conjoined = around.previous(&["and"]) && matches!(around.tag(0), "VBD" | "VBN");
        return (!conjoined).then_some(Sounds(REED));
    }
    None
}
