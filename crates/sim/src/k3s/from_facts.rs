//! Clusters as facts tell them.

use std::{collections::BTreeMap, time::Duration};

use model::{
    NodeName, Role, Version,
    digest::Sha256,
    facts::{Api, Content, Facts, NodeFact},
};

use super::{
    Cluster, Datastore, Member, Node, Phase, Process,
    attempt::together,
    config::{Settings, Word},
    files,
};
use crate::{
    host::{
        Machine,
        disk::{Blob, Entry, root},
    },
    world::World,
};

impl World {
    /// Makes the clusters that CA hashes, data directories and the API speak of, and the processes in them.
    pub(crate) fn clusters_from_facts(&mut self, facts: &Facts) {
        let hosts: Vec<_> = self.machines.keys().cloned().collect();
        for host in &hosts {
            if let Some(ca) = belongs_to(&self.machines[host]) {
                self.told_cluster(&ca);
            }
        }
        let main = self.main_cluster(facts);
        for host in &hosts {
            self.told_member(host, facts);
        }
        if let Some(main) = main {
            self.told_nodes(main, facts);
        }
        for host in &hosts {
            self.told_process(host, main, facts);
        }
        if !self.clusters.is_empty() {
            self.keep_beating();
        }
    }

    /// The cluster of this CA.
    fn told_cluster(&mut self, ca: &Sha256) -> u32 {
        if let Some(known) = self.clusters.values().find(|cluster| cluster.ca_hash() == *ca) {
            return known.id;
        }
        let members: Vec<_> =
            self.machines.values().filter(|machine| belongs_to(machine).as_ref() == Some(ca)).collect();
        let has = |path: &str| members.iter().any(|machine| machine.disk.has(path));
        let settings = members.iter().filter_map(|machine| first_settings(machine)).collect::<Vec<_>>();
        let external = settings.iter().any(|settings| settings.word("datastore-endpoint") != Word::Unset);
        let etcd = members.iter().any(|machine| machine.told_data.etcd);
        let datastore = match (external, etcd) {
            (true, _) => Datastore::External(super::NOT_KNOWN.to_owned()),
            (false, true) => Datastore::Etcd,
            (false, false) => Datastore::Sqlite,
        };
        let own_agent_token = settings.iter().any(|settings| {
            settings.word("agent-token") != Word::Unset || settings.word("agent-token-file") != Word::Unset
        });
        let foreign = members.iter().all(|machine| machine.marks.claim.is_none());
        let newest = members.iter().filter_map(|machine| self.version_on(machine)).max();
        let together =
            settings.first().map(|settings| together(settings, &Word::Unknown)).unwrap_or_default();
        debug_assert!(has(files::SERVER_CA) || has(files::AGENT_CA), "the CA was read there");
        let id = u32::try_from(self.clusters.len()).expect("fewer clusters than that") + 1;
        let cluster = Cluster {
            id,
            ca: super::found::pem(ca.as_str()),
            told_ca: Some(ca.clone()),
            foreign,
            datastore,
            server_password: Some(format!("stand-in-server-{}", ca.short())),
            agent_password: own_agent_token.then(|| format!("stand-in-agent-{}", ca.short())),
            together,
            newest: newest.unwrap_or(Version { minor: 0, patch: 0, candidate: None, k3s: 0 }),
            members: BTreeMap::new(),
            nodes: BTreeMap::new(),
            passwords: BTreeMap::new(),
        };
        self.clusters.insert(id, cluster);
        id
    }

    fn version_on(&self, machine: &Machine) -> Option<Version> {
        let digest = machine.disk.file(files::BINARY)?.digest()?;
        self.shelf.version_of(&digest, machine.build.arch)
    }

    /// The cluster that the API spoke for: that of a ready server, else any of ours.
    fn main_cluster(&self, facts: &Facts) -> Option<u32> {
        let ready = facts.kube.apis.iter().filter(|(_, api)| **api == Api::Ready).map(|(host, _)| host);
        let of = |host: &NodeName| {
            let ca = belongs_to(self.machines.get(host)?)?;
            self.clusters.values().find(|cluster| cluster.ca_hash() == ca).map(|cluster| cluster.id)
        };
        let ours = self.clusters.values().find(|cluster| !cluster.foreign).map(|cluster| cluster.id);
        ready.into_iter().find_map(of).or(ours).or(self.clusters.keys().next().copied())
    }

