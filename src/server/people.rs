//! People and what they keep, joined with the database and the server's keys.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ServerError;
use crate::auth::People;
use crate::auth::clock::Clock;
use crate::auth::error::Cause;
use crate::auth::id::PersonId;
use crate::auth::people::{Belongings, Needs};
use crate::auth::token::Keys;
use crate::chat::Chats;
use crate::chat::owner::check_ring;
use crate::config::Config;
use crate::store::Db;
use crate::vault::keyring::Keyring;

/// Opens the database, the conversations in it and their people.
pub(super) async fn open(
    config: &Config,
    keyring: Arc<Keyring>,
    clock: Clock,
    tracker: &TaskTracker,
    stopping: CancellationToken,
) -> Result<(People, Chats), ServerError> {
    let db = Db::open(&config.database, &config.server.data_dir).await?;
    check_ring(&db, &keyring).await?;
    let chats = Chats::new(db.clone(), Arc::clone(&keyring), tracker.clone(), stopping);
    let people = People::new(&config.auth, needs(db, &keyring, &chats, clock))?;
    Ok((people, chats))
}

/// The people, for a command that ends soon.
pub async fn people(config: &Config, keyring: Arc<Keyring>) -> Result<People, ServerError> {
    let (tracker, stopping) = (TaskTracker::new(), CancellationToken::new());
    Ok(open(config, keyring, Clock::system(), &tracker, stopping).await?.0)
}

/// What people need of the rest.
fn needs(db: Db, keyring: &Keyring, chats: &Chats, clock: Clock) -> Needs {
    let makes = chats.clone();
    Needs {
        db,
        login_keys: keys(keyring, "session-hash"),
        csrf_keys: keys(keyring, "csrf"),
        make_key: Arc::new(move |person| Ok(makes.new_owner(person.as_str())?)),
        belongings: Arc::new(Conversations(chats.clone())),
        clock,
    }
}

/// A key for one purpose from each of the ring's, so that nobody is signed out when the ring is turned.
fn keys(keyring: &Keyring, purpose: &str) -> Keys {
    let older = keyring.derive_all(purpose).into_iter().skip(1).map(|key| *key.reveal());
    Keys::new(*keyring.derive(purpose).reveal(), older)
}

/// What people keep.
struct Conversations(Chats);

#[async_trait]
impl Belongings for Conversations {
    async fn merge(&self, guest: &PersonId, account: &PersonId) -> Result<(), Cause> {
        self.0.merge(guest.as_str(), account.as_str()).await?;
        Ok(())
    }

    async fn forget(&self, people: &[PersonId]) -> Result<(), Cause> {
        let people: Vec<String> = people.iter().map(|id| id.as_str().to_owned()).collect();
        Ok(self.0.forget(&people).await?)
    }
}
