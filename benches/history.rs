//! What keeping costs: `cargo bench --bench history [writes|lists|opens]`.
//!
//! The database is SQLite on the disk of the temporary folder, with every commit synced, as in earnest; PostgreSQL
//! instead where `SOTTO_TEST_POSTGRES` names an empty database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use sotto::chat::content::{Content, NewItem, Via};
use sotto::chat::owner::new_owner;
use sotto::chat::{Chats, NewConversation, Settings, Use};
use sotto::config::{Database, Secret};
use sotto::pipeline::history::Role;
use sotto::pipeline::text::Text;
use sotto::store::Db;
use sotto::vault::keyring::Keyring;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A person, and how much they have.
const PERSON: &str = "ann";
const CONVERSATIONS: usize = 10_000;
const ITEMS: usize = 1_000;
/// Turns a second, each the words of the person and the reply.
const TURNS_A_SECOND: u32 = 50;
const TURNS: usize = 500;
/// Calls that they are spread over.
const CALLS: usize = 10;

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let chats = open(folder.path()).await?;
        if wants("writes") {
            writes(&chats).await?;
        }
        if wants("opens") {
            opens(&chats).await?;
        }
        if wants("lists") {
            lists(&chats).await?;
        }
        Ok(())
    })
}

async fn open(folder: &std::path::Path) -> Result<Chats> {
    let url = Secret::new(std::env::var("SOTTO_TEST_POSTGRES").unwrap_or_default());
    let db = Db::open(&Database { url, ..Database::default() }, folder).await?;
    let ring = Arc::new(Keyring::parse(Keyring::generate()?.reveal())?);
    let (udk, kid) = new_owner(&ring, PERSON)?;
    sqlx::query(
        "INSERT INTO people (id, kind, admin, disabled, udk, udk_kid, default_tier, created_ms, \
         seen_ms, failures, locked_until_ms) VALUES ($1, 'guest', 0, 0, $2, $3, 'standard', 0, 0, 0, 0)",
    )
    .bind(PERSON)
    .bind(udk)
    .bind(kid)
    .execute(db.write())
    .await?;
    Ok(Chats::new(db, ring, TaskTracker::new(), CancellationToken::new()))
}

fn item(number: usize) -> NewItem {
    let role = if number.is_multiple_of(2) { Role::User } else { Role::Assistant };
    let text = "a sentence as people say it, neither short nor long ".repeat(3);
    let content = Content::new(Text::from(text), Via::Voice, 1_700_000_000_000);
    NewItem { id: format!("item_{number}"), role, content }
}

/// How long a turn takes to be stored when 50 a second are.
async fn writes(chats: &Chats) -> Result<()> {
    let mut writers = Vec::new();
    for _ in 0..CALLS {
        let id = chats.create(PERSON, NewConversation::default()).await?.id;
        writers.push(Some(chats.writer(PERSON, &id, Use::Call).await?));
    }
    let mut tick = tokio::time::interval(Duration::from_secs(1) / TURNS_A_SECOND);
    let mut running = tokio::task::JoinSet::new();
    let mut times = Vec::new();
    let mut free: Vec<usize> = (0..CALLS).collect();
    let mut number = 0;
    while times.len() < 2 * TURNS {
        tokio::select! {
            _ = tick.tick(), if number < 2 * TURNS && !free.is_empty() => {
                let slot = free.pop().unwrap_or_default();
                let Some(mut writer) = writers[slot].take() else { continue };
                let first = number;
                number += 2;
                running.spawn(async move {
                    let mut took = Vec::new();
                    for number in [first, first + 1] {
                        let begun = Instant::now();
                        let stored = writer.append(&item(number)).await;
                        took.push((begun.elapsed(), stored.is_ok()));
                    }
                    (slot, writer, took)
                });
            }
            Some(done) = running.join_next() => {
                let (slot, writer, took) = done?;
                writers[slot] = Some(writer);
                free.push(slot);
                for (time, stored) in took {
                    anyhow::ensure!(stored, "a write failed");
                    times.push(time);
                }
            }
        }
    }
    println!(
        "writes: {TURNS} turns at {TURNS_A_SECOND} a second over {CALLS} calls, one item each time"
    );
    println!("  {}", spread(&mut times));
    Ok(())
}

/// How long a conversation of 1,000 items takes to be read, opened and checked.
async fn opens(chats: &Chats) -> Result<()> {
    let id = chats.create(PERSON, NewConversation::default()).await?.id;
    let mut writer = chats.writer(PERSON, &id, Use::Call).await?;
    for number in 0..ITEMS {
        writer.append(&item(number)).await?;
    }
    for (name, limit) in [("all items", ITEMS as i64), ("the last 50", 50)] {
        let mut times = Vec::new();
        for _ in 0..30 {
            let begun = Instant::now();
            let opened = chats.open(PERSON, &id, None, limit).await?;
            times.push(begun.elapsed());
            anyhow::ensure!(opened.problems.is_empty() && opened.items.len() == limit as usize);
        }
        println!("opens: {name} of a conversation of {ITEMS}, with its chain checked");
        println!("  {}", spread(&mut times));
    }
    Ok(())
}

/// How long a page of 10,000 conversations takes, at the beginning and in the middle.
async fn lists(chats: &Chats) -> Result<()> {
    for number in 0..CONVERSATIONS {
        let title = Some(Text::from(format!("Conversation {number}")));
        let settings = Settings { title, ..Settings::default() };
        chats.create(PERSON, NewConversation { settings, ..NewConversation::default() }).await?;
    }
    let mut middle = None;
    let mut before: Option<String> = None;
    for _ in 0..CONVERSATIONS / 100 {
        before = chats.list(PERSON, before.as_deref(), 50).await?.next;
        middle.clone_from(&before);
    }
    for (name, before) in [("first", None), ("middle", middle)] {
        let mut times = Vec::new();
        for _ in 0..50 {
            let begun = Instant::now();
            let page = chats.list(PERSON, before.as_deref(), 50).await?;
            times.push(begun.elapsed());
            anyhow::ensure!(page.conversations.len() == 50);
        }
        println!("lists: the {name} page of 50 of {CONVERSATIONS} conversations, titles opened");
        println!("  {}", spread(&mut times));
    }
    Ok(())
}

fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1_000.0;
    format!(
        "median {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, most {:.2} ms ({} values)",
        at(50),
        at(90),
        at(99),
        at(100),
        times.len()
    )
}
