//! A k3s service that starts: what it reads, and what follows once it has reached a cluster.
//!
//! Owns: the life of a process. How a cluster is reached is in `found` and `join`. Each refusal is worded as k3s or
//! etcd word it, shortened.

use std::{collections::BTreeMap, time::Duration};

use model::{NodeName, Role, Version, digest::Sha256};

use super::{
    Phase, Process, Tick,
    config::{Settings, Word},
    files, role_of,
    token::Token,
};
use crate::world::{Task, World};

/// From the start of the process until it has read its configuration and reached for its cluster.
const START: Duration = Duration::from_secs(3);
/// From its last words until the service manager starts it again.
const RESTART: Duration = Duration::from_secs(5);
/// From reaching its cluster until the API endpoint serves.
const API: Duration = Duration::from_secs(4);
/// From reaching its cluster until the kubelet registers.
const REGISTER: Duration = Duration::from_millis(2_500);

/// What a process reached.
pub(super) struct Reached {
    pub cluster: u32,
    pub member: Option<String>,
}

/// Everything a starting process knows of itself.
pub(super) struct Starting {
    pub host: NodeName,
    pub role: Role,
    pub node: String,
    pub version: Version,
    pub settings: Settings,
    pub together: BTreeMap<String, String>,
    pub token: Word,
    pub agent_token: Word,
}

impl World {
    /// A k3s service begins on a machine.
    pub(crate) fn k3s_start(&mut self, host: &NodeName, service: &str) {
        let serial = self.next_number();
        let machine = &self.machines[host];
        let role = role_of(machine, service);
        let node = machine.build.hostname.to_lowercase();
        let process = Process {
            serial,
            service: service.to_owned(),
            role,
            phase: Phase::Starting,
            cluster: None,
            node,
            member: None,
            version: None,
            api_at: Duration::ZERO,
            registered: false,
            together: BTreeMap::new(),
        };
        self.processes.insert(host.clone(), process);
        let span = self.span(host, START);
        self.schedule(span, Task::K3s { host: host.clone(), serial, tick: Tick::Attempt });
    }

    pub(crate) fn attempt(&mut self, host: &NodeName) {
        let Some(process) = self.processes.get(host) else { return };
        let (serial, service) = (process.serial, process.service.clone());
        let reached = self.begin(host, &service).and_then(|starting| {
            let reached = self.reach(&starting)?;
            Ok((starting, reached))
        });
        match reached {
            Ok((starting, reached)) => self.reached(starting, &reached),
            Err(why) => {
                let process = self.processes.get_mut(host).expect("looked up above");
                process.phase = Phase::Failing(why);
                process.cluster = None;
                let span = self.span(host, RESTART + START);
                self.schedule(span, Task::K3s { host: host.clone(), serial, tick: Tick::Attempt });
            }
        }
    }

    fn reached(&mut self, starting: Starting, reached: &Reached) {
        let Starting { host, role, node, version, settings, together, .. } = starting;
        let api_at = self.now + self.span(&host, API);
        let process = self.processes.get_mut(&host).expect("a process that starts");
        process.phase = Phase::Running;
        process.cluster = Some(reached.cluster);
        process.member.clone_from(&reached.member);
        process.version = Some(version.clone());
        process.node = node;
        process.together = together;
        process.api_at = api_at;
        let serial = process.serial;
        if role == Role::Server {
            self.settle_server(&host, reached.cluster, version, &settings);
        }
        let cluster = &self.clusters[&reached.cluster];
        files::write_node(self.machines.get_mut(&host).expect("the process runs there"), cluster);
        self.register_soon(&host, serial);
        self.keep_beating();
    }

    pub(super) fn register_soon(&mut self, host: &NodeName, serial: u64) {
        let span = self.span(host, REGISTER);
        self.schedule(span, Task::K3s { host: host.clone(), serial, tick: Tick::Register });
    }

    /// What a server leaves on its machine and in its cluster once it belongs to it.
    fn settle_server(&mut self, host: &NodeName, cluster: u32, version: Version, settings: &Settings) {
        let mode = settings.text("write-kubeconfig-mode");
        let mode = mode.and_then(|mode| u32::from_str_radix(&mode, 8).ok()).unwrap_or(0o600);
        let newest = self.clusters[&cluster].newest.clone();
        if version.minor > newest.minor + 1 {
            self.violate(format!("{host} goes from {newest} to {version} and skips a minor"));
        }
        let cluster = self.clusters.get_mut(&cluster).expect("it was reached");
        cluster.newest = newest.max(version);
        let machine = self.machines.get_mut(host).expect("the process runs there");
        files::write_server(machine, cluster, mode);
        for path in [files::TOKEN, files::AGENT_TOKEN] {
            self.learned.extend(machine.disk.text(path).map(|text| text.trim().to_owned().into_bytes()));
        }
    }

