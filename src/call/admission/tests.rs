use tokio::time::advance;

use super::estimate::Bound;
use super::*;

const LATE: Duration = Duration::from_millis(40);

fn admission(configured: CallLimit) -> Arc<Admission> {
    Admission::new(configured, Estimate { calls: 4, bound: Bound::Untried })
}

fn why(result: Result<Permit, Refused>) -> Option<Why> {
    result.err().map(|refused| refused.why)
}

/// So many looks, one each 100 ms.
async fn look(admission: &Admission, late: Duration, seconds: u64) {
    for _ in 0..seconds * 10 {
        advance(Duration::from_millis(100)).await;
        admission.look(late, Duration::ZERO, Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn one_too_many_is_refused_until_somebody_leaves() {
    let admission = admission(CallLimit::Fixed(2));
    let first = admission.admit(Caller::New).unwrap();
    let _second = admission.admit(Caller::New).unwrap();
    for caller in [Caller::New, Caller::Back] {
        assert_eq!(why(admission.admit(caller)), Some(Why::Limit(2)));
    }
    assert!(admission.would_admit().is_err());
    let standing = admission.standing();
    assert_eq!((standing.active, standing.limit, standing.refused_limit), (2, 2, 2));
    drop(first);
    assert!(admission.would_admit().is_ok());
    assert!(admission.admit(Caller::New).is_ok());
}

#[tokio::test(start_paused = true)]
async fn it_is_empty_when_the_last_one_has_left() {
    let admission = admission(CallLimit::Auto);
    admission.empty().await;
    let permit = admission.admit(Caller::New).unwrap();
    let leaving = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(permit);
    };
    let begun = Instant::now();
    tokio::join!(admission.empty(), leaving);
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_behind_takes_no_new_calls_and_those_that_were_lost_go_on() {
    let admission = admission(CallLimit::Auto);
    let _inside = [admission.admit(Caller::New).unwrap(), admission.admit(Caller::New).unwrap()];
    look(&admission, LATE, 4).await;
    assert!(!admission.load().interims_allowed());
    assert!(admission.admit(Caller::New).is_ok(), "captions go first");
    look(&admission, LATE, 6).await;
    assert_eq!(admission.load().shedding(), Shedding::Calls);
    assert_eq!(admission.standing().limit, 1, "less than go on");
    assert_eq!(why(admission.admit(Caller::New)), Some(Why::Pressure));
    let refused = admission.would_admit().unwrap_err();
    assert!((10..=60).contains(&refused.retry_after.as_secs()), "{refused:?}");
    // At ease again, everything comes back.
    look(&admission, Duration::ZERO, 120).await;
    assert_eq!(admission.load().shedding(), Shedding::Nothing);
    assert!(admission.admit(Caller::New).is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_is_behind_has_no_time_for_others_and_says_until_when() {
    let admission = Admission::new(CallLimit::Auto, Estimate { calls: 40, bound: Bound::Untried });
    let mut inside: Vec<Permit> = (0..20).map(|_| admission.admit(Caller::New).unwrap()).collect();
    assert!(admission.has_time().is_ok());
    look(&admission, LATE, 10).await;
    assert_eq!(admission.standing().limit, 18);
    let refused = admission.has_time().unwrap_err();
    assert!(refused.retry_after >= Duration::from_secs(10), "{refused:?}");
    assert_eq!(why(admission.admit(Caller::New)), Some(Why::Pressure));
    assert_eq!(why(admission.admit(Caller::Back)), Some(Why::Limit(20)));
    // One was lost, and comes back: more than the limit, and no more than went on.
    inside.pop();
    assert_eq!(why(admission.admit(Caller::New)), Some(Why::Pressure));
    inside.push(admission.admit(Caller::Back).unwrap());
    // However many leave, it is behind.
    inside.truncate(10);
    assert_eq!(why(admission.admit(Caller::New)), Some(Why::Pressure));
    let standing = admission.standing();
    assert_eq!((standing.refused_pressure, standing.refused_limit), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_in_somebody_is_let_in_however_busy_it_is() {
    let admission = admission(CallLimit::Auto);
    look(&admission, LATE, 60).await;
    assert_eq!(admission.load().shedding(), Shedding::Calls);
    assert!(admission.would_admit().is_ok() && admission.has_time().is_ok());
    let permit = admission.admit(Caller::New).unwrap();
    assert!(admission.admit(Caller::New).is_err());
    drop(permit);
    assert!(admission.admit(Caller::New).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_number_that_was_configured_holds_and_captions_are_left_out_all_the_same() {
    let admission = admission(CallLimit::Fixed(3));
    let _inside = [admission.admit(Caller::New).unwrap(), admission.admit(Caller::New).unwrap()];
    look(&admission, LATE, 60).await;
    assert_eq!(admission.load().shedding(), Shedding::Eager);
    assert!(admission.has_time().is_ok());
    assert!(admission.admit(Caller::New).is_ok());
    assert_eq!(admission.standing().limited_by, "configured");
}

#[tokio::test(start_paused = true)]
async fn dropped_sound_is_a_sign_as_long_as_it_is_dropped() {
    let admission = admission(CallLimit::Auto);
    for _ in 0..30 {
        admission.load().count_dropped(1);
        look(&admission, Duration::ZERO, 1).await;
    }
    assert_eq!(admission.load().shedding(), Shedding::Nothing, "one in ten looks");
    for _ in 0..40 {
        admission.load().count_dropped(1);
        advance(Duration::from_millis(100)).await;
        admission.look(Duration::ZERO, Duration::ZERO, Instant::now());
    }
    assert_eq!(admission.load().shedding(), Shedding::Interims);
}
