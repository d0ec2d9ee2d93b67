//! What is and what should be, item by item.

use model::{
    facts::{Api, Facts, IntegrityFact, Seen},
    report::Weight,
};
use serde::Serialize;
use spec::{cluster::Role, name::NodeName};

use crate::{Wish, host, os, site, want::Want};

/// One item of a status report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The host it is about; `None` for the cluster.
    pub host: Option<NodeName>,
    /// What is looked at, as in `file /etc/motd` or `node Ready`.
    pub what: String,
    /// Whether it is as it should be.
    pub state: State,
    /// What is seen, where that says more than the state.
    pub seen: String,
}

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is.
    Pass,
    /// It is not.
    Fail,
    /// It could not be looked at.
    Unknown,
}

/// Judges every wanted item on every host, and every node.
pub fn status(wish: &Wish<'_>, facts: &Facts) -> Vec<Item> {
    let mut quiet = crate::draft::Draft::new();
    let sites = site::sites(wish, facts, &mut quiet);
    let mut items = Vec::new();
    for node in &wish.cluster.nodes {
        match facts.hosts.get(&node.name) {
            Some(Seen::Known(_)) => {}
            Some(Seen::Dark(fault)) => {
                items.push(item(Some(&node.name), "reached", State::Unknown, fault.to_string()));
            }
            None => items.push(item(Some(&node.name), "reached", State::Unknown, "was not looked at".into())),
        }
        if let Some(site) = sites.iter().find(|site| site.node.name == node.name) {
            items.extend(host_items(wish, site));
        }
        items.extend(node_items(facts, node.role, &node.name));
    }
    let (_, report) = crate::plan(wish, facts);
    for finding in report
        .findings
        .iter()
        .filter(|finding| finding.weight >= Weight::Warning && finding.weight != Weight::Dark)
    {
        items.push(item(finding.host.as_ref(), &finding.code, State::Fail, finding.text.clone()));
    }
    items
}

fn item(host: Option<&NodeName>, what: &str, state: State, seen: String) -> Item {
    Item { host: host.cloned(), what: what.to_owned(), state, seen }
}

fn host_items(wish: &Wish<'_>, site: &site::Site<'_>) -> Vec<Item> {
    let stable = site.stable();
    let wants = os::wants(wish.cluster, site.node, stable.init, stable.sshd_dropins);
    let mut items: Vec<Item> = wants
        .iter()
        .map(|want| {
            let state = if host::is_so(site, want) { State::Pass } else { State::Fail };
            item(Some(site.name()), &label(want), state, String::new())
        })
        .collect();
    for (path, fact) in &stable.integrity {
        items.push(integrity(site.name(), path, fact));
    }
    items
}

fn label(want: &Want) -> String {
    match want {
        Want::File { path, .. } => format!("file {path}"),
        Want::Link { path, .. } => format!("link {path}"),
        Want::Meta { path, .. } => format!("mode of {path}"),
        Want::Package { name } => format!("package {name}"),
        Want::Sysctl { key, value } => format!("kernel setting {key} = {value}"),
        Want::Module { name } => format!("kernel module {name}"),
        Want::Service { name, .. } => format!("service {name}"),
    }
}

fn integrity(host: &NodeName, path: &str, fact: &IntegrityFact) -> Item {
    let (state, seen) = match (&fact.recorded, &fact.now) {
        (then, now) if then == now => (State::Pass, String::new()),
        (None, Some(_)) => (State::Fail, "appeared since the record".to_owned()),
        (Some(_), None) => (State::Fail, "is gone since the record".to_owned()),
        (Some(then), Some(now)) => (
            State::Fail,
            format!(
                "{} → {} since the record; `coracle apply --record-integrity` accepts it",
                then.short(),
                now.short()
            ),
        ),
        (None, None) => (State::Pass, String::new()),
    };
    item(Some(host), &format!("integrity of {path}"), state, seen)
}

fn node_items(facts: &Facts, role: Role, name: &NodeName) -> Vec<Item> {
    let mut items = Vec::new();
    if role == Role::Server {
        let (state, seen) = match facts.kube.apis.get(name) {
            Some(Api::Ready) => (State::Pass, String::new()),
            Some(Api::Down(why)) => (State::Fail, why.clone()),
            None => (State::Unknown, "was not asked".to_owned()),
        };
        items.push(item(Some(name), "API ready", state, seen));
    }
    let (state, seen) = match facts.kube.nodes.get(name.as_str()) {
        Some(node) if node.ready => {
            (State::Pass, node.version.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        Some(node) => (State::Fail, node.reason.clone()),
        None if facts.kube.answers() => (State::Fail, "is not registered".to_owned()),
        None => (State::Unknown, "no API answers".to_owned()),
    };
    items.push(item(Some(name), "node Ready", state, seen));
    if let Some(voter) = facts.kube.nodes.get(name.as_str()).and_then(|node| node.voter) {
        let state = if voter { State::Pass } else { State::Fail };
        items.push(item(Some(name), "etcd member votes", state, String::new()));
    }
    items
}
