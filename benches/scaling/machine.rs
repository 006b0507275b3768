//! A machine with engines: what runs at the same time shares its cores, what waits stands in bounded queues.
//!
//! The policies are Sotto's own (`src/engine/desk.rs`, `worker.rs`): the urgent first, captions given up for a final,
//! a full queue refuses, and what has waited too long is not begun. Time is an argument, in seconds.

use std::collections::VecDeque;

/// Less work than this is none: what rounding leaves.
const NOTHING: f64 = 1e-9;

/// Who waits for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Nobody, much: captions.
    Interim,
    /// Somebody in a call.
    Final,
}

/// Something to compute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Job {
    /// Its number, which nobody else has.
    pub id: u64,
    /// Who waits.
    pub urgency: Urgency,
    /// How long it takes on a machine that does nothing else.
    pub work_s: f64,
    /// It is not begun after this.
    pub expires_s: f64,
}

/// An engine of a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Engine {
    /// Jobs at once.
    pub workers: usize,
    /// Cores that one of them keeps busy.
    pub threads: f64,
    /// Jobs of one urgency that may wait.
    pub queue: usize,
}

/// Too much is waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With a result.
    Done,
    /// Without: it had waited too long, or was given up for something more urgent.
    Dropped,
}

/// See the module.
pub struct Machine {
    cores: f64,
    engines: Vec<Seat>,
    running: Vec<Running>,
    /// Until when what runs has been advanced.
    now_s: f64,
    /// Dropped, and not told yet.
    dropped: Vec<Job>,
    /// Core-seconds of work done.
    busy_s: f64,
}

struct Seat {
    engine: Engine,
    waiting: [VecDeque<Job>; 2],
    running: usize,
}

struct Running {
    job: Job,
    engine: usize,
    left_s: f64,
}

impl Machine {
    /// A machine with so many cores (less what is always busy), and these engines.
    pub fn new(cores: f64, engines: &[Engine]) -> Self {
        let seat =
            |engine: &Engine| Seat { engine: *engine, waiting: Default::default(), running: 0 };
        Self {
            cores,
            engines: engines.iter().map(seat).collect(),
            running: Vec::new(),
            now_s: 0.0,
            dropped: Vec::new(),
            busy_s: 0.0,
        }
    }

    /// Brings a job to an engine.
    pub fn submit(&mut self, now_s: f64, engine: usize, job: Job) -> Result<(), Refused> {
        self.advance(now_s);
        let seat = &mut self.engines[engine];
        // Whoever is behind makes no captions.
        let behind =
            job.urgency == Urgency::Interim && !seat.waiting[Urgency::Final as usize].is_empty();
        let full = seat.running >= seat.engine.workers;
        if behind || (full && seat.waiting[job.urgency as usize].len() >= seat.engine.queue) {
            return Err(Refused);
        }
        seat.waiting[job.urgency as usize].push_back(job);
        if full && job.urgency == Urgency::Final {
            self.give_up_interim(engine);
        }
        self.fill(engine);
        Ok(())
    }

    /// Nobody wants this job any more.
    pub fn cancel(&mut self, now_s: f64, engine: usize, id: u64) {
        self.advance(now_s);
        for lane in &mut self.engines[engine].waiting {
            lane.retain(|job| job.id != id);
        }
        if let Some(at) = self.running.iter().position(|running| running.job.id == id) {
            self.end(at);
            self.fill(engine);
        }
    }

    /// When something ends next, if nothing else comes.
    pub fn due_s(&self) -> Option<f64> {
        if !self.dropped.is_empty() {
            return Some(self.now_s);
        }
        let least = self.running.iter().map(|running| running.left_s).min_by(f64::total_cmp)?;
        Some(self.now_s + least.max(0.0) / self.rate())
    }

    /// What has ended by `now_s`.
    pub fn ended(&mut self, now_s: f64) -> Vec<(Job, End)> {
        self.advance(now_s);
        let mut ended = Vec::new();
        while let Some(at) = self.running.iter().position(|running| running.left_s <= NOTHING) {
            let Running { job, engine, .. } = self.end(at);
            ended.push((job, End::Done));
            self.fill(engine);
        }
        ended.extend(self.dropped.drain(..).map(|job| (job, End::Dropped)));
        ended
    }

    /// Jobs that an engine works on and that wait for it.
    pub fn load(&self, engine: usize) -> usize {
        let seat = &self.engines[engine];
        seat.running + seat.waiting.iter().map(VecDeque::len).sum::<usize>()
    }

    /// Core-seconds of work done so far.
    pub fn busy_s(&self) -> f64 {
        self.busy_s
    }

    /// How fast each job goes: all alike, and none faster than alone.
    fn rate(&self) -> f64 {
        let wanted: f64 =
            self.running.iter().map(|one| self.engines[one.engine].engine.threads).sum();
        (self.cores / wanted).min(1.0)
    }

    fn advance(&mut self, now_s: f64) {
        let passed = now_s - self.now_s;
        self.now_s = now_s;
        if self.running.is_empty() || passed <= 0.0 {
            return;
        }
        let rate = self.rate();
        for running in &mut self.running {
            running.left_s -= passed * rate;
            self.busy_s += passed * rate * self.engines[running.engine].engine.threads;
        }
    }

    /// Starts what waits, the urgent first.
    fn fill(&mut self, engine: usize) {
        let seat = &mut self.engines[engine];
        while seat.running < seat.engine.workers {
            let next = seat.waiting.iter_mut().rev().find_map(VecDeque::pop_front);
            let Some(job) = next else { return };
            if job.expires_s < self.now_s {
                self.dropped.push(job);
                continue;
            }
            seat.running += 1;
            self.running.push(Running { job, engine, left_s: job.work_s });
        }
    }

    fn give_up_interim(&mut self, engine: usize) {
        let is_interim =
            |one: &Running| one.engine == engine && one.job.urgency == Urgency::Interim;
        if let Some(at) = self.running.iter().position(is_interim) {
            let given_up = self.end(at);
            self.dropped.push(given_up.job);
        }
    }

    fn end(&mut self, at: usize) -> Running {
        let ended = self.running.swap_remove(at);
        self.engines[ended.engine].running -= 1;
        ended
    }
}
