//! Who is up: members, quorum, API endpoints, as seen from a machine or from the operator.

use std::time::Duration;

use model::{NodeName, Role, Version, facts::Api};

use super::{Datastore, Phase, Process};
use crate::{
    host::Machine,
    world::{Operator, World},
};

/// How long after its last report a kubelet counts as gone (the node controller's grace period).
pub(super) const GRACE: Duration = Duration::from_secs(40);

impl World {
    /// Whether an etcd member's process runs on a machine that the others reach.
    pub(crate) fn member_is_up(&self, cluster: u32, member: &str) -> bool {
        self.member_host(cluster, member).is_some_and(|host| self.machines[host].link.nodes)
    }

    /// The running machine on which a member's process runs.
    pub(super) fn member_host(&self, cluster: u32, member: &str) -> Option<&NodeName> {
        let host = self.clusters.get(&cluster)?.members.get(member)?.host.as_ref()?;
        let process = self.processes.get(host)?;
        let runs = process.phase == Phase::Running
            && process.cluster == Some(cluster)
            && process.member.as_deref() == Some(member);
        (runs && self.machines[host].is_on()).then_some(host)
    }

    /// Voters in all, and those that a machine sees up.
    pub(crate) fn votes(&self, cluster: u32, from: &NodeName) -> (usize, usize) {
        let Some(cluster) = self.clusters.get(&cluster) else { return (0, 0) };
        let sees =
            |member: &str| self.member_host(cluster.id, member).is_some_and(|host| self.reaches(from, host));
        let up = cluster.voters().filter(|(name, _)| sees(name)).count();
        (cluster.voters().count(), up)
    }

    /// Whether etcd has a leader as a machine sees it; without etcd there is none to lose.
    fn quorum(&self, cluster: u32, from: &NodeName) -> Result<(), String> {
        let etcd = self.clusters.get(&cluster).is_some_and(|cluster| cluster.datastore == Datastore::Etcd);
        let (all, up) = self.votes(cluster, from);
        if etcd && up * 2 <= all {
            return Err(format!("etcd has no leader: {up} of {all} voting members are up"));
        }
        Ok(())
    }

    /// Whether the API endpoint on a machine serves, seen from that machine; and which cluster.
    pub(crate) fn endpoint(&self, host: &NodeName) -> Result<u32, String> {
        let Some(machine) = self.machines.get(host) else { return Err("no such host".to_owned()) };
        if !machine.is_on() {
            return Err("no route to host".to_owned());
        }
        let refused = || Err("connection refused".to_owned());
        let Some(process) = self.processes.get(host).filter(|process| process.role == Role::Server) else {
            return refused();
        };
        if let Some(trouble) = process.trouble() {
            return Err(trouble);
        }
        let Some(cluster) = process.cluster else { return refused() };
        self.quorum(cluster, host)?;
        if let Some(member) = &process.member {
            match self.clusters[&cluster].members.get(member) {
                None => return Err("this server is not a member of the etcd cluster".to_owned()),
                Some(member) if !member.voter => return Err("the etcd member is a learner".to_owned()),
                Some(_) => {}
            }
        }
        if self.now < process.api_at {
            return Err("connection refused: the API server is starting".to_owned());
        }
        Ok(cluster)
    }

    /// Whether one machine's server serves another machine.
    pub(crate) fn serves(&self, from: &NodeName, host: &NodeName) -> Result<u32, String> {
        if !self.reaches(from, host) {
            return Err("i/o timeout".to_owned());
        }
        self.endpoint(host)
    }

    /// The endpoint as the operator finds it, through his connection to the host.
    pub(crate) fn api(&self, host: &NodeName, operator: Operator) -> Api {
        if let Err(fault) = self.gets_in(host, operator) {
            return Api::Down(fault.to_string());
        }
        self.endpoint(host).map_or_else(Api::Down, |_| Api::Ready)
    }

    /// Whether packets of one machine reach another. Every machine reaches itself.
    pub(crate) fn reaches(&self, from: &NodeName, to: &NodeName) -> bool {
        let up = |host: &NodeName| self.machines.get(host).is_some_and(Machine::is_on);
        let linked = |host: &NodeName| self.machines.get(host).is_some_and(|machine| machine.link.nodes);
        up(from) && up(to) && (from == to || linked(from) && linked(to))
    }

    /// The machines behind a URL's host: by address, by name, or by one of the world's DNS names.
    pub(crate) fn hosts_behind(&self, url: &str) -> Option<Vec<NodeName>> {
        let authority = url.split("://").last()?.split('/').next()?;
        let name = match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next()?,
            None => authority.rsplit_once(':').map_or(authority, |(name, _)| name),
        };
        if let Some(hosts) = self.names.get(name) {
            return Some(hosts.clone());
        }
        let is = |machine: &&Machine| machine.has_address(name) || machine.build.hostname == name;
        let hosts: Vec<_> = self.machines.values().filter(is).map(|machine| machine.name.clone()).collect();
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        (!hosts.is_empty() || is_address).then_some(hosts)
    }

    /// The servers of a cluster whose endpoints serve.
    pub(crate) fn serving(&self, cluster: u32) -> Vec<NodeName> {
        let of = |process: &&Process| process.role == Role::Server && process.cluster == Some(cluster);
        let servers = self.processes.iter().filter(|(_, process)| of(process)).map(|(host, _)| host);
        servers.filter(|host| self.endpoint(host) == Ok(cluster)).cloned().collect()
    }

    /// Versions of the servers that run.
    pub(crate) fn server_versions(&self, cluster: u32) -> impl Iterator<Item = Version> {
        self.processes
            .values()
            .filter(move |process| process.role == Role::Server && process.cluster == Some(cluster))
            .filter_map(|process| process.version.clone())
    }

    /// `host:port` of every server that runs.
    pub(super) fn server_addresses(&self, cluster: u32) -> Vec<String> {
        let servers = self
            .processes
            .iter()
            .filter(|(_, process)| process.role == Role::Server && process.cluster == Some(cluster));
        servers
            .filter_map(|(host, process)| {
                let node = self.clusters[&cluster].nodes.get(&process.node);
                let address = node.and_then(|node| node.address);
                let address = address.or(self.machines[host].build.addresses.first().map(|a| a.ip))?;
                Some(std::net::SocketAddr::new(address, 6443).to_string())
            })
            .collect()
    }
}
