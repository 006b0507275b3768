//! Logins: web sessions of people. A browser has a token in a cookie; the server keeps only a sum of it, who that
//! is, and for how long it holds.

mod label;
mod redis;

use std::time::Duration;

use super::id::PersonId;
use super::person::Kind;
use super::token::{Hash, Keys, Token};
use crate::config::Auth;
use crate::store::{Db, StoreError, logins};
use crate::vault::random::{self, NoEntropy};

pub use self::label::label;
pub use self::redis::Redis;

/// A login, as it is kept.
pub use crate::store::logins::Row as Login;

/// That somebody is here is written down at most this often.
pub const TOUCHED_EVERY: Duration = Duration::from_mins(1);

/// Logins cannot be read or written. Nobody is signed in then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Redis.
    #[error("Redis: {0}")]
    Redis(#[from] ::redis::RedisError),
    /// What Redis holds is not ours.
    #[error("Redis holds a login that cannot be read")]
    Unreadable,
    /// No randomness for a token.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// How long logins hold.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "units belong in names")]
pub struct Lifetimes {
    idle_ms: i64,
    absolute_ms: i64,
    remembered_ms: i64,
    guest_ms: i64,
}

impl Lifetimes {
    /// As configured.
    pub fn new(config: &Auth) -> Self {
        const MINUTE: i64 = 60 * 1_000;
        const DAY: i64 = 24 * 60 * MINUTE;
        Self {
            idle_ms: i64::from(config.sessions.idle_minutes) * MINUTE,
            absolute_ms: i64::from(config.sessions.hours) * 60 * MINUTE,
            remembered_ms: i64::from(config.sessions.remembered_days) * DAY,
            guest_ms: i64::from(config.guest_days) * DAY,
        }
    }

    /// When a login ends that is used now and then no more. A guest's goes on for as long as the guest comes back.
    fn expiry_ms(&self, kind: Kind, remember: bool, created_ms: i64, now_ms: i64) -> i64 {
        match (kind, remember) {
            (Kind::Guest, _) => now_ms.saturating_add(self.guest_ms),
            (Kind::Account, true) => created_ms.saturating_add(self.remembered_ms),
            (Kind::Account, false) => {
                let idle = now_ms.saturating_add(self.idle_ms);
                idle.min(created_ms.saturating_add(self.absolute_ms))
            }
        }
    }

    /// How long the browser is to keep the cookie; `None`: until it is closed.
    pub fn cookie(&self, kind: Kind, remember: bool) -> Option<Duration> {
        let kept = match (kind, remember) {
            (Kind::Guest, _) => self.guest_ms,
            (Kind::Account, true) => self.remembered_ms,
            (Kind::Account, false) => return None,
        };
        Some(Duration::from_millis(kept as u64))
    }

    /// The longest that any login rests.
    fn longest_ms(&self) -> i64 {
        self.guest_ms.max(self.remembered_ms).max(self.absolute_ms)
    }
}

/// Where logins are kept.
pub enum Place {
    /// In the database.
    Database(Db),
    /// In Redis.
    Redis(Box<Redis>),
}

/// All logins.
pub struct Logins {
    place: Place,
    /// Sums are made with the active one, and looked for with all.
    keys: Keys,
    lifetimes: Lifetimes,
}

impl Logins {
    /// Kept at this place, their tokens summed with these keys.
    pub fn new(place: Place, keys: Keys, lifetimes: Lifetimes) -> Self {
        Self { place, keys, lifetimes }
    }

    /// How long they hold.
    pub fn lifetimes(&self) -> &Lifetimes {
        &self.lifetimes
    }

    /// Begins one. The token is for the browser's cookie.
    pub async fn begin(
        &self,
        person: &PersonId,
        kind: Kind,
        remember: bool,
        label: &str,
        now_ms: i64,
    ) -> Result<(Token, Login), LoginError> {
        let token = Token::random()?;
        let login = Login {
            id: random::id("login")?,
            hash: token.keyed(self.keys.active()).to_vec(),
            person: person.as_str().to_owned(),
            label: label.to_owned(),
            remember,
            created_ms: now_ms,
            seen_ms: now_ms,
            expires_ms: self.lifetimes.expiry_ms(kind, remember, now_ms, now_ms),
        };
        match &self.place {
            Place::Database(db) => logins::insert(db, &login).await?,
            Place::Redis(redis) => redis.insert(&login, self.lifetimes.longest_ms()).await?,
        }
        Ok((token, login))
    }

    /// The login of this token, if there is one that has not ended.
    pub async fn find(&self, token: &Token, now_ms: i64) -> Result<Option<Login>, LoginError> {
        for key in self.keys.all() {
            let hash: Hash = token.keyed(key);
            let found = match &self.place {
                Place::Database(db) => logins::by_hash(db, &hash).await?,
                Place::Redis(redis) => redis.by_hash(&hash).await?,
            };
            if let Some(login) = found {
                return Ok((login.expires_ms > now_ms).then_some(login));
            }
        }
        Ok(None)
    }

    /// Notes that a login is used, at most once a minute. Whether it was noted.
    pub async fn touch(&self, login: &Login, kind: Kind, now_ms: i64) -> Result<bool, LoginError> {
        if now_ms.saturating_sub(login.seen_ms) < TOUCHED_EVERY.as_millis() as i64 {
            return Ok(false);
        }
        let expires_ms = self.lifetimes.expiry_ms(kind, login.remember, login.created_ms, now_ms);
        match &self.place {
            Place::Database(db) => logins::touch(db, &login.id, now_ms, expires_ms).await?,
            Place::Redis(redis) => {
                let login = Login { seen_ms: now_ms, expires_ms, ..login.clone() };
                redis.touch(&login, self.lifetimes.longest_ms()).await?;
            }
        }
        Ok(true)
    }

    /// All of a person, the latest used first.
    pub async fn of_person(
        &self,
        person: &PersonId,
        now_ms: i64,
    ) -> Result<Vec<Login>, LoginError> {
        let mut found = match &self.place {
            Place::Database(db) => logins::of_person(db, person.as_str(), now_ms).await?,
            Place::Redis(redis) => redis.of_person(person.as_str()).await?,
        };
        found.retain(|login| login.expires_ms > now_ms);
        found.sort_by(|a, b| b.seen_ms.cmp(&a.seen_ms).then_with(|| a.id.cmp(&b.id)));
        Ok(found)
    }

    /// Ends one of a person. Whether there was such a one.
    pub async fn end(&self, person: &PersonId, id: &str) -> Result<bool, LoginError> {
        match &self.place {
            Place::Database(db) => Ok(logins::delete(db, person.as_str(), id).await?),
            Place::Redis(redis) => Ok(redis.delete(person.as_str(), id).await?),
        }
    }

    /// Ends all of a person but `kept`.
    pub async fn end_others(
        &self,
        person: &PersonId,
        kept: Option<&str>,
    ) -> Result<(), LoginError> {
        match &self.place {
            Place::Database(db) => Ok(logins::delete_others(db, person.as_str(), kept).await?),
            Place::Redis(redis) => Ok(redis.delete_others(person.as_str(), kept).await?),
        }
    }

    /// Forgets at most `limit` that have ended; how many. Redis does that by itself.
    pub async fn sweep(&self, now_ms: i64, limit: i64) -> Result<u64, LoginError> {
        match &self.place {
            Place::Database(db) => Ok(logins::delete_expired(db, now_ms, limit).await?),
            Place::Redis(_) => Ok(0),
        }
    }

    /// Whether the place where they are kept answers.
    pub async fn ping(&self) -> Result<(), LoginError> {
        match &self.place {
            Place::Database(db) => Ok(db.ping().await?),
            Place::Redis(redis) => Ok(redis.ping().await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn a_login_ends_after_an_hour_of_rest_or_a_day() {
        let lifetimes = Lifetimes::new(&Auth::default());
        let expiry = |now| lifetimes.expiry_ms(Kind::Account, false, 0, now);
        assert_eq!(expiry(0), HOUR);
        assert_eq!(expiry(10 * HOUR), 11 * HOUR);
        assert_eq!(expiry(24 * HOUR - MINUTE), DAY, "used or not");
        assert_eq!(lifetimes.cookie(Kind::Account, false), None);
    }

    #[test]
    fn a_remembered_login_rests_for_thirty_days_and_a_guest_for_as_long_as_they_come_back() {
        let lifetimes = Lifetimes::new(&Auth::default());
        assert_eq!(lifetimes.expiry_ms(Kind::Account, true, 0, 29 * DAY), 30 * DAY);
        assert_eq!(lifetimes.expiry_ms(Kind::Guest, false, 0, 29 * DAY), 59 * DAY);
        let month = Some(Duration::from_hours(30 * 24));
        assert_eq!(lifetimes.cookie(Kind::Account, true), month);
        assert_eq!(lifetimes.cookie(Kind::Guest, false), month);
    }
}
