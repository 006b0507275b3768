//! Why something with conversations did not work.

use crate::store::StoreError;
use crate::vault::chain::ChainError;
use crate::vault::random::NoEntropy;
use crate::vault::record::{OpenError, SealError};

/// See the module. No text repeats content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// There is no such conversation, or it is somebody else's.
    #[error("there is no such conversation")]
    NotFound,
    /// There is no such item in the conversation.
    #[error("there is no such message in this conversation")]
    NoItem,
    /// A call goes on in the conversation.
    #[error("a call goes on in this conversation; type in the call, or hang up first")]
    InCall,
    /// A reply is being written.
    #[error("a reply is being written; stop it first")]
    Busy,
    /// Somebody else changed the conversation again and again.
    #[error("the conversation is being changed elsewhere; try again")]
    Contended,
    /// A value that cannot be.
    #[error("{param}: {problem}")]
    Invalid {
        /// Where.
        param: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// What only the browser can do for a private conversation.
    #[error("only the browser can do this for a private conversation: it holds the key")]
    OnlyInBrowser,
    /// A private conversation of somebody who has no vault.
    #[error("private conversations need a vault; set it up first")]
    NoVault,
    /// As many ephemeral conversations as memory is given to.
    #[error("too many ephemeral conversations are open; end one first")]
    TooMany,
    /// A record that does not open: damaged, or not where it belongs.
    #[error("a record of this conversation cannot be opened: {0}")]
    Damaged(#[from] OpenError),
    /// A record that cannot be added to the chain.
    #[error("the records of this conversation are not in order: {0}")]
    Chain(#[from] ChainError),
    /// A key of the server that is not in its ring any more.
    #[error("the server's key {0} is not in SECRET_KEYS; put it back to read what it protects")]
    NoKey(String),
    /// A key of the right name that is another.
    #[error(
        "the key {0} is not the one that this database was written with; set SECRET_KEYS, SECRET_KEY or \
         SECRET_KEY_FILE to the right one (make run keeps it in ~/.config/sotto/secret.key)"
    )]
    WrongKey(String),
    /// Sealing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ChatError {
    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Contended => true,
            _ => false,
        }
    }
}
