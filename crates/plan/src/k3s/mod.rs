//! The k3s domain: which binary, which configuration, and which server founds, joins or restarts when.
//!
//! Reading order: `evidence` (what the hosts say), `course` (found, grow or start cold), `order` (whose turn it is),
//! `node` (what happens on one host), `want` and `config` (the files).

mod binary;
mod config;
mod course;
mod evidence;
mod node;
mod object;
mod order;
mod refusal;
mod wait;
mod want;

use std::collections::BTreeSet;

use model::{
    facts::{Api, Facts, HostFacts, Init, Seen},
    resource::{Kind, ResourceId},
};
use spec::{
    cluster::{Cluster, Node, Role},
    name::NodeName,
};

pub(crate) use binary::binary_url;
pub(crate) use config::{Form, SECRETS, drop_in, secrets, url};
pub(crate) use wait::await_api;
pub(crate) use want::{AGENT_TOKEN, BINARY, DROP_IN, JOIN_TOKEN, service, survey, wants};

use crate::{Wish, draft::Draft, site::Site};

/// The label of every server's Node.
pub(crate) const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// Adds everything the domain has to do.
pub(crate) fn plan(wish: &Wish<'_>, facts: &Facts, sites: &[Site<'_>], draft: &mut Draft) {
    let evidence = evidence::Evidence::read(wish, facts, sites);
    let refused = refusal::refusals(wish, &evidence);
    let stop = refused.iter().any(|finding| finding.host.is_none());
    let barred: BTreeSet<NodeName> = refused.iter().filter_map(|finding| finding.host.clone()).collect();
    for finding in refused {
        draft.find(finding);
    }
    if stop {
        return;
    }
    let course = course::decide(&evidence, &barred);
    order::plan(wish, &evidence, &course, &barred, draft);
    object::orphans(wish, facts, draft);
}

/// Every resource the domain keeps on a host, wanted now or at another stage of the node's life. A host whose role was
/// changed in the file keeps that of both roles: it is refused, and a refused server must not be stopped by tidying up.
pub(crate) fn resources(cluster: &Cluster, site: &Site<'_>) -> Vec<ResourceId> {
    let installed = other_role(site).map(|role| Node { role, ..site.node.clone() });
    std::iter::once(site.node)
        .chain(&installed)
        .flat_map(|node| resources_of(cluster, node, site.stable().init))
        .collect()
}

fn resources_of(cluster: &Cluster, node: &Node, init: Init) -> Vec<ResourceId> {
    let mut ids: Vec<ResourceId> =
        wants(cluster, node, init).iter().map(crate::want::Want::resource).collect();
    ids.extend([BINARY, DROP_IN, JOIN_TOKEN, AGENT_TOKEN].map(|path| ResourceId::new(Kind::File, path)));
    if secrets(cluster, node).is_some() {
        ids.push(ResourceId::new(Kind::File, SECRETS));
    }
    ids.push(ResourceId::new(Kind::Service, service(node.role)));
    ids
}

/// The role that the file does not say, when coracle installed this host in it.
pub(crate) fn other_role(site: &Site<'_>) -> Option<Role> {
    let other = match site.node.role {
        Role::Server => Role::Agent,
        Role::Agent => Role::Server,
    };
    let known = site.stable().services.get(service(other)).is_some_and(|service| service.known);
    (known && site.owns(&ResourceId::new(Kind::Service, service(other)))).then_some(other)
}

/// Whether k3s runs or has data on a host that coracle never claimed, unless the data is that of our own cluster.
pub(crate) fn is_foreign(host: &HostFacts, facts: &Facts) -> bool {
    let k3s = &host.stable.k3s;
    let present = !k3s.services.is_empty() || k3s.data.has_datastore() || k3s.data.agent_ca.is_some();
    if !present {
        return false;
    }
    let ours = |ca: &model::digest::Sha256| {
        facts.hosts.values().any(|seen| match seen {
            Seen::Known(other) => {
                other.stable.owned.is_some() && other.stable.k3s.data.server_ca.as_ref() == Some(ca)
            }
            Seen::Dark(_) => false,
        })
    };
    !k3s.data.server_ca.iter().chain(&k3s.data.agent_ca).any(ours)
}

/// The servers whose API endpoint may be asked: ready ones first, then the others, each group by name.
pub(crate) fn endpoints(facts: &Facts, sites: &[Site<'_>]) -> Vec<NodeName> {
    let mut servers: Vec<_> =
        sites.iter().filter(|site| site.node.role == Role::Server).map(|site| site.name().clone()).collect();
    servers.sort_by_key(|name| (facts.kube.apis.get(name) != Some(&Api::Ready), name.clone()));
    servers
}