    /// Reads binary, configuration and tokens.
    fn begin(&self, host: &NodeName, service: &str) -> Result<Starting, String> {
        let machine = &self.machines[host];
        let Some(binary) = machine.disk.file(files::BINARY) else {
            return Err(format!("{}: no such file or directory", files::BINARY));
        };
        let version = binary.digest().and_then(|digest| self.shelf.version_of(&digest, machine.build.arch));
        let Some(version) = version else { return Err(format!("{}: exec format error", files::BINARY)) };
        if machine.build.selinux_enforcing && !machine.build.selinux_policy {
            return Err("SELinux enforces and has no policy for k3s: permission denied".to_owned());
        }
        if !machine.build.memory_cgroup {
            return Err("failed to find memory cgroup (v2)".to_owned());
        }
        if machine.disk_free == 0 {
            return Err("no space left on device".to_owned());
        }
        let settings = Settings::read(machine, service)?;
        let role = role_of(machine, service);
        let token = settings.secret(machine, "token")?;
        let agent_token = settings.secret(machine, "agent-token")?;
        let node =
            settings.text("node-name").unwrap_or_else(|| machine.build.hostname.clone()).to_lowercase();
        let together = together(&settings, &agent_token);
        Ok(Starting { host: host.clone(), role, node, version, settings, together, token, agent_token })
    }

    fn reach(&mut self, starting: &Starting) -> Result<Reached, String> {
        if starting.role == Role::Agent {
            return self.join_as_agent(starting);
        }
        let disk = &self.machines[&starting.host].disk;
        let (member, sqlite) = (files::read_member(disk), files::read_sqlite(disk));
        let external = match starting.settings.word("datastore-endpoint") {
            Word::Unset => None,
            Word::Unknown => Some(super::NOT_KNOWN.to_owned()),
            Word::Known(endpoint) => Some(endpoint),
        };
        // k3s joins only with a token. Without one and without `cluster-init` it passes `server` over and founds a cluster.
        let joins = starting.token != Word::Unset || starting.settings.yes("cluster-init");
        match (external, member, sqlite, starting.settings.text("server").filter(|_| joins)) {
            (Some(endpoint), ..) => self.use_external(starting, &endpoint),
            (None, Some(member), ..) => self.go_on(starting, member),
            (None, None, Some(cluster), _) => self.go_on_with_sqlite(starting, cluster),
            (None, None, None, Some(url)) => self.join(starting, &url),
            (None, None, None, None) => self.found(starting),
        }
    }
}

/// Options that k3s compares between servers, with their defaults ("critical configuration value mismatch").
pub(super) fn together(settings: &Settings, agent_token: &Word) -> BTreeMap<String, String> {
    const KEYS: [(&str, &str); 15] = [
        ("cluster-cidr", "10.42.0.0/16"),
        ("cluster-dns", ""),
        ("cluster-domain", "cluster.local"),
        ("disable-cloud-controller", "false"),
        ("disable-helm-controller", "false"),
        ("disable-network-policy", "false"),
        ("egress-selector-mode", "agent"),
        ("embedded-registry", "false"),
        ("flannel-backend", "vxlan"),
        ("flannel-external-ip", "false"),
        ("flannel-ipv6-masq", "false"),
        ("secrets-encryption", "false"),
        ("secrets-encryption-provider", "aescbc"),
        ("service-cidr", "10.43.0.0/16"),
        ("supervisor-metrics", "false"),
    ];
    let mut values: BTreeMap<_, _> = KEYS
        .iter()
        .map(|(key, default)| {
            let given = settings.list(key);
            let value = if given.is_empty() { (*default).to_owned() } else { given.join(",") };
            ((*key).to_owned(), value)
        })
        .collect();
    let servicelb = settings.list("disable").iter().any(|item| item == "servicelb");
    values.insert("disable: servicelb".to_owned(), servicelb.to_string());
    if let Word::Known(token) = agent_token {
        let digest = Sha256::of(Token::parse(token).password.as_bytes());
        values.insert("agent-token".to_owned(), digest.to_string());
    }
    values
}
