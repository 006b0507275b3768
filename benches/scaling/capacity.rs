//! How many calls so many machines hold.

use super::costs::Hardware;
use super::layout::{Balance, Layout, Span};
use super::report::{Point, percentile};
use super::talk::Talk;
use super::world::World;

/// Calls for each media node: enough that its own limits do not show, see docs/scaling.md.
const CALLS_A_MEDIA_NODE: usize = 80;
/// More turns without a reply than this are too many, whatever the others wait.
const FAILED: f64 = 0.01;
/// Turns that a percentile is taken over, at least; and for how long calls go on, at least.
const TURNS: f64 = 12_000.0;
const SHORTEST_S: f64 = 240.0;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    pub talk: Talk,
    /// The 95th percentile of the wait may be so long.
    pub target_s: f64,
    pub balance: Balance,
    pub concurrency: usize,
    pub queue: usize,
    pub seed: u64,
}

impl Question {
    /// So many calls on so many speech nodes (none: on one machine).
    pub fn point(&self, hardware: &Hardware, speech_nodes: usize, calls: usize) -> Point {
        let media_nodes = if speech_nodes == 0 { 1 } else { calls.div_ceil(CALLS_A_MEDIA_NODE) };
        self.simulate(hardware, media_nodes.max(1), speech_nodes, calls)
    }

    /// So many calls on one media node, with more speech nodes than they need.
    pub fn media_point(&self, hardware: &Hardware, calls: usize) -> Point {
        let ample = Self { concurrency: calls, ..*self };
        ample.simulate(hardware, 1, calls.div_ceil(4), calls)
    }

    fn simulate(
        &self,
        hardware: &Hardware,
        media_nodes: usize,
        speech_nodes: usize,
        calls: usize,
    ) -> Point {
        let layout = Layout {
            calls,
            media_nodes,
            media_cores: hardware.media_cores,
            speech_nodes,
            speech_cores: hardware.speech_cores,
            concurrency: self.concurrency,
            balance: self.balance,
            queue: self.queue,
            together: false,
        };
        let turns_a_second = calls as f64 * self.talk.share / self.talk.turn_s;
        let measured_s = (TURNS / turns_a_second).max(SHORTEST_S);
        let span = Span { warm_up_s: 60.0, measured_s, seed: self.seed };
        let outcome = World::run(layout, &hardware.costs, &self.talk, span);
        let part = |count: usize| count as f64 / outcome.turns.max(1) as f64;
        let at = |values: &[f64], part| percentile(values, part).unwrap_or(f64::INFINITY);
        Point {
            speech_nodes,
            calls,
            p50_s: at(&outcome.waits_s, 0.50),
            p95_s: at(&outcome.waits_s, 0.95),
            stopwatch_p50_s: at(&outcome.stopwatch_s, 0.50),
            stopwatch_p95_s: at(&outcome.stopwatch_s, 0.95),
            failed: part(outcome.failed),
            gaps: part(outcome.gaps),
            speech_use: outcome.speech_use,
            media_use: outcome.media_use,
        }
    }

    /// Whether that is good enough.
    pub fn is_met(&self, point: &Point) -> bool {
        point.p95_s <= self.target_s && point.failed <= FAILED
    }

    /// The most calls for which it is, to one in fifty; `None` if not even one.
    pub fn most(&self, hardware: &Hardware, speech_nodes: usize) -> Option<Point> {
        let at = |calls| self.point(hardware, speech_nodes, calls);
        let met = |calls| Some(at(calls)).filter(|point| self.is_met(point));
        let mut best = met(speech_nodes.max(1)).or_else(|| met(1))?;
        let mut beyond = 2 * best.calls;
        while let Some(point) = met(beyond) {
            best = point;
            beyond *= 2;
        }
        while beyond - best.calls > (best.calls / 50).max(1) {
            let middle = usize::midpoint(best.calls, beyond);
            match met(middle) {
                Some(point) => best = point,
                None => beyond = middle,
            }
        }
        Some(best)
    }
}
