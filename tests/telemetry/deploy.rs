//! The names that are exported are those of docs/operations.md, of the dashboard and of the alert rules.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sotto::client::HangUp;

use super::counted::{config, scrape};
use crate::support::exposition::Exposition;
use crate::support::fakes;
use crate::support::server::TestServer;

const DOCUMENT: &str = include_str!("../../docs/operations.md");
const PROTOCOL: &str = include_str!("../../docs/protocol.md");
const DASHBOARD: &str = include_str!("../../deploy/grafana/sotto.json");
const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.yml");
/// What Prometheus adds to every series, and the labels of buckets.
const ADDED: [&str; 3] = ["instance", "job", "le"];

/// Everything that a server exports after it was called once.
async fn exported() -> Exposition {
    let server = TestServer::with(config(), fakes::engines(&["hello"])).await;
    server.call().await.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(2).await;
    scrape(&server).await
}

/// The table of metrics: name, kind, labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let words = |cell: &str| -> BTreeSet<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `sotto_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`').to_owned();
        (name, (cells[2].to_owned(), words(cells[3])))
    })
    .collect()
}

/// What an expression asks for: each metric, and the labels it names of it.
fn asked(expression: &str) -> Vec<(String, BTreeSet<String>)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut asked = Vec::new();
    for (start, _) in expression.match_indices("sotto_") {
        if expression[..start].ends_with(is_name) {
            continue;
        }
        let rest = &expression[start..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let matchers = rest[end..].strip_prefix('{').and_then(|rest| rest.split('}').next());
        let labels = matchers.unwrap_or_default().split(',').filter(|part| part.contains('='));
        let label = |part: &str| part.split(['=', '!']).next().unwrap().trim().to_owned();
        asked.push((rest[..end].to_owned(), labels.map(label).collect()));
    }
    asked
}

/// The values of labels that an expression names, wanted or not: metric, label, value.
fn values(expression: &str) -> Vec<[String; 3]> {
    let mut values = Vec::new();
    for rest in expression.split("sotto_").skip(1) {
        let Some((name, rest)) = rest.split_once('{') else { continue };
        let matchers = rest.split('}').next().unwrap_or_default();
        for matcher in matchers.split(',') {
            let label = matcher.split(['=', '!']).next().unwrap_or_default().trim();
            let alternatives = matcher.split('"').nth(1).unwrap_or_default();
            if ADDED.contains(&label) {
                continue;
            }
            for value in alternatives.split('|') {
                values.push([format!("sotto_{name}"), label.to_owned(), value.to_owned()]);
            }
        }
    }
    values
}

/// The labels that an expression groups by.
fn grouped(expression: &str) -> BTreeSet<String> {
    let lists = expression.split("by (").skip(1).map(|rest| rest.split(')').next().unwrap());
    lists.flat_map(|list| list.split(',')).map(|label| label.trim().to_owned()).collect()
}

/// What is wrong with an expression, seen by what is exported.
fn problems(expression: &str, exported: &Exposition) -> Vec<String> {
    let (mut problems, mut known) = (Vec::new(), BTreeSet::new());
    for (name, labels) in asked(expression) {
        let Some(family) = exported.family(&name) else {
            problems.push(format!("{name} is not exported"));
            continue;
        };
        let exists = exported.labels(family);
        for label in labels.iter().filter(|label| !exists.contains(*label)) {
            if !ADDED.contains(&label.as_str()) {
                problems.push(format!("{name} has no label {label}"));
            }
        }
        if exported.kinds[family] == "histogram" && name == family {
            problems.push(format!("{name} is a histogram: _bucket, _sum or _count"));
        }
        known.extend(exists);
    }
    for label in grouped(expression) {
        if !known.contains(&label) && !ADDED.contains(&label.as_str()) {
            problems.push(format!("nothing in it has the label {label}: {expression}"));
        }
    }
    problems
}

