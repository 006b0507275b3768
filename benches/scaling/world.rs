//! Calls, media nodes and speech nodes: who asks whom for what, event by event.
//!
//! ```text
//! call ─▶ media node: end of turn ─┬─▶ lanes (concurrency, queue) ─▶ speech node: recognition, speech
//!                                  └─▶ or its own engines, where there are no speech nodes
//! ```
//!
//! A turn goes as `docs/architecture.md` has it: at each pause recognition and the question whether it was the end, taken
//! back when speech goes on; a reply begun early where the end is likely; clauses, at most six seconds ahead.

use std::collections::{BinaryHeap, HashMap, VecDeque};

use super::costs::{Costs, Stage};
use super::events::{Event, Happening, Timed};
use super::layout::{Balance, Layout, Outcome, Span};
use super::machine::{End, Engine, Job, Machine, Refused, Urgency};
use super::random::Random;
use super::talk::{PAUSE_S, Talk, Turn};

/// Engines of a machine, by place.
const TURN: usize = 0;
const STT: usize = 1;
const TTS: usize = 2;

/// `turn.grace_ms`, the silences at which the model is asked, and the silence that ends every turn
/// (`turn/endpointing.rs`).
const GRACE_S: f64 = 0.22;
const CHECKS_S: [f64; 5] = [0.0, 0.35, 0.7, 1.2, 1.8];
const LONGEST_SILENCE_S: f64 = 2.5;
/// Silence that ends a turn when the model cannot be asked.
const WITHOUT_MODEL_S: f64 = 0.7;
/// Sound that may be ready beyond what is heard (`conversation/reply.rs`).
const AHEAD_S: f64 = 6.0;
/// How long jobs wait before they are not begun any more (`engine/desk.rs`).
const PATIENCE_S: [f64; 2] = [0.5, 10.0];
/// Captions that fail are tried less often, down to this (`conversation/interim.rs`).
const RAREST_INTERIM_S: f64 = 3.2;
/// A reply that falls silent for longer than this has a gap.
const GAP_S: f64 = 0.02;

#[derive(Debug, Clone, Copy)]
enum Purpose {
    Question(usize),
    Recognition,
    Interim { began_s: f64 },
    Clause(usize),
}

struct Task {
    call: usize,
    turn: usize,
    purpose: Purpose,
    job: Job,
    engine: usize,
    /// The machine that has it; none while it waits in its media node's lane.
    machine: Option<usize>,
}

/// Requests of a media node to speech nodes, of one kind.
#[derive(Default)]
struct Lane {
    under_way: usize,
    waiting: VecDeque<u64>,
    /// Kept connections, by node; the last one used is on top.
    idle: Vec<usize>,
}

#[expect(clippy::struct_excessive_bools, reason = "facts that come true in any order")]
struct Call {
    media: usize,
    turn: usize,
    plan: Turn,
    began_s: f64,
    speaking: bool,
    recognition: Option<u64>,
    question: Option<u64>,
    interim: Option<u64>,
    /// Captions that have been planned; only the last of them is made.
    captions: usize,
    doublings: i32,
    stopped_s: f64,
    transcript: bool,
    likely: bool,
    over_s: Option<f64>,
    writing: bool,
    written: bool,
    play_end_s: f64,
    gap: bool,
}

impl Call {
    /// A turn that begins; nothing has come of it.
    fn new(media: usize, turn: usize, plan: Turn, began_s: f64) -> Self {
        Self {
            media,
            turn,
            plan,
            began_s,
            speaking: false,
            recognition: None,
            question: None,
            interim: None,
            captions: 0,
            doublings: 0,
            stopped_s: 0.0,
            transcript: false,
            likely: false,
            over_s: None,
            writing: false,
            written: false,
            play_end_s: 0.0,
            gap: false,
        }
    }
}

/// See the module.
pub struct World<'a> {
    layout: Layout,
    costs: &'a Costs,
    talk: &'a Talk,
    span: Span,
    random: Random,
    now_s: f64,
    next_number: u64,
    events: BinaryHeap<Timed>,
    /// Media nodes first, then speech nodes.
    machines: Vec<(Machine, u64)>,
    lanes: Vec<[Lane; 2]>,
    tasks: HashMap<u64, Task>,
    calls: Vec<Call>,
    outcome: Outcome,
    spoken_s: f64,
}

