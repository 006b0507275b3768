//! Who may come in: how many calls are taken, what is left out when the machine is behind, and when somebody who was
//! refused should try again.
//!
//! `estimate` works out how many calls the machine carries, `limit` corrects that by what is seen, `pressure` says what has
//! to be left out, `comeback` when to try again: all pure. `watch` looks at the clock and the queues.

mod comeback;
pub mod estimate;
mod limit;
pub mod pressure;
mod watch;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::time::Instant;

use self::comeback::Comeback;
use self::estimate::Estimate;
use self::limit::Limit;
use self::pressure::{Pressure, Signs};
pub use self::watch::watch;
use crate::config::CallLimit;
use crate::pipeline::load::{Load, Shed, Shedding};

/// Somebody was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Why,
    /// When to try again.
    pub retry_after: Duration,
}

/// Why somebody was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// So many calls go on, and no more are taken.
    Limit(usize),
    /// The machine is behind.
    Pressure,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::Limit(1) => f.write_str("the only line is busy; try again in a moment"),
            Why::Limit(lines) => write!(f, "all {lines} lines are busy; try again in a moment"),
            Why::Pressure => {
                f.write_str("this server is too busy for another call; try again in a moment")
            }
        }
    }
}

impl std::error::Error for Refused {}

/// Who wants to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A new call.
    New,
    /// Somebody whose call was lost a moment ago: it goes on, so the machine being behind does not keep them out.
    Back,
}

/// How things stand, for the status and for metrics. Counts are since the start.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Standing {
    /// Calls that go on.
    pub active: usize,
    /// Calls that may.
    pub limit: usize,
    /// Whether the server has found that out by itself.
    pub auto: bool,
    /// What would be too busy first: `processor`, a stage, `untried`, or `configured`.
    pub limited_by: &'static str,
    /// The same in words.
    pub why: String,
    /// What is left out now, with all that comes before it.
    pub shedding: Shedding,
    /// How far behind the machine is: at 1 and more it is.
    pub strain: f64,
    /// Captions that were left out.
    pub shed_interims: u64,
    /// Replies that were not begun early.
    pub shed_eager: u64,
    /// Calls that were refused because so many went on.
    pub refused_limit: u64,
    /// Calls that were refused because the machine was behind.
    pub refused_pressure: u64,
    /// Pieces of people's sound that were dropped.
    pub dropped: u64,
}

/// A place in the server, for one call. It is free again when this is dropped.
pub struct Permit(Arc<Admission>);

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// See the module.
pub struct Admission {
    began: Instant,
    state: Mutex<State>,
    /// Calls that go on. Changed only while `state` is locked.
    active: Sender<usize>,
    load: Arc<Load>,
    refused_limit: AtomicU64,
    refused_pressure: AtomicU64,
}

struct State {
    limit: Limit,
    pressure: Pressure,
    comeback: Comeback,
    /// Pieces of sound that had been dropped at the last look.
    dropped: u64,
}

impl Admission {
    /// Nobody is in yet.
    pub fn new(configured: CallLimit, estimate: Estimate) -> Arc<Self> {
        // Whoever says how many calls there may be is taken at their word.
        let most = match configured {
            CallLimit::Auto => Shedding::Calls,
            CallLimit::Fixed(_) => Shedding::Eager,
        };
        let (limit, pressure) = (Limit::new(configured, estimate), Pressure::new(most));
        let (comeback, dropped) = (Comeback::default(), 0);
        Arc::new(Self {
            began: Instant::now(),
            state: Mutex::new(State { limit, pressure, comeback, dropped }),
            active: Sender::new(0),
            load: Arc::default(),
            refused_limit: AtomicU64::new(0),
            refused_pressure: AtomicU64::new(0),
        })
    }

