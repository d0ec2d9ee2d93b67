//! What is refused before any step is planned, and why.

use std::collections::BTreeSet;

use model::{
    facts::ConfigSource,
    report::{Finding, Weight},
};
use spec::{
    cluster::{Datastore, Version},
    k3s as keys,
};

use super::{
    config,
    evidence::{Evidence, Life, Place},
    other_role, want,
};
use crate::{Wish, finding, preflight::clock_is_wrong};

/// Everything that is refused. A finding about the cluster stops the whole domain; one about a host bars that host.
pub(crate) fn refusals(wish: &Wish<'_>, evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    two_clusters(evidence, &mut found);
    lost_control_plane(evidence, &mut found);
    anchored_keys(wish, evidence, &mut found);
    datastore(evidence, &mut found);
    version(wish, evidence, &mut found);
    for place in evidence.places.values() {
        found.extend(host(wish, evidence, place));
    }
    found
}

fn two_clusters(evidence: &Evidence<'_>, found: &mut Vec<Finding>) {
    let clusters = evidence.clusters();
    if clusters.len() > 1 {
        let list: Vec<_> = clusters
            .iter()
            .map(|(ca, hosts)| {
                let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
                format!("{} (CA {})", hosts.join(", "), ca.short())
            })
            .collect();
        found.push(finding::cluster(
            "servers-of-two-clusters",
            Weight::Refused,
            format!("the servers hold data of {} different clusters: {}", clusters.len(), list.join("; ")),
            "decide which one to keep and `coracle destroy` the other server's node, then apply",
        ));
    }
}

/// Agents remember a cluster whose servers all lost their data: founding anew would leave them behind, and hide the loss.
fn lost_control_plane(evidence: &Evidence<'_>, found: &mut Vec<Finding>) {
    let agents: Vec<_> = evidence
        .agents()
        .filter(|place| place.life == Life::Member)
        .map(|place| place.name().to_string())
        .collect();
    let none_left = evidence.members().next().is_none() && evidence.dark_servers.is_empty();
    if none_left && !agents.is_empty() {
        found.push(finding::cluster(
            "control-plane-lost",
            Weight::Refused,
            format!("{} still belong to a cluster, but no server has any of its data", agents.join(", ")),
            "restore a snapshot on a server; or give the old cluster up with `coracle destroy` on these agents, then apply",
        ));
    }
}

/// Keys that a founded cluster must not change, or not on one server alone.
fn anchored_keys(wish: &Wish<'_>, evidence: &Evidence<'_>, found: &mut Vec<Finding>) {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for place in evidence.members() {
        let Some(address) = &place.site.address else { continue };
        let wanted = config::anchored(wish.cluster, place.site.node, address);
        for (key, fact) in &place.site.stable().k3s.config {
            let class = keys::class(key);
            let ours = matches!(&fact.source, ConfigSource::File(path) if path == want::DROP_IN);
            if class == keys::Class::Rolling || !ours {
                continue;
            }
            let (now, then) = (fact.value.as_deref(), wanted.get(key).map(String::as_str));
            if now.is_some() && now != then && !is_joining(key) && told.insert(key) {
                found.push(changed_key(place, key, now, then, class));
            }
        }
    }
}

/// How a node joined is sticky by design and no setting of the user's.
fn is_joining(key: &str) -> bool {
    matches!(key, "server" | "cluster-init" | "token-file" | "agent-token-file" | "token" | "agent-token")
}

fn changed_key(
    place: &Place<'_>,
    key: &str,
    now: Option<&str>,
    then: Option<&str>,
    class: keys::Class,
) -> Finding {
    let why = match class {
        keys::Class::Fixed => "is fixed when a cluster is founded",
        _ => "must be equal on all servers, and changing it on a running cluster is not built yet",
    };
    finding::cluster(
        "fixed-key-changed",
        Weight::Refused,
        format!(
            "{key} {why}: {} runs with {}, the cluster file says {}",
            place.name(),
            now.unwrap_or("nothing"),
            then.unwrap_or("nothing")
        ),
        format!("{}the old value back; for another value found a new cluster", field(key)),
    )
}

/// How to write the key in the cluster file: up to the value.
fn field(key: &str) -> String {
    match keys::flag(key).map(|flag| flag.used) {
        Some(keys::Use::Owned(instead)) => format!("{instead}: "),
        _ => "write ".to_owned(),
    }
}

fn datastore(evidence: &Evidence<'_>, found: &mut Vec<Finding>) {
    let wanted = evidence.datastore();
    for place in evidence.members() {
        let data = &place.site.stable().k3s.data;
        let (now, fits) = match wanted {
            Datastore::Etcd => ("sqlite", true),
            Datastore::Sqlite => ("etcd", !data.etcd),
            Datastore::External(_) => (if data.etcd { "etcd" } else { "sqlite" }, !data.has_datastore()),
        };
        if !fits {
            found.push(finding::cluster(
                "datastore-changed",
                Weight::Refused,
                format!(
                    "{} keeps the cluster in {now}; only sqlite can become another datastore, and only etcd",
                    place.name()
                ),
                format!("write `datastore: {now}`: without it a file with one server means sqlite, with several etcd"),
            ));
        }
    }
}

