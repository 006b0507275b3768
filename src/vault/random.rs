//! Random bytes, from the operating system and from nowhere else.
//!
//! The one call site: `clippy.toml` bans the generator's functions everywhere else. There is no fallback
//! and no generator of our own behind it; when the system has no bytes, nothing is sealed.

/// The operating system gave no random bytes. What needed them was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoEntropy(#[source] getrandom::Error);

/// Fills `bytes` with random ones. After an error what is in `bytes` is not random and must not be used.
///
/// Blocks until the system's generator has been seeded, which it is soon after a machine has started.
pub fn fill(bytes: &mut [u8]) -> Result<(), NoEntropy> {
    #[expect(clippy::disallowed_methods, reason = "the one call site")]
    getrandom::fill(bytes).map_err(NoEntropy)
}

/// Returns `N` random bytes: for tokens and identifiers. A key is made by [`Key::random`](super::key::Key::random).
pub fn bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// A new id that nobody can guess: `kind_` and 32 hexadecimal digits, 128 random bits.
pub fn id(kind: &str) -> Result<String, NoEntropy> {
    Ok(format!("{kind}_{:032x}", u128::from_be_bytes(bytes()?)))
}

/// A generator that fails, in the place of [`fill`].
#[cfg(test)]
pub(super) fn broken(_: &mut [u8]) -> Result<(), NoEntropy> {
    Err(NoEntropy(getrandom::Error::UNSUPPORTED))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::{broken, bytes, fill};

    #[test]
    fn bytes_are_filled_and_differ() {
        let (one, other) = (bytes::<32>().unwrap(), bytes::<32>().unwrap());
        assert_ne!(one, other);
        assert_ne!(one, [0; 32]);
        fill(&mut []).unwrap();
    }

    #[test]
    fn the_cause_of_a_failure_is_kept() {
        assert!(broken(&mut [0; 4]).unwrap_err().source().is_some());
    }
}
