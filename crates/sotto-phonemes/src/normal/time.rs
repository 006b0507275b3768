//! Times of day and dates.

use super::numbers::{cardinal, one_by_one, ordinal, year};
use super::scan::{MONTHS, Place, digits, ends, letters, month, strip_caseless};
use super::{Match, Parts};

/// `3:45`, `10:30 pm`, `17:00`, `9 a.m.`, `12:05:30`.
pub(super) fn time(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let hour = digits(rest);
    let value: u32 = hour.parse().ok().filter(|&h| h < 25 && hour.len() <= 2)?;
    let mut len = hour.len();
    let mut parts = Parts::default();
    if let Some(after) = rest[len..].strip_prefix(':') {
        let minute = digits(after);
        if minute.len() != 2 || minute >= "60" || value > 24 {
            return None;
        }
        len += 3;
        let second =
            rest[len..].strip_prefix(':').map(digits).filter(|s| s.len() == 2 && *s < "60");
        len += second.map_or(0, |_| 3);
        let half = half_of_day(&rest[len..]);
        parts.words(&cardinal(hour, here.british));
        match minute {
            "00" if half.is_some() || second.is_some() => {}
            "00" if value == 0 => {
                parts = Parts::default();
                parts.words("midnight");
            }
            "00" if value > 12 => parts.words("hundred"),
            "00" => parts.words("o'clock"),
            _ if minute.starts_with('0') => {
                parts.words(&format!("oh {}", one_by_one(&minute[1..])));
            }
            _ => parts.words(&cardinal(minute, here.british)),
        }
        if let Some(second) = second {
            let plural = if second == "01" { "second" } else { "seconds" };
            let minutes = if minute == "00" { "zero " } else { "" };
            parts.words(&format!("{minutes}and {} {plural}", cardinal(second, here.british)));
        }
        if let Some((letters, more)) = half {
            parts.letters(letters);
            len += more;
        }
        // "9:00–17:00".
        let dash = ["-", "–", "—"].into_iter().find_map(|dash| rest[len..].strip_prefix(dash));
        if let Some((used, until)) = dash.and_then(|text| time(&Place { text, at: 0, ..*here })) {
            parts.words("to");
            parts.extend(until);
            len = rest.len() - dash.map_or(0, str::len) + used;
        }
        return (ends(&rest[len..]) && !rest[len..].starts_with(':')).then_some((len, parts));
    }
    let (letters, more) = half_of_day(&rest[len..])?;
    if value == 0 || value > 12 {
        return None;
    }
    parts.words(&cardinal(hour, here.british));
    parts.letters(letters);
    Some((len + more, parts))
}

/// ` pm`, `a.m.`: its letters and how long it is. The last point may end the sentence, and is then kept.
fn half_of_day(rest: &str) -> Option<(&'static str, usize)> {
    let spaces = rest.len() - rest.trim_start_matches(' ').len();
    let word = &rest[spaces.min(1)..];
    for (written, letters) in
        [("a.m.", "AM"), ("p.m.", "PM"), ("am", "AM"), ("pm", "PM"), ("a.m", "AM"), ("p.m", "PM")]
    {
        let Some(after) = strip_caseless(word, written) else { continue };
        if !ends(after) {
            continue;
        }
        let last = written.ends_with('.') && super::ends_a_sentence(after);
        return Some((letters, rest.len() - after.len() - usize::from(last)));
    }
    None
}

/// `2026-11-22`, `2026-11-22T10:30`, `11/22/2026`, `22.11.2026`.
pub(super) fn date(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let first = digits(rest);
    let mark = rest[first.len()..].chars().next().filter(|c| matches!(c, '-' | '/' | '.'))?;
    let after = &rest[first.len() + 1..];
    let second = digits(after);
    if let Some(found) = without_year(here, first, mark, second) {
        return Some(found);
    }
    let after = after[second.len()..].strip_prefix(mark)?;
    let third = digits(after);
    let len = rest.len() - after.len() + third.len();
    let (year_digits, month_digits, day) = match (first.len(), mark) {
        (4, '-' | '/' | '.') if second.len() == 2 => (first, second, third),
        (1 | 2, '/') if !here.british && second.len() <= 2 => (third, first, second),
        (1 | 2, '/' | '.' | '-') if second.len() <= 2 => (third, second, first),
        _ => return None,
    };
    // The order of day and month that cannot be is the other one.
    let (month_digits, day) = if month_digits > "12" && month_digits.len() == 2 {
        (day, month_digits)
    } else {
        (month_digits, day)
    };
    let month: usize = month_digits.parse().ok().filter(|m| (1..=12).contains(m))?;
    day.parse::<u32>().ok().filter(|d| day.len() <= 2 && (1..=31).contains(d))?;
    if year_digits.len() != 4 {
        return None;
    }
    let mut parts = said_date(MONTHS[month - 1], day, here.british);
    parts.mark(',');
    parts.words(&year(year_digits.parse().ok()?, here.british));
    let mut len = len;
    if let Some(clock) =
        rest[len..].strip_prefix('T').filter(|c| c.starts_with(|c: char| c.is_ascii_digit()))
    {
        let (used, clock) = time(&Place { text: clock, at: 0, ..*here })?;
        parts.mark(',');
        parts.extend(clock);
        len += 1 + used;
        if rest[len..].starts_with('Z') {
            parts.letters("UTC");
            len += 1;
        }
    }
    ends(&rest[len..]).then_some((len, parts))
}