/// The oldest version that any member of this role reports, and its host.
fn version(wish: &Wish<'_>, evidence: &Evidence<'_>, found: &mut Vec<Finding>) {
    let wanted = &wish.cluster.kubernetes.version;
    for place in evidence.members() {
        let Some(now) = &place.site.stable().k3s.version else { continue };
        let text = if wanted < now {
            format!("{} runs {now}; {wanted} is older, and a control plane cannot go back", place.name())
        } else if wanted.minor > now.minor + 1 {
            format!("{} runs {now}; {wanted} skips a minor version", place.name())
        } else {
            continue;
        };
        let cure = if wanted < now {
            format!("write `version: {now}` or a newer one")
        } else {
            format!("go through every minor: write a v1.{} release first", now.minor + 1)
        };
        found.push(finding::cluster("version-refused", Weight::Refused, text, cure));
    }
    for place in evidence.agents() {
        let Some(now) = &place.site.stable().k3s.version else { continue };
        if place.life == Life::Member && wanted < now {
            let text =
                format!("{} runs {now}; {wanted} is older, and a kubelet is not taken back", place.name());
            found.push(finding::on(
                place.name(),
                "version-refused",
                Weight::Refused,
                text,
                format!("write `version: {now}` or a newer one"),
            ));
        }
    }
    skew(wanted, evidence, found);
}

/// A kubelet may be three minors older than its control plane, no more.
fn skew(wanted: &Version, evidence: &Evidence<'_>, found: &mut Vec<Finding>) {
    for (name, node) in &evidence.facts.kube.nodes {
        if let Some(now) = &node.version
            && wanted.minor > now.minor + 3
        {
            found.push(finding::cluster(
                "version-skew",
                Weight::Refused,
                format!("node {name} runs {now}; a control plane at {wanted} is more than three minors ahead of it"),
                "bring the agents up first, one minor after the other",
            ));
        }
    }
}

fn host(wish: &Wish<'_>, evidence: &Evidence<'_>, place: &Place<'_>) -> Vec<Finding> {
    let (name, stable) = (place.name(), place.site.stable());
    let mut found = Vec::new();
    let mut refuse = |code: &str, text: String, cure: String| {
        found.push(finding::on(name, code, Weight::Refused, text, cure));
    };
    if wish.lock.k3s(&wish.cluster.kubernetes.version, stable.arch).is_none() {
        let version = &wish.cluster.kubernetes.version;
        match keys::asset(stable.arch.as_str()) {
            None => refuse(
                "no-artefact",
                format!("k3s is not released for the processor of {name}"),
                "take the host out of the file".into(),
            ),
            Some(_) => refuse(
                "not-in-lock",
                format!(
                    "coracle.lock has no checksum of k3s {version} for {} ({name})",
                    stable.arch.as_str()
                ),
                "run `coracle lock`".into(),
            ),
        }
    }
    if let Some(role) = other_role(&place.site) {
        refuse(
            "role-changed",
            format!(
                "{name} is {} in the file, but coracle installed it as {}",
                place.role().as_str(),
                role.as_str()
            ),
            format!("write its role back; or, to change it, run `coracle destroy {name}` and then apply"),
        );
    }
    for (key, fact) in &stable.k3s.config {
        if let Some(path) = elsewhere(key, &fact.source) {
            refuse(
                "owned-key-elsewhere",
                format!("{path} on {name} sets {key}, which coracle sets itself"),
                format!(
                    "take {key} out of {path}, and say it in the cluster file where there is a field for it"
                ),
            );
        }
    }
    // Reported with the host's other findings already; here they only bar it.
    let clock = clock_is_wrong(evidence.facts.taken, place.site.facts.volatile.clock);
    let selinux = stable.selinux_enforcing && !stable.selinux_policy;
    if clock || selinux || place.site.address.is_none() {
        found.push(finding::on(
            name,
            "k3s-held-back",
            Weight::Waits,
            format!("k3s on {name} is left as it is until what stands above is mended"),
            "mend it and run again",
        ));
    }
    found
}

/// The file that sets a key of coracle's own beside its drop-in.
fn elsewhere<'a>(key: &str, source: &'a ConfigSource) -> Option<&'a str> {
    let ConfigSource::File(path) = source else { return None };
    let ours = path == want::DROP_IN || path == config::SECRETS;
    let owned = matches!(keys::flag(key).map(|flag| flag.used), Some(keys::Use::Owned(_)));
    (!ours && owned).then_some(path)
}
