//! A host of the cluster file that answered and may be worked on.
//!
//! Owns: which hosts take part in a plan, whose they are, and which address is theirs. Must not: plan any change.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use model::{
    digest::Sha256,
    facts::{Address, Facts, HostFacts, Seen, Stable},
    report::Weight,
};
use spec::{
    cluster::{Node, NodeNetwork},
    name::{ClusterName, NodeName},
};

use crate::{Wish, draft::Draft, finding, k3s, preflight};

/// How a host is claimed.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub id: String,
    /// The id it carries and gives up.
    pub instead: Option<String>,
}

/// A host that answered and is ours, or nobody's yet.
#[derive(Clone, Debug)]
pub(crate) struct Site<'a> {
    pub cluster: ClusterName,
    pub node: &'a Node,
    pub facts: &'a HostFacts,
    /// How to claim it, when it is not claimed yet, or under an id that lost.
    pub claim: Option<Claim>,
    /// Its address in the node network and that address's interface, when that is clear.
    pub address: Option<Address>,
}

impl Site<'_> {
    pub(crate) fn stable(&self) -> &Stable {
        &self.facts.stable
    }

    pub(crate) fn name(&self) -> &NodeName {
        &self.node.name
    }

    /// Whether coracle placed this resource here.
    pub(crate) fn owns(&self, resource: &model::resource::ResourceId) -> bool {
        self.stable().owned.as_ref().is_some_and(|owned| owned.entries.contains_key(resource))
    }
}

/// The hosts that take part, in file order; findings say why others do not.
pub(crate) fn sites<'a>(wish: &Wish<'a>, facts: &'a Facts, draft: &mut Draft) -> Vec<Site<'a>> {
    let id = cluster_id(wish, facts, draft);
    let mut sites = Vec::new();
    for node in &wish.cluster.nodes {
        match facts.hosts.get(&node.name) {
            None => {}
            Some(Seen::Dark(fault)) => draft.find(finding::on(
                &node.name,
                "host-dark",
                Weight::Dark,
                format!("{} ({}) gave no answer: {fault}", node.name, node.ssh),
                fault.cause.cure(),
            )),
            Some(Seen::Known(host)) => sites.extend(site(wish, facts, node, host, id.as_ref(), draft)),
        }
    }
    same_machine(&sites, draft);
    sites
}

fn site<'a>(
    wish: &Wish<'a>,
    facts: &Facts,
    node: &'a Node,
    host: &'a HostFacts,
    id: Option<&String>,
    draft: &mut Draft,
) -> Option<Site<'a>> {
    let id = id?;
    let claim = match &host.stable.owned {
        Some(owned) if owned.cluster != wish.cluster.name => {
            draft.find(finding::on(
                &node.name,
                "foreign-host",
                Weight::Refused,
                format!("{} belongs to cluster {} (id {})", node.name, owned.cluster, owned.id),
                format!(
                    "take it out of the file, or free it with `coracle destroy` in the file of {}",
                    owned.cluster
                ),
            ));
            return None;
        }
        Some(owned) if owned.id != *id => Some(Claim { id: id.clone(), instead: Some(owned.id.clone()) }),
        Some(_) => None,
        None if k3s::is_foreign(host, facts) => {
            draft.find(finding::on(
                &node.name,
                "foreign-k3s",
                Weight::Refused,
                format!("{} runs a k3s that coracle did not install", node.name),
                "coracle will not touch it: `coracle init` reads such a cluster, `plan` and `status` show it; uninstall it there to start anew",
            ));
            return None;
        }
        None => Some(Claim { id: id.clone(), instead: None }),
    };
    let address = address(wish, node, host, draft);
    preflight::findings(node, facts, host, draft);
    Some(Site { cluster: wish.cluster.name.clone(), node, facts: host, claim, address })
}

