//! A simulated machine: everything that operations can change on it, and everything that faults can.
//!
//! Owns: the machine's state and what it does by itself (boot, services, sshd). Must not: know of other machines.

mod apply;
mod artifact;
pub(crate) mod disk;
mod files;
mod guard;
mod k3s;
mod lease;
mod observe;
mod service;
pub(crate) mod sshd;
mod stock;
mod system;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{
    NodeName,
    digest::Sha256,
    facts::{Address, Arch, ConfigFact, Fetcher, Firewall, Init, Owned, PackageTool, ServiceInfo, System},
    fault::HostFault,
    op::{Guard, Holder},
    resource::ResourceId,
};
use serde::{Deserialize, Serialize};

pub(crate) use apply::{Doing, Effect, cost};
use disk::{Disk, Entry};
pub(crate) use stock::{Stock, empty, empty_like, reinstalled};

/// One machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub name: NodeName,
    pub build: Build,
    pub disk: Disk,
    pub installed: BTreeSet<String>,
    pub services: BTreeMap<String, Service>,
    /// Settings that were made since boot.
    pub running: BTreeMap<String, String>,
    /// Settings by key; `None` says that the kernel has none of that name.
    pub sysctls: BTreeMap<String, Option<String>>,
    pub modules: BTreeSet<String>,
    /// Packages, modules and settings that are not to be had here.
    pub lacks: BTreeSet<String>,
    pub marks: Marks,
    pub power: Power,
    pub clock: HostClock,
    pub disk_free: u64,
    pub memory: u64,
    pub link: Link,
    pub ssh: Ssh,
    /// When the node password was written, in seconds since 1970.
    pub password_made: Option<u64>,
    /// The merged k3s configuration as facts told it, for files of which only the digest is known.
    pub told_config: BTreeMap<String, ConfigFact>,
    /// Whether facts told of a datastore here.
    pub told_data: ToldData,
    /// Services that run k3s as facts told them, by name.
    pub told_services: BTreeMap<String, ServiceInfo>,
    /// The script that holds the exec lock, and those that wait for it.
    pub scripts: Vec<u64>,
}

/// What facts told of a k3s data directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToldData {
    pub etcd: bool,
    #[serde(default)]
    pub removed: bool,
    pub sqlite: bool,
}

/// What does not change while a machine lives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Build {
    pub system: System,
    pub arch: Arch,
    pub init: Init,
    pub packages: Option<PackageTool>,
    pub fetcher: Option<Fetcher>,
    pub hostname: String,
    pub machine_id: Option<String>,
    pub addresses: Vec<Address>,
    pub memory_cgroup: bool,
    pub swap: bool,
    pub selinux_enforcing: bool,
    pub selinux_policy: bool,
    pub sshd_dropins: bool,
    pub firewalls: Vec<Firewall>,
    /// Users and groups that files may be given to.
    pub users: BTreeSet<String>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    /// Known without a unit of its own on the simulated disk (the system's, or a package's).
    pub builtin: bool,
    pub enabled: bool,
    pub active: bool,
}

/// What coracle keeps below `/var/lib/coracle`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    pub claim: Option<(model::ClusterName, String)>,
    pub owned: BTreeMap<ResourceId, Owned>,
    pub kept: BTreeMap<ResourceId, Entry>,
    pub stamps: BTreeMap<String, String>,
    /// What keyed digests are keyed with.
    pub key: String,
    pub integrity: BTreeMap<String, Option<Sha256>>,
    /// What facts said of integrity, until it is recorded afresh.
    pub told_integrity: BTreeMap<String, Option<Sha256>>,
    pub parts: BTreeMap<Sha256, Vec<u8>>,
    pub armed: Option<Armed>,
    /// The revert that fired last, until another is armed.
    pub fired: Option<String>,
    pub lock: Option<Held>,
    /// Public files that hold secrets are known by these paths.
    pub secret_paths: BTreeSet<String>,
    /// Directories that were made for what was placed in them.
    #[serde(default)]
    pub made: BTreeSet<String>,
}

/// An armed revert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Armed {
    pub guard: Guard,
    pub fires: Duration,
    /// What is given back, by path; `None` where nothing was.
    pub before: BTreeMap<String, Option<Entry>>,
    /// What its service had read last.
    pub stamp: Option<String>,
    /// What was owned at its paths.
    #[serde(default)]
    pub owned: BTreeMap<ResourceId, Owned>,
}