impl<'a> World<'a> {
    /// Simulates it.
    pub fn run(layout: Layout, costs: &'a Costs, talk: &'a Talk, span: Span) -> Outcome {
        let mut world = Self::new(layout, costs, talk, span);
        let cycle = talk.turn_s / talk.share;
        for call in 0..layout.calls {
            let at = world.random.uniform() * cycle;
            world.at(at, Event::Call { call, turn: 0, happening: Happening::Begin });
        }
        let end = span.warm_up_s + span.measured_s;
        while let Some(Timed { at_s, event, .. }) = world.events.pop() {
            if at_s > end {
                break;
            }
            world.now_s = at_s;
            world.happen(event);
        }
        world.outcome(end)
    }

    fn new(layout: Layout, costs: &'a Costs, talk: &'a Talk, span: Span) -> Self {
        let engine =
            |stage: &Stage, queue| Engine { workers: stage.workers, threads: stage.threads, queue };
        let own = |queue| [&costs.turn, &costs.stt, &costs.tts].map(|stage| engine(stage, queue));
        // A speech node looks after `queue` requests of a kind in all, those that run included.
        let served = [&costs.turn, &costs.stt, &costs.tts]
            .map(|stage| engine(stage, layout.queue.saturating_sub(stage.workers)));
        let steady = costs.call_cores * layout.calls as f64 / layout.media_nodes as f64;
        let media_cores = (layout.media_cores - steady).max(0.01 * layout.media_cores);
        let media = |_| (Machine::new(media_cores, &own(layout.queue)), 0);
        let mut machines: Vec<_> = (0..layout.media_nodes).map(media).collect();
        if !layout.together {
            let speech = |_| (Machine::new(layout.speech_cores, &served), 0);
            machines.extend((0..layout.speech_nodes).map(speech));
        }
        let call = |number| Call::new(number % layout.media_nodes, 0, Turn::default(), 0.0);
        Self {
            layout,
            costs,
            talk,
            span,
            random: Random::new(span.seed),
            now_s: 0.0,
            next_number: 0,
            events: BinaryHeap::new(),
            machines,
            lanes: (0..layout.media_nodes).map(|_| Default::default()).collect(),
            tasks: HashMap::new(),
            calls: (0..layout.calls).map(call).collect(),
            outcome: Outcome::default(),
            spoken_s: 0.0,
        }
    }

    fn outcome(mut self, end_s: f64) -> Outcome {
        let media = self.layout.media_nodes;
        let in_use = |machines: &[(Machine, u64)], cores: f64| {
            let busy: f64 = machines.iter().map(|(machine, _)| machine.busy_s()).sum();
            busy / (machines.len().max(1) as f64 * cores * end_s)
        };
        let steady = self.costs.call_cores * self.layout.calls as f64 / media as f64;
        let media_use = steady / self.layout.media_cores
            + in_use(&self.machines[..media], self.layout.media_cores);
        self.outcome.media_use = media_use;
        self.outcome.speech_use = if self.machines.len() > media {
            in_use(&self.machines[media..], self.layout.speech_cores)
        } else {
            media_use
        };
        self.outcome.talk_share = self.spoken_s / (end_s * self.layout.calls as f64);
        self.outcome
    }

    fn at(&mut self, at_s: f64, event: Event) {
        let number = self.next_number;
        self.next_number += 1;
        self.events.push(Timed { at_s: at_s.max(self.now_s), number, event });
    }

