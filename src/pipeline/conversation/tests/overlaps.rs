//! Speaking over a reply, patience, and what is begun early.

use super::sim::{Engines, Sim, settings};
use super::*;
use crate::pipeline::turn::patience::Patience;

fn overlaps(sim: &Sim) -> Vec<(bool, Why)> {
    sim.notices()
        .filter_map(|notice| match notice {
            Notice::Overlapped { overlap, .. } => Some((overlap.stopped, overlap.why)),
            _ => None,
        })
        .collect()
}

const STORY: &str = "Once upon a time there was a king. He had three daughters who could all sing, \
    and every evening they sang for him until he fell asleep.";

#[test]
fn after_mhm_the_reply_goes_on_and_the_word_is_no_turn() {
    for interim in [0, 400] {
        let engines = Engines::default().says(0, "tell me a story").says(1, "Mhm.").replies(STORY);
        let mut settings = settings();
        settings.interim = Samples::from_ms(interim);
        let mut sim = Sim::new(engines, settings);
        sim.quiet(500).speak(1_000).quiet(2_000).speak(380).quiet(20_000);
        assert_eq!(overlaps(&sim), [(false, Why::Backchannel)]);
        assert_eq!(sim.hushes(), ["duck", "hold", "resume"]);
        assert_eq!(transcripts(&sim), ["tell me a story"]);
        assert_eq!(sim.count(|n| matches!(n, Notice::Truncated { .. })), 0);
        assert_eq!(sim.count(|n| matches!(n, Notice::AudioStopped { .. })), 1);
        let kept = |n: &Notice| matches!(n, Notice::Kept { text, interrupted: false, .. } if text.as_str() == STORY);
        assert_eq!(sim.count(kept), 1, "all of it was heard");
        assert_eq!(sim.state(), State::Listening);
    }
}

#[test]
fn a_cough_ducks_and_no_more() {
    let engines = Engines::default().says(1, "").replies(STORY);
    let mut sim = Sim::new(engines, settings());
    sim.quiet(500).speak(1_000).quiet(2_000).speak(96).quiet(1_000);
    assert_eq!(sim.hushes(), ["duck", "resume"]);
    assert_eq!(overlaps(&sim), [(false, Why::Short)]);
}

#[test]
fn yes_at_the_end_of_a_question_is_the_answer_to_it() {
    let engines = Engines::default().says(1, "Yes.").replies("Shall I go on with it?");
    let mut sim = Sim::new(engines, settings());
    sim.quiet(500).speak(1_000).quiet(992).speak(320).quiet(20_000);
    assert_eq!(overlaps(&sim), [(false, Why::Backchannel)]);
    assert_eq!(transcripts(&sim), ["turn 0", "Yes."]);
    assert_eq!(sim.count(|n| matches!(n, Notice::AudioStopped { .. })), 2, "both replies");
}

#[test]
fn a_held_reply_does_not_wait_for_ever() {
    let engines = Engines { recognition: ms(60_000), interim_fails: true, ..Engines::default() };
    let mut sim = Sim::new(engines, settings());
    sim.ask(Ask::Say(Text::from(STORY))).quiet(1_000).speak(384).quiet(30_000);
    assert_eq!(sim.hushes(), ["duck", "hold", "resume"]);
    assert_eq!(overlaps(&sim), [(false, Why::Short)]);
}

#[test]
fn a_client_that_clears_its_input_lets_the_reply_go_on() {
    let mut sim = Sim::new(Engines::default().replies(STORY), settings());
    sim.quiet(500).speak(1_000).quiet(2_000).speak(320).ask(Ask::Clear).quiet(20_000);
    assert_eq!(sim.hushes(), ["duck", "hold", "resume"]);
    assert_eq!(sim.count(|n| matches!(n, Notice::AudioStopped { .. })), 1);
}

#[test]
fn a_client_that_commits_stops_the_reply() {
    let mut sim = Sim::new(Engines::default().replies(STORY), settings());
    sim.quiet(500).speak(1_000).quiet(2_000).speak(320).ask(Ask::Commit).quiet(20_000);
    assert_eq!(sim.count(|n| matches!(n, Notice::Truncated { .. })), 1);
    assert_eq!(transcripts(&sim), ["turn 0", "turn 1"]);
}