    /// Datastore, tokens and CA on a server's disk, and its member.
    fn told_member(&mut self, host: &NodeName, facts: &Facts) {
        let Some(id) = belongs_to(&self.machines[host]).map(|ca| self.told_cluster(&ca)) else { return };
        let machine = self.machines.get_mut(host).expect("it was listed");
        let cluster = self.clusters.get_mut(&id).expect("it was just looked up");
        if machine.told_data.sqlite {
            files::write_sqlite(&mut machine.disk, id);
        }
        if machine.told_data.etcd {
            let node = node_name(machine);
            let name = format!("{node}-told");
            files::write_member(&mut machine.disk, &files::Member { cluster: id, name: name.clone() });
            if machine.told_data.removed {
                machine.disk.write(files::TOMBSTONE, 0o600, "");
            }
            let told = facts.kube.nodes.get(&node);
            // The member may be gone; data that is there is taken for a member's.
            let voter = told.is_none_or(|node| node.voter.is_none() || votes(node));
            if !machine.told_data.removed {
                cluster.members.insert(name, told_member(node, Some(host.clone()), voter));
            }
        }
        if machine.disk.has(files::SERVER_CA) {
            let ca = cluster.ca_hash();
            let server = cluster.server_password.clone().unwrap_or_default();
            stand_in(machine, files::TOKEN, &format!("K10{ca}::server:{server}\n"));
            if let Some(agent) = &cluster.agent_password {
                stand_in(machine, files::AGENT_TOKEN, &format!("K10{ca}::node:{agent}\n"));
            } else if !machine.disk.has(files::AGENT_TOKEN) {
                machine.disk.link(files::AGENT_TOKEN, files::TOKEN);
            }
            stand_in(machine, files::KUBECONFIG, &files::kubeconfig(&ca, host));
        }
    }

    fn told_nodes(&mut self, main: u32, facts: &Facts) {
        for (name, fact) in &facts.kube.nodes {
            let host = self.machines.values().find(|machine| node_name(machine) == *name);
            let host = host.map(|machine| machine.name.clone());
            let cluster = self.clusters.get_mut(&main).expect("it was chosen among them");
            if let (Some(_), None) = (fact.voter, cluster.member_of(name)) {
                let member = told_member(name.clone(), host.clone(), votes(fact));
                cluster.members.insert(format!("{name}-told"), member);
            }
            if let Some(version) = fact.version.clone().filter(|_| fact.voter.is_some()) {
                cluster.newest = cluster.newest.clone().max(version);
            }
            cluster.nodes.insert(name.clone(), node(fact, host));
        }
    }

    /// A k3s that runs, as far as facts tell.
    fn told_process(&mut self, host: &NodeName, main: Option<u32>, facts: &Facts) {
        let machine = &self.machines[host];
        let dark = machine.ssh.told_fault.is_some();
        let node = node_name(machine);
        let told = facts.kube.nodes.get(&node);
        let service = machine.k3s_services().into_iter().find(|name| machine.service(name).active);
        let (service, role, id) = match (dark, service) {
            (false, Some(service)) => {
                let role = super::role_of(machine, &service);
                let id = belongs_to(machine).map(|ca| self.told_cluster(&ca));
                (service, role, id)
            }
            // Nothing is known of it but that its Node reports.
            (true, _) if machine.is_on() => {
                let server = told.is_some_and(|node| node.voter.is_some());
                let role = if server { Role::Server } else { Role::Agent };
                ("k3s".to_owned(), role, main)
            }
            _ => return,
        };
        let machine = &self.machines[host];
        let Some(id) = id else { return self.k3s_start(host, &service) };
        let down = match facts.kube.apis.get(host) {
            Some(Api::Down(why)) if role == Role::Server && !dark => Some(why.clone()),
            _ => None,
        };
        if down.is_some() && !self.could_have_quorum(id) {
            return self.k3s_start(host, &service);
        }
        let cluster = &self.clusters[&id];
        let settings = Settings::read(machine, &service).unwrap_or_default();
        let process = Process {
            serial: 0,
            service,
            role,
            cluster: down.is_none().then_some(id),
            // What keeps it from serving is in no fact, so it lasts until the service is started again.
            phase: down.map_or(Phase::Running, Phase::Failing),
            member: cluster.member_of(&node).filter(|_| role == Role::Server).map(|(name, _)| name.clone()),
            version: self.version_on(machine).or_else(|| told.and_then(|node| node.version.clone())),
            node,
            api_at: Duration::ZERO,
            registered: told.is_some(),
            together: if dark { BTreeMap::new() } else { together(&settings, &Word::Unknown) },
        };
        let registers = process.phase == Phase::Running && !process.registered;
        let serial = self.next_number();
        self.processes.insert(host.clone(), Process { serial, ..process });
        if registers {
            self.register_soon(host, serial);
        }
    }

