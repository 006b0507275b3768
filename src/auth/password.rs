//! Passwords: which may be chosen, and how they are hashed and compared.
//!
//! A hash takes tens of megabytes and a tenth of a second on purpose, so few run at once, on threads that may be
//! busy, and who waits too long is told so. A name that nobody has costs the same time as a wrong password.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use serde::{Deserialize, Deserializer};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::config;
use crate::vault::random::{self, NoEntropy};

/// Fewer letters are too few.
pub const LEAST_LETTERS: usize = 8;
/// More bytes are somebody who wants to keep us busy.
const MOST_BYTES: usize = 1_024;
/// Hashes at once: each has its own memory.
const MOST_AT_ONCE: usize = 4;
/// Who waits longer for a hash is told to come again.
const PATIENCE: Duration = Duration::from_secs(2);

/// What everybody tries first, in small letters, one a line.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password as it was typed: neither trimmed nor changed. Wiped when dropped; `Debug` does not show it.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// A password that may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too short.
    #[error("a password has at least {LEAST_LETTERS} letters")]
    Short,
    /// Too long.
    #[error("a password has at most {MOST_BYTES} bytes")]
    Long,
    /// One that everybody tries first.
    #[error("this is one of the passwords that everybody tries first; take a few words instead")]
    Common,
    /// The name.
    #[error("the password may not be the name")]
    Name,
}

/// A password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Too many at once.
    #[error("too many people are signing in at the moment")]
    Busy,
    /// No randomness for a salt.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The hash or its parameters cannot be used.
    #[error("a password hash cannot be used: {0}")]
    Hash(#[from] argon2::password_hash::Error),
    /// Its thread ended early.
    #[error("the thread of a password hash ended early")]
    Thread,
}

/// What a comparison found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not this password, or there is none.
    Wrong,
    /// This password. `renewed` is a hash with today's parameters where the stored one has others.
    Right {
        /// See above.
        renewed: Option<String>,
    },
}

impl Password {
    /// Takes a password as it was typed.
    pub fn new(typed: String) -> Self {
        Self(Zeroizing::new(typed))
    }

    /// Whether it may be chosen by somebody of this name.
    pub fn check(&self, name: &str) -> Result<(), Weakness> {
        if self.0.len() > MOST_BYTES {
            return Err(Weakness::Long);
        }
        if self.0.chars().count() < LEAST_LETTERS {
            return Err(Weakness::Short);
        }
        let small = Zeroizing::new(self.0.to_lowercase());
        if *small == name.to_lowercase() {
            return Err(Weakness::Name);
        }
        if COMMON.lines().any(|common| common == small.as_str()) {
            return Err(Weakness::Common);
        }
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Hashes and compares, a few at once. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
}

impl Passwords {
    /// With these parameters, which the configuration has checked.
    pub fn new(config: config::Password) -> Result<Self, PasswordError> {
        let params = Params::new(config.memory_kib, config.passes, 1, None)
            .map_err(argon2::password_hash::Error::from)?;
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            permits: Arc::new(Semaphore::new(cores.min(MOST_AT_ONCE))),
        })
    }

    /// The hash of a new password, in the PHC form.
    pub async fn hash(&self, password: Password) -> Result<String, PasswordError> {
        self.on_a_thread(move |argon2| hash(argon2, &password)).await
    }

    /// Compares a password with a stored hash. Without one it takes the same time to say no.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
    ) -> Result<Verdict, PasswordError> {
        self.on_a_thread(move |argon2| verify(argon2, &password, stored.as_deref())).await
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(PasswordError::Busy) };
        let argon2 = self.argon2.clone();
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when the request has gone away.
            let _permit = permit;
            work(&argon2)
        })
        .await
        .map_err(|_| PasswordError::Thread)?
    }
}

