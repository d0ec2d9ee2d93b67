//! From a k3s that is there already to the cluster file that describes it.
//!
//! Owns: which of its settings have a place in the file. Must not: touch anything, or carry a secret over.

use std::{collections::BTreeMap, net::IpAddr};

use model::{
    Role, Version,
    facts::{Facts, HostFacts, K3sFacts, NodeFact},
};
use serde_json::{Value, json};
use spec::{
    cluster::{Component, FlannelBackend},
    k3s::{On, Use},
};

use super::compose::{Draft, DraftNode};

/// Fills a draft with what the hosts run. False when none of them runs a k3s server.
pub(super) fn adopt(draft: &mut Draft, facts: &Facts) -> bool {
    let hosts: Vec<Option<&HostFacts>> = draft.nodes.iter().map(|node| facts.host(&node.name)).collect();
    let running = |host: &&HostFacts| !host.stable.k3s.services.is_empty();
    let is_server = |host: &&HostFacts| role(host) == Some(Role::Server);
    let Some(server) = hosts.iter().flatten().copied().find(is_server) else { return false };
    draft.adopted = true;
    if let Some(owned) = &server.stable.owned {
        draft.name = owned.cluster.clone();
    }
    draft.version = newest(hosts.iter().flatten().copied()).unwrap_or_else(|| draft.version.clone());
    draft.kubernetes = kubernetes(&server.stable.k3s);
    let lan = std::mem::take(&mut draft.network);
    draft.network = network(&server.stable.k3s).into_iter().chain(lan).collect();
    let shared = free_keys(&server.stable.k3s, |_| true);
    for (node, host) in draft.nodes.iter_mut().zip(hosts) {
        match host.filter(running) {
            Some(host) => describe(node, host, facts, &shared),
            // A cluster that runs is not given a server by the way.
            None => node.role = Role::Agent,
        }
    }
    true
}

fn role(host: &HostFacts) -> Option<Role> {
    host.stable.k3s.services.first().map(|service| service.role)
}

fn newest<'a>(hosts: impl Iterator<Item = &'a HostFacts>) -> Option<Version> {
    hosts.filter_map(|host| host.stable.k3s.version.clone()).max()
}

/// The value of a key, as far as it is known and no secret.
fn value(k3s: &K3sFacts, key: &str) -> Option<Value> {
    serde_json::from_str(k3s.config.get(key)?.value.as_deref()?).ok()
}

fn is(k3s: &K3sFacts, key: &str) -> bool {
    value(k3s, key).is_some_and(|value| value == json!(true) || value == json!("true"))
}

