//! Frozen answers, answers that were read and judged one by one, and misaki's own.
//!
//! `golden/golden.tsv` is what our code said when it was frozen: text, American, British. It shows what a change
//! changes, not what is right. `golden/hard.tsv` is what a person found right: dialect (`us` or `gb`), text, sounds.
//! `golden/known_wrong.tsv` is what is wrong, and what would be right. `reference/misaki.tsv` is misaki 0.9.4.

use std::path::{Path, PathBuf};

use sotto_phonemes::{FrontEnd, Language, Lexicon, joined};

struct Dialects {
    american: FrontEnd,
    british: FrontEnd,
}

impl Dialects {
    fn load() -> Self {
        let load =
            |language| FrontEnd::load(language, Lexicon::default(), None).expect("English loads");
        Self { american: load(Language::EnglishUs), british: load(Language::EnglishGb) }
    }

    fn said(&self, dialect: &str, text: &str) -> String {
        let front_end = match dialect {
            "us" => &self.american,
            "gb" => &self.british,
            other => panic!("no dialect `{other}`"),
        };
        joined(&front_end.phonemes(text).expect("English is read"))
    }
}

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file)
}

fn rows(file: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path(file)).expect("the file is committed");
    let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with("// "));
    rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Compares, and says all that differs at once.
fn differing(pairs: impl Iterator<Item = (String, String, String)>) -> Vec<String> {
    pairs
        .filter(|(_, expected, said)| expected != said)
        .map(|(text, expected, said)| {
            format!("{text}\n    expected {expected}\n    said     {said}")
        })
        .collect()
}

#[test]
fn what_was_frozen_has_not_changed() {
    let dialects = Dialects::load();
    let rows = rows("golden/golden.tsv");
    assert!(rows.len() >= 1000, "{} entries", rows.len());
    let pairs = rows.iter().flat_map(|row| {
        [("us", &row[1]), ("gb", &row[2])].map(|(dialect, expected)| {
            (row[0].clone(), expected.clone(), dialects.said(dialect, &row[0]))
        })
    });
    let differing = differing(pairs);
    assert!(
        differing.is_empty(),
        "{} differ; freeze again if all are better:\n{}",
        differing.len(),
        differing.join("\n")
    );
}

/// Writes what is said now into the golden file: `cargo test -p sotto-phonemes -- --ignored freeze`.
#[test]
#[ignore = "changes the golden file"]
fn freeze() {
    let dialects = Dialects::load();
    let frozen: Vec<String> = rows("golden/golden.tsv")
        .iter()
        .map(|row| {
            let (american, british) = (dialects.said("us", &row[0]), dialects.said("gb", &row[0]));
            format!("{}\t{american}\t{british}\n", row[0])
        })
        .collect();
    std::fs::write(path("golden/golden.tsv"), frozen.concat()).expect("the file can be written");
}

#[test]
fn the_hard_list_is_said_right() {
    let dialects = Dialects::load();
    let rows = rows("golden/hard.tsv");
    assert!(rows.len() >= 300, "{} entries", rows.len());
    let pairs =
        rows.iter().map(|row| (row[1].clone(), row[2].clone(), dialects.said(&row[0], &row[1])));
    let differing = differing(pairs);
    assert!(differing.is_empty(), "{} are wrong:\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn what_is_known_to_be_wrong_still_is() {
    let dialects = Dialects::load();
    for row in rows("golden/known_wrong.tsv") {
        assert!(!row[3].is_empty(), "why {} is wrong", row[1]);
        let said = dialects.said(&row[0], &row[1]);
        assert_ne!(said, row[2], "`{}` is right now: move it to hard.tsv", row[1]);
    }
}

/// Where misaki knows every word, our answer is misaki's, character for character.
#[test]
fn ordinary_sentences_are_said_as_misaki_says_them() {
    let dialects = Dialects::load();
    let rows = rows("reference/misaki.tsv");
    for (dialect, column) in [("us", 1), ("gb", 2)] {
        let comparable: Vec<_> = rows.iter().filter(|row| !row[column].contains('❓')).collect();
        let pairs = comparable
            .iter()
            .map(|row| (row[0].clone(), row[column].clone(), dialects.said(dialect, &row[0])));
        let differing = differing(pairs);
        println!("{dialect}: {} of {} agree", comparable.len() - differing.len(), comparable.len());
        assert_eq!(comparable.len(), 192);
        assert!(differing.is_empty(), "{dialect}: {}", differing.join("\n"));
    }
}
