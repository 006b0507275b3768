//! Conversations on virtual time: a person, engines and a loudspeaker that exist only as numbers.

mod interims;
mod lost;
mod overlaps;
mod reports;
mod shedding;
mod sim;

use std::time::Duration;

use proptest::prelude::*;

use self::sim::{Engines, Sim, settings};
use super::*;
use crate::pipeline::history::TruncateError;
use crate::pipeline::load::Shedding;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn transcripts(sim: &Sim) -> Vec<String> {
    sim.notices()
        .filter_map(|notice| match notice {
            Notice::Transcribed { text, .. } => Some(text.as_str().to_owned()),
            _ => None,
        })
        .collect()
}

fn captions(sim: &Sim) -> String {
    sim.notices()
        .filter_map(|notice| match notice {
            Notice::Caption { delta, .. } => Some(delta.as_str()),
            _ => None,
        })
        .collect()
}

fn states(sim: &Sim) -> Vec<State> {
    sim.notices()
        .filter_map(|notice| match notice {
            Notice::State(state) => Some(*state),
            _ => None,
        })
        .collect()
}

fn report(sim: &Sim) -> &TurnReport {
    sim.notices()
        .find_map(|notice| match notice {
            Notice::Turn(report) => Some(report),
            _ => None,
        })
        .unwrap()
}

#[test]
fn a_question_is_heard_and_answered() {
    use State::{Listening, Speaking, Thinking};
    let mut sim = Sim::new(Engines::default().says(0, "what time is it"), settings());
    sim.quiet(500).speak(1_500).quiet(6_000);
    assert_eq!(transcripts(&sim), ["what time is it"]);
    assert_eq!(captions(&sim), "It is late. Go to bed.");
    assert_eq!(states(&sim), [Thinking, Speaking, Listening]);
    assert_eq!(sim.last_messages().last().unwrap(), &(Role::User, Text::from("what time is it")));
}

#[test]
fn the_notices_of_a_turn_come_in_order() {
    let mut sim = Sim::new(Engines::default(), settings());
    sim.quiet(500).speak(1_000).quiet(6_000);
    let names: Vec<String> = sim
        .notices()
        .map(|notice| format!("{notice:?}").split([' ', '(', '{']).next().unwrap().to_owned())
        .filter(|name| name != "State" && name != "Caption")
        .collect();
    assert_eq!(
        names,
        [
            "SpeechStarted",
            "SpeechStopped",
            "Committed",
            "Transcribed",
            "ReplyStarted",
            "AudioStarted",
            "Turn",
            "ReplyDone",
            "AudioStopped",
            "Kept"
        ]
    );
}

#[test]
fn recognition_starts_at_the_pause_and_costs_nothing_after_it() {
    let mut sim = Sim::new(Engines { recognition: ms(120), ..Engines::default() }, settings());
    sim.quiet(500).speak(1_000).quiet(4_000);
    let timings = report(&sim).timings;
    // The decision waits for the grace (220 ms); the words were there by then.
    assert!(timings.endpoint_ms.unwrap() <= 260, "{timings:?}");
    assert_eq!(timings.endpoint_ms, timings.transcript_ms);
    assert!(timings.first_audio_ms.unwrap() < 700, "{timings:?}");
}

#[test]
fn a_pause_in_the_middle_ends_nothing_and_the_transcript_covers_the_whole() {
    let engines = Engines { complete: vec![0.1, 0.95], recognition: ms(600), ..Engines::default() };
    let mut sim = Sim::new(engines, settings());
    sim.quiet(500).speak(1_000).quiet(300).speak(1_000).quiet(6_000);
    assert_eq!(transcripts(&sim).len(), 1);
    let begun = sim.recognised_ranges();
    assert_eq!(begun.len(), 2, "once at each pause");
    assert_eq!(begun[0].start, begun[1].start, "the second covers the whole turn");
    assert_eq!(sim.cancelled_recognitions(), 1);
}

#[test]
fn an_unfinished_sentence_is_waited_for_and_ends_at_last() {
    let engines = Engines { complete: vec![0.02], ..Engines::default() };
    let mut sim = Sim::new(engines, settings());
    sim.quiet(500).speak(1_000).quiet(6_000);
    assert_eq!(report(&sim).decision.reason, Reason::Limit);
    assert!(report(&sim).timings.endpoint_ms.unwrap() >= 2_400);
    assert!(report(&sim).decision.checks.len() >= 4);
}

