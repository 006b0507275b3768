//! Captions of somebody who is still speaking.

use std::collections::HashMap;

use super::super::*;
use super::sim::{Engines, Sim, settings};
use super::{ms, report, transcripts};
use crate::pipeline::stt::{Rejection, Spoken};

const WORDS: &str = "one two three four five six seven eight nine ten eleven twelve";

fn live() -> Settings {
    Settings { interim: Samples::from_ms(400), ..settings() }
}

fn captions(sim: &Sim) -> Vec<(&str, &str, &str)> {
    sim.notices()
        .filter_map(|notice| match notice {
            Notice::Interim { delta, stable, tail, .. } => {
                Some((delta.as_str(), stable.as_str(), tail.as_str()))
            }
            _ => None,
        })
        .collect()
}

/// Whether the deltas of each item make up what is stable, and nothing comes after its words.
pub(super) fn are_in_order(sim: &Sim) -> bool {
    let mut told: HashMap<ItemId, String> = HashMap::new();
    let mut over = Vec::new();
    sim.notices().all(|notice| match notice {
        Notice::Interim { item, delta, stable, .. } => {
            let text = told.entry(*item).or_default();
            text.push_str(delta.as_str());
            text == stable.as_str() && !over.contains(item)
        }
        Notice::Committed { item, .. } | Notice::SpeechStopped { item, .. } => {
            over.push(*item);
            true
        }
        _ => true,
    })
}

#[test]
fn words_are_shown_while_they_are_spoken() {
    let mut sim = Sim::new(Engines::default().says(0, WORDS), live());
    sim.quiet(500).speak(2_000);
    let shown = captions(&sim);
    assert!(shown.len() >= 3, "{shown:?}");
    assert_eq!(shown[0], ("", "", "one two"));
    assert_eq!(shown[1], ("one two", "one two", " three four"));
    sim.quiet(4_000);
    assert!(are_in_order(&sim));
    assert_eq!(transcripts(&sim), [WORDS]);
    assert_eq!(sim.finals().len(), 1, "captions change nothing about the final transcript");
}

#[test]
fn without_an_interval_there_are_none() {
    let mut sim = Sim::new(Engines::default().says(0, WORDS), settings());
    sim.quiet(500).speak(3_000).quiet(4_000);
    assert!(sim.interims().is_empty() && captions(&sim).is_empty());
}

#[test]
fn a_word_is_not_worth_a_caption() {
    let mut sim = Sim::new(Engines::default(), live());
    sim.quiet(500).speak(224).quiet(4_000);
    assert!(sim.interims().is_empty());
    assert_eq!(transcripts(&sim), ["turn 0"]);
    // The engine is told, and may refuse it.
    assert_eq!(sim.finals()[0].speech, ms(224));
}

#[test]
fn the_final_recognition_takes_the_place_of_a_caption_under_way() {
    let engines = Engines { interim: ms(2_000), ..Engines::default() };
    let mut sim = Sim::new(engines, live());
    sim.quiet(500).speak(1_000).quiet(150);
    assert!(!sim.has_interim_under_way());
    assert_eq!((sim.interims().len(), sim.cancelled_recognitions()), (1, 1));
    sim.quiet(4_000);
    assert!(captions(&sim).is_empty());
    assert_eq!(transcripts(&sim), ["turn 0"]);
}

#[test]
fn nothing_is_left_under_way() {
    for end in [Some(Ask::Clear), Some(Ask::Commit), None] {
        let engines = Engines { interim: ms(2_000), ..Engines::default() };
        let mut sim = Sim::new(engines, live());
        sim.quiet(500).speak(1_000);
        assert!(sim.has_interim_under_way());
        match end {
            Some(ask) => drop(sim.ask(ask)),
            None => sim.close(),
        }
        assert!(!sim.has_interim_under_way());
    }
}

#[test]
fn a_busy_engine_is_asked_less_and_less() {
    let engines = Engines { interim_fails: true, interim: ms(10), ..Engines::default() };
    let mut sim = Sim::new(engines, live());
    sim.quiet(512).speak(10_000).quiet(4_000);
    let ends: Vec<u64> = sim.interims().iter().map(|(audio, _)| audio.end.as_ms()).collect();
    let gaps: Vec<u64> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [800, 1_600, 3_200, 3_200], "{ends:?}");
    assert!(captions(&sim).is_empty(), "and nobody is told");
    assert_eq!(sim.count(|n| matches!(n, Notice::TranscriptionFailed { .. })), 0);
    assert_eq!(transcripts(&sim), ["turn 0"]);
}

