//! Looking for bytes: in files, and in the memory of a process.

use std::fs;
use std::path::Path;

use crate::support::memory::{self, Mapping};
use crate::support::shared;

/// What is looked for, in the forms that it may have in memory or on disk.
pub struct Needle {
    pub name: String,
    forms: Vec<Vec<u8>>,
}

impl Needle {
    /// Words: in UTF-8, and in UTF-16 of both orders.
    pub fn words(name: &str, words: &str) -> Self {
        let wide: Vec<u16> = words.encode_utf16().collect();
        let forms = vec![
            words.as_bytes().to_vec(),
            wide.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
            wide.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        ];
        Self { name: name.to_owned(), forms }
    }

    /// These bytes.
    pub fn bytes(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.to_owned(), forms: vec![bytes.to_vec()] }
    }

    /// Sound: as 16-bit samples and as floats.
    pub fn sound(name: &str, samples: &[i16]) -> Self {
        let floats = samples.iter().map(|sample| f32::from(*sample) / 32_768.0);
        let forms = vec![
            samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
            floats.flat_map(f32::to_le_bytes).collect(),
        ];
        Self { name: name.to_owned(), forms }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| contains(bytes, form))
    }
}

/// The names of the needles that are in files below `folder`, with the files.
pub fn in_files(folder: &Path, needles: &[Needle]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(in_files(&path, needles));
        } else if let Ok(bytes) = fs::read(&path) {
            let hits = needles.iter().filter(|needle| needle.is_in(&bytes));
            found.extend(hits.map(|needle| format!("{} in {}", needle.name, path.display())));
        }
    }
    found
}

/// The names of the needles that are in the memory of a process, with the mapping that they are in.
///
/// It is what a core image would hold: all that is mapped, private and readable. Nothing where it may not be read,
/// which only root may of a server.
pub fn in_process(id: u32, needles: &[Needle]) -> Vec<String> {
    let mut found = Vec::new();
    let readable =
        |mapping: &Mapping| mapping.rights.starts_with('r') && !mapping.name.starts_with("[v");
    let seen = memory::each(id, readable, |Mapping { name, range, .. }, bytes| {
        let hits = needles.iter().filter(|needle| needle.is_in(bytes));
        found.extend(hits.map(|needle| format!("{} in {name} {range}", needle.name)));
    });
    if seen.is_none() {
        shared::skip("only root may read the memory of a server");
    }
    found
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    let Some((first, rest)) = form.split_first() else { return false };
    let mut left = bytes;
    while let Some(place) = left.iter().position(|byte| byte == first) {
        left = &left[place + 1..];
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

#[test]
fn what_is_there_is_found() {
    let secret = String::from("a phrase that this very test keeps in memory");
    let needles =
        [Needle::words("phrase", &secret), Needle::words("other", &secret.replace('a', "ä"))];
    let found = in_process(std::process::id(), &needles[..1]);
    assert!(found.iter().any(|hit| hit.starts_with("phrase")), "{found:?}");
    let folder = tempfile::tempdir().unwrap();
    let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path().join("file"), wide).unwrap();
    assert_eq!(in_files(folder.path(), &needles).len(), 1);
}
