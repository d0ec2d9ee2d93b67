//! What the hosts say about the cluster: the evidence from which founding or joining is decided.
//!
//! Owns: the reading of facts, one verdict a host. Must not: decide what to do (`course`), or refuse (`refusal`).

use std::collections::{BTreeMap, BTreeSet};

use model::{
    digest::Sha256,
    facts::{Api, Facts, FileFact, NodeFact, Seen},
};
use spec::{
    cluster::{Datastore, Node, Role},
    name::NodeName,
};

use super::{config::Form, want};
use crate::{Wish, site::Site};

/// Everything the domain reads from the facts.
pub(crate) struct Evidence<'a> {
    pub wish: &'a Wish<'a>,
    pub facts: &'a Facts,
    /// Hosts that answered and may be worked on, by name.
    pub places: BTreeMap<NodeName, Place<'a>>,
    /// Servers of the file that did not answer.
    pub dark_servers: Vec<NodeName>,
    /// Servers of the file that answered and are barred before k3s is even looked at.
    pub barred_servers: Vec<NodeName>,
}

/// One host as the domain sees it.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub site: Site<'a>,
    pub life: Life,
    /// Its Node object.
    pub node: Option<&'a NodeFact>,
    /// Its service runs, or is about to.
    pub active: bool,
    /// Its API endpoint is ready.
    pub api: bool,
    /// Its Node object was there before this look began: a younger one may be what the host has just made.
    ghost: bool,
    /// It was a member, was removed, and knows: of its data nothing is left to use, and k3s has to begin anew.
    pub removed: bool,
}

/// What a host's data says about its place in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It has no data of any cluster.
    Fresh,
    /// It has data of the cluster.
    Member,
}

impl<'a> Evidence<'a> {
    pub(crate) fn read(wish: &'a Wish<'a>, facts: &'a Facts, sites: &[Site<'a>]) -> Self {
        let external = matches!(wish.cluster.kubernetes.datastore, Datastore::External(_));
        let places: BTreeMap<_, _> = sites
            .iter()
            .map(|site| (site.name().clone(), Place::read(facts, site.clone(), external)))
            .collect();
        let servers = |dark: bool| -> Vec<NodeName> {
            let nodes = wish.cluster.servers().filter(|node| !places.contains_key(&node.name));
            let is_dark = |node: &&Node| !matches!(facts.hosts.get(&node.name), Some(Seen::Known(_)));
            nodes.filter(|node| is_dark(node) == dark).map(|node| node.name.clone()).collect()
        };
        let (dark_servers, barred_servers) = (servers(true), servers(false));
        Self { wish, facts, places, dark_servers, barred_servers }
    }

    pub(crate) fn servers(&self) -> impl Iterator<Item = &Place<'a>> {
        self.places.values().filter(|place| place.role() == Role::Server)
    }

    pub(crate) fn agents(&self) -> impl Iterator<Item = &Place<'a>> {
        self.places.values().filter(|place| place.role() == Role::Agent)
    }

    /// Servers that have data of the cluster.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Place<'a>> {
        self.servers().filter(|place| place.life == Life::Member)
    }

    /// The certificate authorities that servers' data belongs to: one cluster each.
    pub(crate) fn clusters(&self) -> BTreeMap<Sha256, Vec<NodeName>> {
        let mut found: BTreeMap<Sha256, Vec<NodeName>> = BTreeMap::new();
        for place in self.members() {
            if let Some(ca) = &place.site.stable().k3s.data.server_ca {
                found.entry(ca.clone()).or_default().push(place.site.name().clone());
            }
        }
        found
    }

    /// Names of etcd members that the API knows, and how many of them vote and are ready.
    pub(crate) fn voters(&self) -> (BTreeSet<&'a str>, usize) {
        let members = self.facts.kube.nodes.iter().filter(|(_, node)| node.voter.is_some());
        let healthy = members.clone().filter(|(_, node)| node.voter == Some(true) && node.ready).count();
        (members.map(|(name, _)| name.as_str()).collect(), healthy)
    }
}

impl Evidence<'_> {
    /// How many servers of the file may vote although no Node tells of them: a kubelet registers after its member has
    /// joined, and may never have come to it. No more of them than leave etcd the majority that it has, for the API answers.
    pub(crate) fn unseen_voters(&self) -> usize {
        let (members, healthy) = self.voters();
        let may_vote = |node: &&Node| match self.facts.hosts.get(&node.name) {
            Some(Seen::Known(host)) => host.stable.k3s.data.etcd && !host.stable.k3s.data.removed,
            Some(Seen::Dark(_)) | None => true,
        };
        let unseen = self.wish.cluster.servers().filter(|node| !members.contains(node.name.as_str()));
        unseen.filter(may_vote).count().min((2 * healthy).saturating_sub(members.len() + 1))
    }
}

