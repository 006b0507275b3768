//! Addresses of the net, files and versions.

use super::numbers::{in_a_name, one_by_one};
use super::scan::{Place, digits, ends, letters};
use super::{Match, Parts, code};

/// Endings by which a bare host is known.
const DOMAINS: [&str; 38] = [
    "com", "org", "net", "io", "dev", "ai", "app", "edu", "gov", "co", "uk", "de", "fr", "eu",
    "us", "ca", "au", "nl", "es", "it", "ch", "at", "jp", "in", "br", "me", "tv", "info", "xyz",
    "rs", "sh", "to", "gg", "ly", "test", "local", "page", "example",
];

/// Endings of file names: how they are written and what is said where letters will not do.
#[rustfmt::skip]
const FILES: [(&str, &str); 53] = [
    ("rs", ""), ("py", ""), ("js", ""), ("ts", ""), ("jsx", ""), ("tsx", ""), ("mjs", ""), ("go", "go"), ("c", ""), ("h", ""),
    ("cpp", ""), ("hpp", ""), ("cs", ""), ("java", "java"), ("kt", ""), ("swift", "swift"), ("rb", ""), ("php", ""), ("sh", ""),
    ("lua", "lua"), ("sql", ""), ("html", ""), ("css", ""), ("json", "json"), ("yaml", "yaml"), ("yml", "yaml"), ("toml", "toml"),
    ("xml", ""), ("md", ""), ("txt", "text"), ("csv", ""), ("tsv", ""), ("log", "log"), ("lock", "lock"), ("ini", "ini"), ("conf", "conf"),
    ("cfg", "config"), ("env", "env"), ("pdf", ""), ("png", ""), ("jpg", "jpeg"), ("jpeg", "jpeg"), ("gif", "gif"), ("svg", ""), ("webp", "web P"),
    ("mp3", ""), ("mp4", ""), ("wav", "wave"), ("zip", "zip"), ("gz", ""), ("tar", "tar"), ("exe", ""), ("wasm", "wasm"),
];

/// `https://example.com/docs`, `example.com:8080`, `www.example.org`.
pub(super) fn link(here: &Place) -> Option<Match> {
    if here.before().ends_with(|c: char| c.is_alphanumeric() || matches!(c, '@' | '.' | '/')) {
        return None;
    }
    let chunk = trimmed(here.chunk());
    let mut parts = Parts::default();
    let scheme =
        ["https://", "http://", "ftp://", "ws://", "wss://", "ssh://", "file://", "git://"]
            .into_iter()
            .find(|scheme| chunk.len() > scheme.len() && chunk.starts_with(scheme));
    let body = &chunk[scheme.map_or(0, str::len)..];
    let host = &body[..body.find(['/', ':', '?', '#']).unwrap_or(body.len())];
    if scheme.is_none() && !is_host(host) {
        return None;
    }
    // Alone it is a word like any other.
    if body == "localhost" {
        return None;
    }
    let shown = body.strip_prefix("www.").unwrap_or(body);
    say(shown.trim_end_matches('/'), here, &mut parts);
    Some((chunk.len(), parts))
}

fn is_host(host: &str) -> bool {
    if host == "localhost" {
        return true;
    }
    let mut labels: Vec<&str> = host.split('.').collect();
    let last = labels.pop().unwrap_or_default();
    let good = |label: &&str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    // "I.me" and "end.It" are sentences without a space; names of the net are small.
    let small = !host.bytes().any(|b| b.is_ascii_uppercase());
    let known = DOMAINS.contains(&last) && !FILES.iter().any(|(ending, _)| *ending == last)
        || host.starts_with("www.") && labels.len() > 1;
    !labels.is_empty()
        && labels.iter().all(good)
        && known
        && small
        && labels.iter().any(|l| l.len() > 1)
        && labels.iter().any(|l| l.bytes().any(|b| b.is_ascii_alphabetic()))
}

/// `first.last+tag@example.com`.
pub(super) fn email(here: &Place) -> Option<Match> {
    if here.before().ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let chunk = trimmed(here.chunk());
    let (name, host) = chunk.split_once('@')?;
    let local = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    let label = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let good = !name.is_empty()
        && name.bytes().all(local)
        && host.contains('.')
        && host.bytes().all(label);
    let mut parts = Parts::default();
    if !good {
        // @someone
        return None;
    }
    say(name, here, &mut parts);
    parts.words("at");
    say(host, here, &mut parts);
    Some((chunk.len(), parts))
}

