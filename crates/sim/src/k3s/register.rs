//! Nodes: registering, reporting, and learners that become voters.

use std::{collections::BTreeMap, time::Duration};

use model::{
    NodeName, Role,
    facts::{Api, Arch, KubeFacts, NodeFact},
};
use spec::cluster::{Effect, Taint};

use super::{Cluster, Datastore, Node, Phase, Tick, config::Settings, files, health::GRACE};
use crate::{
    host::Machine,
    world::{Operator, Task, World},
};

/// Between two tries of what must wait for others.
const AGAIN: Duration = Duration::from_millis(1_500);
/// From registering until the kubelet is ready for pods.
const READY: Duration = Duration::from_secs(4);
/// Between two reports of a kubelet.
const BEAT: Duration = Duration::from_secs(10);

impl World {
    /// Keeps an appointment of a process, unless it is not that process any more.
    pub(crate) fn tick(&mut self, host: &NodeName, serial: u64, tick: Tick) {
        if self.processes.get(host).is_none_or(|process| process.serial != serial) {
            return;
        }
        match tick {
            Tick::Attempt => self.attempt(host),
            Tick::Register => self.register(host, serial),
        }
    }

    fn again(&mut self, host: &NodeName, serial: u64, tick: Tick) {
        let span = self.span(host, AGAIN);
        self.schedule(span, Task::K3s { host: host.clone(), serial, tick });
    }

    /// The kubelet registers its node or takes it up again.
    fn register(&mut self, host: &NodeName, serial: u64) {
        let process = &self.processes[host];
        if process.phase != Phase::Running {
            return;
        }
        let Some(id) = process.cluster else { return };
        if !self.is_served(host, &self.serving(id)) {
            return self.again(host, serial, Tick::Register);
        }
        match self.take_up_node(host, id) {
            Ok(()) => self.processes.get_mut(host).expect("looked up above").registered = true,
            Err(why) => self.k3s_fails(host, why),
        }
    }

    /// Whether a node finds an API that serves it: a server its own, an agent any.
    fn is_served(&self, host: &NodeName, serving: &[NodeName]) -> bool {
        match self.processes[host].role {
            Role::Server => serving.contains(host),
            Role::Agent => serving.iter().any(|server| self.reaches(host, server)),
        }
    }

    fn take_up_node(&mut self, host: &NodeName, id: u32) -> Result<(), String> {
        let process = self.processes[host].clone();
        let name = process.node;
        let fresh = self.new_secret("node password");
        let machine = self.machines.get_mut(host).expect("the process runs there");
        let settings = Settings::read(machine, &process.service)?;
        let password = machine.disk.text(files::NODE_PASSWORD);
        let told = machine.disk.has(files::NODE_PASSWORD) && password.is_none();
        let cluster = self.clusters.get_mut(&id).expect("a running process has a cluster");
        let epoch = self.epoch + self.now.as_secs();
        let password = match password {
            Some(text) => text.trim().to_owned(),
            None if told => String::new(),
            None => {
                machine.disk.write(files::NODE_PASSWORD, 0o600, format!("{fresh}\n"));
                machine.password_made = Some(epoch);
                fresh
            }
        };
        match cluster.passwords.get(&name) {
            Some(known) if *known != password && !told => {
                return Err(format!(
                    "node password rejected for {name}: duplicate hostname, or {} does not match the cluster's entry",
                    files::NODE_PASSWORD
                ));
            }
            _ => {}
        }
        if !told {
            cluster.passwords.insert(name.clone(), password);
        }
        let node =
            cluster.nodes.entry(name.clone()).or_insert_with(|| first_time(&name, machine, &settings, epoch));
        let etcd = cluster.datastore == Datastore::Etcd;
        if process.role == Role::Server {
            for (role, set) in [("control-plane", true), ("etcd", etcd)] {
                if set {
                    node.labels.insert(format!("node-role.kubernetes.io/{role}"), "true".into());
                }
            }
        }
        node.host = Some(host.clone());
        node.told = None;
        node.version = process.version;
        node.address = address(machine, &settings);
        node.ready_at = self.now + READY;
        node.beat = Some(self.now);
        Ok(())
    }

    /// The process ends with these words, and is started again.
    pub(crate) fn k3s_fails(&mut self, host: &NodeName, why: String) {
        let serial = self.next_number();
        let Some(process) = self.processes.get_mut(host) else { return };
        process.serial = serial;
        process.phase = Phase::Failing(why);
        process.cluster = None;
        process.registered = false;
        let span = self.span(host, Duration::from_secs(8));
        self.schedule(span, Task::K3s { host: host.clone(), serial, tick: Tick::Attempt });
    }

    /// Begins the reports of kubelets, once.
    pub(crate) fn keep_beating(&mut self) {
        if !self.beating {
            self.beating = true;
            self.schedule(BEAT, Task::Beat);
            self.schedule(super::members::ROUND, Task::Members);
        }
    }

