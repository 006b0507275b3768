//! Somebody, as the rest of the server sees them.

use serde::Serialize;

use super::id::PersonId;
use crate::store::people;

/// Whether somebody has an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Known by a cookie only.
    Guest,
    /// Has a name and a password.
    Account,
}

impl Kind {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Account => "account",
        }
    }

    /// As it was stored.
    pub fn stored(text: &str) -> Self {
        if text == "account" { Self::Account } else { Self::Guest }
    }
}

/// Somebody who is known. No secret is in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// Guest or account.
    pub kind: Kind,
    /// An account's name.
    pub name: Option<String>,
    /// Whether they look after the server.
    pub admin: bool,
    /// The tier of new conversations.
    pub default_tier: String,
    /// When they came.
    pub created_ms: i64,
    /// When they were last here, to a minute or so.
    pub seen_ms: i64,
    /// Whether their vault is set up.
    pub has_vault: bool,
}

impl From<people::Row> for Person {
    fn from(row: people::Row) -> Self {
        Self {
            id: PersonId::stored(row.id),
            kind: Kind::stored(&row.kind),
            name: row.name,
            admin: row.admin,
            default_tier: row.default_tier,
            created_ms: row.created_ms,
            seen_ms: row.seen_ms,
            has_vault: row.has_vault,
        }
    }
}
