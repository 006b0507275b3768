//! What the end of a call leaves of a reply.

use super::sim::{Engines, Sim, settings};
use super::*;

const STORY: &str = "Once upon a time there was a king. He had three daughters who could all sing, \
    and every evening they sang for him until he fell asleep.";

/// A person asks for a story, and the line breaks so long after.
fn told_for(ms: u64) -> Sim {
    let mut sim = Sim::new(Engines::default().replies(STORY), settings());
    sim.quiet(500).speak(1_000).quiet(ms);
    sim
}

#[test]
fn heard_and_missed_are_the_whole() {
    let mut before = 0;
    for ms in [1_500, 2_500, 4_000] {
        let (heard, missed) = told_for(ms).lose(0);
        let heard = heard.unwrap();
        assert!(heard.len() > before, "{ms} ms: {heard}");
        before = heard.len();
        assert_eq!(format!("{heard} {missed}"), STORY, "{ms} ms");
    }
}

#[test]
fn what_was_played_to_a_broken_path_was_missed() {
    let (heard, missed) = told_for(4_000).lose(1_500);
    let (earlier, _) = told_for(2_500).lose(0);
    let (heard, earlier) = (heard.unwrap(), earlier.unwrap());
    assert!(heard.len().abs_diff(earlier.len()) < 12, "{heard} | {earlier}");
    assert_eq!(format!("{heard} {missed}"), STORY);
}

#[test]
fn so_was_the_end_of_a_reply_that_is_over() {
    let (heard, missed) = told_for(20_000).lose(0);
    assert_eq!((heard.as_deref(), missed.as_str()), (Some(STORY), ""));
    let (heard, missed) = told_for(20_000).lose(13_000);
    let heard = heard.unwrap();
    assert!(!missed.is_empty(), "{heard}");
    assert_eq!(format!("{heard} {missed}"), STORY);
    let (heard, missed) = told_for(20_000).lose(20_500);
    assert_eq!((heard, missed.as_str()), (None, STORY), "nothing of it was heard");
}

#[test]
fn of_what_the_person_has_cut_nothing_was_missed() {
    let mut sim = told_for(2_500);
    sim.ask(Ask::Silence);
    assert_eq!(sim.lose(0).1, "");
}

#[test]
fn what_was_missed_is_said_as_a_reply() {
    let mut sim = told_for(2_500);
    sim.ask(Ask::Replay(Text::from("And so on."))).quiet(5_000);
    let kept: Vec<(&str, bool)> = sim
        .notices()
        .filter_map(|notice| match notice {
            Notice::Kept { text, interrupted, .. } => Some((text.as_str(), *interrupted)),
            _ => None,
        })
        .collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept[0].1, "what was being said is cut");
    assert_eq!(kept[1], ("And so on.", false));
}
