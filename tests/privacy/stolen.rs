//! Somebody has stolen the database, with or without the server's keys.

use sotto::chat::content::{Content, NewItem, Via};
use sotto::chat::{ChatError, NewConversation, Use};
use sotto::pipeline::history::Role;
use sotto::pipeline::text::Text;
use sotto::store::Db;
use sotto::store::backup::restore;
use sotto::vault::keyring::Keyring;

use super::memory::{Needle, in_files};
use crate::support::database;

const WORDS: &str = "the stolen canary keeps a ledger of forgotten umbrellas";

#[tokio::test]
async fn without_the_key_it_says_nothing_and_with_it_only_what_is_standard() {
    let at = database::sqlite().await;
    at.person("ann").await;
    let chats = at.chats();
    let id = chats.create("ann", NewConversation::default()).await.unwrap().id;
    let mut writer = chats.writer("ann", &id, Use::Call).await.unwrap();
    let content = Content::new(Text::from(WORDS), Via::Voice, 1);
    let item = NewItem { id: "item_1".to_owned(), role: Role::User, content };
    writer.append(&item).await.unwrap();
    drop(writer);
    let thief = tempfile::tempdir().unwrap();
    let loot = thief.path().join("loot");
    at.db.back_up(&loot).await.unwrap();
    // Titles are sealed, too: the first words became one.
    assert!(in_files(thief.path(), &[Needle::words("words", WORDS)]).is_empty());
    let data = thief.path().join("data");
    restore(&loot, &data).await.unwrap();
    let db = Db::open(&sotto::config::Database::default(), &data).await.unwrap();
    let other = Keyring::generate().unwrap();
    // A key of the same name is not the same key.
    let named = other.reveal().replacen("k1:", "k2:", 1);
    for keys in [other.reveal(), named.as_str()] {
        let opened = database::chats_under(&db, keys).open("ann", &id, None, 10).await;
        assert!(matches!(opened, Err(ChatError::NoKey(_) | ChatError::Damaged(_))));
    }
    let opened = database::chats_in(&db).open("ann", &id, None, 10).await.unwrap();
    assert_eq!(opened.items[0].text.as_ref().unwrap().as_str(), WORDS);
    db.close().await;
}

#[tokio::test]
async fn a_deleted_conversation_is_not_in_the_file_any_more() {
    let at = database::sqlite().await;
    at.person("ann").await;
    let chats = at.chats();
    let id = chats.create("ann", NewConversation::default()).await.unwrap().id;
    let wrap: (Vec<u8>,) =
        sqlx::query_as("SELECT wrap FROM conversation_keys").fetch_one(at.db.read()).await.unwrap();
    let needle = || Needle::bytes("the wrapped key", &wrap.0);
    assert!(!in_files(at.folder(), &[needle()]).is_empty(), "it is there to begin with");
    chats.delete("ann", &id).await.unwrap();
    assert_eq!(in_files(at.folder(), &[needle()]), Vec::<String>::new());
}
