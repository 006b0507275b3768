//! One recording, one call, one answer.

use std::time::Duration;

use sotto::client::phases::Phases;
use sotto::client::{Call, CallOptions, HangUp, Recording, Turn};
use tokio::time::Instant;

use super::results::Results;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(15);
/// The record of a turn comes when its answer is sent; a little later it is heard.
const UNTIL_HEARD: Duration = Duration::from_millis(400);

/// What is done once and then never again happens now.
pub async fn warm_up(call: &CallOptions, recordings: &[Recording]) -> anyhow::Result<()> {
    if let Some(recording) = recordings.first() {
        let mut call = Call::place(call.clone()).await?;
        call.say(recording.clone()).await;
        call.hang_up(HangUp::Close).await?;
    }
    Ok(())
}

/// Speaks a recording in a call of its own, until its answer is heard.
pub async fn speak(
    options: &CallOptions,
    recording: &Recording,
    results: &mut Results,
) -> anyhow::Result<()> {
    let mut call = Call::place(options.clone()).await?;
    results.connected(call.connect_time);
    call.say_only(recording.clone()).await;
    let turn = answered(&mut call).await;
    match turn {
        None => results.left_out("no_turn"),
        Some(turn) => match Phases::of(&turn) {
            None => results.left_out("over_before_its_end"),
            Some(phases) => results.answered(&phases, &turn),
        },
    }
    call.hang_up(HangUp::Close).await?;
    Ok(())
}

/// The turn that was answered, or else the last one.
async fn answered(call: &mut Call) -> Option<Turn> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let turn = call.turns(0).pop();
        // A recording that was cut in two by a pause is answered when its last part is.
        let is_last = |turn: &Turn| !turn.interrupted && turn.endpoint_ms >= turn.speech_end_ms;
        if turn.as_ref().is_some_and(|turn| turn.server.is_some() && is_last(turn)) {
            call.wait(UNTIL_HEARD).await;
            return call.turns(0).pop();
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if call.wait_until(left, |event| event["type"] == "sotto.turn").await.is_none() {
            return turn;
        }
    }
}
