//! Given pronunciations, hashtags, letters of Greek.

use super::scan::{Place, letters};
use super::{Match, Parts, code};
use crate::vocabulary;

/// `[word](/phonemes/)`: said as given. Characters that Kokoro lacks are left out.
pub(super) fn given(here: &Place) -> Option<Match> {
    let rest = here.rest().strip_prefix('[')?;
    let close = rest.find("](/").filter(|&close| close > 0 && close < 200)?;
    let sounds = &rest[close + 3..];
    let end = sounds.find("/)").filter(|&end| end < 400)?;
    if rest[..close].contains(['[', ']']) {
        return None;
    }
    let mut sounds = sounds[..end].to_owned();
    vocabulary::keep(&mut sounds);
    let mut parts = Parts::default();
    parts.sounds(sounds.trim());
    Some((1 + close + 3 + end + 2, parts))
}

/// A word of the person's own that no rule may take apart: `k8s`, `gRPC`, `C++`.
pub(super) fn owned(here: &Place) -> Option<Match> {
    if here.own.is_empty() || here.before().ends_with(char::is_alphanumeric) {
        return None;
    }
    let chunk = here.chunk();
    let bare = chunk.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '”', '…']);
    let bare = bare.strip_suffix("'s").map_or(bare, |_| chunk);
    let sounds = here.own.get(bare)?;
    let mut parts = Parts::default();
    parts.sounds(sounds);
    Some((bare.len(), parts))
}

/// `'twas`, `rock 'n' roll`: an apostrophe that is no quotation mark.
pub(super) fn clipped(here: &Place) -> Option<Match> {
    let after = here.rest().strip_prefix('\'')?;
    if here.before().ends_with(char::is_alphanumeric) {
        return None;
    }
    let word = letters(after);
    let words = match word.to_ascii_lowercase().as_str() {
        "twas" | "tis" | "cause" | "til" | "bout" => format!("'{}", word.to_ascii_lowercase()),
        "em" => "them".to_owned(),
        "n" => "and".to_owned(),
        _ => return None,
    };
    let len = 1 + word.len();
    let closed = after[word.len()..].starts_with('\'');
    let mut parts = Parts::default();
    parts.words(&words);
    Some((len + usize::from(closed && word.eq_ignore_ascii_case("n")), parts))
}

/// `:-)`, `<3`: seen, not heard.
pub(super) fn emoticon(here: &Place) -> Option<Match> {
    const FACES: [&str; 20] = [
        ":)", ":-)", ";)", ";-)", ":(", ":-(", ":D", ":-D", ":P", ":-P", ":p", ":/", ":-/", ":'(",
        "<3", "xD", "XD", "^^", ":o", ":O",
    ];
    let chunk = here.chunk().trim_end_matches(['.', ',', '!', '?']);
    let alone = here.at == 0 || here.before().ends_with(' ');
    (alone && FACES.contains(&chunk)).then(|| (chunk.len(), Parts::default()))
}

/// `#RustLang`, `@someone`.
pub(super) fn hashtag(here: &Place) -> Option<Match> {
    let rest = here.rest();
    let sign = rest.chars().next().filter(|c| matches!(c, '#' | '@'))?;
    if here.before().ends_with(char::is_alphanumeric) {
        return None;
    }
    let name = &rest[1..];
    let len = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
    let name = name[..len].trim_end_matches('_');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let mut parts = Parts::default();
    parts.words(if sign == '#' { "hashtag" } else { "at" });
    for word in name.split('_') {
        let mut rest = word;
        while !rest.is_empty() {
            let run = letters(rest);
            if run.is_empty() {
                let number = super::scan::digits(rest);
                parts.words(&super::numbers::in_a_name(number, here.british));
                rest = &rest[number.len()..];
            } else {
                code::say_run(run, here, &mut parts);
                rest = &rest[run.len()..];
            }
        }
    }
    Some((1 + name.len(), parts))
}

/// A letter of Greek that stands alone, as in formulas.
pub(super) fn greek(here: &Place) -> Option<Match> {
    let c = here.rest().chars().next()?;
    let after = &here.rest()[c.len_utf8()..];
    if after.starts_with(char::is_alphabetic) || here.before().ends_with(char::is_alphabetic) {
        return None;
    }
    let name = match c {
        'α' | 'Α' => "alpha",
        'β' | 'Β' => "beta",
        'γ' | 'Γ' => "gamma",
        'δ' | 'Δ' => "delta",
        'ε' => "epsilon",
        'ζ' => "zeta",
        'η' => "eta",
        'θ' | 'Θ' => "theta",
        'κ' => "kappa",
        'λ' | 'Λ' => "lambda",
        'μ' => "mu",
        'ν' => "nu",
        'ξ' => "xi",
        'π' | 'Π' => "pi",
        'ρ' => "rho",
        'σ' | 'Σ' => "sigma",
        'τ' => "tau",
        'φ' | 'Φ' => "phi",
        'χ' => "chi",
        'ψ' | 'Ψ' => "psi",
        'ω' | 'Ω' => "omega",
        _ => return None,
    };
    let mut parts = Parts::default();
    parts.words(name);
    Some((c.len_utf8(), parts))
}
