//! The examples in `deploy/` fit together, and fit the server: what they set exists, and ports, names and times agree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sotto::config::{self, Config};

/// What a secret or a variable of the environment holds is not known here; something of its kind stands in.
const STAND_INS: [(&str, &str); 7] = [
    ("database-url", "postgres://sotto:x@db.example.org/sotto"),
    ("redis-url", "redis://redis.example.org:6379/0"),
    ("llm-api-key", "x"),
    ("secret-key", "x"),
    ("status.hostIP", "192.0.2.10"),
    ("PUBLIC_IP", "192.0.2.10"),
    ("POSTGRES_PASSWORD", "x"),
];

fn stand_in(name: &str) -> String {
    let found = STAND_INS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("nothing is known of {name}")).1.to_owned()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// The documents of a file.
fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All objects that the kustomization lists, which are all there are.
fn cluster() -> Vec<Value> {
    let kustomization = documents(&folder("kubernetes/kustomization.yaml")).remove(0);
    let mut listed = texts(&kustomization["resources"]);
    let mut there: Vec<String> = std::fs::read_dir(folder("kubernetes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "kustomization.yaml")
        .collect();
    listed.sort();
    there.sort();
    assert_eq!(listed, there);
    there.iter().flat_map(|name| documents(&folder("kubernetes").join(name))).collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn of_kind<'a>(cluster: &'a [Value], kind: &str) -> Vec<&'a Value> {
    cluster.iter().filter(|object| object["kind"] == kind).collect()
}

fn named<'a>(cluster: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found =
        of_kind(cluster, kind).into_iter().find(|object| object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

fn pod(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]
}

/// A deployment of the server, and the configuration that its pods have.
fn configured<'a>(cluster: &'a [Value], name: &str) -> (&'a Value, Config) {
    let deployment = named(cluster, "Deployment", name);
    let mut volumes = list(&pod(deployment)["volumes"]).iter();
    let map = volumes.find_map(|volume| volume["configMap"]["name"].as_str()).unwrap();
    let file = text(&named(cluster, "ConfigMap", map)["data"]["config.yml"]);
    let container = &pod(deployment)["containers"][0];
    let environment = list(&container["env"]).iter().map(|variable| {
        let from = &variable["valueFrom"];
        let value = match (&from["secretKeyRef"]["key"], &from["fieldRef"]["fieldPath"]) {
            (Value::String(key), _) | (_, Value::String(key)) => stand_in(key),
            _ => text(&variable["value"]),
        };
        (text(&variable["name"]), value)
    });
    let config = config::parse(&file, name, environment).unwrap_or_else(|error| panic!("{error}"));
    (deployment, config)
}

/// A container's ports by their names.
fn ports(deployment: &Value) -> BTreeMap<String, u64> {
    let ports = list(&pod(deployment)["containers"][0]["ports"]);
    ports
        .iter()
        .map(|port| (text(&port["name"]), port["containerPort"].as_u64().unwrap()))
        .collect()
}

/// Seconds that a pod's `preStop` takes.
fn before_stop_s(container: &Value) -> u64 {
    let command = texts(&container["lifecycle"]["preStop"]["exec"]["command"]);
    match command.as_slice() {
        [] => 0,
        [sleep, seconds] if sleep == "sleep" => seconds.parse().unwrap(),
        other => panic!("how long {other:?} takes is not known"),
    }
}

#[test]
fn pods_are_configured_as_the_server_understands_it() {
    let cluster = cluster();
    let (_, media) = configured(&cluster, "sotto-media");
    assert_eq!(media.auth.open_calls, config::OpenCalls::Never);
    assert!(media.database.url.reveal().is_some(), "several nodes need one database");
    assert!(media.auth.sessions.redis_url.reveal().is_some());
    let (_, speech) = configured(&cluster, "sotto-speech");
    let requests = &speech.limits.requests_per_minute;
    assert!(
        requests.address >= 1_000_000 && requests.global >= 1_000_000,
        "one address brings all"
    );
}

