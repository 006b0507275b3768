//! A key that cannot end up in a log.

use std::fmt;

/// An API key. `Debug` never shows it, and there is no `Display`.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Wraps a key. White space around it is dropped: keys are read from files that end with a line
    /// feed.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into().trim().to_owned())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::ApiKey;

    #[test]
    fn debug_never_shows_the_key() {
        assert_eq!(format!("{:?}", ApiKey::new("sk-hunter2")), "ApiKey(…)");
    }

    #[test]
    fn white_space_around_a_key_is_dropped() {
        assert_eq!(ApiKey::new(" sk-1\n").reveal(), "sk-1");
    }
}