    /// Whether enough members are where a k3s is meant to run; then it is not the others that a server waits for.
    fn could_have_quorum(&self, cluster: u32) -> bool {
        let cluster = &self.clusters[&cluster];
        let runs = |host: &NodeName| {
            let machine = &self.machines[host];
            machine.k3s_services().iter().any(|name| machine.service(name).active)
        };
        let up = cluster.voters().filter(|(_, member)| member.host.as_ref().is_some_and(runs)).count();
        cluster.datastore != Datastore::Etcd || up * 2 > cluster.voters().count()
    }
}

/// The cluster a machine belongs to, by its CA: a server's own, else the one it last joined.
fn belongs_to(machine: &Machine) -> Option<Sha256> {
    let ca = machine.disk.file(files::SERVER_CA).or_else(|| machine.disk.file(files::AGENT_CA));
    ca.and_then(Blob::digest)
}

fn first_settings(machine: &Machine) -> Option<Settings> {
    Settings::read(machine, machine.k3s_services().first()?).ok()
}

fn node_name(machine: &Machine) -> String {
    let configured = first_settings(machine).and_then(|settings| settings.text("node-name"));
    configured.unwrap_or_else(|| machine.build.hostname.clone()).to_lowercase()
}

/// Bytes for a file that is there without known content, or not asked about at all.
fn stand_in(machine: &mut Machine, path: &str, text: &str) {
    let bytes = text.as_bytes().to_vec();
    let entry = match machine.disk.get(path) {
        None => Entry::File { meta: root(0o600), blob: Blob::new(bytes) },
        Some(Entry::File { meta, blob }) if blob.bytes().is_none() => {
            let told = blob.content().unwrap_or(Content::Unread);
            Entry::File { meta, blob: Blob::told_with(bytes, told) }
        }
        Some(_) => return,
    };
    machine.disk.put(path, entry).expect("there was something, or nothing, at this path before");
}

/// A member that does not answer is told like a learner; where its Node is not Ready it is taken for a voter that is
/// down, which is the worse of the two.
fn votes(fact: &NodeFact) -> bool {
    fact.voter == Some(true) || !fact.ready
}

fn told_member(node: String, host: Option<NodeName>, voter: bool) -> Member {
    Member { node, host, voter, progress: Duration::ZERO, progressed: false }
}

fn node(fact: &NodeFact, host: Option<NodeName>) -> Node {
    let told = (!fact.ready || host.is_none()).then(|| (fact.ready, fact.reason.clone()));
    Node {
        created: fact.created,
        host,
        version: fact.version.clone(),
        address: fact.address,
        labels: fact.labels.clone(),
        taints: fact.taints.clone(),
        owned_labels: fact.owned_labels.clone(),
        owned_taints: fact.owned_taints.clone(),
        unschedulable: fact.unschedulable,
        votes: fact.voter,
        beat: Some(Duration::ZERO),
        ready_at: Duration::ZERO,
        told,
    }
}
