//! One caller, who does what the script says.

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Load;
use super::tally::{Outcome, Tally};
use crate::client::script::{Script, Step, pause};
use crate::client::{Call, CallOptions, HangUp, Impairment, Recording, begins_to_be_heard};

pub(super) struct Caller {
    number: usize,
    options: CallOptions,
    script: Arc<Script<Recording>>,
    repeats: bool,
    chance: SmallRng,
    tally: Arc<Tally>,
    /// How long it has spoken since its last rest.
    spoke: Duration,
    /// What has been said, and the turns, of which it is known what came.
    judged: (usize, usize),
}

impl Caller {
    /// Caller number `number` of a load test.
    pub(super) fn new(number: usize, load: &Load, tally: Arc<Tally>) -> Self {
        let Load { call, script, repeats, seed, .. } = load;
        // Each has a network, and pauses, of its own.
        let seed = seed.wrapping_add(number as u64);
        let impairment = Impairment { seed, ..call.impairment };
        Self {
            number,
            options: CallOptions { impairment, keep: false, ..call.clone() },
            script: Arc::clone(script),
            repeats: *repeats,
            chance: SmallRng::seed_from_u64(seed),
            tally,
            spoke: Duration::ZERO,
            judged: (0, 0),
        }
    }

    /// Calls, does what the script says until it is to leave or has done it, and hangs up.
    pub(super) async fn run(mut self, leave: CancellationToken) {
        // Placing a call is not broken off: its connection would never be closed.
        let mut call = match Call::place(self.options.clone()).await {
            Ok(call) => call,
            Err(error) => return self.tally.not_placed(&error),
        };
        self.tally.connected(call.connect_time);
        leave.run_until_cancelled(self.play(&mut call)).await;
        self.tally.rests(self.number);
        if call.is_over() {
            self.tally.lost();
        }
        // Over is over, however it ends.
        let _ = call.hang_up(HangUp::Close).await;
    }

    async fn play(&mut self, call: &mut Call) {
        let script = Arc::clone(&self.script);
        if let Some(cycle) = script.cycle(Recording::duration).filter(|_| self.repeats) {
            // Callers who begin together are not to speak together.
            call.wait(pause(Duration::ZERO, cycle, &mut self.chance)).await;
        }
        let mut rested = Instant::now();
        loop {
            for (number, step) in script.steps().iter().enumerate() {
                match step {
                    Step::Talk(recording) => self.talk(call, recording, number).await,
                    Step::Interrupt(recording, after) => {
                        if self.hear(call).await {
                            self.tally.rests(self.number);
                        }
                        call.wait(*after).await;
                        self.talk(call, recording, number).await;
                    }
                    Step::Pause(least, most) => {
                        call.wait(pause(*least, *most, &mut self.chance)).await;
                    }
                    Step::Rest(speech) => {
                        let until = rested + self.spoke.div_f64(*speech);
                        call.wait(until.saturating_duration_since(Instant::now())).await;
                        // Who had to wait for an answer does not make up for it: a server that was slow for a while would
                        // be asked more than others are.
                        (rested, self.spoke) = (Instant::now(), Duration::ZERO);
                    }
                }
                if call.is_over() {
                    return;
                }
            }
            if !self.repeats {
                return;
            }
        }
    }

    /// Says something and, unless the next step is an interruption, waits for what comes of it.
    async fn talk(&mut self, call: &mut Call, recording: &Recording, step: usize) {
        let turns = call.turn_count();
        call.say_only(recording.clone()).await;
        self.spoke += recording.duration();
        let at = |ms: u64| call.connected_at() + Duration::from_millis(ms);
        if let Some(spoken) = call.spoken().last() {
            self.tally.waits(self.number, at(spoken.begin_ms), at(spoken.speech_end_ms));
        }
        if self.script.is_interrupted(step) {
            return;
        }
        // Who hears the answer waits no longer.
        call.listen(turns, || self.tally.rests(self.number)).await;
        self.tally.rests(self.number);
        let (from, first) = self.judged;
        let turns = call.turns_from(self.number, first);
        for spoken in &call.spoken()[from..] {
            let began = call.connected_at() + Duration::from_millis(spoken.begin_ms);
            self.tally.talked(began, Outcome::of(spoken, &turns));
        }
        self.judged = (call.spoken().len(), call.turn_count());
    }

    /// Waits until the answer is heard, and says whether it is.
    async fn hear(&self, call: &mut Call) -> bool {
        call.is_answering()
            || call.wait_until(self.options.patience, begins_to_be_heard).await.is_some()
    }
}
