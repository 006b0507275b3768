//! What `/metrics` says, read as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};

/// Labels and their values.
pub type Labels = BTreeMap<String, String>;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Exposition {
    /// Families with their kinds.
    pub kinds: BTreeMap<String, String>,
    /// Samples: name, labels, value.
    pub samples: Vec<(String, Labels, f64)>,
}

impl Exposition {
    /// Reads the text format.
    pub fn parse(text: &str) -> Self {
        let mut exposition = Self::default();
        for line in text.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(exposition.kinds.insert(name.to_owned(), kind.to_owned()).is_none());
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                let labels = labels.strip_suffix('}').unwrap();
                // No value of ours holds a comma or a quote.
                let labels = labels.split(',').filter(|label| !label.is_empty());
                let labels = labels.map(|label| {
                    let (key, value) = label.split_once('=').unwrap();
                    (key.to_owned(), value.trim_matches('"').to_owned())
                });
                let sample = (name.to_owned(), labels.collect(), value.parse().unwrap());
                exposition.samples.push(sample);
            }
        }
        exposition
    }

    /// The value of the one series with this name and these labels; 0 if there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: Labels =
            labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut found = self.samples.iter().filter(|(n, l, _)| n == name && *l == wanted);
        let value = found.next().map_or(0.0, |(.., value)| *value);
        assert!(found.next().is_none(), "{name} {labels:?} is there twice");
        value
    }

    /// The same, of what is counted in whole numbers.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let value = self.value(name, labels);
        assert!(value.fract().abs() < f64::EPSILON && value >= 0.0, "{name} {labels:?}: {value}");
        value as u64
    }

    /// How much that has grown since `before`.
    pub fn grown(&self, before: &Self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.count(name, labels) - before.count(name, labels)
    }

    /// The labels of a family, without those of its buckets.
    pub fn labels(&self, family: &str) -> BTreeSet<String> {
        let of_family = |name: &str| self.family(name) == Some(family);
        let labels = self.samples.iter().filter(|(name, ..)| of_family(name));
        labels.flat_map(|(_, labels, _)| labels.keys().cloned()).filter(|l| l != "le").collect()
    }

    /// The family that a series belongs to.
    pub fn family<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.kinds.contains_key(name) {
            return Some(name);
        }
        let suffixes = ["_bucket", "_sum", "_count"];
        let family = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix))?;
        (self.kinds.get(family).map(String::as_str) == Some("histogram")).then_some(family)
    }
}
