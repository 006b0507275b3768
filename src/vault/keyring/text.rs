//! Keys as text, on their way to a terminal or a file.

use std::fmt;

use zeroize::Zeroizing;

/// One or more entries of a keyring. It is gone from memory when it is dropped, and `Debug` shows nothing.
#[derive(Clone)]
pub struct KeyText(Zeroizing<String>);

impl KeyText {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(String::with_capacity(capacity)))
    }

    pub(super) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Appends; what was there moves to a larger place, which is erased behind it.
    pub(super) fn add(&mut self, more: &str) {
        let needed = self.0.len() + more.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(needed * 2));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        self.0.push_str(more);
    }

    /// The text itself, for those who must have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(..)")
    }
}
