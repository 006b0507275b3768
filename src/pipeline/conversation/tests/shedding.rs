//! What is left out while the machine is behind, and what never is.

use super::super::*;
use super::sim::{Engines, Sim, settings};
use super::{captions, ms, report, transcripts};
use crate::pipeline::load::{Shed, Shedding};

const WORDS: &str = "tell me about the king of the mountain";

fn busy() -> Settings {
    Settings { interim: Samples::from_ms(400), eager_per_minute: 6, ..settings() }
}

fn quick() -> Engines {
    let engines = Engines { recognition: ms(60), prediction: ms(20), ..Engines::default() };
    engines.says(0, WORDS)
}

#[test]
fn captions_wait_for_the_final_words() {
    for shedding in [Shedding::Interims, Shedding::Eager, Shedding::Calls] {
        let mut sim = Sim::new(quick(), busy());
        sim.shed(shedding).quiet(500).speak(2_000).quiet(4_000);
        assert!(sim.interims().is_empty());
        // One each 400 ms was due.
        assert!((3..=5).contains(&sim.sheds(Shed::Interim)), "{}", sim.sheds(Shed::Interim));
        assert_eq!(transcripts(&sim), [WORDS], "the final words come as ever");
        assert!(captions(&sim).starts_with("It is late."), "and so does the answer");
    }
}

#[test]
fn captions_come_back_in_the_same_breath() {
    let mut sim = Sim::new(quick(), busy());
    sim.shed(Shedding::Interims).quiet(500).speak(2_000);
    assert!(sim.interims().is_empty());
    sim.shed(Shedding::Nothing).speak(1_000);
    assert!(!sim.interims().is_empty());
}

#[test]
fn no_reply_is_begun_early_and_the_turn_is_answered() {
    let told = |shedding| {
        let mut sim = Sim::new(quick(), busy());
        sim.shed(shedding).quiet(500).speak(1_000).quiet(6_000);
        (report(&sim).eager, sim.sheds(Shed::Eager), captions(&sim))
    };
    let answer = "It is late. Go to bed.".to_owned();
    let begun = EagerReplies { begun: 1, used: true };
    assert_eq!(told(Shedding::Interims), (begun, 0, answer.clone()), "captions go first");
    assert_eq!(told(Shedding::Eager), (EagerReplies::default(), 1, answer));
}

#[test]
fn a_reply_that_is_talked_over_still_stops() {
    let story = "Once upon a time there was a king. He had three daughters who could all sing.";
    let mut sim = Sim::new(quick().says(1, "stop").replies(story), busy());
    sim.shed(Shedding::Calls).quiet(500).speak(1_000).quiet(2_000).speak(800).quiet(8_000);
    assert_eq!(transcripts(&sim), [WORDS, "stop"]);
    assert_eq!(sim.count(|n| matches!(n, Notice::Truncated { .. })), 1);
}
