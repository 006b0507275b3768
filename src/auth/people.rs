//! All people of this server: who a cookie or a token belongs to, and everything that changes that.
//!
//! `entry` is coming and going, `account` what people change about themselves, `tokens` what their programs show,
//! `operator` what the command line does, `sweep` what goes by itself.

mod account;
mod entry;
mod operator;
mod sweep;
mod tokens;

use std::sync::Arc;

use async_trait::async_trait;

use super::api_token;
use super::clock::Clock;
use super::csrf::Csrf;
use super::error::{AuthError, Cause};
use super::id::PersonId;
use super::login::{Lifetimes, Login, Logins, Place, Redis};
use super::password::Passwords;
use super::person::{Kind, Person};
use super::strangers::Strangers;
use super::token::{Keys, Token};
use crate::config::Auth;
use crate::store::{Db, people};

pub use self::entry::{Entered, NewAccount, Visit};
pub use self::operator::Invite;
pub use self::sweep::Swept;
pub use self::tokens::{ApiToken, NewToken};

/// Makes the data key of somebody new: wrapped, and the id of the key that wraps it.
pub type MakeKey = Arc<dyn Fn(&PersonId) -> Result<(Vec<u8>, String), Cause> + Send + Sync>;

/// What people keep here, and what has to happen to it when they change.
#[async_trait]
pub trait Belongings: Send + Sync {
    /// Gives everything of a guest to an account. Both still exist; the guest is deleted afterwards.
    async fn merge(&self, guest: &PersonId, account: &PersonId) -> Result<(), Cause>;

    /// These people are gone, and all rows that hang on them. Forgets what is elsewhere.
    async fn forget(&self, people: &[PersonId]) -> Result<(), Cause>;
}

/// What people need of the rest of the server.
pub struct Needs {
    /// Where they are kept.
    pub db: Db,
    /// For the sums of logins.
    pub login_keys: Keys,
    /// For the proofs in pages.
    pub csrf_keys: Keys,
    /// See [`MakeKey`].
    pub make_key: MakeKey,
    /// See [`Belongings`].
    pub belongings: Arc<dyn Belongings>,
    /// What tells the time.
    pub clock: Clock,
}

/// All people.
pub struct People {
    config: Auth,
    db: Db,
    logins: Logins,
    passwords: Passwords,
    csrf: Csrf,
    make_key: MakeKey,
    belongings: Arc<dyn Belongings>,
    clock: Clock,
    strangers: Strangers,
}

impl People {
    /// As configured.
    pub fn new(config: &Auth, needs: Needs) -> Result<Self, AuthError> {
        let Needs { db, login_keys, csrf_keys, make_key, belongings, clock } = needs;
        let place = match config.sessions.redis_url.reveal() {
            Some(url) => {
                let redis = Redis::new(url).map_err(super::login::LoginError::from)?;
                Place::Redis(Box::new(redis))
            }
            None => Place::Database(db.clone()),
        };
        Ok(Self {
            logins: Logins::new(place, login_keys, Lifetimes::new(config)),
            passwords: Passwords::new(config.password)?,
            csrf: Csrf::new(csrf_keys),
            config: config.clone(),
            strangers: Strangers::default(),
            db,
            make_key,
            belongings,
            clock,
        })
    }

    /// How people may come.
    pub fn config(&self) -> &Auth {
        &self.config
    }

    /// Tokens of pages.
    pub fn csrf(&self) -> &Csrf {
        &self.csrf
    }

    /// What tells the time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How long logins hold.
    pub fn lifetimes(&self) -> &Lifetimes {
        self.logins.lifetimes()
    }

    /// Whose cookie this is, if it is anybody's. Notes that they are here, once a minute.
    pub async fn by_cookie(&self, token: &Token) -> Result<Option<(Person, Login)>, AuthError> {
        let now = self.clock.now_ms();
        let Some(login) = self.logins.find(token, now).await? else { return Ok(None) };
        let Some(row) = people::get(&self.db, &login.person).await? else { return Ok(None) };
        if row.disabled {
            return Ok(None);
        }
        if self.logins.touch(&login, Kind::stored(&row.kind), now).await? {
            people::touch(&self.db, &row.id, now).await?;
        }
        Ok(Some((row.into(), login)))
    }

    /// Whose API token this is, if it is anybody's and holds. Notes that it is used, once a minute.
    pub async fn by_api_token(&self, shown: &str) -> Result<Option<(Person, ApiToken)>, AuthError> {
        let Some(hash) = api_token::sum(shown) else { return Ok(None) };
        self.token_of_sum(&hash).await
    }

    /// Somebody.
    pub async fn get(&self, id: &PersonId) -> Result<Person, AuthError> {
        let row = people::get(&self.db, id.as_str()).await?.ok_or(AuthError::Unknown)?;
        Ok(row.into())
    }

    /// When a guest is forgotten who does not come any more; accounts stay.
    pub fn expires_ms(&self, person: &Person) -> Option<i64> {
        const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
        (person.kind == Kind::Guest)
            .then(|| person.seen_ms.saturating_add(i64::from(self.config.guest_days) * DAY_MS))
    }

    /// Whether the places where people and logins are kept answer.
    pub async fn ping(&self) -> Result<(), AuthError> {
        self.db.ping().await?;
        Ok(self.logins.ping().await?)
    }
}
