//! Worlds that look like observed ones: rehearsing against what is really there.
//!
//! Owns: turning facts back into machines. What facts cannot tell (contents, passwords) gets stand-ins that agree with
//! what they do tell. Must not: judge the facts.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{
    NodeName,
    facts::{Before, ConfigSource, Content, Facts, FileFact, HostFacts, Seen, Stable},
    op::Guard,
    resource::Kind,
};

use super::{Task, World};
use crate::{
    artifact::artifact_bytes,
    host::{
        Armed, Build, HostClock, Machine, PowerState, Service, ToldData,
        disk::{Blob, Disk, Entry, root},
        empty_like,
    },
    k3s::files,
};

impl World {
    /// A world in which looking gives these facts. Hosts that gave no answer give the same fault again.
    ///
    /// What a survey did not ask for is not in facts and so not in the world. Secrets are stand-ins.
    pub fn from_facts(facts: &Facts, seed: u64) -> Self {
        let mut world = Self::bare(seed);
        world.epoch = facts.taken;
        for (name, seen) in &facts.hosts {
            let machine = match seen {
                Seen::Known(host) => world.known_machine(name, host, facts.taken),
                Seen::Dark(fault) => dark_machine(name, fault, facts),
            };
            world.machines.insert(name.clone(), machine);
        }
        world.arm_told_guards();
        world.clusters_from_facts(facts);
        world
    }

    fn known_machine(&mut self, name: &NodeName, host: &HostFacts, taken: u64) -> Machine {
        let HostFacts { stable, volatile, texts: _ } = host;
        let mut machine = empty_like(name, build(stable), "root");
        machine.disk = Disk::default();
        for (path, fact) in &stable.files {
            put_fact(&mut machine, path, fact);
        }
        machine.installed =
            stable.installed.iter().filter(|(_, is)| **is).map(|(name, _)| name.clone()).collect();
        machine.sysctls.clone_from(&stable.sysctls);
        for (name, loaded) in &stable.modules {
            let name = name.replace('-', "_");
            if *loaded {
                machine.modules.insert(name)
            } else {
                machine.modules.remove(&name)
            };
        }
        for (name, fact) in &stable.services {
            let service = Service { builtin: fact.known, enabled: fact.enabled, active: fact.active };
            machine.services.insert(name.clone(), service);
            if let Some(stamp) = &fact.stamp {
                machine.marks.stamps.insert(name.clone(), stamp.clone());
            }
        }
        marks(&mut machine, stable);
        self.k3s_of(&mut machine, stable);
        machine.power.head_start = volatile.uptime;
        machine.power.told_boot_id = Some(volatile.boot_id.clone());
        let ahead = i64::try_from(i128::from(volatile.clock) - i128::from(taken)).unwrap_or(0);
        machine.clock = HostClock { ahead, synced: volatile.clock_synced };
        machine.disk_free = volatile.disk_free;
        machine.memory = volatile.memory;
        if let Some(guard) = &volatile.guard {
            let fires = Duration::from_secs(guard.left);
            let guard = Guard {
                id: guard.id.clone(),
                init: stable.init,
                window: 60,
                paths: Vec::new(),
                service: String::new(),
            };
            machine.marks.armed =
                Some(Armed { guard, fires, before: BTreeMap::new(), stamp: None, owned: BTreeMap::new() });
        }
        machine
    }

    /// Binary, data directory, services and configuration of k3s.
    fn k3s_of(&mut self, machine: &mut Machine, stable: &Stable) {
        let k3s = &stable.k3s;
        if let Some(digest) = &k3s.binary {
            let blob = match &k3s.version {
                Some(version) => {
                    self.shelf.know(digest.clone(), version.clone(), stable.arch);
                    Blob::standing_for(artifact_bytes(version, stable.arch), digest.clone())
                }
                None => Blob::told(Content::Digest(digest.clone())),
            };
            let meta = match machine.disk.get(files::BINARY) {
                Some(Entry::File { meta, .. }) => meta,
                _ => root(0o755),
            };
            put(machine, files::BINARY, Entry::File { meta, blob });
        }
        for (path, ca) in [(files::SERVER_CA, &k3s.data.server_ca), (files::AGENT_CA, &k3s.data.agent_ca)] {
            if let Some(ca) = ca {
                let blob = Blob::told(Content::Digest(ca.clone()));
                put(machine, path, Entry::File { meta: root(0o644), blob });
            }
        }
        machine.told_data =
            ToldData { etcd: k3s.data.etcd, removed: k3s.data.removed, sqlite: k3s.data.sqlite };
        machine.password_made = k3s.node_password;
        if k3s.node_password.is_some() && !machine.disk.has(files::NODE_PASSWORD) {
            put_unknown(machine, files::NODE_PASSWORD);
        }
        machine.told_config.clone_from(&k3s.config);
        let file = |source: &ConfigSource| match source {
            ConfigSource::File(path) => Some(path.clone()),
            ConfigSource::Argument | ConfigSource::Environment => None,
        };
        let sources: BTreeSet<_> = k3s.config.values().filter_map(|fact| file(&fact.source)).collect();
        let units = k3s.services.iter().map(|service| machine.unit_path(&service.name)).collect::<Vec<_>>();
        for path in sources.into_iter().chain(units) {
            if !machine.disk.has(&path) {
                put_unknown(machine, &path);
            }
        }
        for service in &k3s.services {
            machine.told_services.insert(service.name.clone(), service.clone());
            // Somebody else's service is not asked about; with data behind it, it is taken to run.
            let runs = k3s.data.server_ca.is_some() || k3s.data.agent_ca.is_some();
            let assumed = Service { builtin: true, enabled: runs, active: runs };
            machine.services.entry(service.name.clone()).or_insert(assumed);
        }
    }

