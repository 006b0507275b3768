//! Abbreviations, and numerals of kings and chapters.

use super::numbers::{cardinal, ordinal, roman as numeral};
use super::scan::{Place, ends, letters};
use super::{Match, Parts, ends_a_sentence};

/// When an abbreviation is one.
enum When {
    /// With its point.
    Point,
    /// With or without.
    Always,
    /// With its point and a name behind it: a title never ends a sentence.
    Title,
    /// Before a number, with or without its point.
    Number,
}

use When::{Always, Number, Point, Title};

#[rustfmt::skip]
const ABBREVIATIONS: [(&str, &str, When); 80] = [
    ("Mr", "Mister", Always), ("Mrs", "Missus", Always), ("Ms", "Miz", Always), ("Prof", "Professor", Title), ("Sen", "Senator", Title),
    ("Rep", "Representative", Title), ("Gov", "Governor", Title), ("Pres", "President", Title), ("Gen", "General", Title),
    ("Col", "Colonel", Title), ("Capt", "Captain", Title), ("Lt", "Lieutenant", Title), ("Sgt", "Sergeant", Title), ("Rev", "Reverend", Title),
    ("Hon", "Honorable", Title), ("Mt", "Mount", Title), ("Ft", "Fort", Title), ("Jr", "Junior", Always), ("Sr", "Senior", Point),
    ("vs", "versus", Always), ("etc", "et cetera", Always), ("e.g", "for example", Point), ("i.e", "that is", Point), ("eg", "for example", Point),
    ("ie", "that is", Point), ("cf", "compare", Point), ("approx", "approximately", Always), ("appt", "appointment", Point), ("apt", "apartment", Number),
    ("Apt", "apartment", Number), ("dept", "department", Always), ("Dept", "Department", Always), ("est", "established", Number), ("ext", "extension", Number),
    ("Ext", "extension", Number), ("No", "number", Number), ("no", "number", Number), ("Nos", "numbers", Number), ("nos", "numbers", Number),
    ("Fig", "figure", Number), ("fig", "figure", Number), ("Vol", "volume", Number), ("vol", "volume", Number), ("Ch", "chapter", Number),
    ("ch", "chapter", Number), ("Sec", "section", Number), ("Eq", "equation", Number), ("p", "page", Number), ("pp", "pages", Number),
    ("Inc", "Incorporated", Point), ("Ltd", "Limited", Always), ("Corp", "Corporation", Point), ("Co", "Company", Point), ("Bros", "Brothers", Always),
    ("Ave", "Avenue", Always), ("Blvd", "Boulevard", Always), ("Rd", "Road", Always), ("Hwy", "Highway", Always), ("Sq", "Square", Point),
    ("Mon", "Monday", Point), ("Tue", "Tuesday", Point), ("Tues", "Tuesday", Point), ("Wed", "Wednesday", Point), ("Thu", "Thursday", Point),
    ("Thur", "Thursday", Point), ("Thurs", "Thursday", Point), ("Fri", "Friday", Point), ("Sat", "Saturday", Point), ("Sun", "Sunday", Point),
    ("min", "minutes", Point), ("hr", "hour", Point), ("hrs", "hours", Always), ("govt", "government", Always), ("w/o", "without", Always),
    ("w/", "with", Always), ("misc", "miscellaneous", Always), ("incl", "including", Always), ("max", "maximum", Point), ("Ph.D", "P H D", Always),
    ("a.k.a", "also known as", Always),
];

/// `Dr. Smith`, `Elm Dr.`, `e.g.`, `etc.`, `No. 5`.
pub(super) fn abbreviation(here: &Place) -> Option<Match> {
    let rest = here.rest();
    if here.before().ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '\'' | '-')) {
        return None;
    }
    if let Some(found) = saint_or_street(here) {
        return Some(found);
    }
    let (written, words, when) = ABBREVIATIONS
        .iter()
        .filter(|(written, ..)| {
            after_written(rest, written).is_some_and(|after| {
                written.ends_with('/') || ends(after) && !after.starts_with(['\'', '-'])
            })
        })
        .max_by_key(|(written, ..)| written.len())?;
    let after = &rest[written.len()..];
    let point = after.strip_prefix('.').filter(|after| ends(after));
    let next = point.unwrap_or(after);
    let word = next.strip_prefix(' ').unwrap_or("");
    let name = word.starts_with(|c: char| c.is_uppercase());
    let number = word.trim_start_matches('#').starts_with(|c: char| c.is_ascii_digit())
        || next.starts_with(|c: char| c.is_ascii_digit())
        || numeral(letters(word)).is_some() && matches!(*written, "Ch" | "ch" | "Vol" | "vol");
    let fits = match when {
        Always => true,
        Point => {
            point.is_some()
                && !(word.is_empty() && matches!(*written, "Sun" | "Sat" | "max" | "Co"))
        }
        Title => point.is_some() && name,
        Number => {
            number
                && (point.is_some()
                    || !matches!(*written, "No" | "no" | "est" | "p" | "Sec" | "ch" | "fig"))
        }
    };
    if !fits {
        return None;
    }
    let mut parts = Parts::default();
    if *written == "Ph.D" {
        parts.letters("PHD");
    } else {
        parts.words(words);
    }
    // The point of "etc." may end the sentence as well; that of a title never does.
    let title = matches!(when, Title | Number)
        || matches!(*written, "Mr" | "Mrs" | "Ms" | "vs" | "e.g" | "i.e");
    let taken = point.is_some_and(|after| title || !ends_a_sentence(after));
    Some((written.len() + usize::from(taken), parts))
}

