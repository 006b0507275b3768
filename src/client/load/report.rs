//! What a load test has found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::tally::{ByName, Counts};
use crate::client::phases::Phase;
use crate::client::process::{Process, Usage};
use crate::client::statistics::{Summary, Values};
use crate::pipeline::handling::Handled;

/// See the module.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Calls that there were to be.
    pub calls: usize,
    /// How long they were watched, in seconds.
    pub seconds: f64,
    /// Calls that connected, of those that were begun.
    pub connected: usize,
    /// Calls that were refused, by status and code.
    pub refused: ByName,
    /// Calls that failed otherwise, by kind.
    pub failed: ByName,
    /// Calls that ended before their callers hung up.
    pub lost: u64,
    /// Things that were said.
    pub talks: u64,
    /// Of these, those with an answer that was heard.
    pub answered: u64,
    /// Those of which the server has noticed no turn.
    pub unheard: u64,
    /// Those that were a turn without an answer, by the code of what failed, or `no_words`, `no_transcript`, `no_sound`.
    pub unanswered: ByName,
    /// Those whose turn was over before the recording was. They are in no percentile.
    pub early: u64,
    /// Answers that were cut.
    pub cut: u64,
    /// How long those have waited who waited at the end.
    pub waiting_ms: Vec<u64>,
    /// From the answer of an offer to the connection.
    pub connect_ms: Option<Summary>,
    /// From the last energetic sample to the end of a phase, on the callers' clock.
    pub after_speech_ms: BTreeMap<Phase, Summary>,
    /// What the server used, if its process is known.
    pub server: Option<Used>,
    /// What the callers used. It is no part of the server's.
    pub caller: Option<Used>,
    /// How quickly the server handled sound, if it says so.
    pub frames: Option<Frames>,
    /// From the last energetic sample to the first sound, one by one.
    #[serde(skip)]
    pub answers_ms: Vec<u64>,
}

/// What a process used while the calls were watched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Used {
    /// Of one core, 100 being all of it.
    pub cpu_percent: f64,
    /// Resident memory at the end.
    pub memory_mib: f64,
    /// How much more that is than before the first call, if that is known.
    pub grew_mib: Option<f64>,
}

/// How quickly sound was handled while the calls were watched, as the server counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Frames {
    /// Frames of 32 ms.
    pub handled: u64,
    /// Packets that the server threw away because it was behind.
    pub dropped: u64,
    /// Packets that never came.
    pub lost: u64,
    /// From a packet that was decrypted to a frame that was decided about: half of them took no longer.
    pub p50_us: u64,
    /// 99 % took no longer.
    pub p99_us: u64,
    /// None took longer.
    pub max_us: u64,
}

/// What is known at one moment.
pub(super) struct Look {
    at: Instant,
    server: Option<Usage>,
    caller: Option<Usage>,
    handled: Option<Handled>,
}

/// The beginning and the end.
pub(super) struct Looks {
    pub before: Look,
    pub after: Look,
    pub idle_kib: Option<u64>,
}

impl Look {
    /// Looks at both processes, and asks the server. What cannot be had is left out.
    pub(super) async fn take(http: &reqwest::Client, url: &str, server: Option<&Process>) -> Self {
        Self {
            handled: handled(http, url).await,
            server: server.and_then(|server| server.usage().ok()),
            caller: Process::this().usage().ok(),
            at: Instant::now(),
        }
    }
}

/// What the server at `url` says of itself. Another server than ours says nothing.
async fn status(http: &reqwest::Client, url: &str) -> Option<Value> {
    let status = Url::parse(url).ok()?.join("/api/v1/status").ok()?;
    http.get(status).send().await.ok()?.json().await.ok()
}

async fn handled(http: &reqwest::Client, url: &str) -> Option<Handled> {
    Handled::deserialize(&status(http, url).await?["frames"]).ok()
}

/// Whether the server leaves something out because it is behind.
pub(super) async fn is_shedding(http: &reqwest::Client, url: &str) -> bool {
    let status = status(http, url).await.unwrap_or_default();
    status["calls"]["shedding"].as_str().is_some_and(|shedding| shedding != "nothing")
}

