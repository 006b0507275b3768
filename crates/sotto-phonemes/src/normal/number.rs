//! Numbers that are neither times nor money.

use super::numbers::{
    cardinal, decimal, fraction, in_a_name, like_a_year, one_by_one, ordinal, year,
};
use super::scan::{Number, Place, digits, ends, letters, number};
use super::unit::{Called, unit};
use super::{Match, Parts, time};

/// `+1 (555) 123-4567`, `555-123-4567`, `020 7946 0958`: digit by digit, with a pause between groups.
pub(super) fn phone(here: &Place) -> Option<Match> {
    let rest = here.rest();
    if here.before().ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '/')) {
        return None;
    }
    let plus = rest.starts_with('+');
    let mut len = usize::from(plus);
    let mut groups: Vec<&str> = Vec::new();
    let mut dashes = 0;
    let mut brackets = false;
    loop {
        let open = rest[len..].starts_with('(');
        let from = len + usize::from(open);
        let group = digits(&rest[from..]);
        if group.is_empty() || open && !rest[from + group.len()..].starts_with(')') {
            break;
        }
        brackets |= open;
        groups.push(group);
        len = from + group.len() + usize::from(open);
        let gap = rest[len..].chars().next().filter(|c| matches!(c, ' ' | '-' | '.'));
        let Some(gap) = gap.or(Some('\0').filter(|_| open)) else { break };
        let next = len + usize::from(gap != '\0');
        let goes_on = rest[next..].starts_with(|c: char| c.is_ascii_digit())
            || rest[next..].starts_with('(') && groups.len() < 3;
        if !goes_on {
            break;
        }
        dashes += usize::from(gap == '-' || gap == '.');
        len = next;
    }
    // Groups end where the last digit does, not at the gap behind it.
    let end = rest[..len].trim_end_matches([' ', '-', '.']).len();
    let shape: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let count: usize = shape.iter().sum();
    let looks_right = match *shape {
        [3, 4] => dashes == 1 && !rest.as_bytes().contains(&b'.'),
        [3, 3, 4] => dashes == 2 || brackets || plus,
        [1, 3, 3, 4] | [1..=3, _, _, ..] if plus || shape[0] == 1 => (8..=15).contains(&count),
        [1..=3, 6..=12] | [8..=15] => plus,
        // An ISBN, a serial number.
        [_, _, _, _, ..] => dashes + 1 == groups.len() && count <= 24,
        [3, 4, 4] | [4 | 5, 3 | 4, 3 | 4] | [4 | 5, 6] => groups[0].starts_with('0'),
        _ => false,
    };
    if !looks_right || !ends(&rest[end..]) {
        return None;
    }
    let mut parts = Parts::default();
    if plus {
        parts.words("plus");
    }
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            parts.mark(',');
        }
        parts.words(&one_by_one(group));
    }
    Some((end, parts))
}

/// `5'10"`, `6'2`: a height.
pub(super) fn feet(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let feet = digits(rest);
    let inches = digits(rest[feet.len()..].strip_prefix('\'')?);
    let value: u32 = inches.parse().ok()?;
    if feet.is_empty() || feet.len() > 2 || value > 11 {
        return None;
    }
    let mut len = feet.len() + 1 + inches.len();
    len += usize::from(rest[len..].starts_with('"'));
    let mut parts = Parts::default();
    let foot = if feet == "1" { "foot" } else { "feet" };
    parts.words(&format!(
        "{} {foot} {}",
        cardinal(feet, here.british),
        cardinal(inches, here.british)
    ));
    Some((len, parts))
}

/// Everything that begins with a number: ordinals, percentages, fractions, ranges, measures.
pub(super) fn quantity(here: &Place) -> Option<Match> {
    let rest = here.rest();
    if here.before().ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let mut parts = Parts::default();
    let sign = ["-", "+", "±", "~", "#"].into_iter().find(|sign| rest.starts_with(sign));
    let sign_len = sign.map_or(0, str::len);
    let body = &rest[sign_len..];
    let vulgar = body.chars().next().and_then(vulgar_fraction);
    if vulgar.is_none() && number(body).is_none() {
        return None;
    }
    match sign {
        Some("-") if here.before().ends_with([')', ']']) => return None,
        Some("-") if here.before().ends_with('%') => parts.words("to"),
        Some("-") => parts.words("minus"),
        Some("+") => parts.words("plus"),
        Some("±") => parts.words("plus or minus"),
        Some("~") => parts.words("about"),
        Some("#") => parts.words("number"),
        _ => {}
    }
    let inner = here.skip(sign_len);
    if let Some(words) = vulgar {
        parts.words(words);
        let len = body.chars().next().map_or(0, char::len_utf8);
        return Some((sign_len + len, parts));
    }
    let value = number(body)?;
    let used = one_quantity(&inner, &value, &mut parts)?;
    Some((sign_len + used, parts))
}

