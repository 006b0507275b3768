//! What can go wrong between people and the door.

use std::error::Error;
use std::time::Duration;

use super::login::LoginError;
use super::name::InvalidName;
use super::password::{PasswordError, Weakness};
use crate::store::StoreError;
use crate::vault::random::NoEntropy;

/// Something that somebody else did failed: the vault, or the keeper of conversations.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Somebody could not be let in, or something about them could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Name or password are wrong, or the account is closed; nobody learns which.
    #[error("name or password are wrong")]
    WrongCredentials,
    /// The password that confirms a change is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// Too many wrong passwords.
    #[error("there were too many attempts; wait a little")]
    Locked {
        /// For so much longer.
        wait: Duration,
    },
    /// Too many hashes at once.
    #[error("too many people are signing in at the moment; wait a little")]
    Busy,
    /// Somebody else has this name.
    #[error("this name is taken")]
    NameTaken,
    /// A name that may not be used.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// A password that may not be chosen.
    #[error(transparent)]
    WeakPassword(#[from] Weakness),
    /// Accounts are made by the operator.
    #[error("accounts are made by the operator of this server")]
    SignUpClosed,
    /// Accounts need an invitation.
    #[error("this server needs an invitation")]
    InviteNeeded,
    /// There is no such invitation, or it is used or has expired.
    #[error("this invitation does not hold, or no longer")]
    InvalidInvite,
    /// There are no guests here.
    #[error("this server has no guests; sign in")]
    GuestsOff,
    /// Only an account can do this.
    #[error("this needs an account")]
    AccountNeeded,
    /// Too many of something.
    #[error("there may be at most {0} of these")]
    TooMany(usize),
    /// There is no such person, login or token.
    #[error("there is none")]
    Unknown,
    /// Logins cannot be read or written.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A hash could not be made.
    #[error(transparent)]
    Password(PasswordError),
    /// No randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// No data key could be made for somebody new.
    #[error("no data key could be made: {0}")]
    Key(#[source] Cause),
    /// What somebody has could not be moved or forgotten.
    #[error("what somebody keeps here could not be changed: {0}")]
    Belongings(#[source] Cause),
}

impl From<PasswordError> for AuthError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Busy,
            other => Self::Password(other),
        }
    }
}