    /// Lets somebody in, or says why not.
    pub fn admit(self: &Arc<Self>, caller: Caller) -> Result<Permit, Refused> {
        let (mut state, now) = (self.lock(), self.began.elapsed());
        if let Some(why) = state.objection(self.active(), caller) {
            let counter = match why {
                Why::Limit(_) => &self.refused_limit,
                Why::Pressure => &self.refused_pressure,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            let least = state.relief(why, now);
            let retry_after = state.comeback.refused(now, least, rand::random());
            return Err(Refused { why, retry_after });
        }
        self.active.send_modify(|active| *active += 1);
        Ok(Permit(Arc::clone(self)))
    }

    /// Whether somebody new would be let in now.
    pub fn would_admit(&self) -> Result<(), Refused> {
        let (mut state, now) = (self.lock(), self.began.elapsed());
        let Some(why) = state.objection(self.active(), Caller::New) else { return Ok(()) };
        let least = state.relief(why, now);
        let retry_after = state.comeback.wait(now, least, rand::random());
        Err(Refused { why, retry_after })
    }

    /// Whether there is time for something that nobody in a call waits for.
    pub fn has_time(&self) -> Result<(), Refused> {
        match self.would_admit() {
            Err(refused) if refused.why == Why::Pressure => Err(refused),
            _ => Ok(()),
        }
    }

    /// The machine was measured with other engines.
    pub fn measured(&self, estimate: Estimate) {
        self.lock().limit.measured(estimate);
    }

    /// Takes what was seen of the machine at `now`: how late its timers are, and how long engines are waited for. The log
    /// says what changes.
    pub fn look(&self, late: Duration, waits: Duration, now: Instant) {
        let (mut state, now) = (self.lock(), now.saturating_duration_since(self.began));
        let (active, dropped) = (self.active(), self.load.dropped());
        let new = dropped.saturating_sub(std::mem::replace(&mut state.dropped, dropped));
        let signs = Signs { late, waits, dropped: new };
        let before = state.pressure.shedding();
        if state.pressure.look(signs, now) {
            let shedding = state.pressure.shedding();
            self.load.set(shedding);
            if shedding == Shedding::Calls {
                state.limit.too_many(active, now);
            }
            let limit = state.limit.calls();
            drop(state);
            let (late_ms, waits_ms) = (late.as_millis(), waits.as_millis());
            let what = told(before, shedding);
            if shedding > before {
                tracing::warn!(active, limit, late_ms, waits_ms, dropped = new, "{what}");
            } else {
                tracing::info!(active, limit, late_ms, waits_ms, "{what}");
            }
        } else if state.pressure.is_at_ease() && state.limit.at_ease(active, now) {
            tracing::debug!(active, limit = state.limit.calls(), "more calls are taken");
        }
    }

    /// How things stand.
    pub fn standing(&self) -> Standing {
        let state = self.lock();
        let estimate = state.limit.estimate();
        Standing {
            active: self.active(),
            limit: state.limit.calls(),
            auto: estimate.is_some(),
            limited_by: estimate.map_or("configured", |estimate| estimate.bound.code()),
            why: estimate.map_or_else(|| "configured".to_owned(), |estimate| estimate.why()),
            shedding: state.pressure.shedding(),
            strain: state.pressure.strain(),
            shed_interims: self.load.counted(Shed::Interim),
            shed_eager: self.load.counted(Shed::Eager),
            refused_limit: self.refused_limit.load(Ordering::Relaxed),
            refused_pressure: self.refused_pressure.load(Ordering::Relaxed),
            dropped: self.load.dropped(),
        }
    }

    /// What calls go by.
    pub fn load(&self) -> &Arc<Load> {
        &self.load
    }

    /// Waits until nobody is in.
    pub async fn empty(&self) {
        // The sender lives as long as this.
        let _ = self.active.subscribe().wait_for(|active| *active == 0).await;
    }

    fn active(&self) -> usize {
        *self.active.borrow()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Why somebody cannot be let in. Where nobody is in, somebody can: there is nobody to be spared.
    ///
    /// A machine that is behind lowers its limit below what goes on, so that it is behind is asked first: that says more,
    /// and for how long. Whoever comes back finds the place that they left.
    fn objection(&self, active: usize, caller: Caller) -> Option<Why> {
        let behind = !self.pressure.shedding().calls_allowed();
        let limit = match caller {
            _ if active == 0 => return None,
            Caller::New if behind => return Some(Why::Pressure),
            Caller::New => self.limit.calls(),
            Caller::Back => self.limit.calls_with_those_who_return(),
        };
        (active >= limit).then_some(Why::Limit(limit))
    }

    /// How long that lasts at least.
    fn relief(&self, why: Why, now: Duration) -> Duration {
        match why {
            Why::Limit(_) => Duration::ZERO,
            Why::Pressure => self.pressure.relief(now),
        }
    }
}

/// What is left out from now on, or no more.
fn told(before: Shedding, now: Shedding) -> &'static str {
    match (before, now) {
        (Shedding::Nothing, _) => "the machine is behind: captions wait for the final words",
        (_, Shedding::Nothing) => "the machine is at ease: captions are made again",
        (Shedding::Interims, _) => "the machine is behind: no reply is begun early",
        (_, Shedding::Interims) => "the machine is less behind: replies are begun early again",
        (_, Shedding::Calls) => "the machine is behind: no new calls are taken",
        (_, Shedding::Eager) => "the machine is less behind: new calls are taken again",
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (mut state, now) = (self.0.lock(), self.0.began.elapsed());
        self.0.active.send_modify(|active| *active -= 1);
        state.comeback.freed(now);
    }
}

#[cfg(test)]
mod tests;