fn one_quantity(here: &Place, value: &Number, parts: &mut Parts) -> Option<usize> {
    let text = here.rest();
    let british = here.british;
    let len = value.len;
    let after = &text[len..];
    let plain = value.fraction.is_empty() && !value.grouped;
    if value.whole.len() + value.fraction.len() > MOST_DIGITS {
        let count = (value.whole.len() + value.fraction.len()).to_string();
        parts.words(&format!("a number of {} digits", cardinal(&count, british)));
        return Some(len);
    }
    // 1st, 22nd.
    let suffix = letters(after);
    if value.fraction.is_empty() && time::is_ordinal_suffix(suffix, &value.whole) {
        parts.words(&ordinal(&value.whole, british));
        return Some(len + suffix.len());
    }
    // 3½.
    if let Some(words) = after.chars().next().and_then(vulgar_fraction) {
        parts.words(&cardinal(&value.whole, british));
        let words = words.strip_prefix("one ").map_or(words.to_owned(), |part| format!("a {part}"));
        parts.words(&format!("and {words}"));
        return Some(len + after.chars().next().map_or(0, char::len_utf8));
    }
    // 3/4, 24/7.
    if let Some(below) =
        after.strip_prefix(['/', '⁄']).map(digits).filter(|d| !d.is_empty() && plain)
    {
        let slash = after.chars().next().map_or(0, char::len_utf8);
        let end = len + slash + below.len();
        if ends(&text[end..]) && !text[end..].starts_with('/') {
            let (above, under) = (value.whole.parse().ok()?, below.parse().ok()?);
            let known =
                matches!((value.whole.as_str(), below), ("24", "7") | ("9", "11") | ("50", "50"));
            match fraction(above, under, british).filter(|_| !known && above < 100 && under < 1000)
            {
                Some(words) => parts.words(&words),
                None if known => {
                    parts.words(&format!(
                        "{} {}",
                        cardinal(&value.whole, british),
                        cardinal(below, british)
                    ));
                }
                None => parts.words(&format!(
                    "{} over {}",
                    cardinal(&value.whole, british),
                    cardinal(below, british)
                )),
            }
            return Some(end);
        }
    }
    // 9.75/10.
    let most = after.strip_prefix('/').and_then(number).filter(|_| !value.fraction.is_empty());
    if let Some(most) = most.filter(|most| ends(&after[1 + most.len..])) {
        say(value, here, parts);
        parts.words("out of");
        say(&most, here, parts);
        return Some(len + 1 + most.len);
    }
    // "100s of", "1,000s of".
    if suffix == "s" && after.starts_with("s of ") && value.fraction.is_empty() {
        let words = cardinal(&value.whole, british);
        if let Some(last) = words.strip_prefix("one ").filter(|last| !last.contains(' ')) {
            parts.words(&format!("{last}s"));
            return Some(len + 1);
        }
    }
    // 1920x1080, 3×4.
    if let Some(second) = after.strip_prefix(['x', '×']).and_then(number) {
        let by = after.chars().next().map_or(0, char::len_utf8);
        let end = len + by + second.len;
        let more = text[end..].starts_with(['x', '×']);
        if ends(&text[end..]) || more || unit(&text[end..], false, false).is_some() {
            dimension(value, here, parts);
            parts.words(if after.starts_with('x') { "by" } else { "times" });
            if more {
                let inner = Place { text: &text[len + by..], at: 0, ..*here };
                return Some(len + by + one_quantity(&inner, &second, parts)?);
            }
            dimension(&second, here, parts);
            return Some(end + measure(here, &text[end..], false, parts));
        }
    }
    // 10-20, 1990–2000.
    if let Some((end, second)) = range(text, len) {
        say(value, here, parts);
        parts.words("to");
        say(&second, here, parts);
        return Some(end + measure(here, &text[end..], false, parts));
    }
    // 2^10.
    if let Some(power) = after.strip_prefix('^').map(digits).filter(|d| !d.is_empty()) {
        say(value, here, parts);
        parts.words("to the power of");
        parts.words(&cardinal(power, british));
        return Some(len + 1 + power.len());
    }
    if let Some((words, sign)) =
        [("squared", '²'), ("cubed", '³')].into_iter().find(|(_, s)| after.starts_with(*s))
    {
        say(value, here, parts);
        parts.words(words);
        return Some(len + sign.len_utf8());
    }
    // 10k, 7B, 1.5M: thousands and more, where no unit has a better claim.
    let scale = match suffix {
        // 4K is a screen.
        "K" if matches!(value.whole.as_str(), "2" | "4" | "5" | "8") && plain => None,
        "k" | "K" => Some("thousand"),
        "M" | "mn" => Some("million"),
        "B" | "bn" => Some("billion"),
        "T" | "tn" => Some("trillion"),
        _ => None,
    };
    if let Some(words) = scale.filter(|_| ends(&after[suffix.len()..])) {
        parts.words(&decimal(&value.whole, &value.fraction, british));
        parts.words(words);
        return Some(len + suffix.len());
    }
    let one = value.whole.trim_start_matches('0') == "1" && value.fraction.is_empty();
    let mut measured = Parts::default();
    let more = measure(here, after, one, &mut measured);
    // 1e-5.
    if let Some(power) = after.strip_prefix(['e', 'E']) {
        let sign = power.starts_with(['-', '+']);
        let exponent = digits(&power[usize::from(sign)..]);
        let end = len + 1 + usize::from(sign) + exponent.len();
        if !exponent.is_empty() && (sign || !value.fraction.is_empty()) && ends(&text[end..]) {
            say(value, here, parts);
            let minus = if power.starts_with('-') { "minus " } else { "" };
            parts.words(&format!("times ten to the {minus}{}", cardinal(exponent, british)));
            return Some(end);
        }
    }
    if more == 0 && !ends(after) && !value.fraction.is_empty() {
        // 802.11ac.
        say(value, here, parts);
        runs(suffix, here, parts);
        return Some(len + suffix.len());
    }
    if more == 0 && !ends(after) {
        // 3D, 4o, 5th-grade: a name, or the first half of one.
        return None;
    }
    if more > 0 && !value.grouped && value.fraction.is_empty() {
        // A measured number is no year.
        parts.words(&cardinal(&value.whole, british));
    } else {
        say(value, here, parts);
    }
    parts.extend(measured);
    Some(len + more)
}

