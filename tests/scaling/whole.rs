//! Whole calls on simulated machines.

use super::capacity::Question;
use super::costs::{ALL, Costs, EIGHT_CORES, Hardware, TWO_CORES};
use super::layout::{Balance, Layout, Outcome, Span};
use super::report::{HEADING, Point, line, percentile, svg};
use super::talk::Talk;
use super::world::World;

/// A turn without pauses that the model is sure of, and one clause.
const PLAIN: Talk = Talk {
    share: 0.2,
    turn_s: 3.0,
    turn_variation: 0.0,
    pauses_per_s: 0.0,
    pause_s: 0.35,
    sure: 1.0,
    reply_s: 2.5,
    clause_s: 2.5,
};
const SPAN: Span = Span { warm_up_s: 60.0, measured_s: 1_200.0, seed: 3 };

fn layout(calls: usize, speech_nodes: usize) -> Layout {
    Layout {
        calls,
        media_nodes: 1,
        media_cores: 8.0,
        speech_nodes,
        speech_cores: 8.0,
        concurrency: 8,
        balance: Balance::Least,
        queue: 32,
        together: false,
    }
}

fn question() -> Question {
    let balance = Balance::Least;
    Question { talk: Talk::default(), target_s: 1.5, balance, concurrency: 8, queue: 32, seed: 3 }
}

#[test]
fn one_caller_alone_waits_for_the_stages_and_for_nobody() {
    let costs = Costs { write_variation: 0.0, ..EIGHT_CORES.costs };
    let outcome = World::run(layout(1, 1), &costs, &PLAIN, SPAN);
    let heard_s = 3.0 + 0.096;
    let transcript_s = 0.096 + costs.stt.work_s(heard_s) + costs.hop_s;
    // Written since the transcript or the answer whether it was the end, whichever came last; spoken since it was over.
    let written_s = transcript_s.max(0.096 + costs.turn.work_s(0.0)) + costs.write_s;
    for (wait_s, stopwatch_s) in outcome.waits_s.iter().zip(&outcome.stopwatch_s) {
        assert!((stopwatch_s - wait_s - 0.22).abs() < 1e-6, "it is over after the grace");
        let spoken_s = stopwatch_s - written_s - costs.hop_s - costs.network_s;
        // A clause varies in length, and nothing else does.
        assert!((0.02..1.0).contains(&spoken_s), "{spoken_s}");
    }
    assert!(outcome.waits_s.len() > 60, "{}", outcome.waits_s.len());
    assert_eq!((outcome.failed, outcome.gaps), (0, 0));
}

#[test]
fn people_speak_as_much_as_was_asked_for() {
    for share in [0.1, 0.2] {
        let talk = Talk { share, ..Talk::default() };
        let outcome = World::run(layout(50, 8), &EIGHT_CORES.costs, &talk, SPAN);
        assert!((outcome.talk_share - share).abs() < 0.1 * share, "{}", outcome.talk_share);
    }
}

#[test]
fn the_same_seed_is_the_same_day() {
    let run = |seed| {
        World::run(layout(40, 2), &EIGHT_CORES.costs, &Talk::default(), Span { seed, ..SPAN })
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).waits_s, run(2).waits_s);
}

#[test]
fn work_is_neither_lost_nor_invented() {
    // What cores were busy with is what turns asked for, while nothing is taken back or fails.
    let talk = Talk { pauses_per_s: 0.0, ..Talk::default() };
    let outcome = World::run(layout(20, 4), &EIGHT_CORES.costs, &talk, SPAN);
    let costs = &EIGHT_CORES.costs;
    let turns_a_second = 20.0 * talk.share / talk.turn_s;
    let work_s = costs.stt.work_s(talk.turn_s) + costs.tts.work_s(talk.reply_s);
    let known = turns_a_second * work_s / 4.0;
    assert!((outcome.speech_use - known).abs() < 0.05 * known, "{} {known}", outcome.speech_use);
}

#[test]
fn too_many_calls_fail_and_are_counted() {
    let outcome = World::run(layout(200, 1), &TWO_CORES.costs, &Talk::default(), SPAN);
    assert!(outcome.failed > outcome.turns / 4, "{} of {}", outcome.failed, outcome.turns);
    assert!(outcome.speech_use > 0.2, "{}", outcome.speech_use);
}