/// All expressions of a document, wherever they are, with the legend that goes with each.
fn expressions(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(expression)) = fields.get("expr") {
                let legend = fields.get("legendFormat").and_then(Value::as_str);
                found.push((expression.clone(), legend.unwrap_or_default().to_owned()));
            }
            fields.values().for_each(|value| expressions(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_with_its_kind_and_labels() {
    let exported = exported().await;
    let exist: BTreeMap<_, _> = exported
        .kinds
        .iter()
        .map(|(name, kind)| (name.clone(), (kind.clone(), exported.labels(name))))
        .collect();
    assert_eq!(documented(), exist);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_asks_for_what_is_exported() {
    let exported = exported().await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut found = Vec::new();
    expressions(&dashboard["panels"], &mut found);
    assert!(found.len() > 30, "{}", found.len());
    for (expression, legend) in &found {
        assert_eq!(problems(expression, &exported), Vec::<String>::new());
        for label in legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()) {
            assert!(grouped(expression).contains(label), "{legend}: {expression}");
        }
    }
    // Each metric is shown somewhere: one that nobody looks at need not be counted.
    let names = found.iter().flat_map(|(expression, _)| asked(expression));
    let shown: BTreeSet<String> =
        names.filter_map(|(name, _)| exported.family(&name).map(str::to_owned)).collect();
    let exist: BTreeSet<String> = exported.kinds.keys().cloned().collect();
    assert_eq!(shown, exist);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alerts_ask_for_what_is_exported() {
    let exported = exported().await;
    let alerts: Value = serde_saphyr::from_str(ALERTS).unwrap();
    let mut found = Vec::new();
    expressions(&alerts, &mut found);
    let mut names = BTreeSet::new();
    let rules = alerts["groups"].as_array().unwrap().iter().filter_map(|g| g["rules"].as_array());
    for rule in rules.flatten() {
        assert!(names.insert(rule["alert"].as_str().unwrap()), "{rule}");
        assert!(
            ["critical", "warning", "info"].contains(&rule["labels"]["severity"].as_str().unwrap())
        );
        let expression = rule["expr"].as_str().unwrap();
        let summary = rule["annotations"]["summary"].as_str().unwrap();
        for label in summary.split("$labels.").skip(1) {
            let label = label.split([' ', '}']).next().unwrap();
            let asks = grouped(expression).contains(label)
                || asked(expression).iter().any(|(name, _)| {
                    exported.family(name).is_some_and(|f| exported.labels(f).contains(label))
                });
            assert!(asks || ADDED.contains(&label), "{summary}: {expression}");
        }
    }
    assert!(found.len() >= 15 && found.len() == names.len());
    for (expression, _) in found {
        assert_eq!(problems(&expression, &exported), Vec::<String>::new());
    }
}

/// What appears only when it happens is no change from 0, and no alert sees it.
#[tokio::test(flavor = "multi_thread")]
async fn what_alerts_count_is_there_before_anything_happens() {
    let server = TestServer::with(config(), fakes::engines(&["hello"])).await;
    let fresh = scrape(&server).await;
    let there = |name: &str, wanted: &[(&str, &str)]| {
        fresh.samples.iter().any(|(sample, labels, _)| {
            let is = |(label, value): &(&str, &str)| labels.get(*label).is_some_and(|v| v == value);
            sample == name && wanted.iter().all(is)
        })
    };
    let alerts: Value = serde_saphyr::from_str(ALERTS).unwrap();
    let mut found = Vec::new();
    expressions(&alerts, &mut found);
    let named: Vec<_> = found.iter().flat_map(|(expression, _)| values(expression)).collect();
    assert!(named.len() > 15, "{named:?}");
    for [name, label, value] in &named {
        assert!(there(name, &[(label.as_str(), value.as_str())]), "{name}: {label}=\"{value}\"");
    }
    // Failed replies are looked at code by code: those of language models, and those of voices.
    let codes: BTreeSet<&str> =
        PROTOCOL.split('`').filter(|word| word.starts_with("llm_")).collect();
    assert_eq!(codes.len(), 5, "{codes:?}");
    for code in codes.into_iter().chain(["engine_overloaded", "engine_timeout", "engine_failed"]) {
        let wanted = [("what", "reply"), ("code", code)];
        assert!(there("sotto_turn_failures_total", &wanted), "{code}");
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let exported = Exposition::parse(
        "# TYPE sotto_calls gauge\nsotto_calls 1\n# TYPE sotto_x_seconds histogram\n\
         sotto_x_seconds_bucket{phase=\"a\",le=\"1\"} 1\n",
    );
    for (expression, wrong) in [
        ("sum(sotto_calls)", 0),
        ("sum by (le, phase) (rate(sotto_x_seconds_bucket{phase=\"a\", instance=~\"b\"}[5m]))", 0),
        ("sotto_call", 1),
        ("rate(sotto_x_seconds[5m])", 1),
        ("sotto_calls{reason!=\"a\"}", 1),
        ("sum by (reason) (sotto_calls)", 1),
        ("sotto_calls_bucket", 1),
    ] {
        assert_eq!(problems(expression, &exported).len(), wrong, "{expression}");
    }
    let named = values("sotto_calls or rate(sotto_x{a=\"b\", c!~\"d|e\", instance=\"f\"}[5m])");
    assert_eq!(named, [["sotto_x", "a", "b"], ["sotto_x", "c", "d"], ["sotto_x", "c", "e"]]);
}
