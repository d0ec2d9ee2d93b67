//! What coracle says to k3s: the drop-in's text, and the stamp of everything a running k3s has read.

use std::{collections::BTreeMap, fmt::Write};

use model::{
    digest::Sha256,
    facts::{Address, Arch, Init},
    secret::{Content, Piece, Quote, SecretSource},
};
use spec::{
    cluster::{Cluster, Cni, ConfigValue, Datastore, Node, Role},
    k3s as keys,
};

use super::want;
use crate::{Wish, os};

/// The drop-in for keys that carry the user's own secrets.
pub(crate) const SECRETS: &str = "/etc/rancher/k3s/config.yaml.d/51-coracle-secrets.yaml";

/// How a node gets its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Makes a new etcd cluster; stands only until the member votes.
    Found,
    /// Keeps to itself: sqlite, or an external datastore.
    Alone,
    /// Has a cluster to join or to come back to, at this URL. A node without data can only join, never found.
    Join(String),
}

/// The join URL of a server at an address.
pub(crate) fn url(ip: std::net::IpAddr) -> String {
    match ip {
        std::net::IpAddr::V4(ip) => format!("https://{ip}:6443"),
        std::net::IpAddr::V6(ip) => format!("https://[{ip}]:6443"),
    }
}

/// The text of the drop-in.
pub(crate) fn drop_in(cluster: &Cluster, node: &Node, address: &Address, form: &Form) -> String {
    let mut text = String::from("# Written by coracle from the cluster file; changes here are lost.\n");
    text.push_str("# Your own keys go into /etc/rancher/k3s/config.yaml or the cluster file.\n");
    match form {
        Form::Found => line(&mut text, "cluster-init", &true.into()),
        Form::Alone => {}
        Form::Join(url) => line(&mut text, "server", &url.as_str().into()),
    }
    for (key, value) in joined(node).into_iter().chain(settings(cluster, node, address)) {
        line(&mut text, key, &value);
    }
    for (key, value) in extra(cluster, node) {
        if let (Some(value), false) = (plain(value), key == "tls-san") {
            line(&mut text, key, &value);
        }
    }
    text
}

fn line(text: &mut String, key: &str, value: &serde_json::Value) {
    // JSON is YAML; quoting and escaping are serde_json's.
    writeln!(text, "{key}: {value}").expect("writing to a String cannot fail");
}

type Pairs<'a> = Vec<(&'a str, serde_json::Value)>;

/// What only counts while a node registers: names, tokens, labels, taints. A running k3s needs no restart for it.
fn joined(node: &Node) -> Pairs<'static> {
    let mut pairs: Pairs<'static> = vec![("token-file", want::JOIN_TOKEN.into())];
    if node.role == Role::Server {
        pairs.push(("agent-token-file", want::AGENT_TOKEN.into()));
    }
    let labels: Vec<String> = node
        .labels
        .iter()
        .filter(|(key, _)| label_at_join(key))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if !labels.is_empty() {
        pairs.push(("node-label", labels.into()));
    }
    let taints: Vec<String> = node.taints.iter().map(ToString::to_string).collect();
    if !taints.is_empty() {
        pairs.push(("node-taint", taints.into()));
    }
    pairs
}

/// Whether the kubelet may set this label on its own Node (the API server's node restriction); the others are set through the API.
fn label_at_join(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else { return true };
    let reserved = |suffix: &str| domain == suffix || domain.ends_with(&format!(".{suffix}"));
    let allowed = ["kubelet.kubernetes.io", "node.kubernetes.io", "topology.kubernetes.io"];
    allowed.contains(&domain) || !(reserved("kubernetes.io") || reserved("k8s.io"))
}

/// What a running k3s works by.
fn settings<'a>(cluster: &'a Cluster, node: &'a Node, address: &Address) -> Pairs<'a> {
    let mut pairs: Pairs<'a> =
        vec![("node-name", node.name.as_str().into()), ("node-ip", address.ip.to_string().into())];
    if let Some(ip) = node.external_address {
        pairs.push(("node-external-ip", ip.to_string().into()));
    }
    if matches!(cluster.network.cni, Cni::Flannel(_)) {
        pairs.push(("flannel-iface", address.interface.as_str().into()));
    }
    if !cluster.os.nameservers.is_empty() {
        pairs.push(("resolv-conf", os::RESOLV_CONF.into()));
    }
    if node.role == Role::Server {
        pairs.extend(server_settings(cluster, node, address));
    }
    pairs
}

fn server_settings<'a>(cluster: &'a Cluster, node: &'a Node, address: &Address) -> Pairs<'a> {
    let (k8s, net) = (&cluster.kubernetes, &cluster.network);
    let join = |ranges: &[ipnet::IpNet]| ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut pairs: Pairs<'a> = vec![
        ("advertise-address", address.ip.to_string().into()),
        ("tls-san", sans(cluster, node, address).into()),
        ("cluster-cidr", join(&net.pod_cidr).into()),
        ("service-cidr", join(&net.service_cidr).into()),
        ("secrets-encryption", k8s.secrets_encryption.into()),
        ("disable-network-policy", (!net.network_policy).into()),
        ("disable-kube-proxy", (!net.kube_proxy).into()),
    ];
    let backend = match net.cni {
        Cni::Flannel(backend) => backend.as_str(),
        Cni::Calico | Cni::Cilium | Cni::None => "none",
    };
    pairs.push(("flannel-backend", backend.into()));
    let disabled: Vec<&str> = k8s.disable.iter().map(|component| component.as_str()).collect();
    if !disabled.is_empty() {
        pairs.push(("disable", disabled.into()));
    }
    pairs
}

