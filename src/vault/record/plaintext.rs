//! What was sealed, open.

use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// The content of a record. It is gone from memory when it is dropped, and `Debug` shows a length.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    pub(super) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl Deref for Plaintext {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_what_was_sealed() {
        let plaintext = Plaintext::new(Zeroizing::new(b"the tide".to_vec()));
        assert_eq!(format!("{:?}", Ok::<_, ()>(plaintext)), "Ok(Plaintext(8 bytes))");
    }
}
