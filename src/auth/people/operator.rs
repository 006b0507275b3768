//! What the operator does on the command line.

use zeroize::Zeroizing;

use super::super::error::AuthError;
use super::super::id::PersonId;
use super::super::name::Name;
use super::super::password::Password;
use super::super::person::{Kind, Person};
use super::super::token::Token;
use super::People;
use crate::store::{StoreError, invites, people, tokens};

/// An invitation; it is shown once.
pub struct Invite {
    /// What the invited types.
    pub code: Zeroizing<String>,
    /// When it expires.
    pub expires_ms: i64,
}

impl People {
    /// Makes an account, whatever `auth.sign_up` says.
    pub async fn add(
        &self,
        name: &str,
        password: Password,
        admin: bool,
    ) -> Result<Person, AuthError> {
        let name = Name::parse(name)?;
        password.check(name.as_str())?;
        let mut row = self.new_row()?;
        Kind::Account.as_str().clone_into(&mut row.kind);
        row.name = Some(name.as_str().to_owned());
        row.password = Some(self.passwords.hash(password).await?);
        row.admin = admin;
        let mut transaction = self.db.begin().await?;
        people::insert(&mut transaction, &row).await.map_err(|error| match error {
            StoreError::Conflict => AuthError::NameTaken,
            error => error.into(),
        })?;
        transaction.commit().await.map_err(StoreError::from)?;
        Ok(row.into())
    }

    /// All accounts by name, and whether they are kept out.
    pub async fn accounts(&self) -> Result<Vec<(Person, bool)>, AuthError> {
        let rows = people::accounts(&self.db).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.disabled, row))
            .map(|(d, row)| (row.into(), d))
            .collect())
    }

    /// Sets somebody's password. All their logins end.
    pub async fn set_password(&self, name: &str, password: Password) -> Result<(), AuthError> {
        let account = self.named(name).await?;
        password.check(account.name.as_deref().unwrap_or_default())?;
        let hash = self.passwords.hash(password).await?;
        people::set_password(&self.db, &account.id, &hash).await?;
        Ok(self.logins.end_others(&PersonId::stored(account.id), None).await?)
    }

    /// Keeps somebody out, with all their logins and tokens, or lets them in again.
    pub async fn set_disabled(&self, name: &str, disabled: bool) -> Result<(), AuthError> {
        let account = self.named(name).await?;
        people::set_disabled(&self.db, &account.id, disabled).await?;
        if disabled {
            tokens::delete_all(&self.db, &account.id).await?;
            self.logins.end_others(&PersonId::stored(account.id), None).await?;
        }
        Ok(())
    }

    /// Deletes somebody and everything of theirs.
    pub async fn remove_named(&self, name: &str) -> Result<(), AuthError> {
        let account = self.named(name).await?;
        self.delete(&PersonId::stored(account.id)).await
    }

    /// Makes an invitation.
    pub async fn invite(&self, days: u32) -> Result<Invite, AuthError> {
        const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
        let token = Token::random()?;
        let now = self.clock.now_ms();
        let expires_ms = now.saturating_add(i64::from(days) * DAY_MS);
        invites::insert(&self.db, &token.sum(), now, expires_ms).await?;
        Ok(Invite { code: token.reveal(), expires_ms })
    }

    async fn named(&self, name: &str) -> Result<people::Row, AuthError> {
        let name = Name::parse(name).map_err(|_| AuthError::Unknown)?;
        people::by_name(&self.db, name.as_str()).await?.ok_or(AuthError::Unknown)
    }
}