/// The second number of a range whose first ends at `len`, and where it ends.
fn range(text: &str, len: usize) -> Option<(usize, Number)> {
    let after = &text[len..];
    let dash = ["-", "–", "—"].into_iter().find(|dash| after.starts_with(dash))?;
    let second = number(&after[dash.len()..])?;
    let end = len + dash.len() + second.len;
    // 1-2-3 is no range.
    let alone = !text[end..].starts_with(['-', '–', '/', ':', '^']);
    let joined = !ends(&text[end..]) && unit(&text[end..], false, false).is_none();
    (alone && !joined && !digits(&after[dash.len()..]).is_empty()).then_some((end, second))
}

/// Says a percentage sign or a unit behind a number. Gives how long it is.
fn measure(here: &Place, after: &str, one: bool, parts: &mut Parts) -> usize {
    let spaces = after.len() - after.trim_start_matches(' ').len();
    let text = &after[spaces.min(1)..];
    for (sign, words) in [('%', "percent"), ('‰', "per mille")] {
        if text.starts_with(sign) {
            parts.words(words);
            return after.len() - text.len() + sign.len_utf8();
        }
    }
    // "a 5-km run", "a 10-minute walk".
    let hyphen = after.strip_prefix('-');
    let (text, adjective) = hyphen.map_or((text, false), |text| (text, true));
    match unit(text, one || adjective, spaces > 0) {
        Some((Called::Words(words), len)) => {
            let british: Vec<_> =
                words.split(' ').map(|w| british_spelling(w, here.british)).collect();
            parts.words(&british.join(" "));
            after.len() - text.len() + len
        }
        Some((Called::Letters(letters), len)) => {
            parts.letters(letters);
            after.len() - text.len() + len
        }
        None => 0,
    }
}

/// The dictionaries of each country have their own spellings.
fn british_spelling(word: &str, british: bool) -> String {
    if british && (word.contains("meter") || word.contains("liter")) {
        word.replace("meter", "metre").replace("liter", "litre")
    } else {
        word.to_owned()
    }
}

