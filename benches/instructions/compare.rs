//! Counts that were committed beside those of today. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// More than this part of a stage's instructions more is a regression.
const WORSE: f64 = 0.10;

/// What was counted, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// As `rustc` says it, with the commit.
    pub rustc: String,
    /// The features of the processor that valgrind shows to every program, whatever it runs on.
    pub processor: String,
    /// What counted, and the C library that was counted along. For people.
    pub counted_with: String,
    /// Instructions of one step of each stage.
    pub stages: BTreeMap<String, u64>,
}

/// How a stage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it was, or better.
    Good,
    /// So much better that the committed count hides what may come.
    Better,
    /// Too much worse.
    Worse,
    /// Not among the committed ones.
    New,
    /// No longer there.
    Gone,
}

/// A stage, then and now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub stage: String,
    pub before: Option<u64>,
    pub now: Option<u64>,
    pub verdict: Verdict,
}

/// All stages of either.
pub fn compare(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> Vec<Row> {
    let mut names: Vec<&String> = before.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    let row = |stage: &String| {
        let (before, now) = (before.get(stage).copied(), now.get(stage).copied());
        Row { stage: stage.clone(), before, now, verdict: judge(before, now) }
    };
    names.into_iter().map(row).collect()
}

fn judge(before: Option<u64>, now: Option<u64>) -> Verdict {
    let (Some(before), Some(now)) = (before, now) else {
        return if before.is_some() { Verdict::Gone } else { Verdict::New };
    };
    let (before, now) = (before as f64, now as f64);
    if now > before * (1.0 + WORSE) {
        Verdict::Worse
    } else if now < before * (1.0 - WORSE) {
        Verdict::Better
    } else {
        Verdict::Good
    }
}

/// Whether the committed counts still say what is true: nothing is worse, nothing new or gone.
pub fn passes(rows: &[Row]) -> bool {
    rows.iter().all(|row| matches!(row.verdict, Verdict::Good | Verdict::Better))
}

/// The rows for people.
pub fn table(rows: &[Row]) -> String {
    let mut out =
        format!("{:<40} {:>12} {:>12} {:>8}\n", "instructions of a step", "committed", "now", "");
    for Row { stage, before, now, verdict } in rows {
        let number = |count: &Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
        let change =
            before.zip(*now).map(|(before, now)| 100.0 * (now as f64 / before as f64 - 1.0));
        let change = change.map_or(String::new(), |change| format!("{change:+.1} %"));
        let remark = match verdict {
            Verdict::Good => "",
            Verdict::Better => "  better: make counts",
            Verdict::Worse => "  WORSE",
            Verdict::New => "  NEW: make counts",
            Verdict::Gone => "  GONE: make counts",
        };
        let _ = writeln!(
            out,
            "{stage:<40} {:>12} {:>12} {change:>8}{remark}",
            number(before),
            number(now)
        );
    }
    out
}