/// "on 12/24": a day if the word before says so; else it is a fraction.
fn without_year(here: &Place, first: &str, mark: char, second: &str) -> Option<Match> {
    let says = ["on", "by", "until", "since", "before", "after", "from", "due"];
    let end = first.len() + 1 + second.len();
    let after = &here.rest()[end..];
    if mark != '/'
        || !says.contains(&here.previous_word())
        || !ends(after)
        || after.starts_with('/')
    {
        return None;
    }
    let (month, day) = if here.british { (second, first) } else { (first, second) };
    let month: usize = month.parse().ok().filter(|m| (1..=12).contains(m))?;
    day.parse::<u32>().ok().filter(|d| (1..=31).contains(d))?;
    Some((end, said_date(MONTHS[month - 1], day, here.british)))
}

fn said_date(month: &str, day: &str, british: bool) -> Parts {
    let mut parts = Parts::default();
    let day = ordinal(day, british);
    parts.words(&if british { format!("the {day} of {month}") } else { format!("{month} {day}") });
    parts
}

/// The day in `November 26`, `26 November` and `26th of May`; the year in `May 2026`.
pub(super) fn day_or_year(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let number = digits(rest);
    let mut len = number.len();
    let value: u32 = number.parse().ok()?;
    let suffix = letters(&rest[len..]);
    let is_ordinal = is_ordinal_suffix(suffix, number);
    if is_ordinal {
        len += suffix.len();
    }
    let after = &rest[len..];
    if !ends(after) || after.starts_with([':', '/']) || number.len() > 2 {
        return None;
    }
    if after.starts_with(['.', ',']) && !digits(&after[1..]).is_empty() || after.starts_with('%') {
        return None;
    }
    let mut parts = Parts::default();
    let previous = here.previous_word();
    let follows = here.before().ends_with(' ');
    if (1..=31).contains(&value) && follows && month(previous).is_some() {
        let day = ordinal(number, here.british);
        // "May" and "March" begin sentences too: "May 5 people …" is not worth the loss of "May 5".
        parts.words(&if here.british { format!("the {day}") } else { day });
        // "May 1–5".
        let last = after.strip_prefix(['-', '–']).map(digits).filter(|d| (1..3).contains(&d.len()));
        if let Some(last) = last {
            parts.words(&format!("to {}", ordinal(last, here.british)));
            len += after.chars().next().map_or(0, char::len_utf8) + last.len();
        }
        return Some((len, parts));
    }
    let next = after.strip_prefix(" of ").or_else(|| after.strip_prefix(' ')).unwrap_or("");
    let next_word = letters(next);
    if (1..=31).contains(&value) && month(next_word).is_some() {
        let article = if previous.eq_ignore_ascii_case("the") { "" } else { "the " };
        let of = if after.starts_with(" of ") { "" } else { " of" };
        parts.words(&format!("{article}{}{of}", ordinal(number, here.british)));
        return Some((len, parts));
    }
    None
}

pub(super) fn is_ordinal_suffix(suffix: &str, number: &str) -> bool {
    let right = match number.as_bytes() {
        [.., b'1', _] => "th",
        [.., b'1'] => "st",
        [.., b'2'] => "nd",
        [.., b'3'] => "rd",
        _ => "th",
    };
    suffix.eq_ignore_ascii_case(right)
}

/// `1990s`, `'90s`, `80s`: the decade.
pub(super) fn decade(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let body = rest.strip_prefix('\'').unwrap_or(rest);
    let number = digits(body);
    let after = &body[number.len()..];
    let after = after.strip_prefix("'s").or_else(|| after.strip_prefix('s'))?;
    if !ends(after) || !number.ends_with('0') || !matches!(number.len(), 2 | 4) {
        return None;
    }
    let words = match number.len() {
        4 => year(number.parse().ok()?, here.british),
        _ => cardinal(number, here.british),
    };
    let plural = match words.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{words}s"),
    };
    let mut parts = Parts::default();
    parts.words(&plural);
    Some((rest.len() - after.len(), parts))
}

/// `Mon-Fri`, `Sat–Sun`.
pub(super) fn weekdays(here: &Place) -> Option<Match> {
    const DAYS: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let day = |word: &str| DAYS.into_iter().find(|day| word.len() >= 3 && day.starts_with(word));
    let rest = here.rest();
    let from = letters(rest);
    let after = rest[from.len()..].strip_prefix(['-', '–'])?;
    let until = letters(after);
    if here.before().ends_with(char::is_alphanumeric) {
        return None;
    }
    let mut parts = Parts::default();
    parts.words(&format!("{} to {}", day(from)?, day(until)?));
    Some((rest.len() - after.len() + until.len(), parts))
}

/// A month's abbreviation beside a number: `Nov. 26`, `5 Sept`.
pub(super) fn month_name(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let word = letters(rest);
    let name = month(word)?;
    let after = &rest[word.len()..];
    let point = after.strip_prefix('.');
    let next = point.unwrap_or(after).trim_start_matches(' ');
    let beside = next.starts_with(|c: char| c.is_ascii_digit())
        || here.previous_word().ends_with(|c: char| c.is_ascii_digit())
        || is_ordinal_suffix(
            here.previous_word().trim_start_matches(|c: char| c.is_ascii_digit()),
            "4",
        );
    if name == word || !(beside || point.is_some() && word.len() <= 4 && name != "May") {
        return None;
    }
    let mut parts = Parts::default();
    parts.words(name);
    let point = point.is_some_and(|after| !super::ends_a_sentence(after));
    Some((word.len() + usize::from(point), parts))
}
