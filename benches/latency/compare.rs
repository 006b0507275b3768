//! Two results beside each other, and which differences are more than chance.

use std::fmt::Write as _;

use sotto::client::phases::Phase;
use sotto::client::statistics::{Ratio, Values};

use super::results::Results;

/// Less than this is no difference that anybody would notice or look for.
const MATTERS: f64 = 0.05;
/// Of fewer values the 95th percentile is one of the last two, which drawing anew says nothing about. And of so many tails one
/// is slow by chance, so nothing is said of them but the figures.
const TAIL: usize = 40;

/// A line for each phase, and a warning for those that are slower.
pub fn table(before: &Results, now: &Results) -> String {
    let mut text = String::new();
    if before.engines != now.engines {
        text.push_str(
            "WARNING: other engines than before; the ratios compare two different things\n",
        );
    }
    let head = "now / before, with a 95 % interval of the ratio (bootstrap)";
    let _ = writeln!(text, "{head}\n{:<14}{:<30}{:<30}", "", "p50", "p95");
    let mut slower = Vec::new();
    for phase in Phase::ALL {
        let (old, new) = (before.at(phase), now.at(phase));
        let enough = old.len().min(new.len()) >= TAIL;
        let median = new.ratio_to(&old, 0.5);
        let tail = enough.then(|| new.ratio_to(&old, 0.95)).flatten();
        slower.extend(median.is_some_and(|r| r.low > 1.0 + MATTERS).then_some(phase));
        let [median, tail] = [median, tail].map(|r| r.map_or_else(|| "-".to_owned(), told));
        let _ = writeln!(text, "{:<14}{median:<30}{tail:<30}", phase.name());
    }
    for phase in slower {
        let own = |values: Values| values.quantile(0.5).unwrap_or(0);
        let (old, new) = (own(before.took(phase)), own(now.took(phase)));
        let name = phase.name();
        let _ = writeln!(
            text,
            "WARNING: {name} is later than chance explains; by itself it took {old} ms, and takes {new} ms"
        );
    }
    text
}

fn told(Ratio { ratio, low, high }: Ratio) -> String {
    let word = if low > 1.0 + MATTERS {
        "slower"
    } else if high < 1.0 - MATTERS {
        "faster"
    } else {
        "same"
    };
    format!("{ratio:.2} ({low:.2} to {high:.2}) {word}")
}