#[test]
fn speaking_over_a_reply_stops_it_and_keeps_what_was_heard() {
    let engines = Engines::default()
        .says(0, "tell me a story")
        .says(1, "stop")
        .replies("Once upon a time there was a king. He had three daughters who could all sing.");
    let mut sim = Sim::new(engines, settings());
    sim.quiet(500).speak(1_000).quiet(2_000).speak(800).quiet(8_000);
    assert_eq!(sim.count(|n| matches!(n, Notice::Truncated { .. })), 1);
    assert_eq!(sim.count(|n| matches!(n, Notice::AudioCleared { .. })), 1);
    // The model is told what was heard, and no more.
    let messages = sim.last_messages();
    let heard = messages[2].1.as_str();
    assert!(heard.starts_with("Once upon a time"), "{heard}");
    assert!(!heard.contains("sing"), "{heard}");
    assert_eq!(messages[3], (Role::User, Text::from("stop")));
}

#[test]
fn a_click_stops_nothing() {
    let engines =
        Engines::default().replies("A rather long answer, which goes on for a while. And on.");
    let mut sim = Sim::new(engines, settings());
    sim.quiet(500).speak(1_000).quiet(1_500).speak(96).quiet(8_000);
    assert_eq!(sim.count(|n| matches!(n, Notice::AudioCleared { .. })), 0);
    assert_eq!(transcripts(&sim).len(), 1, "and is no turn");
}

#[test]
fn a_cough_before_the_answer_does_not_cost_the_answer() {
    let engines = Engines { first_token: ms(1_500), ..Engines::default() }.says(1, "");
    let mut sim = Sim::new(engines, settings());
    sim.quiet(500).speak(1_000).quiet(1_000).speak(400).quiet(10_000);
    assert_eq!(transcripts(&sim), ["turn 0", ""]);
    assert!(captions(&sim).ends_with("Go to bed."), "{}", captions(&sim));
    assert_eq!(sim.state(), State::Listening);
}

#[test]
fn an_uninterruptible_reply_goes_on_and_the_interjection_is_answered_after_it() {
    let mut settings = settings();
    settings.interruption = Interruptible::Never;
    let mut sim = Sim::new(Engines::default(), settings);
    sim.quiet(500).speak(1_000).quiet(1_200).speak(800).quiet(10_000);
    assert_eq!(sim.count(|n| matches!(n, Notice::AudioCleared { .. })), 0);
    assert_eq!(sim.count(|n| matches!(n, Notice::AudioStopped { .. })), 2);
}

#[test]
fn a_long_turn_is_recognised_in_segments_and_joined() {
    let mut sim = Sim::new(Engines { complete: vec![0.1; 9], ..Engines::default() }, settings());
    sim.quiet(500);
    // 5 × 8 s with pauses of which the third is the longest.
    for pause in [300, 400, 500, 300, 6_000] {
        sim.speak(8_000).quiet(pause);
    }
    assert_eq!(transcripts(&sim), ["turn 0 turn 0"]);
    assert!(sim.recognised_ranges().iter().all(|r| (r.end - r.start) <= Samples::from_ms(28_000)));
}

#[test]
fn push_to_talk_ends_turns_only_when_told() {
    let mut settings = settings();
    settings.endpointing = Policy::Manual;
    let mut sim = Sim::new(Engines::default(), settings);
    sim.quiet(500).speak(1_000).quiet(5_000).speak(1_000).quiet(400);
    assert_eq!(transcripts(&sim).len(), 0);
    sim.ask(Ask::Commit).quiet(6_000);
    assert_eq!(transcripts(&sim), ["turn 0 turn 0"], "two segments: the silence was not kept");
    sim.ask(Ask::Commit);
    assert_eq!(sim.count(|n| *n == Notice::NothingToCommit), 1);
    assert_eq!(sim.count(|n| matches!(n, Notice::SpeechStarted { .. })), 0);
}

#[test]
fn a_commit_in_mid_speech_takes_what_there_is() {
    let mut sim = Sim::new(Engines::default(), settings());
    sim.quiet(500).speak(1_000).ask(Ask::Commit).quiet(6_000);
    assert_eq!(transcripts(&sim), ["turn 0"]);
    assert_eq!(report(&sim).decision.reason, Reason::Client);
}

#[test]
fn cleared_input_is_forgotten() {
    let mut sim = Sim::new(Engines::default(), settings());
    sim.quiet(500).speak(1_000).ask(Ask::Clear).quiet(6_000);
    assert_eq!(transcripts(&sim).len(), 0);
    assert_eq!(sim.count(|n| *n == Notice::InputCleared), 1);
    sim.speak(1_000).quiet(6_000);
    assert_eq!(transcripts(&sim).len(), 1);
}

