//! People, joined with the database, the server's keys and what they keep.

use std::sync::Arc;

use async_trait::async_trait;

use super::ServerError;
use crate::auth::clock::Clock;
use crate::auth::error::Cause;
use crate::auth::id::PersonId;
use crate::auth::people::{Belongings, Needs};
use crate::auth::token::{Keys, Token};
use crate::auth::{AuthError, People};
use crate::config::Config;
use crate::store::Db;

/// Opens the database and the people in it.
pub(super) async fn open(config: &Config, clock: Clock) -> Result<People, ServerError> {
    let db = Db::open(&config.database, &config.server.data_dir).await?;
    let key = || -> Result<Keys, AuthError> { Ok(Keys::new(Token::random()?.sum(), [])) };
    let needs = Needs {
        db,
        login_keys: key()?,
        csrf_keys: key()?,
        make_key: Arc::new(|_| Ok((Vec::new(), "none".to_owned()))),
        belongings: Arc::new(Nothing),
        clock,
    };
    Ok(People::new(&config.auth, needs)?)
}

/// Nobody keeps anything.
struct Nothing;

#[async_trait]
impl Belongings for Nothing {
    async fn merge(&self, _: &PersonId, _: &PersonId) -> Result<(), Cause> {
        Ok(())
    }

    async fn forget(&self, _: &[PersonId]) -> Result<(), Cause> {
        Ok(())
    }
}
