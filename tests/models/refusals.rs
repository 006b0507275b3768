//! Pulls that must fail: clearly, soon, and without leaving anything under a final name.

use std::time::Duration;

use axum::http::StatusCode;
use sotto::models::{ModelError, PullError, Status};

use super::fixture::{Fixture, PART, WEIGHTS, weights};
use crate::support::hub::Manner;

/// Longer than anything here may take.
const AT_MOST: Duration = Duration::from_secs(9);

/// Pulls from a hub that has this in place of the weights; what is said, and whether anything stays.
async fn pull_instead(content: Vec<u8>) -> (Fixture, String) {
    let fixture = Fixture::new().await;
    fixture.hub.behave(Manner::Has(content));
    let problem = fixture.pull().await.0.unwrap_err();
    assert!(matches!(problem, PullError::Wrong { .. }), "{problem}");
    assert!(!fixture.path(WEIGHTS).exists() && !fixture.path(PART).exists());
    (fixture, problem.to_string())
}

/// When the hub has the right file again, nothing of the wrong one is in the way.
async fn assert_heals(fixture: &Fixture) {
    fixture.hub.behave(Manner::Good);
    let (result, log) = fixture.pull().await;
    result.unwrap();
    assert_eq!(log.begun[0].1, 0, "it begins anew");
    fixture.assert_whole();
}

#[tokio::test]
async fn a_wrong_file_is_named_and_thrown_away() {
    let mut other = weights();
    other[7] ^= 0x40;
    let (fixture, problem) = pull_instead(other).await;
    assert!(problem.contains(WEIGHTS) && problem.contains("SHA-256"), "{problem}");
    assert_eq!(fixture.store.status(fixture.model()), Status::Missing);
    assert_heals(&fixture).await;
}

#[tokio::test]
async fn a_file_that_is_too_long_is_not_read_to_its_end() {
    let mut longer = weights();
    longer.extend(weights());
    let (fixture, problem) = pull_instead(longer).await;
    assert!(problem.contains("more than the 300000 bytes"), "{problem}");
    assert_heals(&fixture).await;
}

#[tokio::test]
async fn a_file_that_is_too_short_is_not_taken_for_a_broken_connection() {
    let (fixture, problem) = pull_instead(b"<html>Please sign in</html>".to_vec()).await;
    assert!(problem.contains("27 bytes") && problem.contains("300000"), "{problem}");
    assert_heals(&fixture).await;
}

#[tokio::test]
async fn a_part_of_something_else_is_thrown_away() {
    for part in [vec![1; 1_000], vec![1; 300_000], weights()[..250_000].to_vec()] {
        let fixture = Fixture::new().await;
        fixture.put(PART, &part);
        // The last one is right, and the hub has less than it.
        if part.len() == 250_000 {
            fixture.hub.behave(Manner::Has(vec![0; 1_000]));
        }
        let problem = fixture.pull().await.0.unwrap_err();
        assert!(matches!(problem, PullError::Wrong { .. }), "{}: {problem}", part.len());
        assert!(!fixture.path(WEIGHTS).exists() && !fixture.path(PART).exists());
        assert_heals(&fixture).await;
    }
}

#[tokio::test]
async fn a_part_longer_than_the_file_is_not_used() {
    let fixture = Fixture::new().await;
    fixture.put(PART, &vec![1; 300_001]);
    fixture.pull().await.0.unwrap();
    assert_eq!(fixture.hub.asked()[0].range, None);
    fixture.assert_whole();
}

#[tokio::test]
async fn a_hub_that_refuses_is_quoted() {
    let fixture = Fixture::new().await;
    for status in [StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED, StatusCode::BAD_GATEWAY] {
        fixture.hub.behave(Manner::Refuses(status));
        let problem = fixture.pull().await.0.unwrap_err().to_string();
        assert!(problem.contains(&status.to_string()), "{problem}");
        assert!(problem.contains("owner/name/resolve/abc123/model.safetensors"), "{problem}");
    }
    assert!(!fixture.path(WEIGHTS).exists());
    assert_heals(&fixture).await;
}

#[tokio::test]
async fn a_hub_where_nobody_listens_is_given_up_at_once() {
    let fixture = Fixture::new().await;
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let puller = Fixture::puller(&nobody, false);
    let pull = tokio::time::timeout(AT_MOST, fixture.pull_with(&puller));
    let problem = pull.await.unwrap().0.unwrap_err();
    assert!(matches!(problem, PullError::Network { .. }), "{problem}");
    assert!(problem.to_string().contains("cannot be reached"), "{problem}");
}

#[tokio::test]
async fn a_hub_that_takes_the_call_and_says_nothing_is_given_up_after_three_seconds() {
    let fixture = Fixture::new().await;
    fixture.hub.behave(Manner::Silent);
    let pull = tokio::time::timeout(AT_MOST, fixture.pull());
    let problem = pull.await.unwrap().0.unwrap_err();
    assert!(matches!(problem, PullError::Network { .. }), "{problem}");
    assert!(problem.to_string().contains("no answer within 3000 ms"), "{problem}");
}

#[tokio::test]
async fn offline_says_what_to_do_and_asks_nobody() {
    let fixture = Fixture::new().await;
    let puller = Fixture::puller(&fixture.hub.url, true);
    let problem = fixture.pull_with(&puller).await.0.unwrap_err();
    assert!(matches!(problem, PullError::Offline { .. }));
    let words = problem.to_string();
    let folder = fixture.path("").display().to_string();
    for part in ["small", "models.offline", folder.trim_end_matches('/')] {
        assert!(words.contains(part), "{part} in {words}");
    }
    assert_eq!(fixture.hub.asked(), []);
    let missing = fixture.store.find("small").unwrap_err();
    assert!(matches!(missing, ModelError::Missing { .. }));
    // What is here needs no network.
    fixture.pull().await.0.unwrap();
    fixture.pull_with(&puller).await.0.unwrap();
}