#[test]
fn captions_are_what_is_given_up_first() {
    let few = World::run(layout(4, 0), &EIGHT_CORES.costs, &Talk::default(), SPAN);
    let many = World::run(layout(24, 0), &EIGHT_CORES.costs, &Talk::default(), SPAN);
    let dropped = |outcome: &Outcome| {
        outcome.interims_dropped as f64 / (outcome.interims + outcome.interims_dropped) as f64
    };
    assert!(dropped(&many) > 3.0 * dropped(&few), "{} {}", dropped(&many), dropped(&few));
    assert_eq!((few.failed, many.failed), (0, 0));
    let remote = World::run(layout(4, 1), &EIGHT_CORES.costs, &Talk::default(), SPAN);
    assert_eq!(remote.interims, 0, "a server is not asked for them");
}

#[test]
fn a_proxy_that_looks_who_is_free_is_worth_more_than_chance() {
    let most = |balance| {
        let question = Question { balance, ..question() };
        question.most(&EIGHT_CORES, 4).map_or(0, |point| point.calls)
    };
    let [least, random, sticky] = [Balance::Least, Balance::Random, Balance::Sticky].map(most);
    assert!(least as f64 > 1.1 * random as f64, "{least} {random}");
    assert!(least > sticky, "{least} {sticky}");
}

#[test]
fn the_most_calls_is_where_the_target_is_missed() {
    let most = question().most(&EIGHT_CORES, 1).unwrap();
    assert!(question().is_met(&most));
    let beyond = question().point(&EIGHT_CORES, 1, most.calls * 5 / 4);
    assert!(!question().is_met(&beyond), "{beyond:?}");
    // Two nodes hold more than twice as much as one: they share a queue, and chance.
    let two = question().most(&EIGHT_CORES, 2).unwrap();
    assert!(two.calls > 2 * most.calls, "{} {}", two.calls, most.calls);
}

#[test]
fn one_thread_that_hears_whether_turns_are_over_is_a_limit_of_its_own() {
    let costs = Costs { turn: TWO_CORES.costs.turn, ..EIGHT_CORES.costs };
    let one = Hardware { costs, ..EIGHT_CORES };
    let [few, many] = [50, 300].map(|calls| question().media_point(&one, calls));
    assert!(few.p95_s < 1.2 * question().point(&EIGHT_CORES, 1, 1).p95_s, "{few:?}");
    // Its cores are not half in use.
    assert!(many.stopwatch_p95_s > 1.5 * few.stopwatch_p95_s && many.media_use < 0.5, "{many:?}");
    // Two carry that many.
    let two = question().media_point(&EIGHT_CORES, 300);
    assert!(two.stopwatch_p95_s < 1.2 * few.stopwatch_p95_s, "{two:?}");
}

#[test]
fn where_not_even_one_call_is_good_enough_none_is() {
    let slow = Hardware { costs: Costs { write_s: 9.0, ..TWO_CORES.costs }, ..TWO_CORES };
    assert_eq!(question().most(&slow, 1), None);
}

#[test]
fn all_hardware_says_what_it_is_based_on() {
    for hardware in ALL {
        let known =
            ["measured: ", "estimated: "].iter().any(|word| hardware.basis.starts_with(word));
        assert!(known, "{}", hardware.basis);
    }
}

#[test]
fn percentiles_are_values_that_there_were() {
    let values = [5.0, 1.0, 2.0, 3.0, 4.0];
    assert_eq!(percentile(&values, 0.5), Some(3.0));
    assert_eq!(percentile(&values, 0.95), Some(5.0));
    assert_eq!(percentile(&values, 0.2), Some(1.0));
    assert_eq!(percentile(&[], 0.5), None);
}

#[test]
fn points_are_drawn_and_written() {
    let point = question().point(&EIGHT_CORES, 2, 10);
    let text = line("cpu8", &point);
    assert_eq!(text.split(',').count(), HEADING.split(',').count());
    assert!(text.starts_with("cpu8,2,10,"), "{text}");
    let far = Point { calls: 1_000, p95_s: f64::INFINITY, ..point };
    let picture = svg("calls", 1.5, &[("two nodes".to_owned(), vec![point, far])]);
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    assert!(!picture.contains("inf") && !picture.contains("NaN"), "{picture}");
}
