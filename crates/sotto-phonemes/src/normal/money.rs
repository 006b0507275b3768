//! Sums of money.

use super::numbers::{cardinal, decimal};
use super::scan::{Number, Place, digits, ends, letters, number};
use super::{Match, Parts};

/// A currency: what is written, and the words for one and for more of it and of its hundredth.
struct Currency {
    signs: &'static [&'static str],
    one: &'static str,
    more: &'static str,
    cent: &'static str,
    cents: &'static str,
}

#[rustfmt::skip]
const CURRENCIES: [Currency; 16] = [
    Currency { signs: &["US$", "$", "USD"], one: "dollar", more: "dollars", cent: "cent", cents: "cents" },
    Currency { signs: &["A$", "AU$", "AUD"], one: "Australian dollar", more: "Australian dollars", cent: "cent", cents: "cents" },
    Currency { signs: &["C$", "CA$", "CAD"], one: "Canadian dollar", more: "Canadian dollars", cent: "cent", cents: "cents" },
    Currency { signs: &["£", "GBP"], one: "pound", more: "pounds", cent: "penny", cents: "pence" },
    Currency { signs: &["€", "EUR"], one: "euro", more: "euros", cent: "cent", cents: "cents" },
    Currency { signs: &["¥", "JPY"], one: "yen", more: "yen", cent: "sen", cents: "sen" },
    Currency { signs: &["₹", "INR"], one: "rupee", more: "rupees", cent: "paisa", cents: "paise" },
    Currency { signs: &["₩", "KRW"], one: "won", more: "won", cent: "jeon", cents: "jeon" },
    Currency { signs: &["₽", "RUB"], one: "ruble", more: "rubles", cent: "kopeck", cents: "kopecks" },
    Currency { signs: &["₺"], one: "lira", more: "lira", cent: "kurus", cents: "kurus" },
    Currency { signs: &["₿", "BTC"], one: "bitcoin", more: "bitcoin", cent: "", cents: "" },
    Currency { signs: &["CHF"], one: "franc", more: "francs", cent: "centime", cents: "centimes" },
    Currency { signs: &["CNY", "RMB"], one: "yuan", more: "yuan", cent: "fen", cents: "fen" },
    Currency { signs: &["R$", "BRL"], one: "real", more: "reals", cent: "cent", cents: "cents" },
    Currency { signs: &["SEK", "NOK"], one: "krona", more: "kronor", cent: "ore", cents: "ore" },
    Currency { signs: &["¢"], one: "cent", more: "cents", cent: "", cents: "" },
];

/// `$1,234.56`, `-€1.2k`, `£3m`, `$5 million`, `20 €`, `USD 50`, `$5–10`.
pub(super) fn amount(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let minus = rest.starts_with('-') && starts_a_word(here);
    let body = if minus { &rest[1..] } else { rest };
    if !starts_a_word(here) {
        return None;
    }
    let mut parts = Parts::default();
    if minus {
        parts.words("minus");
    }
    let len = if let Some((currency, sign)) = currency_before(body) {
        let value = number(&body[sign..])?;
        said(here, body, sign, &value, currency, &mut parts)?
    } else {
        let value = number(body)?;
        let (currency, len) = currency_after(body, &value)?;
        say_plain(here, &value, currency, &mut parts);
        len
    };
    Some((len + usize::from(minus), parts))
}

fn starts_a_word(here: &Place) -> bool {
    !here.before().ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_'))
}

/// The currency written at the beginning, and how many bytes lie before its number.
fn currency_before(text: &str) -> Option<(&'static Currency, usize)> {
    for currency in &CURRENCIES {
        for sign in currency.signs {
            let Some(after) = text.strip_prefix(sign) else { continue };
            let is_code = sign.chars().all(|c| c.is_ascii_uppercase());
            let number =
                after.strip_prefix(' ').filter(|_| is_code || sign.len() > 1).unwrap_or(after);
            let next = number.as_bytes();
            let begins = next.first().is_some_and(u8::is_ascii_digit)
                || next.first() == Some(&b'.') && next.get(1).is_some_and(u8::is_ascii_digit);
            if begins {
                return Some((currency, text.len() - number.len()));
            }
        }
    }
    None
}

/// The currency written behind a number, and how long both are.
fn currency_after(text: &str, value: &Number) -> Option<(&'static Currency, usize)> {
    let after = &text[value.len..];
    let spaced = after.strip_prefix(' ').unwrap_or(after);
    for currency in &CURRENCIES {
        for sign in currency.signs {
            let Some(end) = spaced.strip_prefix(sign) else { continue };
            // "$" after a number belongs to what follows, if a number does.
            let begins_another = *sign == "$" && end.starts_with(|c: char| c.is_ascii_digit());
            if ends(end) && !begins_another && !(sign.starts_with('$') && after.starts_with(' ')) {
                return Some((currency, text.len() - end.len()));
            }
        }
    }
    None
}

