//! Items go in and come out; titles, searches, documents.

use sotto::chat::content::{Content, NewItem, Status, TitleBy, Via};
use sotto::chat::transfer::Document;
use sotto::chat::{ChatError, Chats, NewConversation, Settings, Tier, Use};
use sotto::pipeline::history::Role;
use sotto::pipeline::text::Text;

use crate::support::database;

pub fn item(id: &str, role: Role, text: &str) -> NewItem {
    let content = Content::new(Text::from(text), Via::Voice, 1_700_000_000_000);
    NewItem { id: id.to_owned(), role, content }
}

/// A standard conversation of `person` in which `texts` were said in turn.
pub async fn conversation(chats: &Chats, person: &str, texts: &[&str]) -> String {
    let id = chats.create(person, NewConversation::default()).await.unwrap().id;
    let mut writer = chats.writer(person, &id, Use::Call).await.unwrap();
    for (number, text) in texts.iter().enumerate() {
        let role = if number % 2 == 0 { Role::User } else { Role::Assistant };
        let seq = writer.append(&item(&format!("item_{number}"), role, text)).await.unwrap();
        assert_eq!(seq, number as u64 + 1);
    }
    id
}

/// The texts of a conversation.
pub async fn texts(chats: &Chats, person: &str, id: &str) -> Vec<String> {
    let opened = chats.open(person, id, None, 100).await.unwrap();
    assert!(opened.problems.is_empty(), "{:?}", opened.problems);
    opened.items.into_iter().map(|item| item.text.unwrap().into_string()).collect()
}

#[tokio::test]
async fn what_is_said_is_kept_in_order_and_found_again() {
    for at in database::all().await {
        at.person("ann").await;
        at.person("bob").await;
        let chats = at.chats();
        let said = ["What is the time?", "It is noon.", "Thank you.", "You are welcome."];
        let id = conversation(&chats, "ann", &said).await;
        // As after a restart.
        let chats = at.chats();
        assert_eq!(texts(&chats, "ann", &id).await, said, "{}", at.name);
        let page = chats.list("ann", None, 10).await.unwrap();
        let summary = &page.conversations[0];
        assert_eq!((summary.items, summary.title_by), (4, TitleBy::Words));
        assert_eq!(summary.title.as_ref().unwrap().as_str(), "What is the time?");
        let last = chats.open("ann", &id, None, 2).await.unwrap().items;
        assert_eq!(last.iter().map(|item| item.seq).collect::<Vec<_>>(), [3, 4]);
        let before = chats.open("ann", &id, Some(3), 2).await.unwrap().items;
        assert_eq!(before.iter().map(|item| item.seq).collect::<Vec<_>>(), [1, 2]);
        // Nobody else's.
        assert!(matches!(chats.open("bob", &id, None, 10).await, Err(ChatError::NotFound)));
        assert!(matches!(chats.delete("bob", &id).await, Err(ChatError::NotFound)));
        let writer = chats.writer("bob", &id, Use::Reply).await;
        assert!(matches!(writer.err(), Some(ChatError::NotFound)));
        let found = chats.search("ann", "NOON it").await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].item_id.as_deref(), Some("item_1"));
        assert!(chats.search("bob", "noon").await.unwrap().is_empty());
        chats.delete("ann", &id).await.unwrap();
        assert!(matches!(chats.open("ann", &id, None, 10).await, Err(ChatError::NotFound)));
        assert!(chats.list("ann", None, 10).await.unwrap().conversations.is_empty());
    }
}

#[tokio::test]
async fn one_at_a_time_adds_to_a_conversation() {
    let at = database::sqlite().await;
    at.person("ann").await;
    let chats = at.chats();
    let id = conversation(&chats, "ann", &[]).await;
    let call = chats.writer("ann", &id, Use::Call).await.unwrap();
    let refused = chats.writer("ann", &id, Use::Reply).await;
    assert!(matches!(refused.err(), Some(ChatError::InCall)));
    assert!(chats.open("ann", &id, None, 1).await.unwrap().conversation.in_call);
    drop(call);
    let reply = chats.writer("ann", &id, Use::Reply).await.unwrap();
    assert!(matches!(chats.writer("ann", &id, Use::Call).await.err(), Some(ChatError::Busy)));
    chats.stop("ann", &id).await.unwrap();
    assert!(reply.in_use.stop.is_cancelled());
}

