//! Many callers at once, and what they found: load tests, and how many calls a server holds.
//!
//! Everything that is said was encoded beforehand and is shared by all callers, so that they cost little where they run
//! on the server's machine; what they cost is reported apart.

mod caller;
pub mod knee;
mod report;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::report::{Frames, Report, Used};

use self::caller::Caller;
use self::knee::{Broke, ENOUGH, Ended, Search, Tried, judge};
use self::report::{Look, Looks};
use self::tally::Tally;
use super::process::Process;
use super::script::Script;
use super::{CONNECT_TIMEOUT, CallOptions, ClientError, Recording};
use crate::engine::http::client_with_token;

/// A server is told of no more calls a second than this where nothing else is wanted: by default it takes 300 a minute
/// from one address.
const CALLS_A_SECOND: u32 = 4;
/// Callers who are asked to leave have left by then.
const LEAVING: Duration = Duration::from_secs(10);
/// Where too little was answered to judge by, it is watched for so many times as long.
const LONGER: u32 = 3;
/// A server that was asked too much of has recovered by then.
const RECOVERED: Duration = Duration::from_mins(1);

/// What callers do, and to whom.
#[derive(Clone)]
pub struct Load {
    /// How each calls.
    pub call: CallOptions,
    /// What each does.
    pub script: Arc<Script<Recording>>,
    /// Whether it does so again and again.
    pub repeats: bool,
    /// What chance does: pauses, and which packets are lost.
    pub seed: u64,
    /// The server's process, if it is on this machine and known.
    pub server: Option<Process>,
}

/// Callers who are in calls now.
pub struct Crowd {
    load: Load,
    http: reqwest::Client,
    tally: Arc<Tally>,
    tracker: TaskTracker,
    present: Vec<Present>,
    /// How many there have been.
    number: usize,
    /// The server's memory before the first call, in KiB.
    idle_kib: Option<u64>,
}

/// A caller.
struct Present {
    leave: CancellationToken,
    gone: CancellationToken,
}

/// When calls hold, and how long that is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Aim {
    /// 95 % of the answers are to be heard this long after the last word.
    pub target: Duration,
    /// How long each number of calls is watched.
    pub hold: Duration,
    /// The time in which calls are added; `None`: the usual one.
    pub ramp: Option<Duration>,
    /// No new number is tried after this time.
    pub within: Duration,
}

/// The time in which `calls` are begun where nothing else is wanted.
pub fn usual_ramp(calls: usize) -> Duration {
    Duration::from_secs(1) * u32::try_from(calls).unwrap_or(u32::MAX) / CALLS_A_SECOND
}

impl Crowd {
    /// Nobody yet.
    pub fn new(load: Load) -> Result<Self, ClientError> {
        let http = client_with_token(&load.call.url, Some(CONNECT_TIMEOUT), &load.call.token)?;
        let idle = load.server.as_ref().and_then(|server| server.usage().ok());
        Ok(Self {
            load,
            http,
            tally: Arc::default(),
            tracker: TaskTracker::new(),
            present: Vec::new(),
            number: 0,
            idle_kib: idle.map(|usage| usage.memory_kib),
        })
    }

    /// Lets callers come, evenly over `ramp`, or go until there are `calls`, and watches them for `hold`. Counted are
    /// the calls that were tried since the beginning, and what was said once all had come.
    pub async fn hold(&mut self, calls: usize, ramp: Duration, hold: Duration) -> Report {
        self.watch(calls, ramp, hold, 0).await
    }

    /// The same, for longer if there are fewer than so many `answers`.
    async fn watch(
        &mut self,
        calls: usize,
        ramp: Duration,
        hold: Duration,
        answers: u64,
    ) -> Report {
        self.tally.begin();
        self.present.retain(|caller| !caller.gone.is_cancelled());
        self.shrink(calls).await;
        self.grow(calls, ramp).await;
        self.tally.count_from(Instant::now());
        let before = self.look().await;
        sleep(hold).await;
        let longest = Instant::now() + hold * (LONGER - 1);
        while self.tally.answered() < answers && Instant::now() < longest {
            sleep(Duration::from_secs(1).min(hold)).await;
        }
        self.report(calls, before).await
    }