impl<'a> Place<'a> {
    fn read(facts: &'a Facts, site: Site<'a>, external: bool) -> Self {
        let name = site.name().clone();
        let data = &site.stable().k3s.data;
        let node = facts.kube.nodes.get(name.as_str());
        let has_data = match site.node.role {
            Role::Server => data.has_datastore() && !data.removed || external && external_member(&site),
            Role::Agent => {
                data.agent_ca.is_some() && !node.is_some_and(|node| lost_identity(facts, &site, node))
            }
        };
        let service = site.stable().services.get(want::service(site.node.role));
        let active = service.is_some_and(|service| service.active);
        Self {
            life: if has_data { Life::Member } else { Life::Fresh },
            node,
            ghost: node
                .is_some_and(|node| made_by_our_clock(facts, node) + MARGIN < facts.taken.cast_signed()),
            active,
            removed: site.node.role == Role::Server && data.removed,
            api: facts.kube.apis.get(&name) == Some(&Api::Ready),
            site,
        }
    }

    pub(crate) fn role(&self) -> Role {
        self.site.node.role
    }

    pub(crate) fn name(&self) -> &NodeName {
        self.site.name()
    }

    /// The form of the drop-in that stands there now, as far as coracle wrote it.
    pub(crate) fn form_now(&self) -> Option<Form> {
        let config = &self.site.stable().k3s.config;
        let ours = |key: &str| {
            let fact = config.get(key)?;
            let model::facts::ConfigSource::File(path) = &fact.source else { return None };
            (path == want::DROP_IN).then_some(fact.value.as_deref()?)
        };
        if ours("cluster-init") == Some("true") {
            return Some(Form::Found);
        }
        let url = ours("server")?;
        serde_json::from_str(url).ok().map(Form::Join)
    }

    /// Whether a token file is there.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        matches!(self.site.stable().files.get(path), Some(FileFact::File { .. }))
    }

    /// Whether its k3s runs and its Node was deleted: a kubelet registers when it begins, and not again. Its password is made
    /// just before it registers for the first time, so a young one may belong to a Node that is on its way. Deleting the
    /// Node of an etcd member removes the member too, which `removed` tells.
    pub(crate) fn is_forgotten(&self, evidence: &Evidence<'_>) -> bool {
        let answers = evidence.facts.kube.apis.values().any(|api| *api == Api::Ready);
        let votes = self.role() == Role::Server && *evidence.datastore() == Datastore::Etcd;
        let clock = self.site.facts.volatile.clock;
        let old = self.site.stable().k3s.node_password.is_some_and(|made| made + REGISTERING < clock);
        answers && !votes && old && self.active && self.life == Life::Member && self.node.is_none()
    }

    /// Whether the cluster still knows this node from an earlier life whose data is gone.
    pub(crate) fn is_ghost(&self) -> bool {
        self.life == Life::Fresh && self.ghost
    }
}

/// When a Node object was made, by the operator's clock.
fn made_by_our_clock(facts: &Facts, node: &NodeFact) -> i64 {
    let api = facts.kube.apis.iter().find(|(_, api)| **api == Api::Ready);
    let server = api.and_then(|(name, _)| facts.host(name));
    node.created.cast_signed() - server.map_or(0, |server| ahead(facts, server.volatile.clock))
}

fn ahead(facts: &Facts, clock: u64) -> i64 {
    clock.cast_signed() - facts.taken.cast_signed()
}

/// What two clocks, read over a network, may still differ by.
const MARGIN: i64 = 15;

/// Seconds between the making of a node's password and the Node, at most.
const REGISTERING: u64 = 60;

/// Whether an agent that lost its data came back by itself: its node password is then younger than its Node object, and
/// k3s turns it away for ever. Both are made when a node first registers, the password first. A Node that is Ready is
/// never taken for lost.
fn lost_identity(facts: &Facts, site: &Site<'_>, node: &NodeFact) -> bool {
    let Some(made) = site.stable().k3s.node_password else { return !node.ready };
    let made = made.cast_signed() - ahead(facts, site.facts.volatile.clock);
    !node.ready && made > made_by_our_clock(facts, node) + MARGIN
}

/// With an external datastore a server keeps no data of its own; its certificates tell that it has joined. With etcd they
/// do not: k3s fetches them before its member is taken in.
fn external_member(site: &Site<'_>) -> bool {
    site.stable().k3s.data.server_ca.is_some()
}

impl Evidence<'_> {
    pub(crate) fn datastore(&self) -> &Datastore {
        &self.wish.cluster.kubernetes.datastore
    }
}