impl Report {
    pub(super) fn new(calls: usize, counts: Counts, looks: &Looks) -> Self {
        let Looks { before, after, idle_kib } = looks;
        let seconds = (after.at - before.at).as_secs_f64();
        let used = |from: Option<Usage>, to: Option<Usage>, idle_kib: Option<u64>| {
            let (from, to) = from.zip(to)?;
            Some(Used::between(from, to, seconds, idle_kib))
        };
        let frames = before.handled.as_ref().zip(after.handled.as_ref());
        let mut phases = counts.phases_ms.map(Values::from);
        let answers_ms = std::mem::take(&mut phases[Phase::FirstAudio as usize]);
        let summary = |phase: Phase| match phase {
            Phase::FirstAudio => answers_ms.summary(),
            phase => phases[phase as usize].summary(),
        };
        let after_speech_ms =
            Phase::ALL.into_iter().filter_map(|phase| Some((phase, summary(phase)?))).collect();
        Self {
            calls,
            seconds,
            connected: counts.connect_ms.len(),
            refused: counts.refused,
            failed: counts.failed,
            lost: counts.lost,
            talks: counts.talks,
            answered: counts.answered,
            unheard: counts.unheard,
            unanswered: counts.unanswered,
            early: counts.early,
            cut: counts.cut,
            waiting_ms: counts.waiting_ms,
            connect_ms: Values::from(counts.connect_ms).summary(),
            after_speech_ms,
            server: used(before.server, after.server, *idle_kib),
            caller: used(before.caller, after.caller, None),
            frames: frames.map(|(before, after)| Frames::of(&after.since(before))),
            answers_ms: answers_ms.into(),
        }
    }

    /// Within how many milliseconds after the last speech 95 % of the answers were heard.
    pub fn p95_ms(&self) -> Option<u64> {
        self.after_speech_ms.get(&Phase::FirstAudio).map(|summary| summary.p95)
    }

    /// Calls that did not come about, or were lost.
    pub fn missing(&self) -> u64 {
        self.refused.values().chain(self.failed.values()).sum::<u64>() + self.lost
    }
}

impl Used {
    fn between(from: Usage, to: Usage, seconds: f64, idle_kib: Option<u64>) -> Self {
        let mib = |kib: f64| kib / 1_024.0;
        Self {
            cpu_percent: 100.0 * to.cpu.saturating_sub(from.cpu).as_secs_f64() / seconds.max(0.001),
            memory_mib: mib(to.memory_kib as f64),
            grew_mib: idle_kib.map(|idle| mib(to.memory_kib as f64 - idle as f64)),
        }
    }
}

impl Frames {
    fn of(handled: &Handled) -> Self {
        let at = |part| handled.took_us.quantile(part).map_or(0, |took| took.as_micros() as u64);
        Self {
            handled: handled.took_us.count(),
            dropped: handled.dropped,
            lost: handled.lost,
            p50_us: at(0.5),
            p99_us: at(0.99),
            max_us: at(1.0),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, seconds, connected, lost, .. } = self;
        writeln!(f, "{calls} calls, watched for {seconds:.0} s: {connected} begun, {lost} lost")?;
        by_name(f, "refused", &self.refused)?;
        by_name(f, "failed", &self.failed)?;
        let Self { talks, answered, early, unheard, cut, .. } = self;
        writeln!(
            f,
            "{talks} times something was said: {answered} answered ({cut} cut), {early} over before their end, \
             {unheard} not heard, {} waiting at the end",
            self.waiting_ms.len()
        )?;
        by_name(f, "not answered", &self.unanswered)?;
        writeln!(f, "\n  {:<14}{:>9}{:>9}{:>9}{:>9}{:>8}", "ms", "p50", "p95", "p99", "max", "of")?;
        if let Some(connect) = &self.connect_ms {
            row(f, "connected", connect)?;
        }
        for (phase, summary) in &self.after_speech_ms {
            row(f, phase.name(), summary)?;
        }
        writeln!(f, "  (connected: after the server's answer; all else: after the last word)\n")?;
        match &self.frames {
            Some(frames) => writeln!(f, "frames   {frames}")?,
            None => writeln!(f, "frames   the server does not say how it handles them")?,
        }
        match &self.server {
            Some(used) => writeln!(f, "server   {used}, {:.2} % a call", self.a_call(used))?,
            None => writeln!(f, "server   not looked at: name its process with --server-pid")?,
        }
        if let Some(used) = &self.caller {
            writeln!(f, "callers  {used}, {:.2} % a call", self.a_call(used))?;
        }
        Ok(())
    }
}