#[test]
fn replies_can_be_asked_for_and_cancelled() {
    let mut settings = settings();
    settings.answers = false;
    let mut sim = Sim::new(Engines::default(), settings);
    sim.quiet(500).speak(1_000).quiet(2_000);
    assert_eq!(sim.count(|n| matches!(n, Notice::ReplyStarted { .. })), 0);
    sim.ask(Ask::Cancel);
    assert_eq!(sim.count(|n| *n == Notice::NothingToCancel), 1);
    sim.ask(Ask::Reply(ReplyOptions::default())).ask(Ask::Reply(ReplyOptions::default()));
    assert_eq!(sim.count(|n| *n == Notice::AlreadyReplying), 1);
    sim.ask(Ask::Cancel).quiet(3_000);
    let cancelled = |n: &Notice| matches!(n, Notice::ReplyDone { outcome: Outcome::Cancelled, .. });
    assert_eq!(sim.count(cancelled), 1);
    assert_eq!(sim.state(), State::Listening);
}

#[test]
fn written_replies_make_no_sound() {
    let mut settings = settings();
    settings.silent = true;
    let mut sim = Sim::new(Engines::default(), settings);
    sim.ask(Ask::Add { role: Role::User, text: Text::from("hello") });
    sim.ask(Ask::Reply(ReplyOptions::default())).quiet(2_000);
    assert_eq!(captions(&sim), "It is late. Go to bed.");
    assert_eq!(sim.spoken_clauses(), 0);
    assert_eq!(sim.last_messages()[1], (Role::User, Text::from("hello")));
}

#[test]
fn a_failing_model_is_reported_and_the_conversation_goes_on() {
    let failure = Failure { code: "llm_timeout", message: "no answer".to_owned() };
    let mut sim = Sim::new(
        Engines { model_failure: Some(failure.clone()), ..Engines::default() },
        settings(),
    );
    sim.quiet(500).speak(1_000).quiet(3_000);
    assert_eq!(
        sim.count(
            |n| matches!(n, Notice::ReplyDone { outcome: Outcome::Failed(f), .. } if *f == failure)
        ),
        1
    );
    assert_eq!(sim.state(), State::Listening);
    sim.speak(1_000).quiet(3_000);
    assert_eq!(transcripts(&sim).len(), 2);
}

#[test]
fn a_failing_recognition_loses_no_other_turn() {
    let mut sim =
        Sim::new(Engines { recognition_fails: vec![0], ..Engines::default() }, settings());
    sim.quiet(500).speak(1_000).quiet(3_000).speak(1_000).quiet(3_000);
    assert_eq!(sim.count(|n| matches!(n, Notice::TranscriptionFailed { .. })), 1);
    assert_eq!(transcripts(&sim), ["turn 1"]);
}

#[test]
fn a_greeting_is_spoken_first() {
    let mut sim = Sim::new(Engines::default(), settings());
    sim.ask(Ask::Say(Text::from("Hello there. How can I help?"))).quiet(5_000);
    assert_eq!(captions(&sim), "Hello there. How can I help?");
    sim.speak(1_000).quiet(5_000);
    assert_eq!(sim.last_messages()[1].0, Role::Assistant);
}

#[test]
fn a_client_may_say_how_much_was_heard() {
    let mut sim = Sim::new(Engines::default(), settings());
    sim.quiet(500).speak(1_000).quiet(6_000);
    let item = sim
        .notices()
        .find_map(|n| match n {
            Notice::ReplyStarted { item, .. } => Some(*item),
            _ => None,
        })
        .unwrap();
    sim.ask(Ask::Truncate { item, played: ms(60_000) });
    assert_eq!(sim.count(|n| *n == Notice::NotTruncated(TruncateError::TooLong)), 1);
    sim.ask(Ask::Truncate { item, played: ms(400) });
    assert_eq!(sim.count(|n| matches!(n, Notice::Truncated { .. })), 1);
    sim.speak(1_000).quiet(3_000);
    assert!(!sim.last_messages()[2].1.as_str().contains("bed"));
}

/// A step of a random conversation.
#[derive(Debug, Clone)]
enum Step {
    Speak(u64),
    Quiet(u64),
    Stir(u64),
    Ask(u8),
    Shed(Shedding),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        prop_oneof![
            4 => (32u64..6_000).prop_map(Step::Speak),
            4 => (32u64..4_000).prop_map(Step::Quiet),
            1 => (32_000u64..40_000).prop_map(Step::Speak),
            2 => (32u64..2_000).prop_map(Step::Stir),
            2 => (0u8..8).prop_map(Step::Ask),
            1 => prop::sample::select(&Shedding::ALL[..]).prop_map(Step::Shed),
        ],
        1..16,
    )
}