/// A list, whether it was written as one or with commas.
fn words(k3s: &K3sFacts, key: &str) -> Vec<String> {
    let texts = match value(k3s, key) {
        Some(Value::Array(items)) => items,
        Some(other) => vec![other],
        None => Vec::new(),
    };
    let split =
        |value: &Value| value.as_str().unwrap_or_default().split(',').map(str::to_owned).collect::<Vec<_>>();
    texts.iter().flat_map(split).map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

fn kubernetes(k3s: &K3sFacts) -> Vec<(&'static str, Value)> {
    let mut entries = Vec::new();
    let external = k3s.config.contains_key("datastore-endpoint");
    entries.push((
        "datastore",
        match external {
            true => json!({"external": {"endpoint": {"env": "CORACLE_DATASTORE_ENDPOINT"}}}),
            false if k3s.data.etcd => json!("etcd"),
            false => json!("sqlite"),
        },
    ));
    entries.push(("secretsEncryption", json!(is(k3s, "secrets-encryption"))));
    let known = |word: &String| Component::ALL.iter().any(|component| component.as_str() == word);
    let disabled: Vec<_> = words(k3s, "disable").into_iter().filter(known).collect();
    if !disabled.is_empty() {
        entries.push(("disable", json!(disabled)));
    }
    let mut free = free_keys(k3s, |on| on != On::Agent);
    if let Some(Value::Array(names)) = free.get_mut("tls-san") {
        // A node's own addresses are always in its certificate.
        let own = [words(k3s, "node-ip"), words(k3s, "advertise-address")].concat();
        names.retain(|name| !own.iter().any(|own| name == own));
    }
    free.retain(|_, value| *value != json!([]));
    if !free.is_empty() {
        entries.push(("config", json!(free)));
    }
    entries
}

fn network(k3s: &K3sFacts) -> Vec<(&'static str, Value)> {
    let mut entries = Vec::new();
    for (key, name) in [("cluster-cidr", "podCidr"), ("service-cidr", "serviceCidr")] {
        let ranges = words(k3s, key);
        match ranges.as_slice() {
            [] => {}
            [one] => entries.push((name, json!(one))),
            many => entries.push((name, json!(many))),
        }
    }
    let backends = [FlannelBackend::Vxlan, FlannelBackend::HostGw, FlannelBackend::WireguardNative];
    match words(k3s, "flannel-backend").first().map(String::as_str) {
        Some("none") => entries.push(("cni", json!("none"))),
        Some(name) if backends.iter().any(|backend| backend.as_str() == name) => {
            entries.push(("flannelBackend", json!(name)));
        }
        _ => {}
    }
    if is(k3s, "disable-kube-proxy") {
        entries.push(("kubeProxy", json!(false)));
    }
    if is(k3s, "disable-network-policy") {
        entries.push(("networkPolicy", json!(false)));
    }
    entries
}

/// Settings that the file takes as k3s writes them.
fn free_keys(k3s: &K3sFacts, on: impl Fn(On) -> bool) -> BTreeMap<String, Value> {
    let free = |key: &&String| {
        spec::k3s::flag(key)
            .is_some_and(|flag| matches!(flag.used, Use::Free | Use::Merged) && !flag.secret && on(flag.on))
    };
    let keys = k3s.config.keys().filter(free);
    keys.filter_map(|key| Some((key.clone(), value(k3s, key)?))).collect()
}

fn describe(node: &mut DraftNode, host: &HostFacts, facts: &Facts, shared: &BTreeMap<String, Value>) {
    let k3s = &host.stable.k3s;
    node.role = role(host).unwrap_or(node.role);
    let name =
        words(k3s, "node-name").first().cloned().unwrap_or_else(|| host.stable.hostname.to_lowercase());
    let fact = facts.kube.nodes.get(&name);
    if let Ok(name) = name.parse() {
        node.name = name;
    }
    let own = words(k3s, "node-ip").first().and_then(|text| text.parse().ok());
    if let Some(address) = own.or(fact.and_then(|fact| fact.address)) {
        put_address(node, address);
    }
    if let Some(external) = words(k3s, "node-external-ip").first() {
        node.more.insert("externalAddress", json!(external));
    }
    if let Some(fact) = fact {
        put_object(node, fact);
    }
    // What all servers share stands above already.
    let mut config = free_keys(k3s, |_| true);
    config.retain(|key, value| node.role == Role::Agent && shared.get(key) != Some(value));
    if !config.is_empty() {
        node.more.insert("config", json!(config));
    }
}

fn put_address(node: &mut DraftNode, address: IpAddr) {
    node.more.insert("address", json!(address.to_string()));
}

/// Labels and taints that neither Kubernetes nor k3s set by themselves.
fn put_object(node: &mut DraftNode, fact: &NodeFact) {
    let system = |key: &str| {
        let domain = key.split_once('/').map_or("", |(domain, _)| domain);
        ["kubernetes.io", "k8s.io", "k3s.io", "cattle.io"].iter().any(|tail| domain.ends_with(tail))
    };
    let labels: BTreeMap<_, _> = fact.labels.iter().filter(|(key, _)| !system(key)).collect();
    if !labels.is_empty() {
        node.more.insert("labels", json!(labels));
    }
    let taints: Vec<_> = fact.taints.iter().map(ToString::to_string).collect();
    if !taints.is_empty() {
        node.more.insert("taints", json!(taints));
    }
}

#[cfg(test)]
mod tests {
    use model::facts::{ConfigFact, ConfigSource, Datadir, ServiceInfo};

    use super::*;

    fn k3s(role: Role, config: &[(&str, Value)]) -> K3sFacts {
        let fact = |value: &Value| ConfigFact {
            source: ConfigSource::File("/etc/rancher/k3s/config.yaml".into()),
            value: (!value.is_null()).then(|| value.to_string()),
        };
        K3sFacts {
            version: Some("v1.35.6+k3s1".parse().expect("a version")),
            services: vec![ServiceInfo { role, name: "k3s".into(), arguments: Vec::new() }],
            data: Datadir { etcd: true, ..Datadir::default() },
            config: config.iter().map(|(key, value)| ((*key).to_owned(), fact(value))).collect(),
            ..K3sFacts::default()
        }
    }

    #[test]
    fn settings_get_their_place_in_the_file_and_secrets_get_none() {
        let server = k3s(
            Role::Server,
            &[
                ("cluster-cidr", json!("10.50.0.0/16")),
                ("disable", json!(["traefik,servicelb", "something-else"])),
                ("disable-network-policy", json!(true)),
                ("flannel-backend", json!("host-gw")),
                ("kubelet-arg", json!(["max-pods=50"])),
                ("tls-san", json!(["api.example.org"])),
                ("token", Value::Null),
                ("write-kubeconfig-mode", json!("0644")),
            ],
        );
        let shown = |entries: Vec<(&'static str, Value)>| {
            entries.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(shown(kubernetes(&server)), @r#"
        datastore: "etcd"
        secretsEncryption: false
        disable: ["traefik","servicelb"]
        config: {"kubelet-arg":["max-pods=50"],"tls-san":["api.example.org"]}
        "#);
        insta::assert_snapshot!(shown(network(&server)), @r#"
        podCidr: "10.50.0.0/16"
        flannelBackend: "host-gw"
        networkPolicy: false
        "#);
    }
}