    /// Lets `calls` callers come, evenly over `ramp`, and waits until all have done what the script says. Everything is
    /// counted.
    pub async fn once(&mut self, calls: usize, ramp: Duration) -> Report {
        self.tally.begin();
        self.tally.count_from(Instant::now());
        let before = self.look().await;
        self.grow(calls, ramp).await;
        for caller in &self.present {
            caller.gone.cancelled().await;
        }
        self.report(calls, before).await
    }

    /// Tries numbers of calls until it is known how many hold, or time is over, and tells of each.
    pub async fn search(
        &mut self,
        search: &mut Search,
        aim: Aim,
        mut tell: impl FnMut(Tried),
    ) -> Ended {
        let begun = Instant::now();
        while let Some(calls) = search.next() {
            if begun.elapsed() >= aim.within {
                return Ended::Time;
            }
            let more = calls.saturating_sub(self.present.len());
            let ramp = aim.ramp.unwrap_or_else(|| usual_ramp(more));
            let report = self.watch(calls, ramp, aim.hold, ENOUGH).await;
            let broke = judge(&report, aim.target).err();
            let (held, nothing) = (broke.is_none(), broke == Some(Broke::Nothing));
            tell(Tried { report, broke });
            if nothing {
                return Ended::Nothing;
            }
            search.tried(calls, held);
            if let Some(fewer) = search.next().filter(|_| !held) {
                self.shrink(fewer).await;
                self.recover().await;
            }
        }
        Ended::Known
    }

    /// Waits until the server, if it is ours, leaves nothing out any more: what is tried next is not to pay for what was
    /// too much before.
    async fn recover(&self) {
        let all = async {
            while report::is_shedding(&self.http, &self.load.call.url).await {
                sleep(Duration::from_secs(1)).await;
            }
        };
        // It says itself if it is behind for longer.
        let _ = timeout(RECOVERED, all).await;
    }

    /// Sends everybody home.
    pub async fn disband(mut self) {
        self.shrink(0).await;
        self.tracker.close();
        // Who has not left by now ends with the process.
        let _ = timeout(LEAVING, self.tracker.wait()).await;
    }

    async fn grow(&mut self, calls: usize, ramp: Duration) {
        let begun = Instant::now();
        let more = calls.saturating_sub(self.present.len());
        for one in 0..more {
            sleep_until(begun + ramp.mul_f64(one as f64 / more as f64)).await;
            self.admit();
        }
        self.tally.wait_for(more).await;
    }

    /// One more caller.
    fn admit(&mut self) {
        let (leave, gone) = (CancellationToken::new(), CancellationToken::new());
        let caller = Caller::new(self.number, &self.load, Arc::clone(&self.tally));
        let (until, guard) = (leave.clone(), gone.clone().drop_guard());
        self.tracker.spawn(async move {
            let _gone = guard;
            // A call that is being placed is tens of kilobytes.
            Box::pin(caller.run(until)).await;
        });
        self.present.push(Present { leave, gone });
        self.number += 1;
    }

    async fn shrink(&mut self, calls: usize) {
        let going = self.present.split_off(calls.min(self.present.len()));
        for caller in &going {
            caller.leave.cancel();
        }
        let all = async {
            for caller in &going {
                caller.gone.cancelled().await;
            }
        };
        // The next report says what is amiss.
        let _ = timeout(LEAVING, all).await;
    }

    async fn look(&self) -> Look {
        Look::take(&self.http, &self.load.call.url, self.load.server.as_ref()).await
    }

    async fn report(&self, calls: usize, before: Look) -> Report {
        let after = self.look().await;
        let looks = Looks { before, after, idle_kib: self.idle_kib };
        Report::new(calls, self.tally.take(), &looks)
    }
}