fn engines() -> impl Strategy<Value = Engines> {
    (
        prop::collection::vec(0.0f32..1.0, 0..6),
        0u64..2_500,
        0u64..400,
        0u64..1_500,
        0u64..600,
        prop::collection::vec(0u32..6, 0..3),
        prop::collection::hash_map(0u32..6, Just(String::new()), 0..4),
        prop::bool::ANY,
        prop::bool::weighted(0.1),
        (0u64..900, prop::bool::weighted(0.2)),
    )
        .prop_map(
            |(
                complete,
                recognition,
                prediction,
                token,
                speech,
                fails,
                says,
                late,
                dead,
                captions,
            )| Engines {
                interim: ms(captions.0),
                interim_fails: captions.1,
                says,
                complete,
                recognition: ms(recognition),
                prediction: ms(prediction),
                first_token: ms(token),
                speech: ms(speech),
                recognition_fails: fails,
                ignores_cancellation: late,
                model_failure: dead.then(|| Failure { code: "dead", message: String::new() }),
                ..Engines::default()
            },
        )
}

/// Random conversations: 2,000, or what `SOTTO_TEST_CASES` says.
fn cases() -> u32 {
    let wanted = std::env::var("SOTTO_TEST_CASES").ok();
    wanted.and_then(|wanted| wanted.parse().ok()).unwrap_or(2_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// Whatever happens: nothing of a cancelled reply is played, no turn is lost, nothing stands still.
    #[test]
    fn no_sequence_of_events_breaks_a_conversation(
        steps in steps(),
        engines in engines(),
        who in prop_oneof![
            1 => Just(Interruptible::Never),
            2 => Just(Interruptible::Always),
            1 => Just(Interruptible::AfterWords(2)),
        ],
        resumable in prop::bool::weighted(0.8),
        eager in prop_oneof![Just(0_u32), Just(3)],
        manual in prop::bool::weighted(0.2),
        captions in prop::bool::ANY,
    ) {
        let mut settings = settings();
        settings.interim = Samples::from_ms(if captions { 400 } else { 0 });
        settings.interruption = who;
        settings.resumable = resumable;
        settings.eager_per_minute = eager;
        if manual {
            settings.endpointing = Policy::Manual;
        }
        let mut sim = Sim::new(engines, settings);
        let mut asked = false;
        for step in steps {
            match step {
                Step::Speak(ms) => { sim.speak(ms); }
                Step::Quiet(ms) => { sim.quiet(ms); }
                Step::Stir(ms) => { sim.stir(ms); }
                Step::Shed(shedding) => { sim.shed(shedding); }
                Step::Ask(which) => {
                    asked = true;
                    sim.ask(match which {
                        0 => Ask::Commit,
                        1 => Ask::Clear,
                        2 => Ask::Reply(ReplyOptions::default()),
                        3 => Ask::Cancel,
                        4 => Ask::Silence,
                        5 => Ask::Add { role: Role::User, text: Text::from("typed") },
                        6 => Ask::Truncate { item: ItemId(1), played: ms(100) },
                        _ => Ask::Say(Text::from("A word. And another one.")),
                    });
                }
            }
        }
        if manual {
            sim.ask(Ask::Commit);
        }
        sim.quiet(90_000);

        // Nothing stands still, and nothing goes on for nobody.
        prop_assert_eq!(sim.state(), State::Listening);
        prop_assert!(!sim.writes_in_vain());
        // Every turn that was committed got its words, or the news that they cannot be had, once.
        let committed = sim.count(|n| matches!(n, Notice::Committed { .. }));
        let ended = sim.count(|n| matches!(n, Notice::Transcribed { .. } | Notice::TranscriptionFailed { .. }));
        prop_assert_eq!(committed, ended);
        // Every reply that was begun ended once, and every turn was reported once.
        let begun = sim.count(|n| matches!(n, Notice::ReplyStarted { .. }));
        prop_assert_eq!(begun, sim.count(|n| matches!(n, Notice::ReplyDone { .. })));
        prop_assert_eq!(committed, sim.count(|n| matches!(n, Notice::Turn(_))));
        for report in sim.notices().filter_map(|n| if let Notice::Turn(report) = n { Some(report) } else { None }) {
            prop_assert!(serde_json::json!(report).to_string().len() < 1_800, "{:?}", report);
        }
        // Captions only grow, and none comes when the words are there.
        prop_assert!(!sim.has_interim_under_way());
        prop_assert!(interims::are_in_order(&sim));
        // The last thing said was answered.
        if !asked {
            let said = sim.last_index(|n| matches!(n, Notice::Transcribed { text, .. } if !text.is_empty()));
            let answered = sim.last_index(|n| match n {
                Notice::ReplyDone { outcome: Outcome::Interrupted, text, .. } => !text.is_empty(),
                Notice::ReplyDone { .. } => true,
                _ => false,
            });
            prop_assert!(said <= answered, "said at {:?}, answered at {:?}", said, answered);
        }
    }
}
