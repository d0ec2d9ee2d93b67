//! A model of k3s: clusters, their members and nodes, and the processes that make them.
//!
//! Owns: what k3s does by itself on simulated machines, driven only by the files it finds there. Sources of its rules:
//! k3s's documentation (configuration file, tokens, server and agent flags, architecture) and etcd's membership rules.
//! Must not: know what coracle wants.

mod attempt;
pub(crate) mod config;
pub(crate) mod files;
mod found;
mod from_facts;
mod health;
mod join;
mod members;
mod register;
mod token;

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use model::{NodeName, Role, Version, digest::Sha256};
use serde::{Deserialize, Serialize};
use spec::cluster::Taint;

use crate::host::Machine;

/// The label of Nodes with an etcd member; k3s leaves it when the member goes.
const ETCD_ROLE: &str = "node-role.kubernetes.io/etcd";

/// Stands for a value that facts do not tell.
pub(crate) const NOT_KNOWN: &str = "not known";

/// One cluster as its datastore knows it. It outlives every process, and is lost with its last copy of the data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub id: u32,
    /// Stand-in for the CA certificate, or what facts told of it.
    pub ca: Vec<u8>,
    pub told_ca: Option<Sha256>,
    /// Somebody else's: not watched.
    pub foreign: bool,
    pub datastore: Datastore,
    /// `None` when facts could not tell: every token is taken for right.
    pub server_password: Option<String>,
    /// `None` when agents join with the server token.
    pub agent_password: Option<String>,
    pub together: BTreeMap<String, String>,
    /// The newest server it ever had.
    pub newest: Version,
    pub members: BTreeMap<String, Member>,
    pub nodes: BTreeMap<String, Node>,
    /// Node passwords, by node.
    pub passwords: BTreeMap<String, String>,
}

/// Where a cluster keeps its objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Datastore {
    Sqlite,
    Etcd,
    /// The endpoint, as given.
    External(String),
}

/// One etcd member. Its key is the member's own name, which is new at each join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// The Kubernetes node it belongs to.
    pub node: String,
    /// The machine it was made on; `None` when that is not part of this world.
    pub host: Option<NodeName>,
    pub voter: bool,
    /// When a learner was last seen to get on; when it was added, before that.
    pub progress: Duration,
    /// Whether it was ever seen to get on.
    pub progressed: bool,
}

/// One Node object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    /// Seconds since 1970.
    pub created: u64,
    pub host: Option<NodeName>,
    pub version: Option<Version>,
    pub address: Option<IpAddr>,
    pub labels: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
    pub owned_labels: Vec<String>,
    pub owned_taints: Vec<String>,
    pub unschedulable: bool,
    /// The condition `EtcdIsVoter`, as the leader set it last.
    pub votes: Option<bool>,
    /// When its kubelet last reported.
    pub beat: Option<Duration>,
    /// When its kubelet is or was ready for pods.
    pub ready_at: Duration,
    /// What facts told, for nodes whose machine is not part of this world.
    pub told: Option<(bool, String)>,
}

/// A k3s service that runs, or tries to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Tells appointments of this process from those of an earlier one.
    pub serial: u64,
    pub service: String,
    pub role: Role,
    pub phase: Phase,
    /// Set while running.
    pub cluster: Option<u32>,
    /// The Kubernetes name of its node.
    pub node: String,
    /// Its etcd member.
    pub member: Option<String>,
    pub version: Option<Version>,
    /// When its API endpoint comes up, other things being well.
    pub api_at: Duration,
    pub registered: bool,
    /// What must be equal on all servers.
    pub together: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    Starting,
    /// Its last words; the service manager starts it again and again.
    Failing(String),
    Running,
}

/// An appointment of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tick {
    /// It has come up far enough to read its configuration.
    Attempt,
    /// Its kubelet registers.
    Register,
}

impl Cluster {
    /// The CA's hash as tokens carry it: SHA-256 of the PEM bytes of a bundle with one certificate.
    pub(crate) fn ca_hash(&self) -> Sha256 {
        self.told_ca.clone().unwrap_or_else(|| Sha256::of(&self.ca))
    }

    pub(crate) fn member_of(&self, node: &str) -> Option<(&String, &Member)> {
        self.members.iter().find(|(_, member)| member.node == node)
    }

    pub(crate) fn voters(&self) -> impl Iterator<Item = (&String, &Member)> {
        self.members.iter().filter(|(_, member)| member.voter)
    }
}

impl Process {
    /// Why it does not serve, when it does not.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &self.phase {
            Phase::Starting => Some("connection refused: k3s is starting".to_owned()),
            Phase::Failing(why) => Some(format!("connection refused: k3s does not start: {why}")),
            Phase::Running => None,
        }
    }
}

/// Which of the two a k3s service is.
pub(crate) fn role_of(machine: &Machine, service: &str) -> Role {
    if let Some(words) = command(machine, service) {
        return if words.first().is_some_and(|word| word == "agent") { Role::Agent } else { Role::Server };
    }
    match machine.told_services.get(service) {
        Some(told) => told.role,
        None if service.ends_with("-agent") => Role::Agent,
        None => Role::Server,
    }
}

/// The arguments of a k3s service after its command word.
pub(crate) fn arguments_of(machine: &Machine, service: &str) -> Vec<String> {
    match command(machine, service) {
        Some(words) => words[1..].to_vec(),
        None => machine.told_services.get(service).map(|told| told.arguments.clone()).unwrap_or_default(),
    }
}

/// Whether a service's unit or script runs k3s. Of units whose text is not known facts tell.
pub(crate) fn runs_k3s(machine: &Machine, service: &str) -> bool {
    command(machine, service).is_some()
        || machine.told_services.contains_key(service) && !has_unit_text(machine, service)
}

/// Whether the text of a service's unit or script is known.
pub(crate) fn has_unit_text(machine: &Machine, service: &str) -> bool {
    machine.disk.text(&machine.unit_path(service)).is_some()
}

/// The command word and what follows it, from the unit or init script.
fn command(machine: &Machine, service: &str) -> Option<Vec<String>> {
    let text = machine.disk.text(&machine.unit_path(service))?.replace("\\\n", " ");
    let line = text.lines().find_map(|line| {
        let line = line.trim();
        line.strip_prefix("ExecStart=").or_else(|| line.strip_prefix("command_args="))
    })?;
    let words: Vec<_> = line
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']).to_owned())
        .take_while(|word| !word.contains('>'))
        .filter(|word| !word.is_empty())
        .skip_while(|word| word != "server" && word != "agent")
        .collect();
    (!words.is_empty()).then_some(words)
}