#[test]
fn ports_agree_with_the_configuration() {
    let cluster = cluster();
    for name in ["sotto-media", "sotto-speech"] {
        let (deployment, config) = configured(&cluster, name);
        let ports = ports(deployment);
        assert!(!config.server.bind.ip().is_loopback(), "{name} would be reached by nobody");
        assert_eq!(ports["http"], u64::from(config.server.bind.port()), "{name}");
        let media = ports.get("media").copied().unwrap_or_default();
        assert_eq!(media, u64::from(config.webrtc.udp_port), "{name}");
    }
    let media = &pod(named(&cluster, "Deployment", "sotto-media"))["containers"][0]["ports"][1];
    assert_eq!(media["hostPort"], media["containerPort"], "callers are told the number inside");
    assert_eq!(media["protocol"], "UDP");
}

#[test]
fn probes_ask_what_is_answered() {
    for deployment in of_kind(&cluster(), "Deployment") {
        let container = &pod(deployment)["containers"][0];
        for (probe, path) in [
            ("livenessProbe", "/healthz"),
            ("readinessProbe", "/readyz"),
            ("startupProbe", "/healthz"),
        ] {
            let get = &container[probe]["httpGet"];
            if get.is_null() || container["name"] == "haproxy" {
                continue;
            }
            assert_eq!(get["path"], path, "{probe}");
            assert!(ports(deployment).contains_key(get["port"].as_str().unwrap()), "{probe}");
        }
        assert!(container["readinessProbe"].is_object() && container["livenessProbe"].is_object());
    }
}

#[test]
fn pods_are_given_the_time_that_they_need_to_stop() {
    // docs/operations.md: the grace, and ten seconds more.
    let cluster = cluster();
    for name in ["sotto-media", "sotto-speech"] {
        let (deployment, config) = configured(&cluster, name);
        let given = pod(deployment)["terminationGracePeriodSeconds"].as_u64().unwrap();
        let before = before_stop_s(&pod(deployment)["containers"][0]);
        let needed = before + config.server.shutdown_grace_ms.div_ceil(1_000) + 10;
        assert!(given >= needed, "{name} has {given} s and needs {needed}");
    }
}

#[test]
fn services_budgets_and_policies_mean_pods_that_there_are() {
    let cluster = cluster();
    let labels: Vec<(&Value, &Value)> = of_kind(&cluster, "Deployment")
        .into_iter()
        .map(|deployment| (&deployment["spec"]["template"]["metadata"]["labels"], deployment))
        .collect();
    let find = |selector: &Value| {
        let found = labels.iter().find(|(labels, _)| *labels == selector);
        found.unwrap_or_else(|| panic!("no pod is {selector}")).1
    };
    for deployment in of_kind(&cluster, "Deployment") {
        assert_eq!(find(&deployment["spec"]["selector"]["matchLabels"]), deployment);
    }
    for service in of_kind(&cluster, "Service") {
        let ports = ports(find(&service["spec"]["selector"]));
        for port in list(&service["spec"]["ports"]) {
            assert!(ports.contains_key(port["targetPort"].as_str().unwrap()), "{port}");
        }
    }
    for budget in of_kind(&cluster, "PodDisruptionBudget") {
        find(&budget["spec"]["selector"]["matchLabels"]);
    }
    for policy in of_kind(&cluster, "NetworkPolicy") {
        let to = ports(find(&policy["spec"]["podSelector"]["matchLabels"]));
        for rule in list(&policy["spec"]["ingress"]) {
            find(&rule["from"][0]["podSelector"]["matchLabels"]);
            assert_eq!(rule["ports"][0]["port"], to["http"]);
        }
    }
}

#[test]
fn requests_find_their_way_from_calls_to_recognition() {
    let cluster = cluster();
    let (_, media) = configured(&cluster, "sotto-media");
    let balancer = &named(&cluster, "Service", "sotto-balancer")["spec"]["ports"][0];
    let door = format!("http://sotto-balancer:{}/v1", balancer["port"]);
    assert_eq!([media.stt.remote.base_url, media.tts.remote.base_url], [door.clone(), door]);

    let rules = text(&named(&cluster, "ConfigMap", "sotto-balancer")["data"]["haproxy.cfg"]);
    let line = |start: &str| {
        let found = rules.lines().map(str::trim).find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("haproxy.cfg has no {start}"))
    };
    assert_eq!(line("bind "), "bind :8080");
    let speech = named(&cluster, "Service", "sotto-speech");
    assert_eq!(speech["spec"]["clusterIP"], "None", "the balancer wants each pod's address");
    let pods = format!(" sotto-speech:{} ", speech["spec"]["ports"][0]["port"]);
    assert!(line("server-template ").contains(&pods), "{}", line("server-template "));
    // It waits no less than whoever asked it.
    let ms = media.stt.remote.timeout_ms.max(media.tts.remote.timeout_ms);
    assert_eq!(line("timeout server "), format!("timeout server {}s", ms / 1_000));
}

