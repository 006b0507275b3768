//! What is sealed, while it is open.

use std::fmt;
use std::ops::Deref;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::padding::PREFIX;

/// A plaintext with its length before it and zeros behind it, gone from memory when it is dropped.
///
/// A type of our own and not `Zeroizing<Vec<u8>>`, which erases byte by byte and takes as long as the cipher.
pub(in crate::vault) struct Padded(Vec<u8>);

impl Padded {
    /// Takes over bytes in a place that they have never been moved from.
    pub(in crate::vault) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for Padded {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Padded {
    fn drop(&mut self) {
        // Nothing is ever taken off its end but the tag, so this is all that was in it.
        self.0.as_mut_slice().zeroize();
    }
}

impl ZeroizeOnDrop for Padded {}

/// The content of a record. It is gone from memory when it is dropped, and `Debug` shows a length.
pub struct Plaintext {
    padded: Padded,
    length: usize,
}

impl Plaintext {
    /// The first `length` bytes after the prefix, which are there.
    pub(super) fn new(padded: Padded, length: usize) -> Self {
        Self { padded, length }
    }
}

impl Deref for Plaintext {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.padded[PREFIX..PREFIX + self.length]
    }
}

impl PartialEq for Plaintext {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Plaintext {}

impl ZeroizeOnDrop for Plaintext {}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::super::padding::{pad, unpad};

    #[test]
    fn debug_shows_nothing_of_what_was_sealed() {
        let plaintext = unpad(pad(b"the tide").unwrap()).unwrap();
        assert_eq!(&plaintext[..], b"the tide");
        assert_eq!(format!("{:?}", Ok::<_, ()>(plaintext)), "Ok(Plaintext(8 bytes))");
    }
}
