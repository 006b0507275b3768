//! Queues whose answers are known: a machine under Poisson arrivals, as textbooks have them.

use super::machine::{End, Engine, Job, Machine, Urgency};
use super::random::Random;
use super::report::percentile;

const JOBS: usize = 400_000;
/// Of the mean: what chance leaves over so many jobs at the loads below.
const TOLERANCE: f64 = 0.03;

struct Arrivals {
    /// Jobs a second.
    rate: f64,
    /// The part of them that is urgent.
    urgent: f64,
}

/// How long each urgent job was there. The others may be given up, or not even taken.
fn sojourns(
    mut machine: Machine,
    arrivals: &Arrivals,
    mut work: impl FnMut(&mut Random) -> f64,
) -> Vec<f64> {
    let mut random = Random::new(1);
    let (mut came, mut times) = (Vec::new(), Vec::new());
    let (mut next_s, mut over) = (0.0, 0);
    while over < JOBS {
        let due_s = machine.due_s().unwrap_or(f64::INFINITY);
        if came.len() < JOBS && next_s <= due_s {
            let is_urgent = random.uniform() < arrivals.urgent;
            let urgency = if is_urgent { Urgency::Final } else { Urgency::Interim };
            let id = came.len() as u64;
            let job = Job { id, urgency, work_s: work(&mut random), expires_s: f64::INFINITY };
            came.push(next_s);
            over += usize::from(machine.submit(next_s, 0, job).is_err());
            next_s += random.exponential(1.0 / arrivals.rate);
            continue;
        }
        for (job, end) in machine.ended(due_s) {
            over += 1;
            if job.urgency == Urgency::Final {
                assert_eq!(end, End::Done);
                times.push(due_s - came[job.id as usize]);
            }
        }
    }
    times
}

/// Of jobs that are all urgent: the mean time there, and the 95th percentile.
fn measure(
    engine: Engine,
    cores: f64,
    rate: f64,
    work: impl FnMut(&mut Random) -> f64,
) -> (f64, f64) {
    let arrivals = Arrivals { rate, urgent: 1.0 };
    let times = sojourns(Machine::new(cores, &[engine]), &arrivals, work);
    (mean(&times), percentile(&times, 0.95).unwrap())
}

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len() as f64
}

fn engine(workers: usize) -> Engine {
    Engine { workers, threads: 1.0, queue: usize::MAX }
}

#[track_caller]
fn close(found: f64, known: f64, tolerance: f64) {
    let off = (found - known).abs() / known;
    assert!(off < tolerance, "{found:.4} where {known:.4} is known: {:.1} % off", 100.0 * off);
}

#[test]
fn one_worker_with_work_of_any_length() {
    // M/M/1: the time there is exponential with the mean 1 / (1 - 0.8).
    let (mean, p95) = measure(engine(1), 1.0, 0.8, |random| random.exponential(1.0));
    close(mean, 5.0, TOLERANCE);
    close(p95, 5.0 * 20.0_f64.ln(), TOLERANCE);
}

#[test]
fn one_worker_with_work_of_one_length() {
    // M/D/1: the wait is half of that of M/M/1.
    let (mean, _) = measure(engine(1), 1.0, 0.8, |_| 1.0);
    close(mean, 1.0 + 0.8 / (2.0 * 0.2), TOLERANCE);
}

#[test]
fn one_worker_with_work_that_varies() {
    // Pollaczek and Khinchin: the wait grows with the square of the variation.
    let variation = 0.6;
    let (mean, _) = measure(engine(1), 1.0, 0.7, |random| random.lognormal(1.0, variation));
    close(mean, 1.0 + 0.7 * (1.0 + variation * variation) / (2.0 * 0.3), TOLERANCE);
}

#[test]
fn several_workers_with_work_of_any_length() {
    // M/M/4 at 80 %: Erlang's C.
    let (servers, load) = (4_u32, 3.2_f64);
    let mut blocked = 1.0;
    for n in 1..=servers {
        blocked = load * blocked / (f64::from(n) + load * blocked);
    }
    let busy = load / f64::from(servers);
    let waits = blocked / (1.0 - busy * (1.0 - blocked));
    let (mean, _) = measure(engine(4), 4.0, load, |random| random.exponential(1.0));
    close(mean, 1.0 + waits / (f64::from(servers) - load), TOLERANCE);
}

#[test]
fn several_workers_with_work_of_one_length() {
    for (servers, load) in [(2, 1.6), (8, 6.8)] {
        let (mean, _) = measure(engine(servers), servers as f64, load, |_| 1.0);
        close(mean, 1.0 + crommelin(servers, load), TOLERANCE);
    }
}

/// The mean wait of M/D/c with work of length one: how many are there, from one unit of time to the next, until that
/// no longer changes. Who is served at the beginning has left at the end; who is there then has come, or waited.
fn crommelin(servers: usize, load: f64) -> f64 {
    const MOST: usize = 400;
    let mut arrivals = vec![(-load).exp()];
    for n in 1..MOST {
        arrivals.push(arrivals[n - 1] * load / n as f64);
    }
    let mut there = vec![0.0; MOST];
    there[0] = 1.0;
    for _ in 0..2_000 {
        let mut next = vec![0.0; MOST];
        for (before, part) in there.iter().enumerate().filter(|(_, part)| **part > 1e-18) {
            let left = before.saturating_sub(servers);
            for (came, chance) in arrivals[..MOST - left].iter().enumerate() {
                next[left + came] += part * chance;
            }
        }
        there = next;
    }
    let waiting =
        there.iter().enumerate().skip(servers).map(|(n, part)| (n - servers) as f64 * part);
    waiting.sum::<f64>() / load
}

#[test]
fn what_runs_together_shares_the_cores() {
    // Processor sharing: the mean time there does not depend on how work varies.
    let sharing = engine(usize::MAX);
    let (any, _) = measure(sharing, 1.0, 0.8, |random| random.exponential(1.0));
    close(any, 5.0, TOLERANCE);
    let (one, _) = measure(sharing, 1.0, 0.8, |_| 1.0);
    close(one, 5.0, TOLERANCE);
}

#[test]
fn two_engines_with_all_the_cores_each_slow_each_other_down() {
    let both = Engine { workers: 1, threads: 8.0, queue: 1 };
    let mut machine = Machine::new(8.0, &[both, both]);
    let job = |id| Job { id, urgency: Urgency::Final, work_s: 1.0, expires_s: f64::INFINITY };
    machine.submit(0.0, 0, job(0)).unwrap();
    machine.submit(0.5, 1, job(1)).unwrap();
    // Half of the first is left and goes at half speed; then the second, of which half is left, goes at full speed.
    assert_eq!(machine.due_s(), Some(1.5));
    assert_eq!(machine.ended(1.5), [(job(0), End::Done)]);
    assert_eq!(machine.due_s(), Some(2.0));
    assert_eq!(machine.ended(2.0), [(job(1), End::Done)]);
    assert!((machine.busy_s() - 16.0).abs() < 1e-9);
}

#[test]
fn who_waits_in_a_call_does_not_notice_captions() {
    // They are given up at once: for the urgent it is M/M/1 at 40 %, with twice as much to do in all.
    let arrivals = Arrivals { rate: 0.8, urgent: 0.5 };
    let times =
        sojourns(Machine::new(1.0, &[engine(1)]), &arrivals, |random| random.exponential(1.0));
    close(mean(&times), 1.0 / (1.0 - 0.4), TOLERANCE);
}
