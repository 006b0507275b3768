//! A backup that is made while people write is whole, and opens elsewhere.

use sotto::chat::content::NewItem;
use sotto::chat::{NewConversation, Use};
use sotto::config::Database;
use sotto::pipeline::history::Role;
use sotto::store::Db;
use sotto::store::backup::{BackupError, restore};

use crate::chat::keeping::item;
use crate::support::database::{self, chats_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_restored_and_every_record_opens() {
    let at = database::sqlite().await;
    at.person("ann").await;
    let chats = at.chats();
    let id = chats.create("ann", NewConversation::default()).await.unwrap().id;
    let mut writer = chats.writer("ann", &id, Use::Call).await.unwrap();
    let new = |number: usize| -> NewItem {
        item(&format!("item_{number}"), Role::User, &format!("words {number}"))
    };
    for number in 0..50 {
        writer.append(&new(number)).await.unwrap();
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("sotto.backup");
    let writing = async {
        for number in 50..150 {
            writer.append(&new(number)).await.unwrap();
        }
    };
    let (saved, ()) = tokio::join!(at.db.back_up(&file), writing);
    saved.unwrap();
    assert!(matches!(at.db.back_up(&file).await, Err(BackupError::Exists(_))));
    assert!(!elsewhere.path().join("sotto.backup.part").exists());
    let data = elsewhere.path().join("data");
    assert!(restore(&file, &data).await.unwrap().is_none());
    let db = Db::open(&Database::default(), &data).await.unwrap();
    let opened = chats_in(&db).open("ann", &id, None, 1_000).await.unwrap();
    assert!(opened.problems.is_empty(), "{:?}", opened.problems);
    assert!((50..=150).contains(&opened.items.len()), "{}", opened.items.len());
    db.close().await;
    // What is there is kept beside it.
    let kept = restore(&file, &data).await.unwrap().unwrap();
    assert!(kept.exists());
}

#[tokio::test]
async fn what_is_no_backup_is_refused_and_nothing_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("file");
    std::fs::write(&file, "this is no database").unwrap();
    for path in [&file, &folder.path().join("nowhere")] {
        let refused = restore(path, &data).await;
        assert!(matches!(refused, Err(BackupError::NotABackup { .. })), "{refused:?}");
    }
    assert!(!data.exists());
    // One that was cut short.
    let at = database::sqlite().await;
    at.person("ann").await;
    let whole = folder.path().join("whole");
    at.db.back_up(&whole).await.unwrap();
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    assert!(restore(&file, &data).await.is_err());
    assert!(!data.exists());
}