/// Says a bare number: digits of a code, a year, or a count.
fn say(value: &Number, here: &Place, parts: &mut Parts) {
    let whole = &value.whole;
    let previous = if here.at == 0 { String::new() } else { here.previous_word().to_lowercase() };
    // A room, a port, a model: its digits are a name.
    if NAMED.contains(&previous.as_str())
        && value.fraction.is_empty()
        && (3..=4).contains(&whole.len())
    {
        return parts.words(&in_a_name(whole, here.british));
    }
    // A ZIP code behind its state.
    let state = here.previous_word();
    let in_state = state.len() == 2 && state.bytes().all(|b| b.is_ascii_uppercase());
    if in_state && whole.len() == 5 && value.fraction.is_empty() && !value.grouped {
        return parts.words(&one_by_one(whole));
    }
    // Python 3.12 is not 3.1.
    if VERSIONED.contains(&previous.as_str())
        && value.fraction.len() == 2
        && !value.fraction.starts_with('0')
    {
        let minor = cardinal(&value.fraction, here.british);
        return parts.words(&format!("{} point {minor}", cardinal(whole, here.british)));
    }
    if value.fraction.is_empty() && !value.grouped {
        if let Some(said) = like_a_year(whole) {
            return parts.words(&year(said, here.british));
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return parts.words(&one_by_one(whole));
        }
    }
    parts.words(&decimal(whole, &value.fraction, here.british));
}

/// A number of more digits than this is not read out.
const MOST_DIGITS: usize = 48;

/// Words before a number that is a name.
const NAMED: [&str; 20] = [
    "port",
    "room",
    "flight",
    "route",
    "highway",
    "status",
    "error",
    "http",
    "code",
    "rtx",
    "gtx",
    "boeing",
    "airbus",
    "model",
    "suite",
    "apartment",
    "extension",
    "pin",
    "radeon",
    "ryzen",
];
/// Programs whose versions are no decimals.
const VERSIONED: [&str; 15] = [
    "python",
    "version",
    "ubuntu",
    "node",
    "release",
    "go",
    "rust",
    "ruby",
    "php",
    "kubernetes",
    "postgres",
    "ios",
    "macos",
    "django",
    "cuda",
];

/// `16:9`, `Psalm 23:4`: neither is a time.
pub(super) fn ratio(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let first = digits(rest);
    let second = digits(rest[first.len()..].strip_prefix(':')?);
    let len = first.len() + 1 + second.len();
    if first.is_empty()
        || second.is_empty()
        || !ends(&rest[len..])
        || rest[len..].starts_with(':')
        || here.before().ends_with(|c: char| c.is_alphanumeric() || c == ':')
    {
        return None;
    }
    let verse = here.previous_word().starts_with(char::is_uppercase);
    let mut parts = Parts::default();
    parts.words(&cardinal(first, here.british));
    if !verse {
        parts.words("to");
    }
    parts.words(&cardinal(second, here.british));
    Some((len, parts))
}

/// A side of a picture or a plank: "ten eighty".
fn dimension(value: &Number, here: &Place, parts: &mut Parts) {
    if value.whole.len() == 4 && value.fraction.is_empty() && !value.grouped {
        parts.words(&in_a_name(&value.whole, here.british));
    } else {
        say(value, here, parts);
    }
}

fn vulgar_fraction(c: char) -> Option<&'static str> {
    Some(match c {
        '½' => "one half",
        '⅓' => "one third",
        '⅔' => "two thirds",
        '¼' => "one quarter",
        '¾' => "three quarters",
        '⅛' => "one eighth",
        '⅜' => "three eighths",
        '⅝' => "five eighths",
        '⅞' => "seven eighths",
        '⅕' => "one fifth",
        '⅖' => "two fifths",
        '⅗' => "three fifths",
        '⅘' => "four fifths",
        '⅙' => "one sixth",
        '⅚' => "five sixths",
        _ => return None,
    })
}

/// Letters and digits in one: `GPT-4o`, `mp3`, `sha256`, `A4`, `3D`, `x86_64` up to its underscore.
pub(super) fn in_a_word(here: &Place) -> Option<Match> {
    let rest = here.rest();
    if here.before().ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let len: usize = rest.chars().take_while(char::is_ascii_alphanumeric).take(64).count();
    let word = &rest[..len];
    let has_digit = word.bytes().any(|b| b.is_ascii_digit());
    if !has_digit {
        return None;
    }
    let mut parts = Parts::default();
    if (here.knows)(word) {
        parts.words(word);
    } else {
        runs(word, here, &mut parts);
    }
    Some((len, parts))
}

/// Says runs of letters and of digits in turn.
pub(super) fn runs(word: &str, here: &Place, parts: &mut Parts) {
    let mut rest = word;
    while !rest.is_empty() {
        let number = digits(rest);
        if number.is_empty() {
            let run = &rest[..rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len())];
            super::code::say_run(run, here, parts);
            rest = &rest[run.len()..];
        } else {
            let said = in_a_name(number, here.british);
            rest = &rest[number.len()..];
            // "mp4s".
            if rest == "s" && number.len() < word.len() - 1 {
                rest = "";
                let plural =
                    said.strip_suffix('y').map_or(format!("{said}s"), |stem| format!("{stem}ies"));
                parts.words(&plural);
            } else {
                parts.words(&said);
            }
        }
    }
}