    /// Something will happen in this turn of a call.
    fn later(&mut self, call: usize, at_s: f64, happening: Happening) {
        let turn = self.calls[call].turn;
        self.at(at_s, Event::Call { call, turn, happening });
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Call { call, turn, happening } if self.calls[call].turn == turn => {
                self.in_call(call, happening);
            }
            Event::Machine { machine, version } if self.machines[machine].1 == version => {
                let ended = self.machines[machine].0.ended(self.now_s);
                self.watch(machine);
                for (job, end) in ended {
                    self.ended(job.id, end);
                }
            }
            Event::Arrive { id } => self.arrive(id),
            // Of a turn that is over, or of a machine that has something else to do by now.
            Event::Call { .. } | Event::Machine { .. } => {}
        }
    }

    /// A machine has changed: what ends next there is known anew.
    fn watch(&mut self, machine: usize) {
        let (state, version) = &mut self.machines[machine];
        *version += 1;
        let version = *version;
        if let Some(due_s) = state.due_s() {
            self.at(due_s, Event::Machine { machine, version });
        }
    }

    fn in_call(&mut self, call: usize, happening: Happening) {
        match happening {
            Happening::Begin => self.begin(call),
            Happening::Pause { length_s } => {
                let heard_s = self.now_s - self.calls[call].began_s;
                self.pause(call, heard_s);
                self.later(call, self.now_s + length_s - PAUSE_S, Happening::Resume);
            }
            Happening::Resume => {
                self.take_back(call);
                self.calls[call].speaking = true;
                self.caption_later(call, self.now_s);
            }
            Happening::Interim(number) if number == self.calls[call].captions => self.caption(call),
            // Planned before a pause; another one has been planned since.
            Happening::Interim(_) => {}
            Happening::Stopped => {
                let heard_s = self.now_s - self.calls[call].began_s;
                self.calls[call].stopped_s = self.now_s - PAUSE_S;
                self.spoken_s += self.calls[call].plan.speech_s;
                self.pause(call, heard_s);
                if self.calls[call].plan.decided_by.is_none() {
                    let limit = self.calls[call].stopped_s + LONGEST_SILENCE_S;
                    self.later(call, limit, Happening::Over);
                }
            }
            Happening::Check(question) => self.ask(call, question),
            Happening::Over => {
                if self.calls[call].over_s.is_none() {
                    self.calls[call].over_s = Some(self.now_s);
                    self.write(call);
                    self.speak_first(call);
                }
            }
            Happening::Written => {
                self.calls[call].written = true;
                self.speak_first(call);
            }
            Happening::Clause(clause) => self.speak(call, clause),
        }
    }

    fn begin(&mut self, call: usize) {
        let plan = self.talk.turn(self.costs.alone_s(self.talk), &mut self.random);
        for (from_s, length_s) in &plan.pauses {
            let happening = Happening::Pause { length_s: *length_s };
            self.later(call, self.now_s + from_s + PAUSE_S, happening);
        }
        self.later(call, self.now_s + plan.speech_s + PAUSE_S, Happening::Stopped);
        let Call { media, turn, .. } = self.calls[call];
        self.calls[call] = Call { speaking: true, ..Call::new(media, turn, plan, self.now_s) };
        self.caption_later(call, self.now_s);
    }

    /// Somebody pauses: what was said so far is recognised, and the model asked.
    fn pause(&mut self, call: usize, heard_s: f64) {
        self.calls[call].speaking = false;
        if let Some(interim) = self.calls[call].interim.take() {
            self.cancel(interim);
        }
        let work_s = self.costs.stt.work_s(heard_s);
        let began = self.start(call, STT, Purpose::Recognition, Urgency::Final, work_s);
        match began {
            Ok(id) => self.calls[call].recognition = Some(id),
            // At an inner pause another one follows.
            Err(Refused) if self.calls[call].stopped_s == 0.0 => {}
            Err(Refused) => return self.fail(call),
        }
        self.ask(call, 0);
    }

    fn ask(&mut self, call: usize, question: usize) {
        let work_s = self.costs.turn.work_s(0.0);
        let began = self.start(call, TURN, Purpose::Question(question), Urgency::Final, work_s);
        let refused = began.is_err();
        self.calls[call].question = began.ok();
        if refused {
            self.do_without_the_model(call);
        }
    }

    /// The model does not answer: after the last word, silence decides.
    fn do_without_the_model(&mut self, call: usize) {
        let stopped_s = self.calls[call].stopped_s;
        if stopped_s > 0.0 {
            let over = (stopped_s + WITHOUT_MODEL_S).max(self.now_s);
            self.later(call, over, Happening::Over);
        }
    }

    /// Speech goes on: what was begun at the pause is no longer wanted.
    fn take_back(&mut self, call: usize) {
        let state = &mut self.calls[call];
        (state.transcript, state.likely, state.writing, state.written) =
            (false, false, false, false);
        let ids = [state.recognition.take(), state.question.take()];
        for id in ids.into_iter().flatten() {
            self.cancel(id);
        }
    }

    fn caption_later(&mut self, call: usize, from_s: f64) {
        let Some(interval) = self.costs.interim_s.filter(|_| self.layout.speech_nodes == 0) else {
            return;
        };
        let interval =
            (interval * f64::powi(2.0, self.calls[call].doublings)).min(RAREST_INTERIM_S);
        self.calls[call].captions += 1;
        let number = self.calls[call].captions;
        self.later(call, from_s + interval, Happening::Interim(number));
    }

    fn caption(&mut self, call: usize) {
        if !self.calls[call].speaking || self.calls[call].interim.is_some() {
            return;
        }
        let work_s = self.costs.stt.work_s(self.now_s - self.calls[call].began_s);
        let purpose = Purpose::Interim { began_s: self.now_s };
        match self.start(call, STT, purpose, Urgency::Interim, work_s) {
            Ok(id) => self.calls[call].interim = Some(id),
            Err(Refused) => self.captioned(call, self.now_s, End::Dropped),
        }
    }

    fn captioned(&mut self, call: usize, began_s: f64, end: End) {
        let state = &mut self.calls[call];
        state.interim = None;
        let dropped = end == End::Dropped;
        state.doublings = (state.doublings + if dropped { 1 } else { -1 }).clamp(0, 3);
        self.outcome.interims += usize::from(!dropped);
        self.outcome.interims_dropped += usize::from(dropped);
        // As much sound again as this one took.
        let took = self.now_s - began_s;
        let interval = self.costs.interim_s.unwrap_or_default();
        self.caption_later(call, began_s.max(self.now_s + took - interval));
    }

    /// Begins to write, when it is known what was said and the turn is over, or may well be.
    fn write(&mut self, call: usize) {
        let state = &mut self.calls[call];
        let early = state.likely && state.plan.decided_by == Some(0) && state.stopped_s > 0.0;
        if state.writing || !state.transcript || !(early || state.over_s.is_some()) {
            return;
        }
        state.writing = true;
        let takes = self.random.lognormal(self.costs.write_s, self.costs.write_variation);
        self.later(call, self.now_s + takes, Happening::Written);
    }

    fn speak_first(&mut self, call: usize) {
        if self.calls[call].written && self.calls[call].over_s.is_some() {
            self.speak(call, 0);
        }
    }

    fn speak(&mut self, call: usize, clause: usize) {
        let work_s = self.costs.tts.work_s(self.calls[call].plan.clauses_s[clause]);
        if self.start(call, TTS, Purpose::Clause(clause), Urgency::Final, work_s).is_err() {
            self.fail(call);
        }
    }

    fn spoken(&mut self, call: usize, clause: usize) {
        let (now, network) = (self.now_s, self.costs.network_s);
        let state = &mut self.calls[call];
        let sound_s = state.plan.clauses_s[clause];
        if clause == 0 {
            state.play_end_s = now + network;
            let over = state.over_s.unwrap_or(now);
            if state.began_s >= self.span.warm_up_s {
                self.outcome.waits_s.push(now + network - over);
                self.outcome.stopwatch_s.push(now + network - state.stopped_s);
                self.outcome.turns += 1;
            }
        } else if now + network > state.play_end_s + GAP_S && !state.gap {
            state.gap = true;
            self.outcome.gaps += usize::from(state.began_s >= self.span.warm_up_s);
        }
        state.play_end_s = state.play_end_s.max(now + network) + sound_s;
        let (end, thought) = (state.play_end_s, state.plan.thought_s);
        if clause + 1 < state.plan.clauses_s.len() {
            self.later(call, end - AHEAD_S, Happening::Clause(clause + 1));
        } else {
            self.next_turn(call, end + thought);
        }
    }

    /// There will be no reply, or no more of it.
    fn fail(&mut self, call: usize) {
        let state = &self.calls[call];
        if state.began_s >= self.span.warm_up_s {
            self.outcome.failed += 1;
            self.outcome.turns += usize::from(state.play_end_s == 0.0);
        }
        let next = self.now_s.max(state.play_end_s) + state.plan.thought_s;
        self.take_back(call);
        self.next_turn(call, next);
    }

    fn next_turn(&mut self, call: usize, at_s: f64) {
        self.calls[call].turn += 1;
        self.later(call, at_s, Happening::Begin);
    }

    /// Begins a job on the engine for it, here or on a speech node.
    fn start(
        &mut self,
        call: usize,
        engine: usize,
        purpose: Purpose,
        urgency: Urgency,
        work_s: f64,
    ) -> Result<u64, Refused> {
        let id = self.next_number;
        self.next_number += 1;
        let expires_s = self.now_s + PATIENCE_S[urgency as usize];
        let job = Job { id, urgency, work_s, expires_s };
        let Call { media, turn, .. } = self.calls[call];
        let task = Task { call, turn, purpose, job, engine, machine: None };
        if engine == TURN || self.layout.speech_nodes == 0 {
            self.machines[media].0.submit(self.now_s, engine, job)?;
            self.tasks.insert(id, Task { machine: Some(media), ..task });
            self.watch(media);
            return Ok(id);
        }
        let lane = &mut self.lanes[media][engine - STT];
        if lane.under_way < self.layout.concurrency {
            lane.under_way += 1;
            self.tasks.insert(id, task);
            self.send(id);
        } else if lane.waiting.len() < self.layout.queue {
            lane.waiting.push_back(id);
            self.tasks.insert(id, task);
        } else {
            return Err(Refused);
        }
        Ok(id)
    }

    /// A request leaves for a speech node.
    fn send(&mut self, id: u64) {
        let Some(task) = self.tasks.get(&id) else { return };
        let (engine, media) = (task.engine, self.calls[task.call].media);
        let first = if self.layout.together { 0 } else { self.layout.media_nodes };
        let nodes = self.layout.speech_nodes;
        let random = &mut self.random;
        let node = match self.layout.balance {
            Balance::Random => random.below(nodes),
            Balance::Sticky => {
                let idle = &mut self.lanes[media][engine - STT].idle;
                idle.pop().unwrap_or_else(|| random.below(nodes))
            }
            Balance::Least => {
                // Those that are equal take turns by chance.
                let from = random.below(nodes);
                let load = |node: &usize| {
                    let machine = &self.machines[first + node].0;
                    machine.load(STT) + machine.load(TTS)
                };
                let order = (0..nodes).map(|step| (from + step) % nodes);
                order.min_by_key(load).unwrap_or(0)
            }
        };
        if let Some(task) = self.tasks.get_mut(&id) {
            task.machine = Some(first + node);
        }
        // Half of the way there; what is told about it takes the other half.
        self.at(self.now_s + self.costs.hop_s, Event::Arrive { id });
    }

    fn arrive(&mut self, id: u64) {
        // It may have been taken back on the way.
        let Some(task) = self.tasks.get(&id) else { return };
        let (engine, job, Some(machine)) = (task.engine, task.job, task.machine) else { return };
        let taken = self.machines[machine].0.submit(self.now_s, engine, job);
        self.watch(machine);
        if taken.is_err() {
            self.ended(id, End::Dropped);
        }
    }

    /// Nobody wants it any more.
    fn cancel(&mut self, id: u64) {
        let Some(task) = self.tasks.remove(&id) else { return };
        if let Some(machine) = task.machine {
            self.machines[machine].0.cancel(self.now_s, task.engine, id);
            self.watch(machine);
        }
        self.leave_lane(id, &task);
    }

    /// The lane of a request is free for the next.
    fn leave_lane(&mut self, id: u64, task: &Task) {
        if task.engine == TURN || self.layout.speech_nodes == 0 {
            return;
        }
        let media = self.calls[task.call].media;
        let first = if self.layout.together { 0 } else { self.layout.media_nodes };
        let lane = &mut self.lanes[media][task.engine - STT];
        let Some(machine) = task.machine else {
            lane.waiting.retain(|waiting| *waiting != id);
            return;
        };
        lane.idle.push(machine - first);
        lane.under_way -= 1;
        if let Some(next) = lane.waiting.pop_front() {
            lane.under_way += 1;
            self.send(next);
        }
    }

    fn ended(&mut self, id: u64, end: End) {
        let Some(task) = self.tasks.remove(&id) else { return };
        self.leave_lane(id, &task);
        let call = task.call;
        if self.calls[call].turn != task.turn {
            return;
        }
        match (task.purpose, end) {
            (Purpose::Interim { began_s }, end) => self.captioned(call, began_s, end),
            (Purpose::Recognition, End::Done) => {
                self.calls[call].recognition = None;
                self.calls[call].transcript = true;
                self.write(call);
            }
            (Purpose::Question(question), End::Done) => self.answered(call, question),
            (Purpose::Clause(clause), End::Done) => self.spoken(call, clause),
            // Asked for at an inner pause, it will be asked for again.
            (Purpose::Recognition, End::Dropped) if self.calls[call].stopped_s == 0.0 => {}
            (Purpose::Question(_), End::Dropped) => self.do_without_the_model(call),
            (Purpose::Recognition | Purpose::Clause(_), End::Dropped) => self.fail(call),
        }
    }

    fn answered(&mut self, call: usize, question: usize) {
        let state = &mut self.calls[call];
        state.question = None;
        state.likely = true;
        if state.stopped_s == 0.0 {
            return;
        }
        let stopped = state.stopped_s;
        match state.plan.decided_by {
            Some(deciding) if deciding <= question => {
                let over = stopped + GRACE_S.max(CHECKS_S[question]);
                self.later(call, over, Happening::Over);
            }
            _ if question + 1 < CHECKS_S.len() => {
                self.later(call, stopped + CHECKS_S[question + 1], Happening::Check(question + 1));
            }
            _ => {}
        }
        self.write(call);
    }
}
