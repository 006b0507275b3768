//! Where the keys come from: one of three variables of the environment.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::Keyring;
use super::error::{KeyringError, SourceError};
use super::text::KeyText;

const KEYS: &str = "SECRET_KEYS";
const KEY: &str = "SECRET_KEY";
const KEY_FILE: &str = "SECRET_KEY_FILE";

/// Far more than a ring of keys needs.
const MOST_BYTES: u64 = 64 << 10;

/// What the environment holds. An empty variable counts as one that is not set.
///
/// Without `Debug`: it holds keys.
#[derive(Clone, Copy, Default)]
pub struct Sources<'a> {
    /// `SECRET_KEYS`: a list.
    pub secret_keys: Option<&'a str>,
    /// `SECRET_KEY`: one key.
    pub secret_key: Option<&'a str>,
    /// `SECRET_KEY_FILE`: a file with a list or one key, which only its owner can read.
    pub secret_key_file: Option<&'a Path>,
}

impl Keyring {
    /// Reads the keys from where the environment says. Exactly one of the variables is set, and every error
    /// names the one that is meant.
    pub fn from_environment(sources: Sources<'_>) -> Result<Self, SourceError> {
        let keys = sources.secret_keys.filter(|text| !text.trim().is_empty());
        let key = sources.secret_key.filter(|text| !text.trim().is_empty());
        let file = sources.secret_key_file.filter(|path| !path.as_os_str().is_empty());
        let wrong = |variable| move |source| SourceError::Keys { variable, source };
        match (keys, key, file) {
            (None, None, None) => Err(SourceError::None),
            (Some(_), Some(_), _) => Err(SourceError::Several { first: KEYS, second: KEY }),
            (Some(_), _, Some(_)) => Err(SourceError::Several { first: KEYS, second: KEY_FILE }),
            (_, Some(_), Some(_)) => Err(SourceError::Several { first: KEY, second: KEY_FILE }),
            (Some(list), None, None) => Self::parse(list).map_err(wrong(KEYS)),
            (None, Some(one), None) if one.contains(',') => Err(SourceError::List),
            (None, Some(one), None) => Self::parse(one).map_err(wrong(KEY)),
            (None, None, Some(path)) => {
                Self::parse(read_key_file(path)?.reveal()).map_err(wrong(KEY_FILE))
            }
        }
    }
}

/// Reads a file of keys. One that its group or others may touch is refused: it is no secret any more.
pub fn read_key_file(path: &Path) -> Result<KeyText, SourceError> {
    let unreadable = |source| SourceError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    // Asked of the open file, so that what is checked is what is read.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        return Err(SourceError::NotAKeyFile { path: path.to_owned() });
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SourceError::Readable { path: path.to_owned(), mode });
        }
    }
    // With room for all of it from the start, so that growing leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES as usize));
    file.take(MOST_BYTES).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => SourceError::NotAKeyFile { path: path.to_owned() },
        _ => unreadable(error),
    })?;
    if text.trim().is_empty() {
        return Err(SourceError::Keys { variable: KEY_FILE, source: KeyringError::Empty });
    }
    Ok(KeyText::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> String {
        Keyring::generate().unwrap().reveal().to_owned()
    }

    fn text(sources: Sources<'_>) -> String {
        Keyring::from_environment(sources).unwrap_err().to_string()
    }

    #[test]
    fn each_variable_gives_a_ring() {
        let entry = entry();
        let list = format!("k2:{},{entry}", self::entry().strip_prefix("k1:").unwrap());
        let keys = Sources { secret_keys: Some(&list), ..Sources::default() };
        assert_eq!(Keyring::from_environment(keys).unwrap().active(), "k2");
        let bare = entry.strip_prefix("k1:").unwrap();
        for one in [entry.as_str(), bare] {
            let key = Sources { secret_key: Some(one), ..Sources::default() };
            assert_eq!(Keyring::from_environment(key).unwrap().active(), "k1");
        }
    }

    #[test]
    fn exactly_one_variable_is_set_and_the_others_are_named() {
        let (entry, path) = (entry(), Path::new("/nowhere"));
        let none = text(Sources::default());
        assert!(none.contains("SECRET_KEY_FILE") && none.contains("sotto keys new"), "{none}");
        let empty = Sources {
            secret_keys: Some(""),
            secret_key: Some(" "),
            secret_key_file: Some(Path::new("")),
        };
        assert_eq!(text(empty), none);
        let keys = Some(entry.as_str());
        for (sources, first, second) in [
            ((keys, keys, None), "SECRET_KEYS ", "SECRET_KEY "),
            ((keys, None, Some(path)), "SECRET_KEYS ", "SECRET_KEY_FILE "),
            ((None, keys, Some(path)), "SECRET_KEY ", "SECRET_KEY_FILE "),
            ((keys, keys, Some(path)), "SECRET_KEYS ", "SECRET_KEY "),
        ] {
            let (secret_keys, secret_key, secret_key_file) = sources;
            let error = text(Sources { secret_keys, secret_key, secret_key_file });
            assert!(error.contains(first) && error.contains(second), "{error}");
        }
    }

    #[test]
    fn an_error_names_the_variable_and_quotes_no_key() {
        let weak = "TWFueSBhIHNlY3JldCBpcyBub25lLCBhcyB0aGlzIG9uZQ==";
        let pair = format!("{},{}", entry(), entry());
        for (sources, name) in [
            (Sources { secret_keys: Some(weak), ..Sources::default() }, "SECRET_KEYS: "),
            (Sources { secret_key: Some(weak), ..Sources::default() }, "SECRET_KEY: "),
            (Sources { secret_key: Some(&pair), ..Sources::default() }, "SECRET_KEY "),
        ] {
            let error = text(sources);
            assert!(error.starts_with(name), "{error}");
            assert!(!error.contains("TWFu") && !error.contains(&pair[3..9]), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_touch_is_refused() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let entry = entry();
        fs::write(&path, format!("{entry}\n")).unwrap();
        let read = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Keyring::from_environment(Sources {
                secret_key_file: Some(&path),
                ..Sources::default()
            })
        };
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!(read(mode).unwrap().active(), "k1");
        }
        for mode in [0o640, 0o604, 0o660, 0o644, 0o620, 0o602, 0o610, 0o777] {
            let error = read(mode).unwrap_err().to_string();
            assert!(error.contains(&format!("(mode {mode:o})")), "{error}");
            assert!(!error.contains(&entry[3..]), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_of_keys_is_refused() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let only_ours = || fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = || read_key_file(&path).unwrap_err().to_string();
        assert!(error().starts_with("SECRET_KEY_FILE: cannot read"), "{}", error());
        for bytes in [&[0xff; 40][..], &vec![b'A'; MOST_BYTES as usize + 1]] {
            fs::write(&path, bytes).unwrap();
            only_ours();
            assert!(error().contains("is not a file of keys"), "{}", error());
        }
        fs::write(&path, " \n").unwrap();
        assert!(error().contains("SECRET_KEY_FILE: there is no key in it"), "{}", error());
        assert!(read_key_file(folder.path()).is_err());
    }
}