/// The id that the cluster's claimed hosts carry, or a new one; `None` when they belong to two clusters.
///
/// Two ids alone are no two clusters: a run may have died after it claimed a host that did not answer the next run, which
/// then drew another id. What makes a cluster is k3s's data. The id of the hosts that have any wins, or else the smaller.
fn cluster_id(wish: &Wish<'_>, facts: &Facts, draft: &mut Draft) -> Option<String> {
    let mut ids: BTreeMap<&String, (BTreeSet<&Sha256>, &NodeName)> = BTreeMap::new();
    for node in &wish.cluster.nodes {
        let Some(host) = facts.host(&node.name) else { continue };
        let Some(owned) = host.stable.owned.as_ref().filter(|owned| owned.cluster == wish.cluster.name)
        else {
            continue;
        };
        let (data, _) = ids.entry(&owned.id).or_insert_with(|| (BTreeSet::new(), &node.name));
        data.extend(host.stable.k3s.data.server_ca.iter().chain(&host.stable.k3s.data.agent_ca));
    }
    let clusters: BTreeSet<&Sha256> = ids.values().flat_map(|(data, _)| data.iter().copied()).collect();
    let with_data: Vec<_> = ids.iter().filter(|(_, (data, _))| !data.is_empty()).collect();
    if let ([(_, (_, one)), (_, (_, other)), ..], 2..) = (with_data.as_slice(), clusters.len()) {
        draft.find(finding::cluster(
            "two-clusters",
            Weight::Refused,
            format!("{one} and {other} belong to two clusters that are both named {}", wish.cluster.name),
            "give one of them another name in its own file, or take its hosts out of this one",
        ));
        return None;
    }
    let winner = with_data.first().map(|(id, _)| **id).or_else(|| ids.keys().next().copied());
    Some(winner.cloned().unwrap_or_else(|| wish.seed.name("cluster")))
}

/// The host's address in the node network.
fn address(wish: &Wish<'_>, node: &Node, host: &HostFacts, draft: &mut Draft) -> Option<Address> {
    let all = &host.stable.addresses;
    let NodeNetwork::Lan { cidr } = &wish.cluster.network.node_network;
    let fits = |address: &&Address| match (node.address, cidr) {
        (Some(ip), _) => address.ip == ip,
        (None, Some(cidr)) => cidr.contains(&address.ip),
        (None, None) => !is_made_by_software(&address.interface) && same_family(wish, address.ip),
    };
    let candidates: Vec<_> = all.iter().filter(fits).collect();
    if let [one] = candidates.as_slice() {
        return Some((*one).clone());
    }
    let list = |addresses: &[&Address]| {
        let words: Vec<_> = addresses.iter().map(|a| format!("{} on {}", a.ip, a.interface)).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    let text = match node.address {
        Some(ip) => format!(
            "{} does not have the address {ip} that the file gives; it has {}",
            node.name,
            list(&all.iter().collect::<Vec<_>>())
        ),
        None if candidates.is_empty() => {
            format!(
                "no address of {} lies in the node network; it has {}",
                node.name,
                list(&all.iter().collect::<Vec<_>>())
            )
        }
        None => format!("several addresses of {} fit the node network: {}", node.name, list(&candidates)),
    };
    let cure =
        "write the right one as `address:` of the node, or its range as `nodeNetwork: {lan: {cidr: …}}`";
    draft.find(finding::on(&node.name, "which-address", Weight::Refused, text, cure));
    None
}

/// Interfaces that container software makes; their addresses are never a node's own.
fn is_made_by_software(interface: &str) -> bool {
    ["cni", "flannel", "docker", "veth", "cali", "cilium", "kube", "virbr", "tailscale", "br-"]
        .iter()
        .any(|prefix| interface.starts_with(prefix))
}

fn same_family(wish: &Wish<'_>, ip: IpAddr) -> bool {
    wish.cluster.network.pod_cidr.first().is_none_or(|cidr| cidr.addr().is_ipv4() == ip.is_ipv4())
}

/// Two entries that are one machine, or clones of one image.
fn same_machine(sites: &[Site<'_>], draft: &mut Draft) {
    for (index, one) in sites.iter().enumerate() {
        for other in &sites[index + 1..] {
            let (a, b) = (one.stable(), other.stable());
            if a.machine_id.is_some() && a.machine_id == b.machine_id {
                draft.find(finding::on(
                    other.name(),
                    "machine-id-twice",
                    Weight::Warning,
                    format!("{} and {} have the same machine-id: one machine twice in the file, or two clones of one image", one.name(), other.name()),
                    "on the clone: remove /etc/machine-id, run systemd-machine-id-setup, reboot",
                ));
            }
        }
    }
}