    /// Every kubelet that finds an API reports.
    pub(crate) fn beat(&mut self) {
        let serving: BTreeMap<u32, Vec<NodeName>> =
            self.clusters.keys().map(|cluster| (*cluster, self.serving(*cluster))).collect();
        let alive: Vec<_> = self
            .processes
            .iter()
            .filter(|(host, process)| process.registered && self.machines[*host].is_on())
            .filter_map(|(host, process)| Some((host, process.cluster?, process.node.clone())))
            .filter(|(host, cluster, _)| self.is_served(host, &serving[cluster]))
            .map(|(_, cluster, node)| (cluster, node))
            .collect();
        for (cluster, node) in alive {
            let nodes = self.clusters.get_mut(&cluster).map(|cluster| &mut cluster.nodes);
            if let Some(node) = nodes.and_then(|nodes| nodes.get_mut(&node)) {
                node.beat = Some(self.now);
            }
        }
        self.schedule(BEAT, Task::Beat);
    }

    /// What the API says, asked through these servers.
    pub(crate) fn kube_facts(&self, servers: &[NodeName], operator: Operator) -> KubeFacts {
        let apis: BTreeMap<_, _> =
            servers.iter().map(|server| (server.clone(), self.api(server, operator))).collect();
        let ready = servers.iter().find(|server| apis[*server] == Api::Ready);
        let cluster = ready.and_then(|server| self.endpoint(server).ok()).map(|id| &self.clusters[&id]);
        let nodes = cluster.map(|cluster| {
            let facts =
                cluster.nodes.iter().map(|(name, node)| (name.clone(), self.node_fact(cluster, node)));
            facts.collect()
        });
        KubeFacts { apis, nodes: nodes.unwrap_or_default() }
    }

    fn node_fact(&self, cluster: &Cluster, node: &Node) -> NodeFact {
        let (ready, reason) = self.condition(cluster, node);
        NodeFact {
            ready,
            reason,
            voter: node.votes,
            created: node.created,
            version: node.version.clone(),
            address: node.address,
            unschedulable: node.unschedulable,
            labels: node.labels.clone(),
            taints: node.taints.clone(),
            owned_labels: node.owned_labels.clone(),
            owned_taints: node.owned_taints.clone(),
        }
    }

    /// The Ready condition: status, and reason with message.
    fn condition(&self, cluster: &Cluster, node: &Node) -> (bool, String) {
        if let Some(told) = &node.told {
            return told.clone();
        }
        let silent = node.beat.is_none_or(|beat| self.now.saturating_sub(beat) > GRACE);
        if silent {
            return (false, "NodeStatusUnknown: Kubelet stopped posting node status.".to_owned());
        }
        if self.now < node.ready_at {
            return (false, "KubeletNotReady: container runtime is starting".to_owned());
        }
        if cluster.together.get("flannel-backend").is_some_and(|backend| backend == "none") {
            let text = "KubeletNotReady: container runtime network not ready: NetworkReady=false \
                        reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";
            return (false, text.to_owned());
        }
        (true, "KubeletReady: kubelet is posting ready status".to_owned())
    }
}

/// A Node object at its first registration: labels and taints are taken from the configuration only now.
fn first_time(name: &str, machine: &Machine, settings: &Settings, created: u64) -> Node {
    // Go's name for the processor, not the release page's.
    let arch = match machine.build.arch {
        Arch::Armhf => "arm",
        other => other.as_str(),
    };
    // What every kubelet says of its node (kubernetes.io/docs/reference/labels-annotations-taints), the old names too.
    let mut labels: BTreeMap<String, String> = [
        ("kubernetes.io/hostname", name),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", arch),
        ("node.kubernetes.io/instance-type", "k3s"),
        ("beta.kubernetes.io/os", "linux"),
        ("beta.kubernetes.io/arch", arch),
        ("beta.kubernetes.io/instance-type", "k3s"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    labels.extend(settings.list("node-label").iter().filter_map(|label| {
        let (key, value) = label.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    }));
    Node {
        created,
        host: Some(machine.name.clone()),
        version: None,
        address: None,
        labels,
        taints: settings.list("node-taint").iter().filter_map(|text| taint(text)).collect(),
        owned_labels: Vec::new(),
        owned_taints: Vec::new(),
        unschedulable: false,
        votes: None,
        beat: None,
        ready_at: Duration::ZERO,
        told: None,
    }
}

fn taint(text: &str) -> Option<Taint> {
    let (rest, effect) = text.rsplit_once(':')?;
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    let effect = match effect {
        "NoSchedule" => Effect::NoSchedule,
        "PreferNoSchedule" => Effect::PreferNoSchedule,
        "NoExecute" => Effect::NoExecute,
        _ => return None,
    };
    Some(Taint { key: key.to_owned(), value: value.to_owned(), effect })
}

/// The node's address: the one that is configured, else the first.
fn address(machine: &Machine, settings: &Settings) -> Option<std::net::IpAddr> {
    let configured = settings.list("node-ip").first().and_then(|ip| ip.parse().ok());
    configured.or_else(|| machine.build.addresses.first().map(|address| address.ip))
}