/// The scale that is written behind a number: `k`, `m`, `bn`, ` million`.
fn scale(after: &str) -> Option<(&'static str, usize)> {
    let spaced = after.strip_prefix(' ').map(letters);
    if let Some(word) = spaced {
        for name in ["thousand", "million", "billion", "trillion", "hundred"] {
            if word == name {
                return Some((name, 1 + word.len()));
            }
        }
    }
    let sign = letters(after);
    let name = match sign {
        "k" | "K" => "thousand",
        "m" | "M" | "mn" | "mil" => "million",
        "b" | "B" | "bn" => "billion",
        "t" | "T" | "tn" => "trillion",
        _ => return None,
    };
    ends(&after[sign.len()..]).then_some((name, sign.len()))
}

/// Says the sum whose number begins at `sign`, with what follows it: a scale, the end of a range, a time.
/// Gives where that ends.
fn said(
    here: &Place,
    text: &str,
    sign: usize,
    value: &Number,
    currency: &Currency,
    parts: &mut Parts,
) -> Option<usize> {
    let mut len = sign + value.len;
    let british = here.british;
    // A range: "$5-10", "$5–$10".
    let dash = ["-", "–", "—"].into_iter().find_map(|dash| text[len..].strip_prefix(dash));
    let second = dash.and_then(|after| {
        let after = after.strip_prefix(&text[..sign]).unwrap_or(after);
        number(after).map(|second| (text.len() - after.len() + second.len, second))
    });
    if let Some((end, second)) = second {
        parts.words(&decimal(&value.whole, &value.fraction, british));
        parts.words("to");
        parts.words(&decimal(&second.whole, &second.fraction, british));
        len = end;
        if let Some((name, more)) = scale(&text[len..]) {
            parts.words(name);
            len += more;
        }
        parts.words(currency.more);
    } else if let Some((name, more)) = scale(&text[len..]) {
        parts.words(&decimal(&value.whole, &value.fraction, british));
        parts.words(name);
        len += more;
        // "$1M–$2M".
        let dash = ["-", "–", "—"].into_iter().find_map(|dash| text[len..].strip_prefix(dash));
        let until = dash.and_then(|after| {
            let (same, sign) = currency_before(after)?;
            let value = number(&after[sign..])?;
            let (name, more) = scale(&after[sign + value.len..])?;
            std::ptr::eq(same, currency).then_some((
                value,
                name,
                text.len() - after.len() + sign,
                more,
            ))
        });
        if let Some((second, name, start, more)) = until {
            parts
                .words(&format!("to {} {name}", decimal(&second.whole, &second.fraction, british)));
            len = start + second.len + more;
        }
        parts.words(if is_adjective(here, &text[len..]) { currency.one } else { currency.more });
    } else if ends(&text[len..]) && is_adjective(here, &text[len..]) && value.fraction.is_empty() {
        parts.words(&cardinal(&value.whole, british));
        parts.words(currency.one);
    } else if ends(&text[len..]) {
        say_plain(here, value, currency, parts);
    } else {
        return None;
    }
    if let Some(after) = text[len..].strip_prefix('/') {
        let per = letters(after);
        let word = match per {
            "mo" => "month",
            "yr" => "year",
            "hr" | "h" => "hour",
            "wk" => "week",
            "GB" => "gigabyte",
            "kg" => "kilogram",
            "kWh" => "kilowatt hour",
            _ => per,
        };
        if !per.is_empty() {
            parts.words(&format!("per {word}"));
            len += 1 + per.len();
        }
    }
    Some(len)
}

/// "a $5 bill": five dollar, not five dollars.
fn is_adjective(here: &Place, after: &str) -> bool {
    let article =
        here.before().ends_with(' ') && ["a", "A", "an", "An"].contains(&here.previous_word());
    let noun = letters(after.strip_prefix(' ').unwrap_or(""));
    article && noun.len() > 2 && !["for", "and", "per", "from", "with", "when"].contains(&noun)
}

fn say_plain(here: &Place, value: &Number, currency: &Currency, parts: &mut Parts) {
    let whole = value.whole.trim_start_matches('0');
    let cents = value.fraction.as_str();
    if currency.cent.is_empty() || !(cents.is_empty() || cents.len() == 2) {
        parts.words(&decimal(&value.whole, cents, here.british));
        parts.words(if whole == "1" && cents.is_empty() { currency.one } else { currency.more });
        return;
    }
    let has_cents = !cents.is_empty() && cents != "00";
    if !whole.is_empty() || !has_cents {
        let digits = if whole.is_empty() { "0" } else { whole };
        parts.words(&cardinal(digits, here.british));
        parts.words(if whole == "1" { currency.one } else { currency.more });
    }
    if has_cents {
        if !whole.is_empty() {
            parts.words("and");
        }
        parts.words(&cardinal(digits(cents), here.british));
        parts.words(if cents == "01" { currency.cent } else { currency.cents });
    }
}
