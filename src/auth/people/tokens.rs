//! API tokens of people.

use zeroize::Zeroizing;

use super::super::api_token::{self, Scopes};
use super::super::error::AuthError;
use super::super::id::PersonId;
use super::super::login::TOUCHED_EVERY;
use super::super::person::Person;
use super::super::token::Hash;
use super::People;
use crate::store::tokens::Row;
use crate::store::{people, tokens};
use crate::vault::random;

/// Tokens that one person may have.
const MOST: usize = 100;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A token, without what it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: String,
    /// What it is for, in its person's words.
    pub label: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last used, to a minute or so.
    pub used_ms: Option<i64>,
    /// When it ends.
    pub expires_ms: Option<i64>,
}

/// A token that was just made.
pub struct NewToken {
    /// What will be known of it.
    pub token: ApiToken,
    /// The token itself; it is shown once.
    pub shown: Zeroizing<String>,
}

impl People {
    /// Makes a token. The caller has checked label and scopes.
    pub async fn make_token(
        &self,
        id: &PersonId,
        label: &str,
        scopes: Scopes,
        days: Option<u32>,
    ) -> Result<NewToken, AuthError> {
        if tokens::of_person(&self.db, id.as_str()).await?.len() >= MOST {
            return Err(AuthError::TooMany(MOST));
        }
        let (shown, hash) = api_token::make()?;
        let now = self.clock.now_ms();
        let row = Row {
            id: random::id("token")?,
            hash: hash.to_vec(),
            person: id.as_str().to_owned(),
            label: label.to_owned(),
            scopes: scopes.to_text(),
            created_ms: now,
            used_ms: None,
            expires_ms: days.map(|days| now.saturating_add(i64::from(days) * DAY_MS)),
        };
        tokens::insert(&self.db, &row).await?;
        Ok(NewToken { token: row.into(), shown })
    }

    /// The tokens of somebody, the latest made first; also those that have ended.
    pub async fn tokens(&self, id: &PersonId) -> Result<Vec<ApiToken>, AuthError> {
        let rows = tokens::of_person(&self.db, id.as_str()).await?;
        Ok(rows.into_iter().map(ApiToken::from).collect())
    }

    /// Ends a token of somebody.
    pub async fn end_token(&self, id: &PersonId, token: &str) -> Result<(), AuthError> {
        let there = tokens::delete(&self.db, id.as_str(), token).await?;
        if there { Ok(()) } else { Err(AuthError::Unknown) }
    }

    pub(super) async fn token_of_sum(
        &self,
        hash: &Hash,
    ) -> Result<Option<(Person, ApiToken)>, AuthError> {
        let now = self.clock.now_ms();
        let Some(row) = tokens::by_hash(&self.db, hash).await? else { return Ok(None) };
        if row.expires_ms.is_some_and(|end| end <= now) {
            return Ok(None);
        }
        let person = people::get(&self.db, &row.person).await?.filter(|person| !person.disabled);
        let Some(person) = person else { return Ok(None) };
        let rested = row
            .used_ms
            .is_none_or(|used| now.saturating_sub(used) >= TOUCHED_EVERY.as_millis() as i64);
        if rested {
            tokens::touch(&self.db, &row.id, now).await?;
            people::touch(&self.db, &person.id, now).await?;
        }
        Ok(Some((person.into(), row.into())))
    }
}

impl From<Row> for ApiToken {
    fn from(row: Row) -> Self {
        Self {
            scopes: Scopes::stored(&row.scopes),
            id: row.id,
            label: row.label,
            created_ms: row.created_ms,
            used_ms: row.used_ms,
            expires_ms: row.expires_ms,
        }
    }
}
