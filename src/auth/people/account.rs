//! What people change about themselves: their password, their logins, their default, and that they are here at all.

use super::super::error::AuthError;
use super::super::id::PersonId;
use super::super::login::Login;
use super::super::password::Password;
use super::super::person::{Kind, Person};
use super::{Entered, People, Visit};
use crate::store::people;

impl People {
    /// Changes a password. All other logins end, and this browser gets another cookie.
    pub async fn change_password(
        &self,
        person: &Person,
        login: &Login,
        current: Password,
        new: Password,
        label: &str,
    ) -> Result<Entered, AuthError> {
        let account = self.account(person).await?;
        new.check(person.name.as_deref().unwrap_or_default())?;
        self.confirm(&account, current).await?.ok_or(AuthError::WrongPassword)?;
        let hash = self.passwords.hash(new).await?;
        people::set_password(&self.db, &account.id, &hash).await?;
        self.logins.end_others(&person.id, Some(&login.id)).await?;
        let visit = Visit { known: Some((person, login)), label };
        self.enter(person.clone(), login.remember, visit).await
    }

    /// Deletes somebody and everything of theirs. An account needs its password.
    pub async fn remove(
        &self,
        person: &Person,
        password: Option<Password>,
    ) -> Result<(), AuthError> {
        if person.kind == Kind::Account {
            let account = self.account(person).await?;
            let password = password.ok_or(AuthError::WrongPassword)?;
            self.confirm(&account, password).await?.ok_or(AuthError::WrongPassword)?;
        }
        self.delete(&person.id).await
    }

    /// Deletes somebody, whatever they say.
    pub(super) async fn delete(&self, id: &PersonId) -> Result<(), AuthError> {
        self.logins.end_others(id, None).await?;
        people::delete(&self.db, id.as_str()).await?;
        let gone = std::slice::from_ref(id);
        self.belongings.forget(gone).await.map_err(AuthError::Belongings)?;
        // What was deleted must not stay in SQLite's log.
        Ok(self.db.forget_log().await?)
    }

    /// Sets the tier of new conversations, which the caller has checked.
    pub async fn set_default_tier(&self, id: &PersonId, tier: &str) -> Result<(), AuthError> {
        Ok(people::set_default_tier(&self.db, id.as_str(), tier).await?)
    }

    /// The logins of somebody, the latest used first.
    pub async fn logins(&self, id: &PersonId) -> Result<Vec<Login>, AuthError> {
        Ok(self.logins.of_person(id, self.clock.now_ms()).await?)
    }

    /// Ends one login of somebody.
    pub async fn end_login(&self, id: &PersonId, login: &str) -> Result<(), AuthError> {
        if self.logins.end(id, login).await? { Ok(()) } else { Err(AuthError::Unknown) }
    }

    /// Ends all logins of somebody but this one.
    pub async fn end_other_logins(&self, id: &PersonId, kept: &str) -> Result<(), AuthError> {
        Ok(self.logins.end_others(id, Some(kept)).await?)
    }

    async fn account(&self, person: &Person) -> Result<people::Row, AuthError> {
        if person.kind != Kind::Account {
            return Err(AuthError::AccountNeeded);
        }
        people::get(&self.db, person.id.as_str()).await?.ok_or(AuthError::Unknown)
    }
}
