//! `config.yml.example` is what it says: every key, with its default.

use serde_json::Value;
use sotto::config::{Config, load};

const EXAMPLE: &str = include_str!("../config.yml.example");

fn no_environment() -> Vec<(String, String)> {
    Vec::new()
}

#[test]
fn the_example_holds_the_defaults() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config.yml.example");
    let config = load(Some(path.as_ref()), no_environment()).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn the_example_explains_every_key() {
    let schema = serde_json::to_value(schemars::schema_for!(Config)).unwrap();
    let mut missing = Vec::new();
    for (section, value) in schema["properties"].as_object().unwrap() {
        let block = block(section);
        assert!(!block.is_empty(), "the example has no section {section}");
        for key in keys(&schema, value) {
            if !block.iter().any(|line| names(line, &key)) {
                missing.push(format!("{section}.{key}"));
            }
        }
    }
    assert!(missing.is_empty(), "config.yml.example says nothing of {missing:?}");
}

/// The lines of a section, from its name to the next.
fn block(section: &str) -> Vec<&'static str> {
    let is_top = |line: &&str| line.starts_with(|first: char| first.is_ascii_lowercase());
    let mut lines = EXAMPLE.lines().skip_while(|line| !line.starts_with(&format!("{section}:")));
    let first = lines.next();
    first.into_iter().chain(lines.take_while(|line| !is_top(line))).collect()
}

/// Whether a line sets `key`, in force or as an example.
fn names(line: &str, key: &str) -> bool {
    let words = line.split([' ', '{', ',', '#']).filter(|word| !word.is_empty());
    words.into_iter().any(|word| word.strip_suffix(':') == Some(key))
}

/// All keys of a schema, those of its parts too.
fn keys(root: &Value, schema: &Value) -> Vec<String> {
    let target = schema["$ref"].as_str().map(|path| {
        let pointer = path.trim_start_matches('#');
        root.pointer(pointer).unwrap()
    });
    let mut found = Vec::new();
    for schema in target.into_iter().chain([schema]) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            found.push(key.clone());
            found.extend(keys(root, value));
        }
    }
    found
}
