//! Coming and going: guests, sign-up, sign-in, sign-out. Each change of who somebody is gives their browser another
//! cookie, so that one that was planted or seen before is worth nothing afterwards.

use std::time::Duration;

use serde::Deserialize;

use super::super::error::AuthError;
use super::super::id::PersonId;
use super::super::lockout::State;
use super::super::login::Login;
use super::super::name::Name;
use super::super::password::{Password, Verdict};
use super::super::person::{Kind, Person};
use super::super::token::Token;
use super::People;
use crate::config::SignUp;
use crate::store::{StoreError, invites, people};

/// How often an attempt is counted again that somebody else's came before.
const RACES: usize = 8;

/// Who the browser was known as until now, and what it calls itself.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Who was signed in, and the login.
    pub known: Option<(&'a Person, &'a Login)>,
    /// The browser in words.
    pub label: &'a str,
}

/// Somebody who has come in.
#[derive(Debug)]
pub struct Entered {
    /// Who.
    pub person: Person,
    /// For the cookie.
    pub token: Token,
    /// How long the browser is to keep it; `None`: until it is closed.
    pub kept: Option<Duration>,
}

/// What somebody chose who makes an account.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewAccount {
    /// The name.
    pub name: String,
    /// The password.
    #[schema(value_type = String)]
    pub password: Password,
    /// An invitation, where one is needed.
    pub invite: Option<String>,
}

impl People {
    /// Takes in a guest.
    pub async fn guest(&self, visit: Visit<'_>) -> Result<Entered, AuthError> {
        if !self.config.guests {
            return Err(AuthError::GuestsOff);
        }
        let row = self.new_row()?;
        let mut transaction = self.db.begin().await?;
        people::insert(&mut transaction, &row).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        self.enter(row.into(), false, visit).await
    }

    /// Makes an account. A guest keeps their id, and with it everything they have.
    pub async fn sign_up(&self, new: NewAccount, visit: Visit<'_>) -> Result<Entered, AuthError> {
        let invite = match self.config.sign_up {
            SignUp::Open => None,
            SignUp::Closed => return Err(AuthError::SignUpClosed),
            SignUp::Invite => Some(new.invite.as_deref().ok_or(AuthError::InviteNeeded)?),
        };
        let name = Name::parse(&new.name)?;
        new.password.check(name.as_str())?;
        let invite = match invite {
            Some(invite) => Some(Token::parse(invite.trim()).ok_or(AuthError::InvalidInvite)?),
            None => None,
        };
        // Said again by the database below; here it saves a hash.
        if people::by_name(&self.db, name.as_str()).await?.is_some() {
            return Err(AuthError::NameTaken);
        }
        let password = self.passwords.hash(new.password).await?;
        let guest = visit.known.map(|(person, _)| person).filter(|p| p.kind == Kind::Guest);
        let id = self.become_account(guest, &name, password, invite.as_ref()).await?;
        let person = self.get(&id).await?;
        self.enter(person, false, visit).await
    }

    async fn become_account(
        &self,
        guest: Option<&Person>,
        name: &Name,
        password: String,
        invite: Option<&Token>,
    ) -> Result<PersonId, AuthError> {
        let taken = |error| match error {
            StoreError::Conflict => AuthError::NameTaken,
            error => error.into(),
        };
        let mut row = self.new_row()?;
        let mut transaction = self.db.begin().await?;
        let upgraded = match guest {
            Some(guest) => {
                let id = guest.id.as_str();
                people::upgrade(&mut transaction, id, name.as_str(), &password)
                    .await
                    .map_err(taken)?
            }
            None => false,
        };
        let id = match guest {
            Some(guest) if upgraded => guest.id.clone(),
            _ => {
                Kind::Account.as_str().clone_into(&mut row.kind);
                row.name = Some(name.as_str().to_owned());
                row.password = Some(password);
                people::insert(&mut transaction, &row).await.map_err(taken)?;
                PersonId::stored(row.id)
            }
        };
        if let Some(invite) = invite {
            let now = self.clock.now_ms();
            if !invites::take(&mut transaction, &invite.sum(), id.as_str(), now).await? {
                return Err(AuthError::InvalidInvite);
            }
        }
        transaction.commit().await.map_err(StoreError::from)?;
        Ok(id)
    }