#[test]
fn images_are_those_that_the_kustomization_renames() {
    let kustomization = documents(&folder("kubernetes/kustomization.yaml")).remove(0);
    let renamed: Vec<String> =
        list(&kustomization["images"]).iter().map(|image| text(&image["name"])).collect();
    for deployment in of_kind(&cluster(), "Deployment") {
        let pod = pod(deployment);
        for container in list(&pod["containers"]).iter().chain(list(&pod["initContainers"])) {
            let image = text(&container["image"]);
            assert!(renamed.contains(&image) || image.contains(':'), "{image} has no tag");
        }
    }
}

/// A value of a Compose file, with its variables.
fn filled(value: &str) -> String {
    let Some((before, rest)) = value.split_once("${") else { return value.to_owned() };
    let (variable, after) = rest.split_once('}').unwrap();
    let middle = match (variable.split_once(":-"), variable.split_once(":?")) {
        (Some((_, default)), _) => default.to_owned(),
        (None, Some((name, _))) => stand_in(name),
        (None, None) => stand_in(variable),
    };
    format!("{before}{middle}{}", filled(after))
}

fn service_config(service: &Value, more: &Value) -> Config {
    let environment =
        [service, more].into_iter().filter_map(|service| service["environment"].as_object());
    let variables: BTreeMap<String, String> =
        environment.flatten().map(|(name, value)| (name.clone(), filled(&text(value)))).collect();
    config::parse("", "compose.yaml", variables).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn compose_fits_together() {
    let compose = documents(&folder("compose.yaml")).remove(0);
    let gpu = documents(&folder("compose.gpu.yaml")).remove(0);
    let services = &compose["services"];
    let media = service_config(&services["media"], &Value::Null);
    for more in [&Value::Null, &gpu["services"]["speech"]] {
        let speech = service_config(&services["speech"], more);
        let door = format!("http://speech:{}/v1", speech.server.bind.port());
        assert_eq!([&media.stt.remote.base_url, &media.tts.remote.base_url], [&door, &door]);
        assert!(!speech.server.bind.ip().is_loopback());
    }
    assert!(services["speech"]["ports"].is_null(), "it takes speech from everybody who reaches it");
    let (http, udp) = (media.server.bind.port(), media.webrtc.udp_port);
    assert_eq!(
        texts(&services["media"]["ports"]),
        [format!("{http}:{http}"), format!("{udp}:{udp}/udp")]
    );
    let grace = text(&services["media"]["stop_grace_period"]);
    let given: u64 = grace.strip_suffix('s').unwrap().parse().unwrap();
    assert!(given >= media.server.shutdown_grace_ms.div_ceil(1_000) + 10, "{given}");
    for (name, _) in services["media"]["depends_on"].as_object().unwrap() {
        assert!(services[name].is_object(), "there is no service {name}");
    }
    let volumes = compose["volumes"].as_object().unwrap();
    for (name, service) in services.as_object().unwrap() {
        for mount in texts(&service["volumes"]) {
            let volume = mount.split(':').next().unwrap();
            assert!(volumes.contains_key(volume), "{name} mounts {volume}");
        }
    }
    for name in gpu["services"].as_object().unwrap().keys() {
        assert!(services[name].is_object(), "compose.gpu.yaml adds to {name}");
    }
}

#[test]
fn a_key_that_does_not_exist_is_found() {
    let service = serde_json::json!({ "environment": { "SOTTO__STT__REMOTE__BASEURL": "x" } });
    let wrong = std::panic::catch_unwind(|| service_config(&service, &Value::Null));
    assert!(wrong.is_err());
}