/// Names and addresses that this server's certificate must carry: its own, the API's name, and the user's further ones.
fn sans(cluster: &Cluster, node: &Node, address: &Address) -> Vec<String> {
    let mut names: Vec<String> = cluster.kubernetes.api_name.iter().map(ToString::to_string).collect();
    names.push(address.ip.to_string());
    names.extend(node.external_address.map(|ip| ip.to_string()));
    // The address the operator uses is one he may give to kubectl too; an alias of his ssh configuration would only confuse.
    if node.ssh.host.parse::<std::net::IpAddr>().is_ok() || node.ssh.host.contains('.') {
        names.push(node.ssh.host.clone());
    }
    for (key, value) in extra(cluster, node) {
        match (key, value) {
            ("tls-san", ConfigValue::List(more)) => names.extend(more.iter().cloned()),
            ("tls-san", ConfigValue::Text(one)) => names.push(one.clone()),
            _ => {}
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The user's own keys for this node: the node's win over the cluster's, and agents get only what agents know.
fn extra<'a>(cluster: &'a Cluster, node: &'a Node) -> BTreeMap<&'a str, &'a ConfigValue> {
    let all = cluster.kubernetes.config.iter().chain(&node.config);
    all.filter(|(key, _)| keys::flag(key).is_some_and(|flag| flag.on_role(node.role)))
        .map(|(key, value)| (key.as_str(), value))
        .collect()
}

/// The value as JSON, unless it is secret or written elsewhere.
fn plain(value: &ConfigValue) -> Option<serde_json::Value> {
    Some(match value {
        ConfigValue::Bool(value) => (*value).into(),
        ConfigValue::Int(value) => (*value).into(),
        ConfigValue::Text(value) => value.as_str().into(),
        ConfigValue::List(values) => values.clone().into(),
        ConfigValue::Secret(_) => return None,
    })
}

/// The drop-in with the user's secrets, when this node has any.
pub(crate) fn secrets(cluster: &Cluster, node: &Node) -> Option<Content> {
    let mut found: Vec<(&str, &spec::cluster::SecretRef)> = extra(cluster, node)
        .into_iter()
        .filter_map(|(key, value)| match value {
            ConfigValue::Secret(from) => Some((key, from)),
            _ => None,
        })
        .collect();
    if let (Datastore::External(endpoint), Role::Server) = (&cluster.kubernetes.datastore, node.role) {
        found.push(("datastore-endpoint", endpoint));
    }
    if found.is_empty() {
        return None;
    }
    let mut pieces =
        vec![Piece::Text("# Written by coracle from the cluster file; changes here are lost.\n".into())];
    for (key, from) in found {
        pieces.push(Piece::Text(format!("{key}: ")));
        pieces.push(Piece::Secret { source: SecretSource::Operator(from.clone()), quote: Quote::Json });
        pieces.push(Piece::Text("\n".into()));
    }
    Some(Content(pieces))
}

/// Digest of everything a running k3s has read that would be different after a restart. How it once joined, and what
/// only counts at registration, is left out.
pub(crate) fn stamp(
    wish: &Wish<'_>,
    node: &Node,
    address: &Address,
    arch: Arch,
    init: Init,
) -> Option<String> {
    let cluster = wish.cluster;
    let binary = wish.lock.k3s(&cluster.kubernetes.version, arch)?;
    let mut text = format!("{}\n{:?}\n", binary.sha256, datastore_kind(&cluster.kubernetes.datastore));
    for (key, value) in settings(cluster, node, address) {
        line(&mut text, key, &value);
    }
    for (key, value) in extra(cluster, node) {
        if let Some(value) = plain(value) {
            line(&mut text, key, &value);
        }
    }
    if let Some(secrets) = secrets(cluster, node) {
        text.push_str(&secrets.redacted());
    }
    for want in want::wants(cluster, node, init) {
        if let crate::want::Want::File { path, content, .. } = want
            && path == want::unit_path(node.role, init)
        {
            text.push_str(&content.redacted());
        }
    }
    Some(Sha256::of(text.as_bytes()).short().to_owned())
}

fn datastore_kind(datastore: &Datastore) -> &'static str {
    match datastore {
        Datastore::Sqlite => "sqlite",
        Datastore::Etcd => "etcd",
        Datastore::External(_) => "external",
    }
}

/// The wanted values of the keys that running clusters must not change, as JSON text, for comparison with what is
/// observed.
pub(crate) fn anchored(cluster: &Cluster, node: &Node, address: &Address) -> BTreeMap<String, String> {
    let mut pairs: BTreeMap<String, String> = settings(cluster, node, address)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_string()))
        .collect();
    for (key, value) in extra(cluster, node) {
        if let Some(value) = plain(value) {
            pairs.insert(key.to_owned(), value.to_string());
        }
    }
    pairs.retain(|key, _| keys::class(key) != keys::Class::Rolling);
    pairs
}