    /// Signs somebody in. What a guest has kept goes to the account.
    pub async fn log_in(
        &self,
        name: &str,
        password: Password,
        remember: bool,
        visit: Visit<'_>,
    ) -> Result<Entered, AuthError> {
        let account = match Name::parse(name) {
            Ok(name) => people::by_name(&self.db, name.as_str()).await?,
            Err(_) => None,
        };
        let Some(account) = account else {
            self.strangers
                .attempt(&name.trim().to_ascii_lowercase(), self.clock.now_ms())
                .map_err(|locked| AuthError::Locked { wait: locked.wait })?;
            self.passwords.verify(password, None).await?;
            return Err(AuthError::WrongCredentials);
        };
        let confirmed = self.confirm(&account, password).await?.filter(|_| !account.disabled);
        let Some(confirmed) = confirmed else { return Err(AuthError::WrongCredentials) };
        let person = Person::from(account);
        if let Some((guest, _)) = visit.known.filter(|(known, _)| known.kind == Kind::Guest) {
            self.belongings.merge(&guest.id, &person.id).await.map_err(AuthError::Belongings)?;
            self.logins.end_others(&guest.id, None).await?;
            people::delete(&self.db, guest.id.as_str()).await?;
        }
        let entered = self.enter(person, remember, visit).await?;
        // A password that was changed, or an account that was closed, while this went on has ended all logins but
        // this one.
        let now = people::get(&self.db, entered.person.id.as_str()).await?;
        if now.is_none_or(|now| now.disabled || now.password != Some(confirmed)) {
            self.log_out_token(&entered.token).await?;
            return Err(AuthError::WrongCredentials);
        }
        Ok(entered)
    }

    /// Ends a login.
    pub async fn log_out(&self, login: &Login) -> Result<(), AuthError> {
        self.logins.end(&PersonId::stored(login.person.clone()), &login.id).await?;
        Ok(())
    }

    async fn log_out_token(&self, token: &Token) -> Result<(), AuthError> {
        match self.logins.find(token, self.clock.now_ms()).await? {
            Some(login) => self.log_out(&login).await,
            None => Ok(()),
        }
    }

    /// Whether this is the password of this account: the hash that is stored then. The attempt counts.
    pub(super) async fn confirm(
        &self,
        account: &people::Row,
        password: Password,
    ) -> Result<Option<String>, AuthError> {
        let (before, after) = self.count_attempt(account).await?;
        let Some(stored) = account.password.clone() else {
            self.passwords.verify(password, None).await?;
            return Ok(None);
        };
        let verdict = match self.passwords.verify(password, Some(stored.clone())).await {
            Ok(verdict) => verdict,
            Err(error) => {
                // It was not looked at, so it does not count.
                people::set_attempts(&self.db, &account.id, after, before).await?;
                return Err(error.into());
            }
        };
        let Verdict::Right { renewed } = verdict else { return Ok(None) };
        people::clear_attempts(&self.db, &account.id).await?;
        let Some(renewed) = renewed else { return Ok(Some(stored)) };
        people::renew_password(&self.db, &account.id, &stored, &renewed).await?;
        Ok(Some(renewed))
    }

    /// Counts an attempt: failures and lock before and after it.
    async fn count_attempt(
        &self,
        account: &people::Row,
    ) -> Result<((i64, i64), (i64, i64)), AuthError> {
        let mut before = (account.failures, account.locked_until_ms);
        for _ in 0..RACES {
            let state = State { failures: before.0, locked_until_ms: before.1 };
            let state = state
                .attempt(self.clock.now_ms())
                .map_err(|locked| AuthError::Locked { wait: locked.wait })?;
            let after = (state.failures, state.locked_until_ms);
            if people::set_attempts(&self.db, &account.id, before, after).await? {
                return Ok((before, after));
            }
            let now = people::get(&self.db, &account.id).await?;
            let now = now.ok_or(AuthError::WrongCredentials)?;
            before = (now.failures, now.locked_until_ms);
        }
        Err(AuthError::Busy)
    }

    /// Gives a browser a new login as `person`, and ends the one that it had.
    pub(super) async fn enter(
        &self,
        person: Person,
        remember: bool,
        visit: Visit<'_>,
    ) -> Result<Entered, AuthError> {
        let now = self.clock.now_ms();
        let begun = self.logins.begin(&person.id, person.kind, remember, visit.label, now).await;
        let (token, _) = begun?;
        if let Some((_, login)) = visit.known {
            self.log_out(login).await?;
        }
        let kept = self.lifetimes().cookie(person.kind, remember);
        Ok(Entered { person, token, kept })
    }

    /// Somebody new, with a data key of their own.
    pub(super) fn new_row(&self) -> Result<people::Row, AuthError> {
        let id = PersonId::random()?;
        let (udk, udk_kid) = (self.make_key)(&id).map_err(AuthError::Key)?;
        let now = self.clock.now_ms();
        Ok(people::Row {
            id: id.as_str().to_owned(),
            kind: Kind::Guest.as_str().to_owned(),
            name: None,
            password: None,
            admin: false,
            disabled: false,
            udk,
            udk_kid,
            default_tier: "standard".to_owned(),
            created_ms: now,
            seen_ms: now,
            failures: 0,
            locked_until_ms: 0,
            has_vault: false,
        })
    }
}
