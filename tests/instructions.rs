//! What the counts of `benches/instructions` are compared by.

#[path = "../benches/instructions/callgrind.rs"]
#[expect(dead_code, reason = "the program uses the rest")]
mod callgrind;
#[path = "../benches/instructions/compare.rs"]
mod compare;

use std::collections::BTreeMap;

use self::compare::{Counts, Verdict, compare, passes, table};

fn counts<const N: usize>(stages: [(&str, u64); N]) -> BTreeMap<String, u64> {
    stages.map(|(name, count)| (name.to_owned(), count)).into()
}

fn verdict(before: u64, now: u64) -> Verdict {
    compare(&counts([("mel", before)]), &counts([("mel", now)]))[0].verdict
}

#[test]
fn eleven_percent_more_fails_and_nine_pass() {
    let before = counts([("jitter", 1_000_000), ("mel", 1_000_000)]);
    let worse = compare(&before, &counts([("jitter", 1_000_000), ("mel", 1_110_000)]));
    assert!(!passes(&worse));
    assert!(table(&worse).contains("+11.0 %  WORSE"), "{}", table(&worse));
    let good = compare(&before, &counts([("jitter", 1_000_000), ("mel", 1_090_000)]));
    assert!(passes(&good), "{}", table(&good));
    assert_eq!((verdict(1_000, 1_100), verdict(1_000, 1_101)), (Verdict::Good, Verdict::Worse));
}

#[test]
fn much_better_passes_and_is_said() {
    let rows = compare(&counts([("mel", 1_000)]), &counts([("mel", 500)]));
    assert!(passes(&rows));
    assert!(table(&rows).contains("better: make counts"), "{}", table(&rows));
}

#[test]
fn a_stage_that_is_on_one_side_only_fails() {
    let (one, both) = (counts([("mel", 1)]), counts([("mel", 1), ("seal", 1)]));
    assert!(!passes(&compare(&one, &both)), "new");
    assert!(!passes(&compare(&both, &one)), "gone");
    assert!(passes(&compare(&both, &both)));
}

#[test]
fn only_parts_that_the_counted_function_ended_count() {
    let dump = "version: 1\npart: 1\ndesc: Trigger: --dump-after=instructions::counted\ntotals: 8014\n\
                part: 2\ndesc: Trigger: --dump-after=instructions::counted\ntotals: 186014\n\
                part: 3\ndesc: Trigger: Program termination\ntotals: 5\n";
    assert_eq!(callgrind::totals(dump), [8_014, 186_014]);
}

#[test]
fn committed_counts_are_whole() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/counts");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let counts: Counts =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let version = counts.rustc.split(' ').nth(1).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("{version}-")), "{name} holds counts of {version}");
        assert!(
            counts.stages.len() > 5 && counts.stages.values().all(|count| *count > 0),
            "{name}"
        );
        files += 1;
    }
    assert!(files > 0, "no counts are committed");
}
