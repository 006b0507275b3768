//! Somebody who can write to the database is noticed, and what they did is named.

use sotto::chat::content::{NewItem, Status};
use sotto::chat::{ChatError, Problem, ProblemKind, Use};
use sotto::pipeline::history::Role;
use sotto::pipeline::text::Text;

use super::keeping::{conversation, item};
use crate::support::database::{self, TestDb};

const SAID: [&str; 4] = ["One", "Two", "Three", "Four"];

async fn problems(at: &TestDb, id: &str) -> Vec<(u64, ProblemKind)> {
    let opened = at.chats().open("ann", id, None, 100).await.unwrap();
    opened.problems.iter().map(|Problem { seq, kind }| (*seq, *kind)).collect()
}

async fn fresh() -> Vec<(TestDb, String)> {
    let mut made = Vec::new();
    for at in database::all().await {
        at.person("ann").await;
        let id = conversation(&at.chats(), "ann", &SAID).await;
        assert!(problems(&at, &id).await.is_empty());
        made.push((at, id));
    }
    made
}

#[tokio::test]
async fn swapped_items_do_not_open() {
    for (at, id) in fresh().await {
        at.tamper(
            "UPDATE items SET sealed = (SELECT other.sealed FROM items other \
             WHERE other.conversation = items.conversation AND other.seq = 3) WHERE seq = 2",
        )
        .await;
        assert_eq!(problems(&at, &id).await, [(2, ProblemKind::Damaged)], "{}", at.name);
        let items = at.chats().open("ann", &id, None, 100).await.unwrap().items;
        assert_eq!(items.len(), 3, "the others are still there");
    }
}

#[tokio::test]
async fn items_in_another_order_do_not_open() {
    for (at, id) in fresh().await {
        at.tamper("UPDATE items SET seq = seq + 100 WHERE seq IN (1, 2)").await;
        at.tamper("UPDATE items SET seq = 203 - seq - 100 + 1 - 1 WHERE seq IN (101, 102)").await;
        let found = problems(&at, &id).await;
        assert_eq!(found, [(1, ProblemKind::Damaged), (2, ProblemKind::Damaged)], "{}", at.name);
    }
}

#[tokio::test]
async fn another_role_does_not_open() {
    for (at, id) in fresh().await {
        at.tamper("UPDATE items SET role = 'assistant' WHERE seq = 1").await;
        assert_eq!(problems(&at, &id).await, [(1, ProblemKind::Damaged)], "{}", at.name);
    }
}

#[tokio::test]
async fn a_gap_and_a_cut_end_are_named() {
    for (at, id) in fresh().await {
        at.tamper("DELETE FROM items WHERE seq = 2").await;
        assert_eq!(problems(&at, &id).await, [(2, ProblemKind::Missing)], "{}", at.name);
        at.tamper("DELETE FROM items WHERE seq >= 3").await;
        let found = problems(&at, &id).await;
        assert_eq!(found, [(2, ProblemKind::Truncated)], "{}", at.name);
    }
}

#[tokio::test]
async fn an_earlier_version_of_an_item_is_named() {
    for (at, id) in fresh().await {
        at.tamper(
            "UPDATE conversations SET title_inbox = (SELECT sealed FROM items WHERE seq = 4)",
        )
        .await;
        let chats = at.chats();
        let mut writer = chats.writer("ann", &id, Use::Call).await.unwrap();
        let before = item("item_3", Role::Assistant, "Four");
        let content = before.content.cut(Text::from("Fo"), 100);
        assert_eq!(content.status, Status::Interrupted);
        writer.shorten(&NewItem { id: before.id, role: before.role, content }).await.unwrap();
        drop(writer);
        assert!(problems(&at, &id).await.is_empty());
        at.tamper(
            "UPDATE items SET sealed = (SELECT title_inbox FROM conversations) WHERE seq = 4",
        )
        .await;
        assert_eq!(problems(&at, &id).await, [(4, ProblemKind::Replaced)], "{}", at.name);
    }
}

#[tokio::test]
async fn an_item_of_another_conversation_does_not_open() {
    for (at, id) in fresh().await {
        let other = conversation(&at.chats(), "ann", &SAID).await;
        let statement = "UPDATE items SET sealed = (SELECT other.sealed FROM items other \
             WHERE other.conversation <> items.conversation AND other.seq = items.seq) \
             WHERE seq = 1 AND conversation = (SELECT MIN(conversation) FROM items)";
        at.tamper(statement).await;
        let found = [problems(&at, &id).await, problems(&at, &other).await].concat();
        assert_eq!(found, [(1, ProblemKind::Damaged)], "{}", at.name);
    }
}

#[tokio::test]
async fn somebody_elses_wrap_does_not_open() {
    for (at, id) in fresh().await {
        at.person("bob").await;
        at.tamper("UPDATE conversations SET person = 'bob'").await;
        let opened = at.chats().open("bob", &id, None, 10).await;
        assert!(matches!(opened, Err(ChatError::Damaged(_))), "{}", at.name);
        let listed = at.chats().list("bob", None, 10).await.unwrap();
        assert!(listed.conversations[0].damaged, "the list still comes");
    }
}