    fn arm_told_guards(&mut self) {
        let armed: Vec<_> = self
            .machines
            .iter()
            .filter_map(|(host, machine)| Some((host.clone(), machine.marks.armed.clone()?)))
            .collect();
        for (host, armed) in armed {
            self.schedule(armed.fires, Task::Guard { host, id: armed.guard.id });
        }
    }

    /// Tells a world made from facts what only the cluster file knows: login names and the API's DNS name.
    pub fn acquaint(&mut self, cluster: &spec::cluster::Cluster) {
        for node in &cluster.nodes {
            if let (Some(machine), Some(user)) = (self.machines.get_mut(&node.name), &node.ssh.user) {
                machine.ssh.user.clone_from(user);
                machine.build.users.insert(user.clone());
            }
        }
        self.learn_names(cluster);
    }
}

fn build(stable: &Stable) -> Build {
    let mut users: BTreeSet<String> = ["root", "daemon", "nobody", "adm", "shadow"].map(str::to_owned).into();
    for fact in stable.files.values() {
        if let FileFact::File { meta, .. } | FileFact::Dir { meta } = fact {
            users.extend([meta.owner.clone(), meta.group.clone()]);
        }
    }
    Build {
        system: stable.system.clone(),
        arch: stable.arch,
        init: stable.init,
        packages: stable.packages,
        fetcher: stable.fetcher,
        hostname: stable.hostname.clone(),
        machine_id: stable.machine_id.clone(),
        addresses: stable.addresses.clone(),
        memory_cgroup: stable.memory_cgroup,
        swap: stable.swap,
        selinux_enforcing: stable.selinux_enforcing,
        selinux_policy: stable.selinux_policy,
        sshd_dropins: stable.sshd_dropins,
        firewalls: stable.firewalls.clone(),
        users,
    }
}

fn put_fact(machine: &mut Machine, path: &str, fact: &FileFact) {
    let entry = match fact {
        FileFact::Absent => return,
        FileFact::File { meta, content } => {
            Entry::File { meta: meta.clone(), blob: Blob::told(content.clone()) }
        }
        FileFact::Dir { meta } => Entry::Dir { meta: meta.clone() },
        FileFact::Link { target } => Entry::Link { target: target.clone() },
        FileFact::Special => Entry::Special,
    };
    put(machine, path, entry);
}

fn put_unknown(machine: &mut Machine, path: &str) {
    put(machine, path, Entry::File { meta: root(0o600), blob: Blob::told(Content::Unread) });
}

/// Facts of one moment agree with each other; where they do not, the later path gives way.
fn put(machine: &mut Machine, path: &str, entry: Entry) {
    let _ = machine.disk.put(path, entry);
}

/// What coracle keeps there.
fn marks(machine: &mut Machine, stable: &Stable) {
    let marks = &mut machine.marks;
    if let Some(owned) = &stable.owned {
        marks.claim = Some((owned.cluster.clone(), owned.id.clone()));
        marks.owned.clone_from(&owned.entries);
        for (resource, _) in owned.entries.iter().filter(|(_, owned)| owned.before == Before::Kept) {
            let blob = Blob::told(Content::Unread);
            marks.kept.insert(resource.clone(), Entry::File { meta: root(0o644), blob });
        }
        let is_secret = |path: &String| {
            matches!(stable.files.get(path), Some(FileFact::File { content: Content::Keyed { .. }, .. }))
        };
        let paths = owned.entries.keys().filter(|id| id.kind == Kind::File).map(|id| &id.name);
        marks.secret_paths = paths.filter(|path| is_secret(path)).cloned().collect();
    }
    for (path, fact) in &stable.integrity {
        marks.integrity.insert(path.clone(), fact.recorded.clone());
        marks.told_integrity.insert(path.clone(), fact.now.clone());
    }
}

/// A machine that gave no answer. Where its Node is Ready it runs, and only the operator does not reach it.
fn dark_machine(name: &NodeName, fault: &model::fault::HostFault, facts: &Facts) -> Machine {
    let node = facts.kube.nodes.get(name.as_str());
    let address = node.and_then(|node| node.address).map(|ip| model::facts::Address {
        interface: "eth0".to_owned(),
        ip,
        prefix: if ip.is_ipv4() { 24 } else { 64 },
    });
    let mut machine = crate::host::empty(
        name,
        crate::host::Stock::Debian,
        model::facts::Arch::Amd64,
        address.into_iter().collect(),
        "root",
    );
    machine.ssh.told_fault = Some(fault.clone());
    machine.link.operator = false;
    if !node.is_some_and(|node| node.ready) {
        machine.power.state = PowerState::Off;
    }
    machine
}
