//! Words of two meanings, which the words around tell apart.

use super::Choice::{Sounds, Tag};
use super::{Around, Choice};

pub(super) fn choose(around: &Around, written: &str) -> Option<Choice> {
    let verb = around.tag(0).starts_with("VB");
    let noun = around.tag(0).starts_with("NN");
    match around.word(0) {
        "lead" => {
            let metal = around.next(&[
                "pipe",
                "pipes",
                "paint",
                "paints",
                "poisoning",
                "acid",
                "bullet",
                "bullets",
                "pencil",
                "weight",
                "weights",
                "shot",
                "exposure",
                "glass",
                "solder",
                "free",
                "apron",
                "levels",
                "contamination",
            ]) || around.previous(&[
                "of",
                "molten",
                "contains",
                "containing",
                "melted",
                "with",
            ]) && !around
                .next(&["the", "role", "time", "times", "singer", "actor"])
                && around.near(
                    4,
                    &[
                        "made", "metal", "metals", "water", "toxic", "heavy", "copper", "zinc",
                        "iron", "tin", "paint", "pipes", "contains", "molten", "melted",
                    ],
                );
            let idiom = around.previous(&["the"]) && around.next(&["out"]);
            (metal || idiom).then_some(Sounds("lˈɛd"))
        }
        "leads" if noun && around.near(2, &["metal"]) => Some(Sounds("lˈɛdz")),
        "tear" | "tears" => {
            let one = around.word(0) == "tear";
            let eyes = around.near(5, &["eye", "eyes", "cheek", "cheeks", "face"]) && !verb;
            let mended = around
                .near(3, &["stitch", "mend", "sew", "repair", "fix", "clothes", "clothing"])
                && !around.previous(&["shed", "a single"]);
            let ripped = !eyes && mended
                || around.next(&[
                    "apart", "up", "down", "off", "out", "into", "open", "through", "away", "it",
                    "them", "along", "this", "that",
                ]) && !around.previous(&["a", "the", "my", "her", "his"])
                || around.previous(&["to", "and", "or", "n't", "not", "can", "will", "could"])
                    && !around.next(&["gas", "drop", "drops"])
                    && (verb || around.word(-2) == "wear")
                || !eyes
                    && around.next(&["in", "on"])
                    && around.previous(&["a", "the", "small", "big", "muscle", "ligament"])
                    && around.near(
                        5,
                        &[
                            "shirt", "jeans", "trousers", "fabric", "sail", "muscle", "dress",
                            "jacket", "paper", "ligament", "coat", "pants", "fabric", "tendon",
                            "seam", "sleeve",
                        ],
                    );
            let wept = around.previous(&[
                "in", "into", "burst", "of", "my", "her", "his", "your", "their", "bitter",
                "happy", "single", "shed", "with",
            ]) || around.next(&[
                "gas", "ran", "rolled", "fell", "streamed", "duct", "ducts", "of", "in", "drop",
                "drops", "filled", "came",
            ]);
            let (rip, weep) = if one { ("tˈɛɹ", "tˈɪɹ") } else { ("tˈɛɹz", "tˈɪɹz") };
            if ripped {
                Some(Sounds(rip))
            } else if wept {
                Some(Sounds(weep))
            } else {
                None
            }
        }
        "bass" => {
            let music = around.next(&[
                "player",
                "players",
                "guitar",
                "guitars",
                "guitarist",
                "drum",
                "line",
                "lines",
                "clef",
                "solo",
                "boost",
                "note",
                "notes",
                "amp",
                "riff",
                "tuba",
                "voice",
            ]);
            let fish = !music
                && around.near(
                    4,
                    &[
                        "fish",
                        "fishing",
                        "caught",
                        "sea",
                        "striped",
                        "lake",
                        "largemouth",
                        "smallmouth",
                        "catch",
                        "river",
                        "grilled",
                        "cooked",
                        "trout",
                        "salmon",
                        "perch",
                        "angler",
                        "pond",
                    ],
                );
            Some(Sounds(if fish { "bˈæs" } else { "bˈAs" }))
        }
        "bow" | "bows" => {
            let one = around.word(0) == "bow";
            let knot = around.next(&["tie", "ties", "and", "string"])
                && around.near(3, &["arrow", "arrows", "tie", "ties", "string", "violin"])
                || around.near(
                    4,
                    &[
                        "arrow", "arrows", "violin", "cello", "ribbon", "hair", "archer", "string",
                        "rosin", "present", "gift", "hunting",
                    ],
                );
            let knot = knot || around.word(-2).starts_with("ti") && around.previous(&["a", "the"]);
            let ship = around.near(2, &["ship", "boat", "vessel", "ferry", "starboard"]);
            let bent = ship
                || around.previous(&[
                    "to", "a", "take", "took", "takes", "and", "they", "we", "i", "you", "must",
                    "the",
                ]) && (around.near(
                    3,
                    &[
                        "take", "took", "takes", "audience", "queen", "king", "head", "heads",
                        "down", "deep", "low", "stage", "ship", "stern", "boat", "out", "polite",
                        "before",
                    ],
                ));
            if knot {
                Some(Sounds(if one { "bˈO" } else { "bˈOz" }))
            } else if bent || verb {
                Some(Sounds(if one { "bˈW" } else { "bˈWz" }))
            } else {
                None
            }
        }
        "minute" => {
            let tiny = around.next(&[
                "detail",
                "details",
                "amount",
                "amounts",
                "quantity",
                "quantities",
                "particles",
                "particle",
                "differences",
                "difference",
                "changes",
                "traces",
                "fraction",
            ]) && !around
                .previous(&["one", "five", "ten", "each", "every", "per", "last"]);
            Some(if tiny { Sounds("mInjˈut") } else { Tag("NN") })
        }
        "wound" => {
            let coiled = around.next(&[
                "up", "down", "around", "through", "back", "tightly", "too", "its", "their", "the",
            ]) && !around.previous(&["the", "a", "this", "his", "her", "my"]);
            let was = around
                .previous(&["was", "were", "is", "are", "been", "being", "had", "has", "have"]);
            Some(Sounds(if coiled || was { "wˈWnd" } else { "wˈund" }))
        }
        "dove" => {
            let plunged = around.next(&[
                "into",
                "in",
                "under",
                "down",
                "off",
                "deep",
                "right",
                "headfirst",
                "for",
                "from",
            ]) && !around.previous(&["a", "the", "white", "this"]);
            Some(Sounds(if plunged { "dˈOv" } else { "dˈʌv" }))
        }
        "polish" if written == "Polish" => Some(Sounds(
            if around.at == 0
                && around.next(&["the", "your", "it", "this", "those", "these", "them"])
            {
                "pˈɒlɪʃ"
            } else {
                "pˈOlɪʃ"
            },
        )),
        "row" => {
            around.near(3, &["argument", "shouting", "blazing", "furious"]).then_some(Sounds("ɹˈW"))
        }
        "sow" | "sows"
            if around.near(3, &["pig", "pigs", "piglets", "farm", "boar"])
                && around.previous(&["a", "the", "old"]) =>
        {
            Some(Sounds(if around.word(0) == "sow" { "sˈW" } else { "sˈWz" }))
        }
        "sewer"
            if around.near(
                4,
                &["sewing", "stitch", "needle", "fabric", "thread", "quilt", "skilled"],
            ) =>
        {
            Some(Sounds("sˈOəɹ"))
        }
        "does"
            if around.previous(&["the", "two", "three", "several", "of", "female"])
                && (around.near(3, &["deer", "bucks", "fawns", "stags", "buck"])
                    || around.previous(&["the"]) && around.next(&["are", "were"])) =>
        {
            Some(Sounds("dˈOz"))
        }
        "number"
            if around.near(2, &["fingers", "toes", "feeling", "grew"])
                && around.near(3, &["and", "cold"])
                && around.tag(0).starts_with("JJ") =>
        {
            Some(Sounds("nˈʌməɹ"))
        }
        "august" if written == "August" => Some(Sounds("ˈɔɡəst")),
        "job" if written == "Job" && around.near(2, &["book", "bible", "patience"]) => {
            Some(Sounds("ʤˈOb"))
        }
        "resume" if noun && around.previous(&["my", "your", "his", "her", "a", "the", "their"]) => {
            Some(Sounds("ɹˈɛzəmˌA"))
        }
        "résumé" => Some(Sounds("ɹˈɛzəmˌA")),
        "exposé" => Some(Sounds("ˌɛkspOzˈA")),
        "rosé" => Some(Sounds("ɹOzˈA")),
        "pâté" => Some(Sounds("pɑtˈA")),
        "learned" => Some(Tag(
            if around.next(&[
                "professor",
                "man",
                "men",
                "scholar",
                "scholars",
                "judge",
                "friend",
                "counsel",
                "society",
            ]) || around.starts && around.next(&["people"])
            {
                "JJ"
            } else {
                "VBD"
            },
        )),
        "aged"
            if around.previous(&["the", "an", "my", "his", "her"])
                && !around.next(&["care", "cheese", "beef"]) =>
        {
            Some(Sounds("ˈAʤɪd"))
        }
        "blessed"
            if around.tag(0) == "JJ" && around.previous(&["the", "every", "that", "this", "a"]) =>
        {
            Some(Sounds("blˈɛsɪd"))
        }
        "beloved" if around.tag(1).starts_with("NN") || around.tag(1).starts_with("JJ") => {
            Some(Sounds("bəlˈʌvɪd"))
        }
        "moped" => Some(Tag(if around.previous(&["a", "the", "his", "her", "my", "electric"]) {
            "NN"
        } else {
            "VBD"
        })),
        "axes"
            if around.near(
                4,
                &["chop", "wood", "swords", "hatchets", "tools", "lumberjack", "throwing"],
            ) =>
        {
            Some(Sounds("ˈæksᵻz"))
        }
        "bases" if around.near(3, &["loaded", "military", "air", "baseball", "stole", "acids"]) => {
            Some(Sounds("bˈAsᵻz"))
        }
        "buffet" if noun => Some(Tag("NN")),
        "entrance" if around.previous(&["to"]) && around.next(&["the", "them", "us"]) => {
            Some(Tag("VB"))
        }
        "invalid" => Some(Tag(
            if noun
                && around.previous(&["an", "the", "elderly"])
                && !around.tag(1).starts_with("NN")
            {
                "NN"
            } else {
                "JJ"
            },
        )),
        "primer"
            if around.near(4, &["on", "short", "book", "introductory"])
                && !around.near(4, &["paint", "coat", "wall"]) =>
        {
            Some(Sounds("pɹˈɪməɹ"))
        }
        _ => None,
    }
}