fn hash(argon2: &Argon2<'_>, password: &Password) -> Result<String, PasswordError> {
    let salt: [u8; 16] = random::bytes()?;
    let hash: PasswordHash = argon2.hash_password_with_salt(password.0.as_bytes(), &salt)?;
    Ok(hash.to_string())
}

fn verify(
    argon2: &Argon2<'_>,
    password: &Password,
    stored: Option<&str>,
) -> Result<Verdict, PasswordError> {
    // What is too long was never hashed; its length says nothing about whose it is.
    if password.0.len() > MOST_BYTES {
        return Ok(Verdict::Wrong);
    }
    let Some(stored) = stored else {
        hash(argon2, password)?;
        return Ok(Verdict::Wrong);
    };
    let stored = PasswordHash::new(stored).map_err(argon2::password_hash::Error::from)?;
    match argon2.verify_password(password.0.as_bytes(), &stored) {
        Ok(()) => {
            let params = Params::try_from(&stored)?;
            let now = argon2.params();
            let same = (params.m_cost(), params.t_cost(), params.p_cost())
                == (now.m_cost(), now.t_cost(), now.p_cost());
            let renewed = if same { None } else { Some(hash(argon2, password)?) };
            Ok(Verdict::Right { renewed })
        }
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: config::Password = config::Password { memory_kib: 64, passes: 1 };

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    fn passwords(passes: u32) -> Passwords {
        Passwords::new(config::Password { passes, ..QUICK }).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_compared_as_it_was_typed() {
        let passwords = passwords(1);
        let stored = passwords.hash(password(" Pässword with spaces ")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        let verify = |text: &str| passwords.verify(password(text), Some(stored.clone()));
        let right = Verdict::Right { renewed: None };
        assert_eq!(verify(" Pässword with spaces ").await.unwrap(), right);
        for wrong in ["Pässword with spaces", " pässword with spaces ", "", &"a".repeat(5_000)] {
            assert_eq!(verify(wrong).await.unwrap(), Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        assert_eq!(passwords(1).verify(password(""), None).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let passwords = passwords(1);
        let [a, b] = [passwords.hash(password("same")), passwords.hash(password("same"))];
        assert_ne!(a.await.unwrap(), b.await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_is_renewed() {
        let stored = passwords(1).hash(password("of old")).await.unwrap();
        let verdict = passwords(2).verify(password("of old"), Some(stored)).await.unwrap();
        let Verdict::Right { renewed: Some(renewed) } = verdict else { panic!("{verdict:?}") };
        assert!(renewed.starts_with("$argon2id$v=19$m=64,t=2,p=1$"));
        let again = passwords(2).verify(password("of old"), Some(renewed)).await.unwrap();
        assert_eq!(again, Verdict::Right { renewed: None });
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told_to_come_again() {
        let passwords = passwords(1);
        let held = passwords.permits.available_permits() as u32;
        let _all = passwords.permits.acquire_many(held).await.unwrap();
        let refused = passwords.verify(password("x"), None).await;
        assert!(matches!(refused, Err(PasswordError::Busy)));
    }

    #[test]
    fn weak_passwords_are_refused() {
        for (typed, weakness) in [
            ("1234567", Weakness::Short),
            ("äöüßéè", Weakness::Short),
            ("Password1", Weakness::Common),
            ("qwertyuiop", Weakness::Common),
            ("Ada-Lovelace", Weakness::Name),
        ] {
            assert_eq!(password(typed).check("ada-lovelace"), Err(weakness), "{typed}");
        }
        assert_eq!(password(&"a1".repeat(600)).check("ada"), Err(Weakness::Long));
        assert_eq!(password("correct horse battery").check("ada"), Ok(()));
    }

    #[test]
    fn the_list_is_in_small_letters_and_holds_nothing_that_is_too_short_anyway() {
        for common in COMMON.lines() {
            assert_eq!(common, common.to_lowercase());
            assert!(common.chars().count() >= LEAST_LETTERS, "{common}");
        }
    }
}
