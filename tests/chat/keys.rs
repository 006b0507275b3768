//! Keys: their ring, their end, their owners.

use sotto::chat::owner::rewrap_all;
use sotto::chat::{ChatError, Use};
use sotto::pipeline::history::Role;
use sotto::vault::keyring::Keyring;
use sotto::vault::record::RECORDS_PER_KEY;

use super::keeping::{conversation, item, texts};
use crate::support::database::{self, SECRET_KEYS};

fn older() -> &'static str {
    SECRET_KEYS.split_once(',').unwrap().1.trim()
}

fn newer() -> &'static str {
    SECRET_KEYS.split_once(',').unwrap().0
}

#[tokio::test]
async fn a_key_that_is_used_up_is_followed_by_the_next() {
    for at in database::all().await {
        at.person("ann").await;
        let chats = at.chats();
        let id = conversation(&chats, "ann", &["One", "Two"]).await;
        // One record short of what another change takes.
        let almost = RECORDS_PER_KEY as i64 - 1;
        sqlx::query("UPDATE conversations SET records = $1")
            .bind(almost)
            .execute(at.db.write())
            .await
            .unwrap();
        let mut writer = chats.writer("ann", &id, Use::Call).await.unwrap();
        writer.append(&item("item_a", Role::User, "Three")).await.unwrap();
        writer.append(&item("item_b", Role::Assistant, "Four")).await.unwrap();
        let state: (i64, i64) = sqlx::query_as("SELECT generation, records FROM conversations")
            .fetch_one(at.db.read())
            .await
            .unwrap();
        assert_eq!(state, (2, 4), "{}", at.name);
        drop(writer);
        let chats = at.chats();
        assert_eq!(texts(&chats, "ann", &id).await, ["One", "Two", "Three", "Four"]);
        let mut writer = chats.writer("ann", &id, Use::Call).await.unwrap();
        writer.cut("item_1").await.unwrap();
        assert_eq!(texts(&chats, "ann", &id).await, ["One"]);
    }
}

#[tokio::test]
async fn the_ring_can_be_turned() {
    for at in database::all().await {
        let old = at.chats_under(older());
        at.person("ann").await;
        // Made under the newer of two keys: the older alone does not open it.
        let id = conversation(&at.chats(), "ann", &["One"]).await;
        let missing = old.open("ann", &id, None, 1).await;
        assert!(matches!(missing, Err(ChatError::NoKey(kid)) if kid == "k2"), "{}", at.name);
        // Back to the older one as the active key, and all wraps with it.
        let ring = Keyring::parse(&format!("{},{}", older(), newer())).unwrap();
        assert_eq!(rewrap_all(&at.db, &ring).await.unwrap(), 1);
        assert_eq!(rewrap_all(&at.db, &ring).await.unwrap(), 0, "again is nothing");
        assert_eq!(texts(&at.chats_under(older()), "ann", &id).await, ["One"]);
    }
}

#[tokio::test]
async fn a_guests_conversations_go_to_the_account() {
    for at in database::all().await {
        at.person("guest").await;
        at.person("ann").await;
        let chats = at.chats();
        let id = conversation(&chats, "guest", &["One", "Two"]).await;
        let before: (Vec<u8>,) = sqlx::query_as("SELECT sealed FROM items WHERE seq = 1")
            .fetch_one(at.db.read())
            .await
            .unwrap();
        assert_eq!(chats.merge("guest", "ann").await.unwrap(), 1);
        assert_eq!(texts(&chats, "ann", &id).await, ["One", "Two"], "{}", at.name);
        assert!(matches!(chats.open("guest", &id, None, 1).await, Err(ChatError::NotFound)));
        let after: (Vec<u8>,) = sqlx::query_as("SELECT sealed FROM items WHERE seq = 1")
            .fetch_one(at.db.read())
            .await
            .unwrap();
        assert_eq!(before, after, "no item was sealed again");
    }
}