/// What follows `written`, which may begin with a capital where a sentence does.
fn after_written<'a>(rest: &'a str, written: &str) -> Option<&'a str> {
    rest.strip_prefix(written).or_else(|| {
        let begins = ["approx", "e.g", "i.e", "incl", "misc", "cf", "vs"].contains(&written);
        let capital = written[..1].to_ascii_uppercase();
        rest.strip_prefix(&*capital)?.strip_prefix(&written[1..]).filter(|_| begins)
    })
}

/// `St. Mary` and `Main St.`, `Dr. Watson` and `Elm Dr.`.
fn saint_or_street(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let (title, place, after) = if let Some(after) = rest.strip_prefix("St") {
        ("Saint", "Street", after)
    } else {
        ("Doctor", "Drive", rest.strip_prefix("Dr")?)
    };
    let point = after.strip_prefix('.');
    let next = point.unwrap_or(after);
    if !ends(next) || next.starts_with(['\'', '-']) {
        return None;
    }
    let before = here.previous_word();
    // "Main St.", "42nd St.", "5 Elm Dr.": a name or a number right before, with nothing between.
    let adjacent = here.before().trim_end_matches(' ').ends_with(char::is_alphanumeric);
    let numbered = before.starts_with(|c: char| c.is_ascii_digit());
    let named = before.starts_with(char::is_uppercase)
        && before.len() > 2
        && ![
            "The", "And", "But", "When", "Then", "With", "For", "From", "Ask", "Tell", "Call",
            "Thanks", "Dear", "Hello", "Yes", "Did", "Does", "Has", "Was", "Can", "Will", "Our",
            "His", "Her", "Visit", "See", "Near", "Meet", "That", "This", "Is", "Is", "Where",
            "Why", "How", "Good",
        ]
        .contains(&before);
    let name_follows =
        next.strip_prefix(' ').is_some_and(|word| word.starts_with(char::is_uppercase));
    let is_place =
        adjacent && (numbered || named) && !(name_follows && place == "Drive" && !numbered);
    let mut parts = Parts::default();
    if is_place {
        parts.words(place);
        let taken = point.is_some_and(|after| !ends_a_sentence(after));
        return Some((2 + usize::from(taken), parts));
    }
    if !name_follows {
        return None;
    }
    parts.words(title);
    Some((2 + usize::from(point.is_some()), parts))
}

/// Words before which a numeral counts, said as a cardinal.
const COUNTED: [&str; 24] = [
    "chapter", "part", "book", "volume", "act", "scene", "section", "article", "phase", "stage",
    "type", "level", "class", "grade", "appendix", "rocky", "mark", "war", "bowl", "episode",
    "season", "figure", "table", "option",
];
/// Names of those who are numbered, said as an ordinal.
const KINGS: [&str; 36] = [
    "henry",
    "elizabeth",
    "charles",
    "george",
    "james",
    "louis",
    "edward",
    "william",
    "richard",
    "mary",
    "john",
    "paul",
    "pius",
    "benedict",
    "philip",
    "catherine",
    "peter",
    "ivan",
    "napoleon",
    "ramses",
    "ramesses",
    "leo",
    "gregory",
    "alexander",
    "frederick",
    "francis",
    "ferdinand",
    "gustav",
    "nicholas",
    "urban",
    "innocent",
    "clement",
    "juan",
    "felipe",
    "wilhelm",
    "otto",
];

/// `Henry VIII`, `Chapter IV`, `World War II`.
pub(super) fn roman(here: &Place) -> Option<Match> {
    let word = letters(here.rest());
    let value = numeral(word)?;
    let before = here.before();
    if !ends(&here.rest()[word.len()..]) || !before.ends_with(' ') {
        return None;
    }
    let previous = here.previous_word().to_lowercase();
    let adjacent = before.trim_end().ends_with(char::is_alphanumeric);
    let king = KINGS.contains(&previous.as_str());
    // "Henry I met" is no king; "Charles I," is one.
    let pronoun = word == "I" && king && !here.rest()[1..].starts_with([',', '.']);
    if !adjacent || pronoun || !(king || COUNTED.contains(&previous.as_str())) {
        return None;
    }
    let digits = value.to_string();
    let mut parts = Parts::default();
    if king {
        parts.words(&format!("the {}", ordinal(&digits, here.british)));
    } else {
        parts.words(&cardinal(&digits, here.british));
    }
    Some((word.len(), parts))
}