#[tokio::test]
async fn a_title_of_the_person_stays_and_a_rename_does_not_disturb_a_writer() {
    for at in database::all().await {
        at.person("ann").await;
        let chats = at.chats();
        let id = conversation(&chats, "ann", &["Hello there"]).await;
        let mut writer = chats.writer("ann", &id, Use::Call).await.unwrap();
        let title = Some(Text::from("My title"));
        let settings = Settings { title, ..Settings::default() };
        let summary = chats.update("ann", &id, settings).await.unwrap();
        assert_eq!(summary.title_by, TitleBy::Person);
        let seq = writer.append(&item("item_x", Role::Assistant, "Hello.")).await.unwrap();
        assert_eq!(seq, 2, "{}", at.name);
        assert_eq!(texts(&chats, "ann", &id).await, ["Hello there", "Hello."]);
        let summary = chats.open("ann", &id, None, 1).await.unwrap().conversation;
        assert_eq!(summary.title.unwrap().as_str(), "My title");
        let long = Settings { title: Some(Text::from("x".repeat(500))), ..Settings::default() };
        let refused = chats.update("ann", &id, long).await;
        assert!(matches!(refused, Err(ChatError::Invalid { param: "title", .. })));
    }
}

#[tokio::test]
async fn a_reply_can_be_shortened_and_the_end_can_be_cut_off() {
    for at in database::all().await {
        at.person("ann").await;
        let chats = at.chats();
        let id = conversation(&chats, "ann", &["One", "Two three four", "Five", "Six"]).await;
        let mut writer = chats.writer("ann", &id, Use::Call).await.unwrap();
        let mut shorter = item("item_1", Role::Assistant, "Two three four");
        shorter.content = shorter.content.cut(Text::from("Two"), 300);
        writer.shorten(&shorter).await.unwrap();
        assert_eq!(texts(&chats, "ann", &id).await, ["One", "Two", "Five", "Six"], "{}", at.name);
        let status = chats.open("ann", &id, None, 9).await.unwrap().items[1].status;
        assert_eq!(status, Some(Status::Interrupted));
        writer.cut("item_2").await.unwrap();
        assert_eq!(writer.append(&item("item_9", Role::User, "Seven")).await.unwrap(), 3);
        assert_eq!(texts(&chats, "ann", &id).await, ["One", "Two", "Seven"]);
        assert!(matches!(writer.cut("item_2").await, Err(ChatError::NoItem)));
        // What was stored although the answer got lost is not stored twice.
        assert_eq!(writer.append(&item("item_9", Role::User, "Seven")).await.unwrap(), 3);
        assert!(writer.append(&item("item_9", Role::User, "Another")).await.is_err());
    }
}

#[tokio::test]
async fn a_document_goes_out_and_comes_in_again() {
    let at = database::sqlite().await;
    at.person("ann").await;
    at.person("bob").await;
    let chats = at.chats();
    conversation(&chats, "ann", &["Eins", "Zwei — «drei»", "\u{1f600}\n\"4\""]).await;
    let document = chats.export("ann", None).await.unwrap();
    let json = serde_json::to_string(&document).unwrap();
    let read: Document = serde_json::from_str(&json).unwrap();
    assert_eq!(chats.import("bob", read).await.unwrap().len(), 1);
    let again = chats.export("bob", None).await.unwrap();
    assert_eq!(again.conversations[0].items, document.conversations[0].items);
    assert_eq!(again.conversations[0].created_ms, document.conversations[0].created_ms);
    for (name, value) in [("format", "another"), ("version", "2")] {
        let mut wrong = serde_json::to_value(&document).unwrap();
        wrong[name] = value.parse::<u32>().map_or(value.into(), Into::into);
        let wrong = serde_json::from_value(wrong).unwrap();
        let refused = chats.import("bob", wrong).await.unwrap_err();
        assert!(refused.to_string().starts_with(name), "{refused}");
    }
}

#[tokio::test]
async fn an_ephemeral_conversation_is_nowhere_but_in_memory() {
    for at in database::all().await {
        at.person("ann").await;
        let chats = at.chats();
        let new = NewConversation { tier: Tier::Ephemeral, ..NewConversation::default() };
        let id = chats.create("ann", new).await.unwrap().id;
        let mut writer = chats.writer("ann", &id, Use::Call).await.unwrap();
        writer.append(&item("item_0", Role::User, "Between us")).await.unwrap();
        writer.append(&item("item_1", Role::Assistant, "Of course")).await.unwrap();
        drop(writer);
        assert_eq!(texts(&chats, "ann", &id).await, ["Between us", "Of course"]);
        assert_eq!(chats.list("ann", None, 10).await.unwrap().conversations[0].id, id);
        assert!(matches!(at.chats().open("ann", &id, None, 1).await, Err(ChatError::NotFound)));
        let rows: (i64,) = sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM conversations) + (SELECT COUNT(*) FROM items)",
        )
        .fetch_one(at.db.read())
        .await
        .unwrap();
        assert_eq!(rows.0, 0, "{}", at.name);
        chats.delete("ann", &id).await.unwrap();
        assert!(matches!(chats.open("ann", &id, None, 1).await, Err(ChatError::NotFound)));
    }
}