#[test]
fn what_cannot_be_resumed_is_stopped_at_once() {
    let mut settings = settings();
    settings.resumable = false;
    let mut sim = Sim::new(Engines::default().says(1, "Mhm.").replies(STORY), settings);
    sim.quiet(500).speak(1_000).quiet(2_000).speak(320).quiet(20_000);
    assert!(sim.hushes().is_empty());
    assert_eq!(sim.count(|n| matches!(n, Notice::Truncated { .. })), 1);
}

#[test]
fn dictated_numbers_are_waited_for() {
    let engines = || {
        let engines = Engines::default().says(0, "my number is five five five");
        Engines { recognition: ms(60), ..engines }
    };
    let mut sim = Sim::new(engines(), settings());
    sim.quiet(500).speak(1_000).quiet(800).speak(1_000).quiet(6_000);
    assert_eq!(transcripts(&sim).len(), 1, "one turn");
    let decision = &report(&sim).decision;
    assert_eq!(decision.patience, Patience::Number);
    assert!(decision.silence_ms >= 1_200, "{decision:?}");
}

#[test]
fn a_turn_that_sounds_finished_waits_for_its_words_and_these_may_say_that_it_is_not() {
    let says = |words| Engines { recognition: ms(300), ..Engines::default() }.says(0, words);
    let mut sim = Sim::new(says("what time is it"), settings());
    sim.quiet(500).speak(1_000).quiet(6_000);
    let timings = report(&sim).timings;
    assert_eq!(timings.endpoint_ms, timings.transcript_ms);
    assert!(
        (396..400).contains(&timings.transcript_ms.unwrap()),
        "nobody waits longer: {timings:?}"
    );

    let mut sim = Sim::new(says("I want to go to the"), settings());
    sim.quiet(500).speak(1_000).quiet(800).speak(1_000).quiet(6_000);
    assert_eq!(transcripts(&sim).len(), 1, "one turn");
    assert_eq!(report(&sim).decision.patience, Patience::Unfinished);
}

#[test]
fn slow_recognition_keeps_no_turn_open() {
    let engines = Engines { recognition: ms(3_000), ..Engines::default() };
    let mut sim = Sim::new(engines, settings());
    sim.quiet(500).speak(1_000).quiet(6_000);
    assert_eq!(report(&sim).decision.reason, Reason::Model);
    let silence = report(&sim).decision.silence_ms;
    assert!((700..740).contains(&silence), "{silence} ms");
}

#[test]
fn an_early_answer_is_there_at_once_and_nobody_hears_of_one_that_was_wrong() {
    let slow = |complete| {
        let engines = Engines {
            complete,
            recognition: ms(60),
            prediction: ms(20),
            first_token: ms(40),
            ..Engines::default()
        };
        engines.replies("It is late. Go to bed.")
    };
    let mut settings = settings();
    settings.eager_per_minute = 6;
    let mut sim = Sim::new(slow(vec![0.95]), settings.clone());
    sim.quiet(500).speak(1_000).quiet(6_000);
    let early = report(&sim);
    assert_eq!(early.eager, EagerReplies { begun: 1, used: true });
    assert_eq!(early.timings.first_token_ms, early.timings.transcript_ms, "{early:?}");
    assert_eq!(captions(&sim), "It is late. Go to bed.");
    let (said, names) = (captions(&sim), sim.count(|n| matches!(n, Notice::ReplyStarted { .. })));
    assert_eq!((said.as_str(), names), ("It is late. Go to bed.", 1));

    // Somebody who goes on: it never was, and there is a limit to it.
    let mut sim = Sim::new(slow(vec![0.4]), settings);
    sim.quiet(500);
    for _ in 0..4 {
        sim.speak(600).quiet(400);
    }
    sim.quiet(8_000);
    assert_eq!(sim.count(|n| matches!(n, Notice::ReplyStarted { .. })), 1);
    assert_eq!(transcripts(&sim).len(), 1);
    assert!(report(&sim).eager.begun <= 2, "{:?}", report(&sim).eager);
    assert!(!sim.writes_in_vain());
}

#[test]
fn silence_is_asked_about_once() {
    let mut settings = settings();
    settings.idle = Some(ms(5_000));
    let mut sim = Sim::new(Engines::default(), settings);
    sim.quiet(500).speak(1_000).quiet(4_000);
    assert_eq!(sim.count(|n| matches!(n, Notice::TimedOut { .. })), 0);
    sim.quiet(5_000);
    assert_eq!(sim.count(|n| matches!(n, Notice::TimedOut { .. })), 1);
    assert_eq!(sim.count(|n| matches!(n, Notice::ReplyStarted { .. })), 2);
}