#[test]
fn a_slow_engine_is_free_half_of_the_time() {
    let engines = Engines { interim: ms(640), ..Engines::default() };
    let mut sim = Sim::new(engines, live());
    sim.quiet(512).speak(8_000).quiet(4_000);
    let ends: Vec<u64> = sim.interims().iter().map(|(audio, _)| audio.end.as_ms()).collect();
    // A result is noticed between two frames, so one of 32 ms may be missing at either end.
    assert!(ends.windows(2).all(|pair| pair[1] - pair[0] >= 2 * (640 - 32)), "{ends:?}");
}

#[test]
fn what_was_heard_is_the_draft_of_what_follows() {
    let mut sim = Sim::new(Engines::default().says(0, WORDS), live());
    sim.quiet(500).speak(1_500).quiet(4_000);
    let drafts: Vec<usize> = sim.interims().iter().map(|(_, hints)| hints.draft.len()).collect();
    assert_eq!(drafts[0], 0);
    assert!(drafts.windows(2).all(|pair| pair[0] < pair[1]), "{drafts:?}");
    assert!(sim.finals()[0].draft.len() > drafts[drafts.len() - 1], "{drafts:?}");
    sim.speak(1_000).quiet(4_000);
    assert!(sim.interims()[drafts.len()].1.draft.is_empty(), "another turn, another draft");
}

#[test]
fn the_segments_of_a_long_turn_are_captioned_in_order() {
    let engines = Engines { complete: vec![0.1; 9], ..Engines::default() }.says(0, WORDS);
    let mut sim = Sim::new(engines, live());
    sim.quiet(500);
    for pause in [300, 400, 500, 300, 6_000] {
        sim.speak(8_000).quiet(pause);
    }
    assert!(are_in_order(&sim));
    let (_, stable, _) = captions(&sim).last().copied().unwrap();
    assert!(stable.starts_with(&format!("{WORDS} one")), "{stable}");
    // The speech of a segment is its own.
    let speech: Vec<_> = sim.finals().iter().map(|hints| hints.speech).collect();
    assert!(speech.iter().all(|speech| *speech <= ms(28_000)), "{speech:?}");
    assert!(speech.iter().max() >= Some(&ms(23_000)), "{speech:?}");
}

#[test]
fn captions_do_not_keep_the_words_of_a_cut_segment_waiting() {
    let engines = Engines { recognition: ms(2_500), ..Engines::default() };
    let mut sim = Sim::new(engines, live());
    sim.quiet(500).speak(28_500);
    let (finals, interims) = (sim.finals().len(), sim.interims().len());
    assert_eq!(finals, 1, "the first 28 s");
    sim.speak(1_500);
    assert_eq!(sim.interims().len(), interims, "its words are not there yet");
    sim.speak(2_000);
    assert!(sim.interims().len() > interims);
}

#[test]
fn the_language_that_was_heard_first_is_that_of_the_call() {
    let spoken = |probability| Some(Spoken { code: "de".to_owned(), probability });
    for (probability, locked) in
        [(Some(0.4), None), (Some(0.9), Some("de")), (Some(1.0), Some("de")), (None, None)]
    {
        let engines = Engines { language: spoken(probability), ..Engines::default() };
        let mut sim = Sim::new(engines, live());
        sim.quiet(500).speak(1_000).quiet(3_000).speak(1_000).quiet(3_000);
        let languages: Vec<_> = sim.finals().iter().map(|h| h.language.as_deref()).collect();
        assert_eq!(languages, [None, locked]);
        assert_eq!(sim.interims().last().unwrap().1.language.as_deref(), locked);
    }
}

#[test]
fn the_report_says_why_there_are_no_words() {
    for (words, rejected) in [("so be it", None), ("", Some(Rejection::Unsure))] {
        let mut sim = Sim::new(Engines::default().says(0, words), live());
        sim.quiet(500).speak(1_500).quiet(4_000);
        assert_eq!(transcripts(&sim), [words]);
        assert_eq!(report(&sim).rejected, rejected);
    }
}

#[test]
fn a_pass_that_hears_nothing_takes_no_caption_away() {
    let mut sim = Sim::new(Engines::default().says(0, WORDS), live());
    sim.quiet(500).speak(2_000);
    let shown = captions(&sim).len();
    sim.mishears().speak(1_000);
    assert_eq!(captions(&sim).len(), shown);
    sim.quiet(4_000);
    assert!(are_in_order(&sim));
}