/// The cluster lock as it lies on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub holder: Holder,
    pub seconds: u32,
    /// Uptime in seconds when it was taken, and the boot that counts it.
    pub uptime: u64,
    pub boot: u32,
}

/// Whether a machine runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Power {
    pub state: PowerState,
    /// How often it has booted.
    pub boots: u32,
    pub since: Duration,
    /// Uptime that it had when the rehearsal began, in seconds.
    pub head_start: u64,
    /// The id of the boot that it was found in.
    pub told_boot_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PowerState {
    On,
    Off,
    Booting,
    /// Runs nothing and answers nothing, and goes on later where it stopped.
    Hung,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostClock {
    /// Seconds ahead of true time.
    pub ahead: i64,
    pub synced: Option<bool>,
}

/// A machine's connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The operator reaches it.
    pub operator: bool,
    /// The other machines reach it.
    pub nodes: bool,
    /// It reaches the internet.
    pub internet: bool,
    /// How many times slower than usual everything goes.
    pub slow: u32,
}

/// The way in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ssh {
    /// Who the operator logs in as.
    pub user: String,
    /// What the running sshd has read.
    pub rules: sshd::Rules,
    /// What every login met when facts were taken, until a fault or its end changes the machine.
    pub told_fault: Option<HostFault>,
    /// Its host key is not the one that the operator knows.
    pub key_changed: bool,
    pub root: BecomeRoot,
    /// Operators that hold an open master connection.
    pub sessions: BTreeSet<u32>,
    /// Since when the operator could not log in afresh because of sshd's own rules.
    pub locked_out: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BecomeRoot {
    Allowed,
    Refused,
    NeedsPassword,
}

impl Machine {
    pub(crate) fn is_on(&self) -> bool {
        self.power.state == PowerState::On
    }

    pub(crate) fn uptime(&self, now: Duration) -> u64 {
        now.saturating_sub(self.power.since).as_secs() + self.power.head_start
    }

    pub(crate) fn boot_id(&self) -> String {
        if let Some(told) = &self.power.told_boot_id {
            return told.clone();
        }
        let digest = Sha256::of(format!("{} boot {}", self.name, self.power.boots).as_bytes());
        let hex = digest.as_str();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
    }

    pub(crate) fn has_address(&self, text: &str) -> bool {
        let ip = text.parse::<std::net::IpAddr>().ok();
        self.build.addresses.iter().any(|address| Some(address.ip) == ip)
    }

    pub(crate) fn owns(&self, resource: &ResourceId) -> bool {
        self.marks.owned.contains_key(resource)
    }

    /// Where the unit or script of a service lies.
    pub(crate) fn unit_path(&self, service: &str) -> String {
        match self.build.init {
            Init::Systemd => format!("/etc/systemd/system/{service}.service"),
            Init::Openrc => format!("/etc/init.d/{service}"),
        }
    }

    /// What the machine does when it boots, before anything from outside reaches it.
    pub(crate) fn boot(&mut self, now: Duration) {
        self.power = Power {
            state: PowerState::On,
            boots: self.power.boots + 1,
            since: now,
            head_start: 0,
            told_boot_id: None,
        };
        self.scripts.clear();
        self.ssh.sessions.clear();
        self.fire();
        self.load_boot_settings();
        for service in self.services.values_mut() {
            service.active = service.enabled;
        }
        self.ssh.rules = sshd::Rules::read(&self.disk).unwrap_or_default();
    }

    fn load_boot_settings(&mut self) {
        self.running.clear();
        self.modules = stock::boot_modules();
        let modules = self.lines("/etc/modules-load.d/").chain(self.lines("/etc/modules"));
        let modules: Vec<_> = modules.map(|line| line.trim().replace('-', "_")).collect();
        self.modules.extend(modules);
        let settings: Vec<_> = self.lines("/etc/sysctl.d/").chain(self.lines("/etc/sysctl.conf")).collect();
        for line in settings {
            if let Some((key, value)) = line.split_once('=') {
                self.running.insert(key.trim().trim_start_matches('-').to_owned(), value.trim().to_owned());
            }
        }
    }

    /// Lines without comments of the files whose path begins so.
    fn lines(&self, prefix: &str) -> impl Iterator<Item = String> {
        let texts: Vec<_> = self
            .disk
            .paths()
            .filter(|path| path.starts_with(prefix))
            .filter_map(|path| self.disk.text(path))
            .collect();
        texts
            .into_iter()
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with(['#', ';']))
    }
}