impl Report {
    fn a_call(&self, used: &Used) -> f64 {
        let present = self.calls.saturating_sub(self.missing() as usize);
        used.cpu_percent / present.max(1) as f64
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handled, dropped, lost, .. } = self;
        let [p50, p99, max] = [self.p50_us, self.p99_us, self.max_us].map(|us| us as f64 / 1_000.0);
        write!(f, "{handled} handled, {dropped} packets dropped, {lost} never came; ")?;
        write!(f, "p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.2} ms")
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} MiB", self.memory_mib)?;
        if let Some(grew) = self.grew_mib {
            write!(f, " ({grew:+.0} since before the first call)")?;
        }
        write!(f, ", {:.0} % of a core", self.cpu_percent)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, summary: &Summary) -> fmt::Result {
    let Summary { count, p50, p95, p99, max } = summary;
    writeln!(f, "  {name:<14}{p50:>9}{p95:>9}{p99:>9}{max:>9}{count:>8}")
}

fn by_name(f: &mut fmt::Formatter<'_>, what: &str, times: &ByName) -> fmt::Result {
    times.iter().try_for_each(|(name, times)| writeln!(f, "  {what}: {times} × {name}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn look(at: Instant, cpu_ms: u64, memory_kib: u64) -> Look {
        let usage = Usage { cpu: Duration::from_millis(cpu_ms), memory_kib };
        Look { at, server: Some(usage), caller: None, handled: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_holds_what_was_counted_and_used() {
        let begun = Instant::now();
        let looks = Looks {
            before: look(begun, 1_000, 99_000),
            after: look(begun + Duration::from_secs(10), 16_000, 204_800),
            idle_kib: Some(102_400),
        };
        let mut counts = Counts { talks: 3, answered: 3, lost: 2, ..Counts::default() };
        counts.connect_ms = vec![30, 20];
        counts.refused = [("503 at_capacity".to_owned(), 4)].into();
        counts.phases_ms[Phase::FirstAudio as usize] = vec![400, 900, 500];
        counts.phases_ms[Phase::Endpoint as usize] = vec![300];
        let report = Report::new(10, counts, &looks);
        let used = Used { cpu_percent: 150.0, memory_mib: 200.0, grew_mib: Some(100.0) };
        assert_eq!((report.server, report.caller, report.frames), (Some(used), None, None));
        assert_eq!((report.p95_ms(), report.missing(), report.connected), (Some(900), 6, 2));
        assert_eq!(report.answers_ms, [400, 500, 900]);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["after_speech_ms"]["first_audio"]["p50"], 500);
        assert_eq!(json["after_speech_ms"]["first_token"], Value::Null);
        assert_eq!(json["refused"]["503 at_capacity"], 4);
        let text = report.to_string();
        for part in
            ["4 × 503 at_capacity", "2 lost", "first sound", "200 MiB (+100", "37.50 % a call"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn frames_are_those_in_between() {
        let handled = |pairs: Value, dropped: u64| {
            let json = serde_json::json!({ "took_us": pairs, "dropped": dropped, "lost": 0 });
            Handled::deserialize(json).unwrap()
        };
        let before = handled(serde_json::json!([[100, 5], [900_000, 1]]), 3);
        let after = handled(serde_json::json!([[100, 104], [9_000, 1], [900_000, 1]]), 4);
        let frames = Frames::of(&after.since(&before));
        let expected =
            Frames { handled: 100, dropped: 1, lost: 0, p50_us: 100, p99_us: 100, max_us: 9_000 };
        assert_eq!(frames, expected);
    }
}
