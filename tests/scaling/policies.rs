//! A machine keeps to the rules of `src/engine/desk.rs`.

use super::machine::{End, Engine, Job, Machine, Refused, Urgency};

const QUEUE: usize = 2;

fn machine() -> Machine {
    Machine::new(1.0, &[Engine { workers: 1, threads: 1.0, queue: QUEUE }])
}

fn job(id: u64, urgency: Urgency) -> Job {
    Job { id, urgency, work_s: 1.0, expires_s: f64::INFINITY }
}

/// What ends, in order, when nothing more comes.
fn run_out(machine: &mut Machine) -> Vec<(u64, End)> {
    let mut all = Vec::new();
    while let Some(due_s) = machine.due_s() {
        all.extend(machine.ended(due_s).into_iter().map(|(job, end)| (job.id, end)));
    }
    all
}

#[test]
fn a_final_goes_first_and_a_caption_under_way_is_given_up_for_it() {
    let mut machine = machine();
    machine.submit(0.0, 0, job(1, Urgency::Interim)).unwrap();
    machine.submit(0.1, 0, job(2, Urgency::Interim)).unwrap();
    machine.submit(0.2, 0, job(3, Urgency::Final)).unwrap();
    assert_eq!(run_out(&mut machine), [(1, End::Dropped), (3, End::Done), (2, End::Done)]);
}

#[test]
fn whoever_is_behind_makes_no_captions() {
    let mut machine = machine();
    machine.submit(0.0, 0, job(1, Urgency::Final)).unwrap();
    machine.submit(0.0, 0, job(2, Urgency::Final)).unwrap();
    assert_eq!(machine.submit(0.0, 0, job(3, Urgency::Interim)), Err(Refused));
}

#[test]
fn a_full_queue_refuses() {
    let mut machine = machine();
    for id in 0..=QUEUE as u64 {
        machine.submit(0.0, 0, job(id, Urgency::Final)).unwrap();
    }
    assert_eq!(machine.submit(0.0, 0, job(9, Urgency::Final)), Err(Refused));
    assert_eq!(machine.load(0), 1 + QUEUE);
}

#[test]
fn what_has_waited_too_long_is_not_begun() {
    let mut machine = machine();
    machine.submit(0.0, 0, job(1, Urgency::Final)).unwrap();
    machine.submit(0.0, 0, Job { expires_s: 0.5, ..job(2, Urgency::Final) }).unwrap();
    assert_eq!(run_out(&mut machine), [(1, End::Done), (2, End::Dropped)]);
    assert!((machine.busy_s() - 1.0).abs() < 1e-9);
}

#[test]
fn what_nobody_wants_makes_room_at_once() {
    let mut machine = machine();
    machine.submit(0.0, 0, job(1, Urgency::Final)).unwrap();
    machine.submit(0.0, 0, job(2, Urgency::Final)).unwrap();
    machine.cancel(0.25, 0, 1);
    assert_eq!(machine.due_s(), Some(1.25));
    machine.cancel(0.5, 0, 2);
    assert_eq!(machine.due_s(), None);
}