#[test]
fn an_answer_that_takes_long_is_bridged() {
    let mut settings = settings();
    settings.filler = Some(Filler { after: ms(1_000), text: Text::from("One moment.") });
    let mut sim = Sim::new(Engines { first_token: ms(3_000), ..Engines::default() }, settings);
    sim.quiet(500).speak(1_000).quiet(12_000);
    assert_eq!(captions(&sim), "One moment. It is late. Go to bed.");
    assert!(report(&sim).timings.first_audio_ms.unwrap() < 2_000);
}

#[test]
fn a_language_may_have_a_threshold_of_its_own() {
    let mut settings = settings();
    settings.thresholds = vec![("de".to_owned(), 0.2)];
    let Policy::Model { threshold, .. } = settings.endpointing_in(Some("de")) else { panic!() };
    assert_eq!(threshold.to_bits(), 0.2_f32.to_bits());
    assert_eq!(settings.endpointing_in(Some("fr")), settings.endpointing);
}

#[test]
fn a_reply_is_not_held_when_the_microphone_is_gone() {
    let engines = Engines { interim_fails: true, recognition: ms(60_000), ..Engines::default() };
    let mut sim = Sim::new(engines, settings());
    sim.ask(Ask::Say(Text::from(STORY))).quiet(1_000).speak(384);
    assert_eq!(sim.hushes(), ["duck", "hold"]);
    sim.stand_still(4_000);
    assert_eq!(sim.hushes(), ["duck", "hold"]);
    sim.stand_still(2_000);
    assert_eq!(sim.hushes(), ["duck", "hold", "resume"]);
}

#[test]
fn too_few_words_to_stop_a_reply_are_answered_after_it() {
    let mut settings = settings();
    settings.interruption = Interruptible::AfterWords(3);
    let engines = Engines::default().says(0, "tell me a story").says(1, "no no").replies(STORY);
    let mut sim = Sim::new(engines, settings);
    sim.quiet(500).speak(1_000).quiet(2_000).speak(500).quiet(40_000);
    assert_eq!(overlaps(&sim), [(false, Why::FewWords)]);
    assert_eq!(transcripts(&sim), ["tell me a story", "no no"]);
    assert_eq!(sim.count(|n| matches!(n, Notice::AudioStopped { .. })), 2, "both replies");
}

#[test]
fn what_stirs_over_a_reply_makes_it_quiet_before_it_is_speech() {
    let engines = || Engines::default().says(1, "wait a moment").replies(STORY);
    let mut sim = Sim::new(engines(), settings());
    sim.quiet(500).speak(1_000).quiet(2_000).stir(64).quiet(1_000);
    assert_eq!(sim.hushes(), ["duck", "resume"]);
    assert_eq!(overlaps(&sim), [], "nothing was said");
    assert_eq!(sim.count(|n| matches!(n, Notice::SpeechStarted { .. })), 1, "by the turn");
    let mut sim = Sim::new(engines(), settings());
    sim.quiet(500).speak(1_000).quiet(2_000).stir(96).speak(1_000).quiet(6_000);
    assert_eq!(sim.hushes(), ["duck", "hold"]);
    assert_eq!(sim.count(|n| matches!(n, Notice::Truncated { .. })), 1);
}

#[test]
fn what_stirs_where_nobody_may_interrupt_changes_nothing() {
    let mut settings = settings();
    settings.interruption = Interruptible::Never;
    let mut sim = Sim::new(Engines::default().replies(STORY), settings);
    sim.quiet(500).speak(1_000).quiet(2_000).stir(200).quiet(1_000);
    assert!(sim.hushes().is_empty());
}

#[test]
fn what_is_said_as_a_reply_ends_is_a_turn_whenever_it_begins() {
    for before in (0..640).step_by(16) {
        let engines = Engines::default().says(0, "what time is it").replies("It is late.");
        let mut sim = Sim::new(engines, settings());
        // 15 letters of 60 ms each.
        sim.ask(Ask::Say(Text::from("It is late now.")));
        while sim.state() != State::Speaking {
            sim.quiet(32);
        }
        sim.quiet(900 - before).speak(1_000).quiet(8_000);
        assert_eq!(sim.count(|n| matches!(n, Notice::Committed { .. })), 1, "{before}");
        assert_eq!(sim.count(|n| matches!(n, Notice::ReplyStarted { .. })), 2, "{before}");
    }
}
