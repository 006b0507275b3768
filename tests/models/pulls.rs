//! Pulls that succeed in the end, however often they were cut short.

use std::time::Duration;

use sotto::models::PullError;

use super::fixture::{CONFIG, Fixture, PART, WEIGHTS, weights};
use crate::support::hub::{Asked, Manner};

#[tokio::test]
async fn a_pull_brings_all_files_and_the_next_one_asks_for_nothing() {
    let fixture = Fixture::new().await;
    let (result, log) = fixture.pull().await;
    result.unwrap();
    fixture.assert_whole();
    let path = |file: &str| format!("owner/name@abc123/{file}");
    let asked = |file| Asked { path: path(file), range: None };
    assert_eq!(fixture.hub.asked(), [asked(WEIGHTS), asked(CONFIG)]);
    assert_eq!(log.begun, [(WEIGHTS.to_owned(), 0), (CONFIG.to_owned(), 0)]);
    assert_eq!((log.came, log.ended), (fixture.model().size(), 2));
    let (result, log) = fixture.pull().await;
    result.unwrap();
    assert_eq!((fixture.hub.asked().len(), log.begun.len()), (2, 0));
}

#[tokio::test]
async fn a_broken_connection_is_taken_up_where_it_broke() {
    let fixture = Fixture::new().await;
    fixture.hub.behave(Manner::Breaks(100_000));
    let (result, log) = fixture.pull().await;
    assert!(matches!(result, Err(PullError::Network { .. })), "{result:?}");
    assert!(!fixture.path(WEIGHTS).exists() && fixture.path(PART).exists());
    // What was on its way when the connection broke may be lost.
    let have = fixture.path(PART).metadata().unwrap().len();
    assert!((1..=100_000).contains(&have) && log.came == have, "{have} of {}", log.came);
    let (result, log) = fixture.pull().await;
    result.unwrap();
    fixture.assert_whole();
    assert_eq!(log.begun[0], (WEIGHTS.to_owned(), have));
    assert_eq!(fixture.hub.asked()[1].range, Some(format!("bytes={have}-")));
}

#[tokio::test]
async fn a_pull_that_was_stopped_goes_on_where_it_was() {
    let fixture = Fixture::new().await;
    fixture.hub.behave(Manner::Slow(Duration::from_millis(30)));
    let stopped = tokio::time::timeout(Duration::from_millis(200), fixture.pull()).await;
    assert!(stopped.is_err(), "19 pieces of 30 ms");
    let have = fixture.path(PART).metadata().unwrap().len();
    assert!(have > 0 && !fixture.path(WEIGHTS).exists());
    fixture.hub.behave(Manner::Good);
    let (result, log) = fixture.pull().await;
    result.unwrap();
    fixture.assert_whole();
    assert_eq!(log.begun[0].1, have);
}

#[tokio::test]
async fn what_another_process_left_is_used() {
    let fixture = Fixture::new().await;
    for have in [1, 150_000, 299_999, 300_000] {
        fixture.put(PART, &weights()[..have]);
        let _ = std::fs::remove_file(fixture.path(WEIGHTS));
        let (result, log) = fixture.pull().await;
        result.unwrap();
        fixture.assert_whole();
        assert_eq!(log.begun[0], (WEIGHTS.to_owned(), have as u64));
    }
}

#[tokio::test]
async fn a_hub_that_cannot_resume_sends_everything_again() {
    let fixture = Fixture::new().await;
    fixture.put(PART, &weights()[..120_000]);
    fixture.hub.behave(Manner::NoRanges);
    let (result, log) = fixture.pull().await;
    result.unwrap();
    fixture.assert_whole();
    assert_eq!(fixture.hub.asked()[0].range.as_deref(), Some("bytes=120000-"));
    assert_eq!(log.begun[0], (WEIGHTS.to_owned(), 0));
}

#[tokio::test]
async fn a_damaged_file_is_found_and_fetched_again() {
    let fixture = Fixture::new().await;
    fixture.pull().await.0.unwrap();
    let mut damaged = weights();
    damaged[200_000] ^= 1;
    fixture.put(WEIGHTS, &damaged);
    let problem = fixture.store.verify(fixture.model()).unwrap_err().to_string();
    assert!(problem.contains(WEIGHTS) && problem.contains("SHA-256"), "{problem}");
    assert!(problem.contains("sotto models pull small"), "{problem}");
    let (result, log) = fixture.pull().await;
    result.unwrap();
    fixture.assert_whole();
    assert_eq!(log.begun, [(WEIGHTS.to_owned(), 0)], "the other file is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pulls_of_one_model_do_not_harm_each_other() {
    let fixture = Fixture::new().await;
    fixture.hub.behave(Manner::Slow(Duration::from_millis(10)));
    let later = async {
        tokio::time::sleep(Duration::from_millis(80)).await;
        fixture.pull().await
    };
    let ((first, _), (second, log)) = tokio::join!(fixture.pull(), later);
    first.unwrap();
    second.unwrap();
    fixture.assert_whole();
    assert_eq!(fixture.hub.asked().len(), 2, "each file came once");
    assert_eq!(log.begun, []);
}

#[tokio::test]
async fn a_pull_that_waits_for_one_that_fails_takes_over() {
    let fixture = Fixture::new().await;
    fixture.hub.behave(Manner::Slow(Duration::from_millis(20)));
    let first = tokio::time::timeout(Duration::from_millis(150), fixture.pull());
    let second = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        fixture.pull().await
    };
    let (first, (second, log)) = tokio::join!(first, second);
    assert!(first.is_err(), "19 pieces of 20 ms");
    second.unwrap();
    fixture.assert_whole();
    assert!(log.begun[0].1 > 0, "what the first one had is used");
}