/// `src/main.rs`, `/etc/hosts`, `~/.bashrc`, `config.toml`, `.env`.
pub(super) fn path(here: &Place) -> Option<Match> {
    if here.before().ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '_')) {
        return None;
    }
    let chunk = trimmed(here.chunk());
    let allowed = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '.' | '/' | '\\' | '_' | '-' | '~' | ':' | '*' | '+')
    };
    if chunk.len() < 3
        || !chunk.chars().all(allowed)
        || !chunk.contains(|c: char| c.is_ascii_alphabetic())
    {
        return None;
    }
    let rooted = ["/", "~/", "./", "../", "\\"].iter().any(|root| chunk.starts_with(root));
    let last = chunk.rsplit(['/', '\\']).next().unwrap_or(chunk);
    let (stem, ending) = last.rsplit_once('.').unwrap_or((last, ""));
    // ".env" has no stem; "e.g" and "p.m" are no files.
    let hidden = stem.is_empty() && chunk.starts_with('.') && ending.len() > 1;
    let file = FILES.iter().any(|(known, _)| *known == ending)
        && (stem.len() > 1 || hidden)
        && (ending.len() != 1 || stem.contains(|c: char| c.is_ascii_lowercase()));
    let drive = chunk.as_bytes().get(1) == Some(&b':') && chunk.contains('\\');
    let deep = chunk.matches('/').count() >= 2 && chunk.bytes().all(|b| !b.is_ascii_uppercase());
    let is_path =
        rooted && chunk.len() > 2 && chunk.contains(['/', '\\']) || file || hidden || drive || deep;
    if !is_path {
        return None;
    }
    let mut parts = Parts::default();
    say(chunk, here, &mut parts);
    Some((chunk.len(), parts))
}

/// `v1.2.3`, `1.2.3`, `192.168.0.1`, `1.0.0-rc.1`.
pub(super) fn version(here: &Place) -> Option<Match> {
    if here.before().ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '$')) {
        return None;
    }
    let rest = here.rest();
    let lettered =
        rest.starts_with(['v', 'V']) && rest[1..].starts_with(|c: char| c.is_ascii_digit());
    let mut len = usize::from(lettered);
    let mut numbers = Vec::new();
    loop {
        let number = digits(&rest[len..]);
        if number.is_empty() {
            return None;
        }
        numbers.push(number);
        len += number.len();
        let goes_on = rest[len..].starts_with('.') && !digits(&rest[len + 1..]).is_empty();
        if !goes_on {
            break;
        }
        len += 1;
    }
    if numbers.len() < 3 && !lettered {
        return None;
    }
    let is_ip = numbers.len() == 4 && numbers.iter().all(|n| n.len() <= 3);
    let mut parts = Parts::default();
    if lettered {
        parts.words("version");
    }
    for (index, number) in numbers.iter().enumerate() {
        if index > 0 {
            parts.words(if is_ip { "dot" } else { "point" });
        }
        parts.words(&if is_ip && number.len() > 2 {
            one_by_one(number)
        } else {
            in_a_name(number, here.british)
        });
    }
    if let Some(after) = rest[len..].strip_prefix('-') {
        let tag: String =
            after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
        let tag = tag.trim_end_matches('.');
        if tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            say(tag, here, &mut parts);
            len += 1 + tag.len();
        }
    }
    ends(&rest[len..]).then_some((len, parts))
}

/// Says an address sign by sign.
fn say(text: &str, here: &Place, parts: &mut Parts) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let run = letters(rest);
        if !run.is_empty() {
            rest = &rest[run.len()..];
            let after_point = text[..text.len() - rest.len() - run.len()].ends_with('.');
            let ending = FILES
                .iter()
                .find(|(ending, said)| after_point && *ending == run && !said.is_empty());
            match ending {
                Some((_, said)) => parts.words(said),
                None if after_point
                    && ["com", "org", "net", "info", "dev", "local"].contains(&run) =>
                {
                    parts.words(run);
                }
                None if after_point && FILES.iter().any(|(ending, _)| *ending == run) => {
                    parts.letters(run);
                }
                None => code::say_word(run, here, parts),
            }
            continue;
        }
        let number = digits(rest);
        if !number.is_empty() {
            parts.words(&in_a_name(number, here.british));
            rest = &rest[number.len()..];
            continue;
        }
        let name = match c {
            '.' => "dot",
            '/' => "slash",
            '\\' => "backslash",
            '-' => "dash",
            '_' => "underscore",
            '~' => "tilde",
            ':' => "colon",
            '@' => "at",
            '+' => "plus",
            '#' => "hash",
            '?' => "question mark",
            '=' => "equals",
            '&' => "and",
            '%' => "percent",
            '*' => "star",
            _ => "",
        };
        parts.words(name);
        rest = &rest[c.len_utf8()..];
    }
}

/// Without the marks that belong to the sentence.
fn trimmed(chunk: &str) -> &str {
    let chunk = chunk
        .trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '"', '”', '\'', '…', '—']);
    chunk.strip_suffix("'s").unwrap_or(chunk)
}
